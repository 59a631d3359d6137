// Files and folders of IPFS out of blocks, each of which is the one that its CID names (UnixFS in dag-pb).
import { toHex } from "./bytes.mjs";
import { RAW, cidText, isBlock, readCid } from "./cid.mjs";
import { slotsOf } from "./murmur.mjs";

const [DIRECTORY, FILE, SHARD] = [1, 2, 5];
const MOST_DEPTH = 32;
const MOST_BLOCKS = 100_000; // of one file
const DAMAGED = "a block of it is damaged";

// What a place gives is not what was asked for, or nothing.
export class Missing extends Error {}

// get: (CID) → bytes. The same, and rejects with Missing for bytes that the CID does not name.
export const verified = (get) => async (cid) => {
  const bytes = await get(cid);
  if (!bytes || !isBlock(bytes, cid)) throw new Missing(`another block was given for ${cidText(cid)}`);
  return bytes;
};

// CID bytes of what is called `name` in the folder `cid`. Rejects where there is none.
export async function entry(get, cid, name) {
  const slots = slotsOf(new TextEncoder().encode(name));
  for (let at = cid, depth = 0; depth <= slots.length; depth++) {
    const { links, kind } = await node(get, at);
    if (kind === DIRECTORY && depth === 0) return only(links.filter((link) => link.name === name), name);
    if (kind !== SHARD || depth === slots.length) throw new Error(DAMAGED);
    const slot = slots[depth].toString(16).toUpperCase().padStart(2, "0");
    const link = links.filter((one) => one.name === slot + name || one.name === slot);
    const found = only(link, name);
    if (link[0].name !== slot) return found;
    at = found;
  }
  throw new Error(DAMAGED);
}

function only(links, name) {
  if (!links.length) throw new Error(`${name} is not in the folder`);
  if (links.length > 1) throw new Error(DAMAGED);
  return links[0].cid;
}

// The bytes of the file `cid`. Rejects for more than `most` of them.
export async function readDag(get, cid, most) {
  const left = { bytes: most, blocks: MOST_BLOCKS };
  const parts = (await pieces(get, cid, left, 0)).flat(Infinity);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function pieces(get, cid, left, depth) {
  if (--left.blocks < 0 || depth > MOST_DEPTH) throw new Error("it has too many blocks");
  if (readCid(cid).codec === RAW) return [take(await get(cid), left)];
  const { links, kind, data } = await node(get, cid);
  if (kind !== FILE && kind !== 0) throw new Error("it is not a file");
  const below = await Promise.all(links.map((link) => pieces(get, link.cid, left, depth + 1)));
  return [take(data, left), ...below];
}

function take(bytes, left) {
  left.bytes -= bytes.length;
  if (left.bytes < 0) throw new Error("it is longer than it may be");
  return bytes;
}

// { links: [{ name, cid }], kind, data } of a block of a folder or of a file of several blocks.
async function node(get, cid) {
  if (readCid(cid).codec === RAW) throw new Error("it is a file, not a folder");
  const links = [];
  let [kind, data] = [null, new Uint8Array(0)];
  for (const [field, value] of fields(await get(cid))) {
    if (field === 2) links.push(readLink(value));
    if (field !== 1) continue;
    for (const [part, inner] of fields(value)) {
      if (part === 1) kind = inner;
      if (part === 2 && inner instanceof Uint8Array) data = inner;
    }
  }
  if (kind === null) throw new Error(DAMAGED);
  return { links, kind, data: kind === DIRECTORY || kind === SHARD ? new Uint8Array(0) : data };
}

function readLink(bytes) {
  let [name, cid] = ["", null];
  for (const [part, inner] of fields(bytes)) {
    if (part === 1) cid = inner;
    if (part === 2) name = new TextDecoder("utf-8", { fatal: true }).decode(inner);
  }
  if (!(cid instanceof Uint8Array)) throw new Error(DAMAGED);
  return { name, cid };
}

// [number, bytes or number] of each field of a protobuf message.
function fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length || scale > 2 ** 49) throw new Error(DAMAGED);
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
      if (at + length > bytes.length) throw new Error(DAMAGED);
      out.push([field, bytes.slice(at, at + length)]);
      at += length;
    } else throw new Error(DAMAGED);
  }
  return out;
}

// get over blocks that are here, by their CID; each is asked for once more than it is hashed.
export function among(blocks, nameOf) {
  const found = new Map(blocks.map((block) => [toHex(nameOf(block)), block]));
  return async (cid) => {
    const block = found.get(toHex(cid));
    if (!block) throw new Missing(`a block of ${cidText(cid)} is missing`);
    return block;
  };
}
