// A sale's terms out of its code, the allowlist's proof, and vouchers: what a purchase is made of.
import { fromHex, joined, toHex, word } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";
import { MerkleTree } from "./merkle.mjs";

// The order of contracts/src/NftganSale.sol, in bytes.
const FIELDS = [
  ["owner", 20], ["collection", 20], ["commitment", 32], ["allowlist", 32], ["signer", 20], ["price", 16],
  ["supply", 4], ["perWallet", 4], ["opens", 5], ["closes", 5], ["refundsFrom", 5],
];
const NUMBERS = ["supply", "perWallet", "opens", "closes", "refundsFrom"];
const ADDRESSES = ["owner", "collection", "signer"];
export const MOST_PER_PURCHASE = 200;

// Addresses and hashes as "0x…" (null: none), price in wei (BigInt), the rest numbers; seconds since 1970.
export function termsOf(args) {
  const terms = {};
  let at = 0;
  for (const [name, size] of FIELDS) {
    const digits = toHex(args.slice(at, at + size));
    at += size;
    if (NUMBERS.includes(name)) terms[name] = parseInt(digits, 16);
    else if (name === "price") terms[name] = BigInt("0x" + digits);
    else terms[name] = /^0*$/.test(digits) ? null : "0x" + digits;
  }
  if (at !== args.length) throw new Error("its terms have another length");
  return terms;
}

export const isBlind = (terms) => terms.collection === null;

// Whether two forms of the terms say the same.
export const sameTerms = (one, other) =>
  FIELDS.every(([name]) => {
    const text = (value) => (ADDRESSES.includes(name) ? String(value ?? "").toLowerCase() : String(value ?? ""));
    return text(one[name]) === text(other[name]);
  });

// { allowance, proof } of an address on the list [[address, how many], …], or null. Throws where the list is not
// the one with this root.
export function listed(people, root, who) {
  const leaves = people.map(([address, allowance]) => keccak(keccak(joined(new Uint8Array(12), fromHex(address), word(allowance)))));
  const tree = leaves.length ? new MerkleTree(leaves) : null;
  if (!tree?.holds(root)) throw new Error("the list of this page is not the one of the sale");
  const at = people.findIndex(([address]) => address.toLowerCase() === who.toLowerCase());
  return at < 0 ? null : { allowance: BigInt(people[at][1]), proof: tree.proof(at).map((one) => "0x" + toHex(one)) };
}

// ---- vouchers

// { chainId, sale, values, signature } of a voucher's JSON, or of the part of a link that holds it. Throws for any other text.
export function readVoucher(text) {
  try {
    const document = JSON.parse(text.trim().startsWith("{") ? text : fromLink(text));
    const { buyer, count, price_wei, nonce, deadline } = document.voucher;
    const numbers = [count, price_wei, nonce, deadline].map((one) => {
      if (!/^\d{1,78}$/.test(String(one))) throw new Error();
      return BigInt(one);
    });
    const right = document.nftgan_voucher === 1 && [buyer, document.sale].every((one) => /^0x[0-9a-fA-F]{40}$/.test(one)) && /^0x[0-9a-fA-F]{2,4096}$/.test(document.signature);
    if (!right || !Number.isSafeInteger(document.chain_id)) throw new Error();
    const [bought, price, number, last] = numbers;
    return { chainId: document.chain_id, sale: document.sale, values: { buyer, count: bought, price, nonce: number, deadline: last }, signature: document.signature };
  } catch {
    throw new Error("this is no voucher of nftgan");
  }
}

function fromLink(text) {
  const coded = new URLSearchParams(text.slice(text.indexOf("?") + 1)).get("voucher") ?? text.trim();
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(coded.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0)));
}
