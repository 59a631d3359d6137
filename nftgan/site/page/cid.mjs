// CIDs of IPFS: whether bytes are what a CID names, and CIDs as text.
import { fromHex, joined, same } from "./bytes.mjs";

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
export const RAW = 0x55;
export const DAG_PB = 0x70;

const sha256 = (bytes) => fromHex(globalThis.nftganRenderer.sha256(bytes));

// { codec, digest } of a CID of version 1 with SHA-256, in base32 or as bytes. Throws for another one.
export function readCid(cid) {
  const bytes = typeof cid === "string" ? base32(cid) : cid;
  const [version, codec, hash, length] = bytes;
  if (bytes.length !== 36 || version !== 1 || hash !== 0x12 || length !== 32) throw new Error("not a usual CID");
  if (codec !== RAW && codec !== DAG_PB) throw new Error("not a file's CID");
  return { codec, digest: bytes.slice(4) };
}

function base32(text) {
  if (!/^b[a-z2-7]+$/.test(text)) throw new Error("not a CID in base32");
  const out = [];
  let held = 0;
  let bits = 0;
  for (const letter of text.slice(1)) {
    held = (held << 5) | LETTERS.indexOf(letter);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  if (held !== 0 || bits >= 5) throw new Error("not a CID in base32");
  return Uint8Array.from(out);
}

// true or false; null where the file has several blocks, so that its bytes alone do not tell.
export function isNamed(bytes, cid) {
  const { codec, digest } = readCid(cid);
  return codec === RAW ? same(sha256(bytes), digest) : null;
}

// Whether the bytes are the block `cid`, whatever it is of.
export function isBlock(bytes, cid) {
  return same(sha256(bytes), readCid(cid).digest);
}

// The CID of a block of a folder, as bytes.
export const nodeCid = (bytes) => joined(Uint8Array.of(1, DAG_PB, 0x12, 32), sha256(bytes));

export const cidBytes = (cid) => (typeof cid === "string" ? base32(cid) : cid);

// A CID as text, in base32.
export function cidText(cid) {
  if (typeof cid === "string") return cid;
  let text = "b";
  let held = 0;
  let bits = 0;
  for (const byte of cid) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += LETTERS[(held >> bits) & 31];
      held &= (1 << bits) - 1;
    }
  }
  return bits ? text + LETTERS[(held << (5 - bits)) & 31] : text;
}
