// Whether a clone is one of ours: its address proves who made it, of which code and arguments (EIP-1014).
import { fromHex, joined, same, toHex, word } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";

const HEAD = "363d3d373d3d3d363d73";
const TAIL = "5af43d82803e903d91602b57fd5bf3";
const WORD = 32; // bytes of an immutable

// { name, args, problem } of the contract: of which shipped contract it is a clone, the bytes of its immutable
// arguments out of the very code that was checked, and what is wrong or "".
// shipped: as nftgan/site/birth.py lists it. Rejects where the node fails.
export async function birth(contract, shipped) {
  const wrong = (problem) => ({ name: "", args: null, problem });
  const code = await contract.code();
  if (!code.length) return wrong("there is no contract at this address");
  const digits = toHex(code);
  const [behind, tail] = [digits.slice(HEAD.length, HEAD.length + 40), HEAD.length + 40];
  if (!digits.startsWith(HEAD) || !digits.startsWith(TAIL, tail)) return wrong("its code is not that of a collection or a sale");
  const one = shipped.find(({ implementation }) => implementation.slice(2).toLowerCase() === behind);
  if (!one) return wrong(`its implementation 0x${behind} is not the contract that nftgan ships`);
  for (const shared of one.contracts) {
    const there = await contract.code(shared.address);
    if (!isShipped(there, shared, shared.domain ? await contract.chainId() : 0n)) {
      return wrong(`the ${shared.role} at ${shared.address} is not the one that nftgan ships`);
    }
  }
  const owner = digits.slice(tail + TAIL.length, tail + TAIL.length + 40);
  const head = one.creation.replace("{owner}", owner).replace("{size}", code.length.toString(16).padStart(4, "0"));
  const [hash, maker] = [keccak(joined(fromHex(head), code)), one.contracts.at(-1).address];
  for (let salt = 0; salt < one.salts; salt++) {
    const made = keccak(joined(fromHex("ff"), fromHex(maker), word(salt), hash)).slice(12);
    if (same(made, fromHex(contract.address))) return { name: one.name, args: code.slice((tail + TAIL.length) / 2), problem: "" };
  }
  return wrong("it has the right code but was not made by nftgan's factory: whoever made it could have written approvals or a next owner into it before");
}

// Whether runtime code is what we ship, each immutable one value that its constructor may write.
function isShipped(code, { address, bytes, hash, immutables, values, domain }, chainId) {
  if (code.length !== bytes) return false;
  const allowed = new Set(values);
  if (domain) {
    const here = joined(word(chainId), new Uint8Array(12), fromHex(address));
    allowed.add(toHex(here.slice(0, WORD))).add(toHex(here.slice(WORD)));
    allowed.add(toHex(keccak(joined(fromHex(domain), here))));
  }
  const plain = code.slice();
  for (const places of immutables) {
    const written = new Set(places.map((at) => toHex(code.slice(at, at + WORD))));
    if (written.size !== 1 || ![...written].every((value) => allowed.has(value))) return false;
    for (const at of places) plain.fill(0, at, at + WORD);
  }
  return toHex(keccak(plain)) === hash;
}
