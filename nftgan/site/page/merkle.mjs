// The Merkle tree over all pieces, laid out as OpenZeppelin's StandardMerkleTree.
import { compare, fromHex, joined, same, word } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";

const hashPair = (a, b) => keccak(compare(a, b) < 0 ? joined(a, b) : joined(b, a));

// pixels: 64 hex digits
export function leafOf(id, seed, pixels) {
  return keccak(keccak(joined(word(id), word(seed), fromHex(pixels))));
}

// Where the leaf leads with this proof.
export function rootOf(leaf, proof) {
  return proof.reduce(hashPair, leaf);
}

export class MerkleTree {
  // leaves: one of 32 bytes a piece, in the order of tokens
  constructor(leaves) {
    const count = leaves.length;
    const order = leaves.map((_, index) => index).sort((a, b) => compare(leaves[a], leaves[b]) || a - b);
    this.nodes = new Array(2 * count - 1);
    this.place = new Array(count);
    order.forEach((index, rank) => {
      const place = 2 * count - 2 - rank;
      this.nodes[place] = leaves[index];
      this.place[index] = place;
    });
    for (let at = count - 2; at >= 0; at--) this.nodes[at] = hashPair(this.nodes[2 * at + 1], this.nodes[2 * at + 2]);
  }

  get root() {
    return this.nodes[0];
  }

  proof(index) {
    const siblings = [];
    for (let at = this.place[index]; at > 0; at = (at - 1) >> 1) siblings.push(this.nodes[at % 2 ? at + 1 : at - 1]);
    return siblings;
  }

  holds(root) {
    return same(this.root, root);
  }
}
