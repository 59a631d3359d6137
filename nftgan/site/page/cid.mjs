// CIDs of IPFS: whether bytes are what a CID names, and what a folder's block lists (dag-pb).
import { fromHex, same } from "./bytes.mjs";

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
const RAW = 0x55;
const DAG_PB = 0x70;

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
  if (held !== 0) throw new Error("not a CID in base32");
  return Uint8Array.from(out);
}

// true or false; null where the file has several blocks, so that its bytes alone do not tell.
export function isNamed(bytes, cid) {
  const { codec, digest } = readCid(cid);
  return codec === RAW ? same(sha256(bytes), digest) : null;
}

// Map from name to CID bytes of a folder's block, which has the CID `cid`. Throws where it is another.
export function readFolder(block, cid) {
  const { codec, digest } = readCid(cid);
  if (codec !== DAG_PB || !same(sha256(block), digest)) throw new Error("the folder's block has another CID");
  const names = new Map();
  for (const [field, value] of fields(block)) {
    if (field !== 2) continue;
    let name = "";
    let link = null;
    for (const [part, inner] of fields(value)) {
      if (part === 1) link = inner;
      if (part === 2) name = new TextDecoder("utf-8", { fatal: true }).decode(inner);
    }
    if (!link || names.has(name)) throw new Error("the folder's block is damaged");
    names.set(name, link);
  }
  return names;
}

// [number, bytes or number] of each field of a protobuf message.
function fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length || scale > 2 ** 49) throw new Error("the folder's block is damaged");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const out = [];
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) out.push([field, varint()]);
    else if (tag % 8 === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Error("the folder's block is damaged");
      out.push([field, bytes.slice(at, at + length)]);
      at += length;
    } else throw new Error("the folder's block is damaged");
  }
  return out;
}
