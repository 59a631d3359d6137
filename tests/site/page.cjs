// Answers one question a line about the page's own arithmetic: hashes, trees, PNGs and folders.
const { createInterface } = require("node:readline");

globalThis.nftganRenderer = require(process.argv[2]);
const { keccak, MerkleTree, leafOf, rootOf, decodePng, birth, termsOf, listed, readVoucher, inWords, isNamed, cidBytes, cidText, verified, entry, readDag, murmur, toHex, fromHex } = require(process.argv[3]);

const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));

let held = {};
const get = verified(async (cid) => (cidText(cid) in held ? bytes(held[cidText(cid)]) : null));

const plain = (value) => JSON.parse(JSON.stringify(value, (_, one) => (typeof one === "bigint" ? one.toString() : one instanceof Uint8Array ? toHex(one) : one)));

const answers = {
  keccak: ({ data }) => toHex(keccak(bytes(data))),
  tree: ({ pieces }) => {
    const leaves = pieces.map(([id, seed, pixels]) => leafOf(id, seed, pixels));
    const tree = new MerkleTree(leaves);
    const proofs = leaves.map((_, index) => tree.proof(index));
    const led = leaves.map((leaf, index) => toHex(rootOf(leaf, proofs[index])));
    return { root: toHex(tree.root), proofs: proofs.map((proof) => proof.map(toHex)), led };
  },
  png: async ({ data }) => {
    const { width, height, pixels } = await decodePng(bytes(data));
    return { width, height, pixels: Buffer.from(pixels).toString("base64") };
  },
  murmur: ({ data }) => murmur(bytes(data)).toString(16).padStart(16, "0"),
  blocks: ({ blocks }) => {
    held = blocks;
    return Object.keys(held).length;
  },
  entry: async ({ cid, name }) => cidText(await entry(get, cidBytes(cid), name)),
  file: async ({ cid, most }) => Buffer.from(await readDag(get, cidBytes(cid), most)).toString("base64"),
  birth: async ({ address, codes, chainId, shipped }) => {
    const contract = { address, code: async (at = address) => fromHex(codes[at] ?? ""), chainId: async () => BigInt(chainId) };
    const { name, args, problem } = await birth(contract, shipped);
    return { name, problem, args: args && toHex(args), terms: name === "NftganSale" ? plain(termsOf(args)) : null };
  },
  words: ({ name, args }) => inWords(name, args.map((one) => (typeof one === "number" ? BigInt(one) : one)), String),
  listed: ({ people, root, who }) => {
    const found = listed(people, fromHex(root), who);
    return found && { allowance: Number(found.allowance), proof: found.proof };
  },
  voucher: ({ text }) => plain(readVoucher(text)),
  named: ({ data, cid }) => isNamed(bytes(data), cid),
};

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const job = JSON.parse(line);
    let said;
    try {
      said = { answer: await answers[job.what](job) };
    } catch (problem) {
      said = { error: String(problem.message) };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
})();
