(() => {
"use strict";
const $collection = (() => {
// The collection as the page's data file names it: pieces, traits, and what is promised of them.

const data = globalThis.nftganCollection;

const collection = data;

// Whether pieces can be drawn here: the model was published, and its networks are of a kind that pages run.
const drawable = data.has_model && !data.foreign;

// { id, name, seed, pixels (hex), rank or null, score, cid, description, traits: [[name, value, share]] }
const pieces = data.pieces.map(([name, seed, pixels, rank, cid, description, traits], id) => ({
  id, name, seed, pixels, rank, cid, description, values: new Map(traits.map(([trait, value]) => [data.traits[trait].name, value])),
}));

// Trait name to Map from value to how many pieces have it, the most frequent first.
const traits = new Map(data.traits.map(({ name }) => [name, counted(name)]));

function counted(name) {
  const counts = new Map();
  for (const { values } of pieces) {
    if (values.has(name)) counts.set(values.get(name), (counts.get(values.get(name)) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a, m], [b, n]) => n - m || (String(a) < String(b) ? -1 : 1)));
}

// From the page to the published files: "" beside it, or up to the collection's own folder.
const root = data.root ?? "";
const imageOf = (id) => `${root}images/${id}.png`;
const thumbnailOf = (id) => (data.thumbs ? `thumbs/${id}.jpg` : imageOf(id));

function percent(count, of = pieces.length) {
  const share = (count / of) * 100;
  return share >= 10 || Number.isInteger(share) ? `${Math.round(share)} %` : share >= 0.1 ? `${share.toFixed(1)} %` : "< 0.1 %";
}
return { collection, drawable, pieces, traits, root, imageOf, thumbnailOf, percent };
})();
const $dom = (() => {
// Building pages out of elements: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string" && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const h = (tag, properties, ...children) =>
  fill(document.createElement(tag), properties, children);

const svg = (tag, properties, ...children) =>
  fill(document.createElementNS(SVG, tag), properties, children);

const $ = (id) => document.getElementById(id);

let timer = 0;

// Say something in passing, also to a screen reader; act: {words, does} is a button beside it.
function toast(text, { bad = false, act } = {}) {
  const place = $("toast");
  const button = act && h("button", { type: "button", onclick: () => { place.classList.remove("seen"); act.does(); } }, act.words);
  place.replaceChildren(h("span", {}, text), ...(button ? [button] : []));
  place.classList.toggle("bad", bad);
  place.classList.add("seen");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("seen"), bad ? 8000 : act ? 5000 : 2200);
}

// An image that shows nothing until it is there, and its words where it cannot be shown.
function picture(properties) {
  const image = h("img", { decoding: "async", ...properties });
  image.addEventListener("load", () => image.classList.remove("broken"));
  image.addEventListener("error", () => { if (image.hasAttribute("src")) image.classList.add("broken"); });
  return image;
}

const many = (count, one, more = one + "s") =>
  `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} days`;
}
return { h, svg, $, toast, picture, many, duration };
})();
const $bytes = (() => {
// Bytes as hex and base64, and numbers as the words of Solidity's ABI.

const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// Uint8Array of hex digits, with or without 0x. Throws for anything else.
function fromHex(text) {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  if (digits.length % 2 || !/^[0-9a-fA-F]*$/.test(digits)) throw new Error("not hex digits");
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(at * 2, at * 2 + 2), 16));
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// The 32 bytes of a uint256.
const word = (number) => fromHex(BigInt(number).toString(16).padStart(64, "0"));

function same(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

// Below zero where a comes before b; both have one length.
function compare(a, b) {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return 0;
}
return { toHex, fromHex, fromBase64, joined, word, same, compare };
})();
const $keccak = (() => {
// Keccak-256 as Ethereum has it (padding 0x01): the hash of Merkle leaves, selectors and addresses.

const ROUNDS = 24;
const RATE = 136; // bytes
// Round constants as pairs (low, high), and the lanes' rotations and places (FIPS 202, 3.2).
const [LOW, HIGH] = constants();
const ROTATION = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const PLACE = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

function constants() {
  const low = new Int32Array(ROUNDS);
  const high = new Int32Array(ROUNDS);
  let register = 1; // the linear feedback shift register of FIPS 202, algorithm 5
  for (let round = 0; round < ROUNDS; round++) {
    for (let step = 0; step < 7; step++) {
      if (register & 1) {
        const bit = (1 << step) - 1;
        if (bit < 32) low[round] |= 1 << bit;
        else high[round] |= 1 << (bit - 32);
      }
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
  }
  return [low, high];
}

function permute(state) {
  // state: 25 lanes, each low word then high word
  const parity = new Int32Array(10);
  const row = new Int32Array(10);
  for (let round = 0; round < ROUNDS; round++) {
    for (let x = 0; x < 10; x++) {
      parity[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
    }
    for (let x = 0; x < 5; x++) {
      const next = ((x + 1) % 5) * 2;
      const last = ((x + 4) % 5) * 2;
      const low = parity[last] ^ ((parity[next] << 1) | (parity[next + 1] >>> 31));
      const high = parity[last + 1] ^ ((parity[next + 1] << 1) | (parity[next] >>> 31));
      for (let y = 0; y < 50; y += 10) {
        state[y + x * 2] ^= low;
        state[y + x * 2 + 1] ^= high;
      }
    }
    let low = state[2];
    let high = state[3];
    for (let step = 0; step < 24; step++) {
      const at = PLACE[step] * 2;
      const by = ROTATION[step] % 32;
      const [a, b] = ROTATION[step] < 32 ? [low, high] : [high, low];
      low = state[at];
      high = state[at + 1];
      state[at] = by ? (a << by) | (b >>> (32 - by)) : a;
      state[at + 1] = by ? (b << by) | (a >>> (32 - by)) : b;
    }
    for (let y = 0; y < 50; y += 10) {
      for (let x = 0; x < 10; x++) row[x] = state[y + x];
      for (let x = 0; x < 10; x++) state[y + x] = row[x] ^ (~row[(x + 2) % 10] & row[(x + 4) % 10]);
    }
    state[0] ^= LOW[round];
    state[1] ^= HIGH[round];
  }
}

// Uint8Array of 32 bytes.
function keccak(bytes) {
  const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const view = new DataView(padded.buffer);
  const state = new Int32Array(50);
  for (let start = 0; start < padded.length; start += RATE) {
    for (let at = 0; at < RATE / 4; at++) state[at] ^= view.getInt32(start + at * 4, true);
    permute(state);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let at = 0; at < 8; at++) out.setInt32(at * 4, state[at], true);
  return new Uint8Array(out.buffer);
}
return { keccak };
})();
const $chain = (() => {
// Questions to a contract by eth_call, over an address that the visitor types or through a wallet.
const { fromHex, joined, same, toHex, word } = $bytes;
const { keccak } = $keccak;

const SECONDS = 30;
const LEAST_SPAN = 500; // blocks
const QUESTIONS = 400; // about logs

const text = new TextEncoder();

class Unasked extends Error {}

const checked = (value) => {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]*$/.test(value) || value.length % 2) throw new Unasked("the node's answer is none");
  return fromHex(value);
};

// https, or plain http to this machine itself.
function isHere(address) {
  try {
    const { protocol, hostname } = new URL(address);
    return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname));
  } catch {
    return false;
  }
}

// A function (method, parameters) → result. Errors name no address: it may hold a key.
function overHttp(address) {
  let number = 0;
  return async (method, params) => {
    let answer;
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: ++number, method, params }),
        signal: AbortSignal.timeout(SECONDS * 1000),
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      answer = await response.json();
    } catch {
      throw new Unasked("the node does not answer");
    }
    if (answer?.error) throw Object.assign(new Unasked("the node refuses the question"), { code: answer.error.code });
    return answer?.result;
  };
}

const overWallet = (wallet) => async (method, params) => {
  try {
    return await wallet.request({ method, params });
  } catch (problem) {
    throw Object.assign(new Unasked("the wallet refuses the question"), { code: problem?.code });
  }
};

class Contract {
  constructor(ask, address) {
    this.ask = ask;
    this.address = address;
  }

  async chainId() {
    return BigInt(await this.ask("eth_chainId", []));
  }

  async code(address = this.address) {
    return checked(await this.ask("eth_getCode", [address, "latest"]));
  }

  // The answer's bytes; null where the contract reverts.
  async call(signature, ...words) {
    const data = joined(keccak(text.encode(signature)).slice(0, 4), ...words);
    try {
      return checked(await this.ask("eth_call", [{ to: this.address, data: "0x" + toHex(data) }, "latest"]));
    } catch (problem) {
      if (problem.code === 3 || problem.code === -32000) return null;
      throw problem;
    }
  }

  async hash(signature, ...words) {
    const answer = await this.call(signature, ...words);
    if (answer?.length !== 32) throw new Unasked(`the contract has no ${signature}`);
    return answer;
  }

  async text(signature) {
    const answer = await this.call(signature);
    if (!answer || answer.length < 64) throw new Unasked(`the contract has no ${signature}`);
    const length = Number(BigInt("0x" + toHex(answer.slice(32, 64))));
    if (length > answer.length - 64) throw new Unasked(`the contract has no ${signature}`);
    return new TextDecoder().decode(answer.slice(64, 64 + length));
  }

  async verifyPiece(id, seed, pixels, proof) {
    const head = joined(word(id), word(seed), fromHex(pixels), word(128), word(proof.length));
    const answer = await this.call("verifyPiece(uint256,uint32,bytes32,bytes32[])", head, ...proof);
    return answer !== null && same(answer, word(1));
  }

  // The seed that was written at the mint of token `id`; null where no log tells. first: a block before
  // which there are none. Blocks are searched backwards, in smaller steps where the node asks for that.
  async seedInLogs(id, first) {
    const end = Number(await this.ask("eth_blockNumber", []));
    const topic = "0x" + toHex(keccak(text.encode("Seeds(uint256,bytes)")));
    let span = end - first + 1;
    let last = end;
    for (let asked = 0; asked < QUESTIONS && last >= first; asked++) {
      const start = Math.max(first, last - span + 1);
      let logs;
      try {
        const range = { fromBlock: "0x" + start.toString(16), toBlock: "0x" + last.toString(16) };
        logs = await this.ask("eth_getLogs", [{ address: this.address, topics: [topic], ...range }]);
      } catch (problem) {
        if (span <= LEAST_SPAN) throw problem;
        span = Math.max(Math.floor(span / 4), LEAST_SPAN);
        continue;
      }
      for (const { topics, data } of Array.isArray(logs) ? logs : []) {
        const from = Number(BigInt(topics[1]));
        const bytes = checked(data);
        const count = Number(BigInt("0x" + toHex(bytes.slice(32, 64)))) / 4;
        if (id < from || id >= from + count) continue;
        const at = 64 + (id - from) * 4;
        return Number("0x" + toHex(bytes.slice(at, at + 4)));
      }
      last = start - 1;
    }
    return null;
  }
}
return { Unasked, isHere, overHttp, overWallet, Contract };
})();
const $birth = (() => {
// Whether a clone is one of ours: its address proves who made it, of which code and arguments (EIP-1014).
const { fromHex, joined, same, toHex, word } = $bytes;
const { keccak } = $keccak;

const HEAD = "363d3d373d3d3d363d73";
const TAIL = "5af43d82803e903d91602b57fd5bf3";
const WORD = 32; // bytes of an immutable

// { name, args, problem } of the contract: of which shipped contract it is a clone, the bytes of its immutable
// arguments out of the very code that was checked, and what is wrong or "".
// shipped: as nftgan/site/birth.py lists it. Rejects where the node fails.
async function birth(contract, shipped) {
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
return { birth };
})();
const $files = (() => {
// The site's own files as bytes: fetched; from disk, where pages may not fetch, out of a script beside each.
const { fromBase64 } = $bytes;

const waiting = new Map();

globalThis.nftganFile = (path, text) => waiting.get(path)?.(text);

// A script of the site, once it has run.
function runScript(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = path;
    script.onload = () => {
      script.remove();
      resolve();
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`${path} cannot be had`));
    };
    document.head.append(script);
  });
}

async function readFile(path, signal) {
  if (location.protocol !== "file:") {
    const answer = await fetch(path, { signal }).catch((problem) => {
      throw problem.name === "AbortError" ? problem : new Error(`${path} cannot be had`);
    });
    if (!answer.ok) throw new Error(`${path} cannot be had (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  if (path.startsWith("..")) throw new Error("a page from disk may not read it: open it with nftgan site --serve");
  let bytes = null;
  waiting.set(path, (text) => (bytes = fromBase64(text)));
  try {
    await runScript(`disk/${path}.js`);
  } finally {
    waiting.delete(path);
  }
  if (!bytes) throw new Error(`${path} cannot be had`);
  return bytes;
}
return { runScript, readFile };
})();
const $cid = (() => {
// CIDs of IPFS: whether bytes are what a CID names, and CIDs as text.
const { fromHex, joined, same } = $bytes;

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
const RAW = 0x55;
const DAG_PB = 0x70;

const sha256 = (bytes) => fromHex(globalThis.nftganRenderer.sha256(bytes));

// { codec, digest } of a CID of version 1 with SHA-256, in base32 or as bytes. Throws for another one.
function readCid(cid) {
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
function isNamed(bytes, cid) {
  const { codec, digest } = readCid(cid);
  return codec === RAW ? same(sha256(bytes), digest) : null;
}

// Whether the bytes are the block `cid`, whatever it is of.
function isBlock(bytes, cid) {
  return same(sha256(bytes), readCid(cid).digest);
}

// The CID of a block of a folder, as bytes.
const nodeCid = (bytes) => joined(Uint8Array.of(1, DAG_PB, 0x12, 32), sha256(bytes));

const cidBytes = (cid) => (typeof cid === "string" ? base32(cid) : cid);

// A CID as text, in base32.
function cidText(cid) {
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
return { RAW, DAG_PB, readCid, isNamed, isBlock, nodeCid, cidBytes, cidText };
})();
const $murmur = (() => {
// Where a name lies in a sharded folder: MurmurHash3 x64 of 128 bits, its first half, a byte a level.

const MASK = (1n << 64n) - 1n;
const [C1, C2] = [0x87c37b91114253d5n, 0x4cf5ad432745937fn];

const rotated = (x, by) => ((x << by) | (x >> (64n - by))) & MASK;
const first = (k) => (rotated((k * C1) & MASK, 31n) * C2) & MASK;
const second = (k) => (rotated((k * C2) & MASK, 33n) * C1) & MASK;

function mixed(x) {
  x = ((x ^ (x >> 33n)) * 0xff51afd7ed558ccdn) & MASK;
  x = ((x ^ (x >> 33n)) * 0xc4ceb9fe1a85ec53n) & MASK;
  return x ^ (x >> 33n);
}

function little(bytes) {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

// The first 64 bits of the hash with seed 0.
function murmur(bytes) {
  let [h1, h2] = [0n, 0n];
  const whole = bytes.length - (bytes.length % 16);
  for (let at = 0; at < whole; at += 16) {
    h1 ^= first(little(bytes.subarray(at, at + 8)));
    h1 = ((rotated(h1, 27n) + h2) * 5n + 0x52dce729n) & MASK;
    h2 ^= second(little(bytes.subarray(at + 8, at + 16)));
    h2 = ((rotated(h2, 31n) + h1) * 5n + 0x38495ab5n) & MASK;
  }
  const tail = bytes.subarray(whole);
  if (tail.length > 8) h2 ^= second(little(tail.subarray(8)));
  if (tail.length) h1 ^= first(little(tail.subarray(0, 8)));
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return (mixed(h1) + mixed(h2)) & MASK;
}

// The slot of a name at each level.
function slotsOf(name) {
  const hash = murmur(name);
  return Array.from({ length: 8 }, (_, level) => Number((hash >> BigInt(56 - 8 * level)) & 255n));
}
return { murmur, slotsOf };
})();
const $dag = (() => {
// Files and folders of IPFS out of blocks, each of which is the one that its CID names (UnixFS in dag-pb).
const { toHex } = $bytes;
const { RAW, cidText, isBlock, readCid } = $cid;
const { slotsOf } = $murmur;

const [DIRECTORY, FILE, SHARD] = [1, 2, 5];
const MOST_DEPTH = 32;
const MOST_BLOCKS = 100_000; // of one file
const DAMAGED = "a block of it is damaged";

// What a place gives is not what was asked for, or nothing.
class Missing extends Error {}

// get: (CID) → bytes. The same, and rejects with Missing for bytes that the CID does not name.
const verified = (get) => async (cid) => {
  const bytes = await get(cid);
  if (!bytes || !isBlock(bytes, cid)) throw new Missing(`another block was given for ${cidText(cid)}`);
  return bytes;
};

// CID bytes of what is called `name` in the folder `cid`. Rejects where there is none.
async function entry(get, cid, name) {
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
async function readDag(get, cid, most) {
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
function among(blocks, nameOf) {
  const found = new Map(blocks.map((block) => [toHex(nameOf(block)), block]));
  return async (cid) => {
    const block = found.get(toHex(cid));
    if (!block) throw new Missing(`a block of ${cidText(cid)} is missing`);
    return block;
  };
}
return { Missing, verified, entry, readDag, among };
})();
const $sources = (() => {
// Where the published files come from: from beside the page, or by their CIDs from a gateway of IPFS.
const { fromBase64, same } = $bytes;
const { isHere } = $chain;
const { cidBytes, cidText, isNamed, nodeCid } = $cid;
const { collection, imageOf, pieces, root } = $collection;
const { Missing, among, entry, readDag, verified } = $dag;
const { readFile } = $files;

const SECONDS = 60;
const AT_ONCE = 6; // questions to a gateway
const MOST_BLOCK_BYTES = 4 * 2 ** 20;
const MOST = { metadata: 65536, image: 256 * 2 ** 20, model: 2 * 2 ** 30 }; // bytes

let folder = null;

// Each gives { bytes, path, named: true, false or null, words }: whether the file has its CID, and what to say.
const beside = {
  key: "",
  async metadata(id, signal) {
    const path = `${root}metadata/${id}.json`;
    const bytes = await readFile(path, signal);
    return { bytes, path, ...(await inMetadata(bytes, path, id, signal)) };
  },
  async image(id, signal) {
    const path = imageOf(id);
    const bytes = await readFile(path, signal);
    const named = isNamed(bytes, pieces[id].cid);
    const words = [`${path} has another CID than the collection says`, `${path} has its CID and the promised pixels`, `${path} has the promised pixels (a file of several blocks: its CID is not made here)`];
    return { bytes, path, named, words: words[named === null ? 2 : Number(named)] };
  },
  model: (signal) => readFile(`${root}model.safetensors`, signal),
};

// Whether a metadata file has its CID in the folder, whose blocks lie in one file of the site.
async function inMetadata(bytes, path, id, signal) {
  const cid = collection.cids.metadata;
  let listed;
  try {
    listed = folder ?? JSON.parse(new TextDecoder().decode(await readFile("folder.json", signal))).map(fromBase64);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    return { named: null, words: `${path} has no CID to compare it with: ${problem.message}` };
  }
  try {
    folder ??= among(listed, nodeCid);
    const named = isNamed(bytes, await entry(folder, cidBytes(cid), `${id}.json`));
    return { named, words: named ? `${path} has its CID under ${cid}` : `${path} has another CID than the folder ${cid} says` };
  } catch (problem) {
    return { named: false, words: `the folder ${cid} is not the one that folder.json holds: ${problem.message}` };
  }
}

// The address of a gateway as it is used; null for none. https, or plain http to this machine.
function gatewayOf(text) {
  const address = text.trim().replace(/\/+$/, "").replace(/\/ipfs$/, "");
  return isHere(address) ? address : null;
}

function fromGateway(address) {
  const turns = semaphore(AT_ONCE);
  const raw = (signal) => verified(async (cid) => turns(() => block(address, cidText(cid), signal)));
  const say = (path) => `${path}: every block was hashed here`;
  const inFolder = async (cid, name, most, signal) => {
    const get = raw(signal);
    const found = await entry(get, cidBytes(cid), name);
    return { found, bytes: await readDag(get, found, most), path: `${cid}/${name}` };
  };
  return {
    key: address,
    async metadata(id, signal) {
      const { bytes, path } = await inFolder(collection.cids.metadata, `${id}.json`, MOST.metadata, signal);
      return { bytes, path, named: true, words: say(path) };
    },
    async image(id, signal) {
      const { found, bytes, path } = await inFolder(collection.cids.images, `${id}.png`, MOST.image, signal);
      const named = same(found, cidBytes(pieces[id].cid));
      return { bytes, path, named, words: named ? `${say(path)}, and it has the promised pixels` : `${path} is another file than the collection says` };
    },
    model: (signal) => readDag(raw(signal), cidBytes(collection.cids.model), MOST.model),
  };
}

async function block(address, cid, signal) {
  const limit = AbortSignal.timeout(SECONDS * 1000);
  const asked = { headers: { accept: "application/vnd.ipld.raw" }, credentials: "omit", referrerPolicy: "no-referrer" };
  try {
    const answer = await fetch(`${address}/ipfs/${cid}?format=raw`, { ...asked, signal: signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : (signal ?? limit) });
    if (!answer.ok || Number(answer.headers.get("content-length") ?? 0) > MOST_BLOCK_BYTES) throw new Error();
    return new Uint8Array(await answer.arrayBuffer());
  } catch (problem) {
    if (signal?.aborted) throw signal.reason;
    throw new Missing(`the gateway does not give ${cid}`);
  }
}

// At most `count` of what is handed over run at a time.
function semaphore(count) {
  const waiting = [];
  return async (work) => {
    if (count === 0) await new Promise((go) => waiting.push(go));
    else count--;
    try {
      return await work();
    } finally {
      if (waiting.length) waiting.shift()();
      else count++;
    }
  };
}
return { beside, gatewayOf, fromGateway };
})();
const $drawing = (() => {
// One renderer for the whole page, started and given the model when it is first needed.
const { runScript } = $files;
const { beside } = $sources;

let renderer = null;
let started = null;
let loaded = null;
let from = null;

async function kit() {
  if (!globalThis.nftganRenderer) await runScript("renderer.js");
  return globalThis.nftganRenderer;
}

// { renderer, model }. Throws where there is no model, or the browser cannot run it.
async function drawer({ source = beside, signal, onProgress } = {}) {
  const { Renderer } = await kit();
  started ??= Renderer.create();
  try {
    renderer = await started;
  } catch (problem) {
    started = null;
    throw problem;
  }
  if (!loaded || from !== source.key) {
    const bytes = await source.model(signal);
    loaded = null; // what fails in the middle leaves none
    loaded = await renderer.load(bytes, { signal, onProgress });
    from = source.key;
  }
  return { renderer, model: loaded };
}
return { kit, drawer };
})();
const $merkle = (() => {
// The Merkle tree over all pieces, laid out as OpenZeppelin's StandardMerkleTree.
const { compare, fromHex, joined, same, word } = $bytes;
const { keccak } = $keccak;

const hashPair = (a, b) => keccak(compare(a, b) < 0 ? joined(a, b) : joined(b, a));

// pixels: 64 hex digits
function leafOf(id, seed, pixels) {
  return keccak(keccak(joined(word(id), word(seed), fromHex(pixels))));
}

// Where the leaf leads with this proof.
function rootOf(leaf, proof) {
  return proof.reduce(hashPair, leaf);
}

class MerkleTree {
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
return { leafOf, rootOf, MerkleTree };
})();
const $png = (() => {
// A PNG's own bytes as pixels, without the browser's colours; only files that hold nothing else.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const MOST_PIXELS = 100_000_000;
const TABLE = Int32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

class PngError extends Error {}

function crc(bytes) {
  let value = -1;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

// { width, height, pixels: Uint8Array of RGB or RGBA rows }. Throws PngError for what is not RGB, RGBA
// or a palette of 8 bits in the chunks IHDR, PLTE, IDAT, IEND alone: any other could change what programs show.
async function decodePng(bytes) {
  if (!SIGNATURE.every((byte, at) => bytes[at] === byte)) throw new PngError("it is not a PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks = [];
  for (let at = 8; at < bytes.length; ) {
    if (at + 12 > bytes.length) throw new PngError("its end is cut off");
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) throw new PngError("its end is cut off");
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (crc(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw new PngError("a part of it is damaged");
    }
    chunks.push([kind, bytes.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  const order = chunks.map(([kind]) => kind).join();
  if (order !== "IHDR,IDAT,IEND" && order !== "IHDR,PLTE,IDAT,IEND") {
    throw new PngError("it holds more than its pixels: programs may show another image");
  }
  return unpack(Object.fromEntries(chunks));
}

async function unpack({ IHDR, PLTE, IDAT, IEND }) {
  const head = new DataView(IHDR.buffer, IHDR.byteOffset, IHDR.length);
  const width = head.getUint32(0);
  const height = head.getUint32(4);
  const [depth, colour, ...rest] = IHDR.subarray(8);
  if (IHDR.length !== 13 || IEND.length || !width || !height) throw new PngError("its head is damaged");
  if (width * height > MOST_PIXELS) throw new PngError("it has too many pixels");
  const right = PLTE ? colour === 3 : colour === 2 || colour === 6;
  if (depth !== 8 || !right || rest.some((number) => number !== 0)) {
    throw new PngError("it is not a plain RGB or RGBA image of 8 bits");
  }
  const channels = PLTE ? 1 : colour === 6 ? 4 : 3;
  const flat = unfilter(await inflate(IDAT, height * (width * channels + 1)), width * channels, height, channels);
  if (!PLTE) return { width, height, pixels: flat };
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < flat.length; at++) {
    if (flat[at] * 3 + 3 > PLTE.length) throw new PngError("a colour is missing in its palette");
    for (let part = 0; part < 3; part++) pixels[at * 3 + part] = PLTE[flat[at] * 3 + part];
  }
  return { width, height, pixels };
}

async function inflate(data, size) {
  const out = new Uint8Array(size);
  let at = 0;
  try {
    const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      if (at + value.length > size) throw new PngError("it has more rows than it says");
      out.set(value, at);
      at += value.length;
    }
  } catch (problem) {
    throw problem instanceof PngError ? problem : new PngError("a part of it is damaged");
  }
  if (at !== size) throw new PngError("its end is cut off");
  return out;
}

function unfilter(raw, stride, height, step) {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    if (filter > 4) throw new PngError("a part of it is damaged");
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < step ? 0 : out[at - step];
      const up = y ? out[at - stride] : 0;
      const corner = y && x >= step ? out[at - stride - step] : 0;
      const guess = [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter];
      out[at] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return out;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
return { PngError, decodePng };
})();
const $check = (() => {
// A piece followed back to the arithmetic that made it: each link holds, is broken or unchecked.
const { birth } = $birth;
const { fromHex, same, toHex, word } = $bytes;
const { Contract, Unasked } = $chain;
const { collection, pieces } = $collection;
const { drawer, kit } = $drawing;
const { MerkleTree, leafOf, rootOf } = $merkle;
const { decodePng } = $png;
const { beside } = $sources;

const HOLDS = "holds";
const BROKEN = "broken";
const UNCHECKED = "unchecked";
const DRAWN = ["metadata", "recipe", "seed", "model", "image", "pixels", "merkle proof"];
const ASKED = ["contract code", "token", "metadata", "recipe", "seed", "model", "merkle proof"];
const NOT_ASKED = "the chain was not asked";
const FOREIGN = "the recipe has an effect of a plugin, which no page can run: nftgan verify can where it is installed";
const TOLD = "the recipe tells the model several numbers, which no page can do: nftgan verify can";

const short = (hash) => `${hash.slice(0, 19)}…`;
let tree = null;

// The names of links to { verdict, found }, and a way to say what was found.
class Log {
  constructor(names, onLink) {
    this.links = new Map(names.map((name) => [name, { verdict: UNCHECKED, found: "" }]));
    this.onLink = onLink;
  }

  say(name, verdict, found) {
    this.links.set(name, { verdict, found });
    this.onLink(name, verdict, found);
  }

  check(name, passed, yes, no) {
    this.say(name, passed ? HOLDS : BROKEN, passed ? yes : no);
    return passed;
  }

  get broken() {
    return [...this.links].find(([, link]) => link.verdict === BROKEN)?.[0] ?? null;
  }

  get proven() {
    return [...this.links.values()].every((link) => link.verdict === HOLDS);
  }
}

// What the visitor stops is no verdict on anything.
function stopped(problem) {
  if (problem?.name === "AbortError" || problem?.kind === "cancelled") throw problem;
  return problem;
}

async function readDocument(source, id, log, signal) {
  let file;
  try {
    file = await source.metadata(id, signal);
  } catch (problem) {
    log.say("metadata", UNCHECKED, stopped(problem).message);
    return null;
  }
  try {
    const own = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.bytes)).nftgan;
    const right = Number.isInteger(own.seed) && typeof own.pixels === "string" && /^sha256:[0-9a-f]{64}$/.test(own.pixels);
    if (!right || typeof own.recipe !== "object") throw new Error();
    log.say("metadata", file.named === null ? UNCHECKED : file.named ? HOLDS : BROKEN, file.words);
    return own;
  } catch {
    log.say("metadata", BROKEN, `${file.path} is not the metadata of a piece`);
    return null;
  }
}

async function image(source, id, own, log, signal) {
  let file;
  try {
    file = await source.image(id, signal);
  } catch (problem) {
    log.say("image", UNCHECKED, stopped(problem).message);
    return null;
  }
  try {
    const png = await decodePng(file.bytes);
    const { pixelHash } = await kit();
    if (pixelHash(png) !== own.pixels) log.say("image", BROKEN, `${file.path} has other pixels than its metadata promises`);
    else log.check("image", file.named !== false, file.words, file.words);
    return png;
  } catch (problem) {
    log.say("image", BROKEN, `${file.path}: ${problem.message}`);
    return null;
  }
}

function proven(id, own, log) {
  tree ??= new MerkleTree(pieces.map((piece) => leafOf(piece.id, piece.seed, piece.pixels)));
  const root = fromHex(collection.pieces_root);
  if (!tree.holds(root)) {
    log.say("merkle proof", BROKEN, "the pieces that this page lists have another root than it promises");
    return null;
  }
  const proof = tree.proof(id);
  const right = same(rootOf(leafOf(id, own.seed, own.pixels.slice(7)), proof), root);
  log.check("merkle proof", right, "id, seed and pixels lie under the root", "id, seed and pixels do not lie under the root");
  return right ? proof : null;
}

// Draw piece `id` from `source` and check every link that needs no chain. Resolves to { picture, shown, own, identity,
// proof, log }; rejects only where `signal` stops it.
async function drawAgain(id, { source = beside, signal, onProgress, onLink }) {
  const log = new Log(DRAWN, onLink);
  const { recipeHash } = await kit();
  const found = { log, own: null, picture: null, shown: null, identity: null, recipe: null, proof: null };
  const own = (found.own = await readDocument(source, id, log, signal));
  if (!own) {
    for (const name of DRAWN) if (name !== "metadata") log.say(name, UNCHECKED, "there is no metadata to check it by");
    return found;
  }
  try {
    found.recipe = recipeHash(own.recipe);
    log.check(
      "recipe", found.recipe === collection.recipe_hash, `${short(found.recipe)} is the collection's recipe`,
      `the metadata's recipe ${short(found.recipe)} is not ${short(collection.recipe_hash)}, the collection's`,
    );
  } catch (problem) {
    // Nothing is known of a recipe that only others can follow: no lie, and never proven.
    if (own.recipe?.finish?.effect) log.say("recipe", UNCHECKED, FOREIGN);
    else if (own.recipe?.condition) log.say("recipe", UNCHECKED, TOLD);
    else log.say("recipe", BROKEN, problem.message);
  }
  log.check(
    "seed", own.seed === pieces[id].seed, `${own.seed} is the seed that the collection lists`,
    `the metadata says ${own.seed}, the collection says ${pieces[id].seed}`,
  );
  found.proof = proven(id, own, log);
  found.shown = await image(source, id, own, log, signal);
  const drawn = await model(log, found, { source, signal, onProgress });
  if (!drawn || !found.recipe) {
    log.say("pixels", UNCHECKED, "there is no model or recipe to make the image with");
    return found;
  }
  try {
    const picture = (found.picture = await drawn.render({ recipe: own.recipe, seed: own.seed, latent: own.latent, signal, onProgress }));
    const right = picture.hash === own.pixels && picture.safe;
    const kind = own.latent ? "latent" : "seed";
    const no = picture.safe
      ? `${kind} ${own.seed} gives other pixels than the metadata promises${differing(picture, found.shown)}`
      : "a pixel lies so near to a rounding step that another processor may give another image";
    log.check("pixels", right, `made again from ${kind} ${own.seed}: identical`, no);
  } catch (problem) {
    const kind = stopped(problem).kind;
    log.say("pixels", kind === "memory" || kind === "broken" ? UNCHECKED : BROKEN, problem.message);
  }
  return found;
}

async function model(log, found, options) {
  if (!collection.has_model) {
    log.say("model", UNCHECKED, "the model was not published: ask the artist for it");
    return null;
  }
  if (collection.foreign) {
    log.say("model", UNCHECKED, `its networks are of the kind ${collection.foreign}, which no page can run: nftgan verify can`);
    return null;
  }
  try {
    const { renderer, model: loaded } = await drawer(options);
    found.identity = loaded.identity;
    const right = loaded.identity === collection.model;
    log.check("model", right, `${short(loaded.identity)} is the collection's model`, `the file is the model ${short(loaded.identity)}, not ${short(collection.model)}`);
    return right ? renderer : null;
  } catch (problem) {
    log.say("model", stopped(problem).kind === "model" ? BROKEN : UNCHECKED, problem.message);
    return null;
  }
}

// How many pixels of what was drawn are not those of the image that is shown.
function differing(picture, shown) {
  if (!shown || shown.width !== picture.width || shown.height !== picture.height) return "";
  if (shown.pixels.length !== picture.pixels.length) return "; one of them is transparent, the other opaque";
  let count = 0;
  const channels = picture.pixels.length / (picture.width * picture.height);
  for (let at = 0; at < picture.pixels.length; at += channels) {
    const differs = (value, part) => value !== shown.pixels[at + part];
    if (picture.pixels.subarray(at, at + channels).some(differs)) count++;
  }
  return `; ${count.toLocaleString("en")} pixels are not those shown`;
}

// Ask the contract at `address` about piece `id`, with what drawAgain found.
async function askContract(id, found, ask, address, onLink) {
  const log = new Log(ASKED, onLink);
  const contract = new Contract(ask, address);
  const asking = async (name, question) => {
    try {
      await question();
    } catch (problem) {
      log.say(name, UNCHECKED, problem instanceof Unasked ? problem.message : `it cannot be asked (${problem.message})`);
    }
  };
  const { own } = found;
  let genuine = false;
  await asking("contract code", async () => {
    const { problem } = await birth(contract, collection.shipped);
    genuine = log.check("contract code", !problem, "our factory made it, its address says so", problem);
  });
  if (!genuine) {
    for (const name of ASKED.slice(1)) log.say(name, UNCHECKED, "the contract cannot be trusted");
    return log;
  }
  await asking("token", async () => {
    const owner = await contract.call("ownerOf(uint256)", word(id));
    log.check("token", owner?.length === 32, `belongs to 0x${toHex((owner ?? []).slice(12))}`, `token ${id} does not exist`);
  });
  await asking("metadata", async () => {
    const base = await contract.text("baseURI()");
    const mine = `ipfs://${collection.cids.metadata}/`;
    log.check("metadata", base === mine, `the contract's base URI is ${mine}`, "the contract's base URI is another one");
  });
  const fixed = async (name, signature, mine, what) => {
    if (mine === null || mine === undefined) return log.say(name, UNCHECKED, "there is nothing here to compare it with");
    const theirs = "sha256:" + toHex(await contract.hash(signature));
    return log.check(
      name, theirs === mine, `${short(mine)} is the ${what} fixed on chain`,
      `the ${what} ${short(mine)} is not ${short(theirs)}, which is fixed on chain`,
    );
  };
  await asking("recipe", () => fixed("recipe", "recipeHash()", found.recipe, "recipe"));
  await asking("model", () => fixed("model", "modelIdentity()", found.identity, "model"));
  await asking("seed", async () => {
    const answer = await contract.call("seedOf(uint256)", word(id));
    const first = collection.places.find((place) => place.address.toLowerCase() === address.toLowerCase())?.block ?? 0;
    const seed = answer?.length === 32 ? Number(BigInt("0x" + toHex(answer))) : await contract.seedInLogs(id, first);
    if (seed === null) return log.say("seed", UNCHECKED, "the node shows no seed of it: choose one that keeps old logs");
    return log.check("seed", seed === own?.seed, `${seed} was written on chain at the mint`, `the metadata says ${own?.seed}, the chain says ${seed}`);
  });
  await asking("merkle proof", async () => {
    if (!found.proof) return log.say("merkle proof", UNCHECKED, "there is no proof to show");
    const root = await contract.hash("piecesRoot()");
    const accepted = same(root, fromHex(collection.pieces_root)) && (await contract.verifyPiece(id, own.seed, own.pixels.slice(7), found.proof));
    return log.check("merkle proof", accepted, "the contract accepts id, seed and pixels", "the contract refuses id, seed and pixels");
  });
  return log;
}
return { HOLDS, BROKEN, UNCHECKED, DRAWN, ASKED, NOT_ASKED, Log, drawAgain, askContract };
})();
const $reverts = (() => {
// What a contract refuses, in words for who wants to buy.

const time = (seconds) => new Date(Number(seconds) * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

// By the error's name in the contract; a function of its arguments and of how wei are written.
const REASONS = {
  NotOpen: () => "the sale is not open now",
  NotAllowed: () => "this sale is for a list or for vouchers, and your account or your voucher is not meant",
  VoucherUsed: () => "this voucher was used already: each buys once",
  WrongPayment: ([due], ether) => `the price for this is ${ether(due)}, neither more nor less`,
  WrongCount: ([left]) => (BigInt(left) === 0n ? "nothing is left for your account here" : `you can buy ${left} more at most`),
  NoSeed: ([id]) => `the seller has not made token ${id} ready for sale yet`,
  BadSeeds: () => "the seeds of the seller do not follow each other",
  BadTerms: () => "the terms of the sale contradict each other",
  BadReveal: () => "this is not what the sale was committed to",
  NotOver: () => "the sale is not over, or was ended already",
  NotDrawn: ([block]) => (BigInt(block) === 0n ? "the sale was not ended yet" : `the order comes from block ${block}, which is not there yet or was written down already`),
  Lapsed: ([block]) => `nobody wrote down block ${block} in time: end the sale again`,
  Waiting: ([tokens]) => `${tokens} tokens are paid for and not delivered`,
  NotRevealed: () => "the seller has not revealed the collection yet",
  TooEarly: ([from]) => `refunds begin ${time(from)}`,
  NothingToRefund: () => "this purchase is not yours, was delivered, or was paid back already",
  NotOwner: () => "only the owner may do this",
  NotPendingOwner: () => "the collection was not offered to this account",
  Frozen: () => "the collection is frozen: nobody can mint any more",
  SupplyExceeded: () => "the collection has no more tokens",
  WrongStart: () => "another token was minted at the same moment: try again",
  AlreadyCreated: () => "this contract was made already",
  BadArguments: () => "the arguments of the contract contradict each other",
  ERC721NonexistentToken: ([id]) => `token ${id} does not exist`,
  ERC721InvalidReceiver: () => "your account cannot hold tokens",
  ERC721InvalidOwner: () => "this address cannot hold tokens",
  ERC721IncorrectOwner: ([, id]) => `token ${id} belongs to somebody else`,
  ERC721InsufficientApproval: ([, id]) => `token ${id} was not approved to this account`,
  ERC721InvalidApprover: () => "this account cannot approve",
  ERC721InvalidOperator: () => "this account cannot be an operator",
  ERC721InvalidSender: () => "tokens cannot come from this address",
};

// One sentence for a contract's error; ether: of wei as text.
function inWords(name, args, ether) {
  const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : null;
  return reason ? reason(args, ether) : `the contract refuses it (${String(name).slice(0, 40)})`;
}

// One sentence for whatever failed on the way to the chain. viem: the library.
function sentence(viem, problem) {
  const find = (test) => (problem instanceof viem.BaseError ? problem.walk(test) : test(problem) ? problem : null);
  if (find((one) => one?.code === 4001)) return "you refused it in the wallet: nothing was sent";
  if (find((one) => one?.code === -32002)) return "your wallet has an open question already: look there";
  const reverted = find((one) => one instanceof viem.ContractFunctionRevertedError);
  if (reverted?.data?.errorName) return inWords(reverted.data.errorName, reverted.data.args ?? [], (wei) => `${viem.formatEther(wei)} ether`);
  if (reverted) return "the contract refuses it, and says no reason";
  const text = String(problem?.details ?? problem?.shortMessage ?? problem?.message ?? "").replace(/https?:\S+/g, "…");
  if (/insufficient funds/i.test(text)) return "your account holds too little for the price and the gas";
  return text.split("\n")[0].slice(0, 200) || "it failed for a reason that nobody says";
}
return { inWords, sentence };
})();
const $terms = (() => {
// A sale's terms out of its code, the allowlist's proof, and vouchers: what a purchase is made of.
const { fromHex, joined, toHex, word } = $bytes;
const { keccak } = $keccak;
const { MerkleTree } = $merkle;

// The order of contracts/src/NftganSale.sol, in bytes.
const FIELDS = [
  ["owner", 20], ["collection", 20], ["commitment", 32], ["allowlist", 32], ["signer", 20], ["price", 16],
  ["supply", 4], ["perWallet", 4], ["opens", 5], ["closes", 5], ["refundsFrom", 5],
];
const NUMBERS = ["supply", "perWallet", "opens", "closes", "refundsFrom"];
const ADDRESSES = ["owner", "collection", "signer"];
const MOST_PER_PURCHASE = 200;

// Addresses and hashes as "0x…" (null: none), price in wei (BigInt), the rest numbers; seconds since 1970.
function termsOf(args) {
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

const isBlind = (terms) => terms.collection === null;

// Whether two forms of the terms say the same.
const sameTerms = (one, other) =>
  FIELDS.every(([name]) => {
    const text = (value) => (ADDRESSES.includes(name) ? String(value ?? "").toLowerCase() : String(value ?? ""));
    return text(one[name]) === text(other[name]);
  });

// { allowance, proof } of an address on the list [[address, how many], …], or null. Throws where the list is not
// the one with this root.
function listed(people, root, who) {
  const leaves = people.map(([address, allowance]) => keccak(keccak(joined(new Uint8Array(12), fromHex(address), word(allowance)))));
  const tree = leaves.length ? new MerkleTree(leaves) : null;
  if (!tree?.holds(root)) throw new Error("the list of this page is not the one of the sale");
  const at = people.findIndex(([address]) => address.toLowerCase() === who.toLowerCase());
  return at < 0 ? null : { allowance: BigInt(people[at][1]), proof: tree.proof(at).map((one) => "0x" + toHex(one)) };
}

// ---- vouchers

// { chainId, sale, values, signature } of a voucher's JSON, or of the part of a link that holds it. Throws for any other text.
function readVoucher(text) {
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
return { MOST_PER_PURCHASE, termsOf, isBlind, sameTerms, listed, readVoucher };
})();
const $sale = (() => {
// A sale as the chain has it, purchases and what follows them: all questions and transactions of the drop page.
const { fromHex, same } = $bytes;
const { birth } = $birth;
const { Contract } = $chain;
const { MOST_PER_PURCHASE, isBlind, listed, termsOf } = $terms;

const NOBODY = "0x" + "0".repeat(40);
const MOST_CLAIMS = 2000;
const AT_ONCE = 50;
const POLLING = 1500; // milliseconds
const PATIENCE = 5; // times that a node may fail while a transaction is followed

// Asks and sends over `ask` (a function of method and parameters) with the library viem.
class SaleClient {
  constructor(viem, ask, facts) {
    Object.assign(this, { viem, ask, facts });
    const transport = viem.custom({ request: ({ method, params }) => ask(method, params ?? []) }, { retryCount: 0 });
    this.client = viem.createClient({ transport, ccipRead: false, pollingInterval: POLLING });
  }

  read(functionName, args = [], address = this.facts.address, abi = this.facts.abi.sale) {
    return this.viem.readContract(this.client, { address, abi, functionName, args });
  }

  async chainId() {
    return Number(BigInt(await this.ask("eth_chainId", [])));
  }

  // All that the page shows; account may be null. Throws for another chain and for a sale that cannot be trusted.
  async state(account) {
    const { facts } = this;
    const contract = new Contract(this.ask, facts.address);
    const { problem, args } = await birth(contract, facts.shipped.filter(({ name }) => name === "NftganSale"));
    if (problem) throw new Error(`this sale cannot be trusted: ${problem}`);
    const terms = termsOf(args);
    const blind = isBlind(terms);
    const block = await this.viem.getBlock(this.client);
    const [sold, bought, collection] = await Promise.all([this.read("sold"), account ? this.read("bought", [account]) : 0n, this.read("collection")]);
    const state = { terms, blind, now: Number(block.timestamp), block: Number(block.number), sold: Number(sold), bought: Number(bought), collection: collection === NOBODY ? null : collection };
    if (blind) {
      const [chosen, drawn, refundable, delivered] = await Promise.all([this.read("drawBlock"), this.read("drawn"), this.read("refundable"), this.read("delivered")]);
      Object.assign(state, { drawBlock: Number(chosen), drawn: !/^0x0*$/.test(drawn), refundable: Number(refundable), delivered: Number(delivered) });
    } else Object.assign(state, await this.stock(terms));
    state.phase = phaseOf(state);
    state.left = this.left(state);
    if (account && terms.allowlist) state.listed = listed(facts.allowlist ?? [], fromHex(terms.allowlist), account);
    return state;
  }

  // Of an open sale: { ready }, how many tokens it can mint now. Throws where what is sold cannot be trusted.
  async stock(terms) {
    const contract = new Contract(this.ask, terms.collection);
    const { problem } = await birth(contract, this.facts.shipped.filter(({ name }) => name !== "NftganSale"));
    if (problem) throw new Error(`what is sold cannot be trusted: ${problem}`);
    const of = (name) => this.read(name, [], terms.collection, this.facts.abi.collection);
    const [next, most, owner, first, stocked] = await Promise.all([of("nextTokenId"), of("maxSupply"), of("owner"), this.read("stockFirst"), this.read("stocked")]);
    const end = first + stocked < most ? first + stocked : most;
    return { owned: same(fromHex(owner), fromHex(this.facts.address)), ready: Math.max(0, Number(end - next)) };
  }

  left({ terms, sold, bought, ready }) {
    const limits = [terms.supply - sold, MOST_PER_PURCHASE, ready ?? Infinity];
    if (terms.perWallet) limits.push(terms.perWallet - bought);
    return Math.max(0, Math.min(...limits));
  }

  // What a purchase of `count` tokens calls; with a voucher what that says.
  order(state, count, voucher) {
    if (voucher) return { functionName: "redeem", args: [voucher.values, voucher.signature], value: voucher.values.price, count: Number(voucher.values.count) };
    const value = state.terms.price * BigInt(count);
    if (!state.terms.allowlist) return { functionName: "buy", args: [BigInt(count)], value, count };
    if (!state.listed) throw new Error("your account is not on the list");
    return { functionName: "buyListed", args: [BigInt(count), state.listed.allowance, state.listed.proof], value, count };
  }

  // Simulate, send, and follow until it is mined. onStep(words, hash) says where it is. Resolves to the receipt.
  async send({ functionName, args, value = 0n }, account, onStep) {
    const { viem, client, facts } = this;
    if ((await this.chainId()) !== facts.chain_id) throw new Error(`your wallet is on another chain than ${facts.chain}`);
    onStep("Asking the contract whether it would take it …");
    const balance = await viem.getBalance(client, { address: account });
    if (balance < value) throw new Error(`your account holds ${viem.formatEther(balance)} ether, and it costs ${viem.formatEther(value)}`);
    const abi = [...facts.abi.sale, ...facts.abi.errors];
    const { request } = await viem.simulateContract(client, { address: facts.address, abi, functionName, args, value, account });
    onStep("The contract would take it. Confirm it in your wallet …");
    let hash = await viem.writeContract(client, { ...request, account, chain: null });
    onStep("Sent. Waiting until it is mined …", hash);
    let replaced = null;
    const receipt = await this.follow(hash, ({ reason, transaction }) => ([replaced, hash] = [reason, transaction.hash]));
    if (replaced === "cancelled" || replaced === "replaced") throw new Error("you replaced it by another transaction: nothing was bought by this one");
    if (receipt.status !== "success") throw new Error("it was mined, and the contract refused it: only gas was spent");
    onStep(`Mined in block ${receipt.blockNumber}.`, replaced ? hash : undefined);
    return receipt;
  }

  // The receipt of a transaction that was sent, or of what replaced it. A node that fails is asked again.
  async follow(hash, onReplaced) {
    for (let failures = 0; ; failures++) {
      try {
        return await this.viem.waitForTransactionReceipt(this.client, { hash, timeout: 0, onReplaced });
      } catch (problem) {
        if (failures >= PATIENCE) throw new Error("it was sent, and the node does not say what became of it: read again before you buy more", { cause: problem });
        await new Promise((go) => setTimeout(go, POLLING));
      }
    }
  }

  // The tokens that a receipt or logs show as minted to the account.
  minted(logs, collection, account) {
    const own = logs.filter(({ address }) => same(fromHex(address), fromHex(collection)));
    return this.viem
      .parseEventLogs({ abi: this.facts.abi.collection, eventName: "Transfer", logs: own })
      .filter(({ args }) => args.from === NOBODY && same(fromHex(args.to), fromHex(account)))
      .map(({ args }) => Number(args.id ?? args.tokenId));
  }

  // All tokens of the collection that were minted to the account since the sale, as the node's log says.
  async mintedTo(account, collection) {
    const event = this.facts.abi.collection.find(({ type, name }) => type === "event" && name === "Transfer");
    const to = event.inputs[1].name;
    const logs = await this.viem.getLogs(this.client, { address: collection, event, args: { [event.inputs[0].name]: NOBODY, [to]: account }, fromBlock: BigInt(this.facts.first_block), toBlock: "latest" });
    return this.minted(logs, collection, account);
  }

  // [{ index, count, paid }] of the account's purchases in a blind sale that were not delivered.
  async claims(account) {
    const count = Number(await this.read("claimCount"));
    if (count > MOST_CLAIMS) throw new Error(`the sale has ${count.toLocaleString("en")} purchases, more than are looked through here: nftgan sale refund`);
    const mine = [];
    for (let from = 0; from < count; from += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => from + at);
      const found = await Promise.all(numbers.map((index) => this.read("claims", [BigInt(index)])));
      found.forEach(([buyer, , size, paid], at) => {
        if (same(fromHex(buyer), fromHex(account))) mine.push({ index: from + at, count: Number(size), paid });
      });
    }
    return mine;
  }
}

function phaseOf({ terms, blind, now, sold, drawBlock, owned, collection }) {
  if (blind && collection) return "revealed";
  if (blind && drawBlock) return "ended";
  if (sold >= terms.supply) return "sold out";
  if (now >= terms.closes) return "over";
  if (!blind && !owned) return "not ready";
  return now < terms.opens ? "opens later" : "open";
}
return { SaleClient };
})();
const $wallets = (() => {
// Wallets: those that announce themselves (EIP-6963), the one of older browsers (EIP-1193), and links for phones.

const NAME = 40; // characters of a wallet's own name

// [{ name, provider }] as they come; onChange is called for each.
function wallets(onChange) {
  const found = [];
  const add = (name, provider) => {
    if (typeof provider?.request !== "function" || found.some((one) => one.provider === provider)) return;
    found.push({ name: String(name ?? "").slice(0, NAME) || "your wallet", provider });
    onChange(found);
  };
  addEventListener("eip6963:announceProvider", ({ detail }) => add(detail?.info?.name, detail?.provider));
  dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => !found.length && add("your wallet", globalThis.ethereum), 100);
  return found;
}

// [[name, address]] of links that open this page inside the browser of a wallet on a phone.
function phoneLinks({ protocol, host, pathname, search, hash, href }) {
  if (protocol !== "https:") return [];
  const coded = encodeURIComponent(href);
  return [
    ["MetaMask", `https://metamask.app.link/dapp/${host}${pathname}${search}${hash}`],
    ["Coinbase Wallet", `https://go.cb-w.com/dapp?cb_url=${coded}`],
    ["Trust Wallet", `https://link.trustwallet.com/open_url?coin_id=60&url=${coded}`],
  ];
}
return { wallets, phoneLinks };
})();
const $drop = (() => {
// The drop page: terms, a wallet, a purchase, and what came of it.
const { isHere, overHttp } = $chain;
const { drawAgain } = $check;
const { collection, drawable, pieces } = $collection;
const { $, h, many } = $dom;
const { runScript } = $files;
const { sentence } = $reverts;
const { SaleClient } = $sale;
const { isBlind, readVoucher, sameTerms } = $terms;
const { phoneLinks, wallets } = $wallets;

const MOST_DRAWN = 12;
const PHASES = {
  revealed: "The sale is over, and the collection is revealed.",
  ended: "The sale is over. Its order is being drawn; then the seller reveals the collection.",
  "sold out": "Sold out.",
  over: "The sale is over.",
  "not ready": "The seller has not made the collection ready yet.",
  "opens later": "The sale opens later.",
  open: "The sale is open.",
};
const BLIND = "This is a blind sale: nobody can know yet which pieces you get, nor check the collection. You pay now. When the sale is over a block that does not exist yet, together with the seller's secret, sets the order, and you get your tokens after the reveal. If nothing is revealed in time you take your money back here.";

const facts = collection.sale;
let viem = null;
let found = null; // wallets
let wallet = null; // { name, provider, account, chainId }
let asked = null; // SaleClient over wallet or node
let state = null;
let voucher = null;
let busy = false;
let built = false;
const followed = new WeakSet(); // wallets whose changes are listened to
const received = new Map(); // account to the tokens that receipts seen here gave it

const hasSale = Boolean(facts);

async function openDrop(query) {
  if (!built) build();
  const coded = new URLSearchParams(query).get("voucher");
  if (coded) takeVoucher(coded);
  if (!viem) {
    try {
      await runScript("viem.js");
      viem = globalThis.nftganViem;
    } catch (problem) {
      say(problem.message, "broken");
    }
  }
  found ??= wallets(showWallets);
  showWallets();
  showTerms();
}

function build() {
  built = true;
  $("page-sale").replaceChildren(
    h("div", { class: "crumbs" }, facts.hidden ? null : h("a", { href: "#/" }, "All pieces")),
    h("div", { class: "drop" },
      h("div", { class: "side" },
        h("h2", { tabindex: "-1" }, "Buy ", h("bdi", {}, collection.name)),
        facts.about ? h("p", { class: "about" }, h("bdi", {}, facts.about)) : null,
        h("p", { class: "verdict-line", id: "sale-phase", role: "status" }),
        isBlind(facts.terms) ? h("p", { class: "warning", id: "sale-blind" }, BLIND) : null,
        h("dl", { class: "traits", id: "sale-terms" }),
        h("p", { class: "note", id: "sale-source" }),
      ),
      h("div", { class: "side" },
        h("section", { "aria-labelledby": "wallet-title" }, h("h3", { id: "wallet-title" }, "Your wallet"), h("div", { id: "wallets", class: "fields" })),
        h("section", { id: "buying", "aria-labelledby": "buying-title", hidden: true }, h("h3", { id: "buying-title" }, "Buy"), h("div", { id: "purchase", class: "fields" })),
        h("ol", { id: "steps", class: "steps-list", "aria-live": "polite", hidden: true }),
        h("section", { id: "mine", "aria-labelledby": "mine-title", hidden: true }, h("h3", { id: "mine-title", tabindex: "-1" }, "Yours"), h("div", { id: "own" })),
        voucherField(), nodeField(),
      ),
    ),
  );
}

function voucherField() {
  return h("details", { id: "voucher-box", hidden: !facts.terms.signer },
    h("summary", {}, "I have a voucher"),
    h("div", { class: "fields" },
      h("label", {}, "Voucher: its link, or what is in its file", h("textarea", { id: "voucher", rows: 3, spellcheck: "false", autocomplete: "off" })),
      h("div", { class: "line" }, h("button", { type: "button", id: "take-voucher", onclick: () => takeVoucher($("voucher").value) }, "Take it")),
      h("p", { class: "note", id: "voucher-note", role: "status" })));
}

function nodeField() {
  return h("details", { id: "node-box" },
    h("summary", {}, "Look without a wallet"),
    h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); lookOver($("sale-node").value.trim()); } },
      h("label", {}, "Node (JSON-RPC)", h("input", { type: "text", id: "sale-node", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…" })),
      h("div", { class: "line" }, h("button", { type: "submit", id: "look" }, "Read the sale"))));
}

function say(words, kind = "") {
  $("sale-phase").textContent = words;
  $("sale-phase").className = `verdict-line ${kind}`;
}

// ---- terms

const ether = (wei) => (viem ? `${viem.formatEther(BigInt(wei))} ether` : `${wei} wei`);
const written = (address) => (viem ? viem.getAddress(address) : address);
const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

function showTerms() {
  const terms = state?.terms ?? facts.terms;
  const blind = isBlind(terms);
  const who = terms.allowlist && terms.signer ? "a list, and holders of vouchers" : terms.allowlist ? "a list" : terms.signer ? "holders of vouchers" : "everybody";
  const lines = [
    ["Price", `${ether(terms.price)} each`],
    ["Stock", state ? `${(terms.supply - state.sold).toLocaleString("en")} left of ${terms.supply.toLocaleString("en")}` : terms.supply.toLocaleString("en")],
    ["For one wallet", terms.perWallet ? `${terms.perWallet} at most` : "as many as are left"],
    ["For", who],
    ["Open from", moment(terms.opens)],
    ["Until", moment(terms.closes)],
    blind ? ["Refund, if not revealed", `from ${moment(state?.refundable ?? terms.refundsFrom)}`] : null,
    ["Chain", facts.chain],
    ["Sale", written(facts.address), "wide"],
    blind && !state?.collection ? null : ["Collection", written(state?.collection ?? terms.collection), "wide"],
    ["Seller", written(terms.owner), "wide"],
  ];
  $("sale-terms").replaceChildren(...lines.filter(Boolean).map(([name, value, kind]) => h("div", { class: kind }, h("dt", {}, name), h("dd", {}, h("bdi", {}, value)))));
  $("sale-source").textContent = state ? "Read from the contract, whose address proves that nftgan's sale contract made it: nobody can change these terms." : "As the seller published them. With your wallet, or a node, the contract itself is asked.";
}

async function refresh() {
  if (!asked) return;
  say("Asking the contract …");
  try {
    if ((await asked.chainId()) !== facts.chain_id) {
      state = null;
      say(`This sale is on ${facts.chain} (chain ${facts.chain_id}).`, "unchecked");
    } else {
      state = await asked.state(wallet?.account ?? null);
      const changed = !sameTerms(state.terms, { ...facts.terms, price: BigInt(facts.terms.price) });
      if (changed) say("The contract has other terms than this page was published with: those of the contract count.", "broken");
      else say(PHASES[state.phase], state.phase === "open" ? "holds" : "");
    }
  } catch (problem) {
    state = null;
    say(capital(sentence(viem, problem)), "broken");
  }
  showTerms();
  showWallets();
  showPurchase();
  await showOwn();
}

const capital = (words) => words.slice(0, 1).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");

async function lookOver(address) {
  if (!viem) return null;
  if (!isHere(address)) return say("The node's address begins with https://, or http:// on this machine.", "broken");
  wallet = null;
  asked = new SaleClient(viem, overHttp(address), facts);
  await refresh();
}

// ---- the wallet

function showWallets() {
  if (!built) return;
  if (wallet) {
    const right = wallet.chainId === facts.chain_id;
    $("wallets").replaceChildren(
      h("p", { id: "account" }, h("bdi", {}, wallet.name), ": ", h("code", {}, wallet.account)),
      h("div", { class: "line" },
        right ? null : h("button", { type: "button", class: "primary", id: "switch", onclick: switchChain }, `Switch to ${facts.chain}`),
        h("button", { type: "button", id: "again-asked", onclick: refresh }, "Read again"),
        h("button", { type: "button", class: "quiet", id: "forget", onclick: forget }, "Forget it")));
    return;
  }
  const offered = (found ?? []).map((one) => h("button", { type: "button", class: "connect", disabled: !viem, onclick: () => connect(one) }, "Connect ", h("bdi", {}, one.name)));
  const links = phoneLinks(location).map(([name, href]) => h("a", { href, rel: "noopener noreferrer" }, `Open in ${name}`));
  $("wallets").replaceChildren(
    offered.length ? h("div", { class: "line" }, offered) : h("p", { class: "note" }, "No wallet was found in this browser."),
    links.length ? h("p", { class: "line phone" }, "On a phone: ", links) : "");
}

async function connect({ name, provider }) {
  const ask = (method, params) => provider.request({ method, params });
  try {
    const [account] = await ask("eth_requestAccounts", []);
    if (!viem.isAddress(account ?? "")) throw new Error("the wallet names no account");
    wallet = { name, provider, account: viem.getAddress(account), chainId: Number(BigInt(await ask("eth_chainId", []))) };
  } catch (problem) {
    return say(capital(sentence(viem, problem)), "broken");
  }
  asked = new SaleClient(viem, ask, facts);
  follow(name, provider);
  return refresh();
}

function follow(name, provider) {
  if (followed.has(provider)) return;
  followed.add(provider);
  const mine = () => wallet?.provider === provider;
  provider.on?.("accountsChanged", (accounts) => mine() && (accounts?.length ? connect({ name, provider }) : forget()));
  provider.on?.("chainChanged", () => mine() && connect({ name, provider }));
}

function forget() {
  wallet = asked = state = null;
  $("buying").hidden = $("mine").hidden = true;
  say("");
  showWallets();
  showTerms();
}

async function switchChain() {
  try {
    await wallet.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x" + facts.chain_id.toString(16) }] });
  } catch (problem) {
    const unknown = problem?.code === 4902;
    return say(unknown ? `Your wallet does not know ${facts.chain}: add the chain ${facts.chain_id} to it.` : capital(sentence(viem, problem)), "broken");
  }
  return connect(wallet);
}

// ---- the purchase

function takeVoucher(text) {
  const tell = (words) => ($("voucher-note").textContent = words);
  $("voucher-box").hidden = false;
  $("voucher-box").open = true;
  try {
    const read = readVoucher(text);
    if (read.chainId !== facts.chain_id || read.sale.toLowerCase() !== facts.address.toLowerCase()) throw new Error("this voucher is for another sale");
    voucher = read;
    const { count, buyer, price, deadline } = read.values;
    tell(`${many(Number(count), "token")} for ${ether(price)} in all, for ${buyer}, until ${moment(Math.min(Number(deadline), 2 ** 40))}.`);
  } catch (problem) {
    voucher = null;
    tell(capital(problem.message));
  }
  if (state) showPurchase();
}

function showPurchase() {
  const open = Boolean(wallet && state);
  $("buying").hidden = !open;
  if (!open) return;
  const { terms, phase, left } = state;
  const lines = [];
  const needs = terms.signer && !terms.allowlist && !voucher;
  let most = left;
  if (terms.allowlist && !voucher) {
    most = state.listed ? Math.max(0, Math.min(left, Number(state.listed.allowance) - state.bought)) : 0;
    lines.push(h("p", { class: "note", id: "on-list" }, state.listed ? `Your account is on the list: ${many(Number(state.listed.allowance), "token")} in all, ${state.bought} bought.` : "Your account is not on the list."));
  }
  const foreign = voucher && voucher.values.buyer.toLowerCase() !== wallet.account.toLowerCase();
  if (foreign) lines.push(h("p", { class: "note" }, `The voucher is made out to ${voucher.values.buyer}: connect that account.`));
  if (needs) lines.push(h("p", { class: "note" }, "This sale is for holders of vouchers: paste yours below."));
  const can = phase === "open" && !foreign && !needs && (voucher || most > 0);
  const number = h("input", { type: "number", id: "count", min: 1, max: Math.max(1, most), value: 1, oninput: () => total() });
  const button = h("button", { type: "button", class: "primary", id: "buy", disabled: !can || busy, onclick: () => buy(Number(number.value)) });
  const total = () => {
    const count = Math.floor(Number(number.value));
    const right = voucher || (count >= 1 && count <= most);
    button.disabled = !can || busy || !right;
    button.textContent = voucher ? `Buy with the voucher for ${ether(voucher.values.price)}` : right ? `Buy ${count} for ${ether(terms.price * BigInt(count))}` : most > 0 ? `Choose 1 to ${most}` : "Nothing to buy";
  };
  total();
  if (!voucher && can) lines.push(h("label", {}, `How many (${most} at most)`, number));
  $("purchase").replaceChildren(...lines, h("div", { class: "line" }, button));
}

// Carry one transaction out, and show each step. onReceipt is called before the page reads the sale again.
async function carryOut(order, onReceipt = () => {}) {
  if (busy) return;
  busy = true;
  const list = $("steps");
  list.hidden = false;
  list.replaceChildren();
  const step = (words, hash) => {
    const link = hash ? (facts.explorer ? h("a", { href: `${facts.explorer}/tx/${hash}`, rel: "noopener noreferrer" }, "transaction") : h("code", {}, hash)) : null;
    list.append(h("li", {}, words, link ? " " : null, link));
  };
  showPurchase();
  let receipt = null;
  try {
    receipt = await asked.send(order, wallet.account, step);
  } catch (problem) {
    list.append(h("li", { class: "broken" }, capital(sentence(viem, problem))));
  }
  busy = false;
  if (receipt) onReceipt(receipt);
  await refresh();
  if (receipt && !$("mine").hidden) $("mine-title").focus();
}

function buy(count) {
  let order;
  try {
    order = asked.order(state, count, voucher);
  } catch (problem) {
    return say(capital(problem.message), "broken");
  }
  return carryOut(order, ({ logs }) => {
    voucher = null;
    $("voucher-note").textContent = "";
    const { account } = wallet;
    if (!state.blind) received.set(account, [...(received.get(account) ?? []), ...asked.minted(logs, state.terms.collection, account)]);
  });
}

// ---- what came of it

async function showOwn() {
  const open = Boolean(wallet && state);
  $("mine").hidden = !open || (!state.blind && !state.bought);
  if ($("mine").hidden) return;
  if (!state.blind) {
    const logged = await asked.mintedTo(wallet.account, state.collection).catch(() => []); // of nodes that keep no logs
    const ids = [...new Set([...logged, ...(received.get(wallet.account) ?? [])])].sort((a, b) => a - b);
    $("own").replaceChildren(h("p", { class: "note" }, `Bought here: ${many(state.bought, "token")}.`), h("ul", { class: "bought", id: "bought" }, ids.map(token)));
    drawThem();
    return;
  }
  const { phase, now, block, terms, drawBlock, drawn, refundable } = state;
  const rows = [];
  try {
    for (const { index, count, paid } of await asked.claims(wallet.account)) {
      const due = now >= refundable;
      const take = () => carryOut({ functionName: "refund", args: [BigInt(index), wallet.account] });
      rows.push(h("li", { class: "claim" }, `${many(count, "token")} paid with ${ether(paid)}, not delivered yet. `, due ? h("button", { type: "button", class: "refund", onclick: take }, "Take the money back") : h("small", {}, `Your money back from ${moment(refundable)}, if they are not delivered by then.`)));
    }
    if (state.collection) {
      const ids = await asked.mintedTo(wallet.account, state.collection);
      rows.push(...ids.map(token));
    }
  } catch (problem) {
    rows.push(h("li", {}, capital(sentence(viem, problem))));
  }
  const over = phase !== "revealed" && (now >= terms.closes || state.sold >= terms.supply);
  const help = [];
  if (over && !drawBlock) help.push(h("button", { type: "button", id: "end", onclick: () => carryOut({ functionName: "end", args: [] }) }, "End the sale"));
  if (drawBlock && !drawn && block > drawBlock) help.push(h("button", { type: "button", id: "draw-order", onclick: () => carryOut({ functionName: "draw", args: [] }) }, "Draw the order"));
  if (drawBlock && !drawn && block <= drawBlock) help.push(h("small", {}, `The order comes from block ${drawBlock}; the chain is at ${block}.`));
  $("own").replaceChildren(
    rows.length ? h("ul", { class: "bought", id: "bought" }, rows) : h("p", { class: "note" }, "Nothing of yours waits here."),
    help.length ? h("p", { class: "line" }, help) : "");
  drawThem();
}

function token(id) {
  const known = pieces[id];
  return h("li", { class: "token", "data-id": String(id) }, known ? h("a", { href: `#/${id}` }, h("canvas", { width: 1, height: 1, role: "img", "aria-label": known.name }), h("bdi", {}, known.name)) : `Token ${id}`, h("small", { class: "drawn-words" }, known ? "not drawn yet" : ""));
}

// The bought pieces, one after the other, out of their seeds.
async function drawThem() {
  for (const item of [...document.querySelectorAll("#bought .token[data-id]")].slice(0, MOST_DRAWN)) {
    const id = Number(item.dataset.id);
    if (!item.isConnected || !pieces[id] || !drawable) continue;
    const words = item.querySelector(".drawn-words");
    try {
      words.textContent = "drawing …";
      const { picture, log } = await drawAgain(id, { onLink: () => {} });
      if (picture) {
        const canvas = item.querySelector("canvas");
        [canvas.width, canvas.height] = [picture.width, picture.height];
        canvas.getContext("2d").putImageData(globalThis.nftganRenderer.toImageData(picture), 0, 0);
      }
      words.textContent = log.broken ? `the link “${log.broken}” is broken` : picture ? "drawn here from its seed: identical" : "not everything could be checked";
    } catch (problem) {
      words.textContent = `it cannot be drawn: ${problem.message}`;
    }
  }
}
return { hasSale, openDrop };
})();
const $state = (() => {
// What the gallery shows, kept in the page's address so that it can be sent and gone back to.
const { pieces, traits } = $collection;

const SORTS = { id: "number", rank: "rarest first", common: "most common first", name: "name" };
const sorts = SORTS;

// { wanted: Map of trait name to Set of values, query, sort } of an address's part after "#/?".
function readState(text) {
  const parameters = new URLSearchParams(text);
  const wanted = new Map();
  for (const [key, value] of parameters) {
    const name = key.slice(2);
    const known = key.startsWith("t.") && [...(traits.get(name)?.keys() ?? [])].find((one) => String(one) === value);
    if (known === undefined || known === false) continue;
    if (!wanted.has(name)) wanted.set(name, new Set());
    wanted.get(name).add(known);
  }
  const sort = parameters.get("sort");
  return { wanted, query: (parameters.get("q") ?? "").slice(0, 200), sort: Object.hasOwn(SORTS, sort ?? "") ? sort : "id" };
}

function addressOf({ wanted, query, sort }) {
  const parameters = new URLSearchParams();
  for (const [name, values] of wanted) for (const value of values) parameters.append(`t.${name}`, value);
  if (query) parameters.set("q", query);
  if (sort !== "id") parameters.set("sort", sort);
  const text = parameters.toString();
  return text ? `#/?${text}` : "#/";
}

const holds = (piece, wanted, but) =>
  [...wanted].every(([name, values]) => name === but || values.has(piece.values.get(name)));

function spoken(piece, query) {
  if (!query) return true;
  const words = query.toLowerCase().split(/\s+/);
  const text = [piece.name, `#${piece.id}`, `${piece.seed}`, ...piece.values.values()].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

const ORDERS = {
  id: (a, b) => a.id - b.id,
  rank: (a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.id - b.id,
  common: (a, b) => (b.rank ?? -1) - (a.rank ?? -1) || a.id - b.id,
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }) || a.id - b.id,
};

// The pieces of a state in its order.
function chosen({ wanted, query, sort }) {
  return pieces.filter((piece) => holds(piece, wanted) && spoken(piece, query)).sort(ORDERS[sort]);
}

// Of each value of the trait: how many pieces there are with it, all other filters kept.
function facet(name, { wanted, query }) {
  const counts = new Map();
  for (const piece of pieces) {
    if (!piece.values.has(name) || !holds(piece, wanted, name) || !spoken(piece, query)) continue;
    counts.set(piece.values.get(name), (counts.get(piece.values.get(name)) ?? 0) + 1);
  }
  return counts;
}
return { sorts, readState, addressOf, chosen, facet };
})();
const $gallery = (() => {
// The wall of images with its filters: only the rows in sight are in the page.
const { percent, pieces, thumbnailOf, traits } = $collection;
const { $, h, many } = $dom;
const { addressOf, chosen, facet, readState, sorts } = $state;

const GAP = 14;
const CAPTION = 30;
const SPARE = 2; // rows above and below those in sight

let state = readState("");
let list = pieces;
let columns = 1;
let rowHeight = 1;
let boxes = null;
const rows = new Map();

const shown = () => list;
const galleryAddress = () => addressOf(state);

function openGallery(text) {
  const before = addressOf(state);
  state = readState(text);
  buildFilters();
  refresh({ top: addressOf(state) !== before });
}

// ---- filters

function buildFilters() {
  if (boxes) return;
  boxes = new Map();
  for (const [name, values] of traits) {
    const group = h("details", { class: "facet" }, h("summary", {}, h("bdi", {}, name), h("span", { class: "note chosen" })));
    const lines = [];
    for (const [value, count] of values) {
      const box = h("input", { type: "checkbox", onchange: () => choose(name, value, box.checked) });
      const number = h("span", { class: "n" });
      const line = h("label", { class: "value" }, box, h("bdi", {}, String(value)), number, h("span", { class: "n share" }, percent(count)));
      lines.push({ value, box, number, line });
      group.append(line);
    }
    boxes.set(name, { group, lines });
    $("facets").append(group);
  }
  if (traits.size <= 4 && matchMedia("(min-width: 861px)").matches) for (const { group } of boxes.values()) group.open = true;
  else if (matchMedia("(min-width: 861px)").matches) [...boxes.values()].slice(0, 2).forEach(({ group }) => (group.open = true));
  $("filters").open = matchMedia("(min-width: 861px)").matches;
  for (const [value, words] of Object.entries(sorts)) {
    if (value === "id" || value === "name" || pieces.some((piece) => piece.rank !== null)) {
      $("sort").append(h("option", { value }, words));
    }
  }
  $("sort").addEventListener("change", () => change({ sort: $("sort").value }));
  $("search").addEventListener("input", () => change({ query: $("search").value }));
  $("clear").addEventListener("click", () => change({ wanted: new Map(), query: "" }));
  $("wall-scroller").addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(() => measure()).observe($("wall-scroller"));
  $("wall").addEventListener("keydown", move);
}

function choose(name, value, on) {
  const wanted = new Map([...state.wanted].map(([key, values]) => [key, new Set(values)]));
  if (!wanted.has(name)) wanted.set(name, new Set());
  wanted.get(name)[on ? "add" : "delete"](value);
  if (!wanted.get(name).size) wanted.delete(name);
  change({ wanted });
}

function change(part) {
  state = { ...state, ...part };
  history.replaceState(null, "", addressOf(state));
  refresh({ top: true });
}

function refresh({ top }) {
  list = chosen(state);
  $("sort").value = state.sort;
  if ($("search").value !== state.query) $("search").value = state.query;
  for (const [name, { group, lines }] of boxes) {
    const counts = facet(name, state);
    const values = state.wanted.get(name);
    group.querySelector(".chosen").textContent = values ? `${values.size} chosen` : "";
    if (values) group.open = true;
    for (const { value, box, number, line } of lines) {
      box.checked = values?.has(value) ?? false;
      number.textContent = (counts.get(value) ?? 0).toLocaleString("en");
      line.classList.toggle("none", !counts.get(value));
    }
  }
  $("shown").textContent = list.length === pieces.length ? many(list.length, "piece") : `${list.length.toLocaleString("en")} of ${many(pieces.length, "piece")}, ${percent(list.length)}`;
  $("clear").hidden = !state.wanted.size && !state.query;
  $("none").hidden = list.length > 0;
  for (const row of rows.values()) row.remove();
  rows.clear();
  if (top) $("wall-scroller").scrollTop = 0;
  measure();
}

// ---- the wall

function measure() {
  const width = $("wall").clientWidth;
  if (!width) return;
  const wanted = width < 500 ? 150 : 210;
  const count = Math.max(2, Math.floor((width + GAP) / (wanted + GAP)));
  const height = (width - (count - 1) * GAP) / count + CAPTION + GAP;
  if (count !== columns || height !== rowHeight) {
    columns = count;
    rowHeight = height;
    for (const row of rows.values()) row.remove();
    rows.clear();
  }
  $("wall").style.setProperty("--columns", columns);
  $("wall").style.height = `${Math.max(0, Math.ceil(list.length / columns) * rowHeight - GAP)}px`;
  draw();
}

function draw() {
  const scroller = $("wall-scroller");
  const first = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - SPARE);
  const last = Math.min(Math.ceil(list.length / columns), Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + SPARE);
  for (const [number, row] of rows) {
    if ((number < first || number >= last) && !row.contains(document.activeElement)) {
      row.remove();
      rows.delete(number);
    }
  }
  for (let number = first; number < last; number++) if (!rows.has(number)) addRow(number);
}

function addRow(number) {
  const row = h("div", { class: "row" }, list.slice(number * columns, (number + 1) * columns).map(tile));
  row.style.top = `${number * rowHeight}px`;
  rows.set(number, row);
  const after = [...rows.keys()].filter((one) => one > number).sort((a, b) => a - b)[0];
  $("wall").insertBefore(row, rows.get(after) ?? null); // the order of tabs is that of the eye
}

function tile(piece) {
  const rank = piece.rank === null ? "" : `rank ${piece.rank.toLocaleString("en")}`;
  const image = h("img", { src: thumbnailOf(piece.id), alt: "", decoding: "async", width: 200, height: 200 });
  return h("a", { class: "plate", href: `#/${piece.id}`, "data-id": String(piece.id) }, h("span", { class: "frame" }, image), h("span", { class: "label" }, h("bdi", {}, piece.name), h("small", {}, rank)));
}

function move(event) {
  const id = Number(event.target.dataset?.id);
  const at = list.findIndex((piece) => piece.id === id);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: list.length - 1 - at };
  if (at < 0 || !Object.hasOwn(steps, event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  focusPiece(Math.min(list.length - 1, Math.max(0, at + steps[event.key])));
}

function focusPiece(at) {
  const scroller = $("wall-scroller");
  const top = Math.floor(at / columns) * rowHeight;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  if (top + rowHeight > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + rowHeight - scroller.clientHeight;
  draw();
  $("wall").querySelector(`[data-id="${list[at].id}"]`)?.focus({ preventScroll: true });
}

function focusFirst() {
  if (list.length) focusPiece(0);
}
return { shown, galleryAddress, openGallery, focusFirst };
})();
const $morph = (() => {
// Between two pieces: both ends are pieces, what lies between is a preview and no token.
const { collection, pieces } = $collection;
const { drawer } = $drawing;
const { $, h } = $dom;

let ends = [0, 0];
let wanted = null;
let running = false;
let stop = null;

function leaveMorph() {
  stop?.abort();
  stop = wanted = null;
}

function openMorph(text) {
  leaveMorph();
  stop = new AbortController();
  const parameters = new URLSearchParams(text);
  const end = (name, fallback) => {
    const id = Number(parameters.get(name) ?? fallback);
    return Number.isInteger(id) && pieces[id] ? id : 0;
  };
  const from = end("from", 0);
  ends = [from, end("to", (from + 1) % pieces.length)];
  const [width, height] = collection.recipe.size;
  $("page-morph").replaceChildren(
    h("div", { class: "crumbs" }, h("a", { href: `#/${ends[0]}` }, "Back to the piece")),
    h(
      "div", { class: "piece" },
      h("figure", { class: "stage" }, h("canvas", { id: "morph-canvas", width, height, role: "img", "aria-label": "Between two pieces" }), h("figcaption", { class: "note", id: "morph-caption", "aria-live": "polite" })),
      h(
        "div", { class: "side" }, h("h2", { tabindex: "-1" }, "Morph"),
        h("p", { class: "note" }, "What lies between two pieces belongs to nobody: it is drawn in float32 for the eye and is no token."),
        h("div", { class: "fields" }, field("From", 0), field("To", 1), h("label", {}, "Between", h("input", { type: "range", id: "between", min: 0, max: 100, value: 50, oninput: ask }))),
        h("div", { class: "line" }, h("button", { type: "button", id: "save", onclick: save }, "Download this image")),
      ),
    ),
  );
  ask();
}

function field(words, end) {
  const input = h("input", { type: "number", id: end ? "to" : "from", min: 0, max: pieces.length - 1, value: ends[end], onchange: () => {
    const id = Number(input.value);
    if (Number.isInteger(id) && pieces[id]) ends[end] = id;
    input.value = ends[end];
    ask();
  } });
  return h("label", {}, words, input);
}

// The newest wish is drawn next; those in between are left out.
async function ask() {
  wanted = { from: pieces[ends[0]], to: pieces[ends[1]], t: Number($("between").value) / 100 };
  if (running) return;
  running = true;
  try {
    while (wanted) {
      const { from, to, t } = wanted;
      wanted = null;
      const { signal } = stop;
      $("morph-caption").textContent = "Drawing …";
      const { renderer } = await drawer({ signal });
      const picture = await renderer.morph({ recipe: collection.recipe, from: from.seed, to: to.seed, t, signal });
      const canvas = $("morph-canvas");
      if (!canvas || signal.aborted) continue;
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.getContext("2d").putImageData(globalThis.nftganRenderer.toImageData(picture), 0, 0);
      $("morph-caption").textContent = `${Math.round((1 - t) * 100)} % ${from.name}, ${Math.round(t * 100)} % ${to.name}`;
    }
  } catch (problem) {
    if ($("morph-caption") && stop && !stop.signal.aborted) $("morph-caption").textContent = `It cannot be drawn: ${problem.message}`;
  } finally {
    running = false;
    if (wanted) ask();
  }
}

function save() {
  $("morph-canvas").toBlob((blob) => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: `morph-${ends.join("-")}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
}
return { leaveMorph, openMorph };
})();
const $piece = (() => {
// One piece: its image, what is said of it, and Draw it again.
const { isHere, overHttp, overWallet } = $chain;
const { ASKED, DRAWN, NOT_ASKED, askContract, drawAgain } = $check;
const { collection, drawable, imageOf, percent, pieces, root, traits } = $collection;
const { $, h } = $dom;
const { galleryAddress, shown } = $gallery;
const { beside, fromGateway, gatewayOf } = $sources;
const { addressOf } = $state;

const UNPROVEN = "Traits and ranks compare all pieces with each other: unproven here, nftgan verify --all measures them.";

let stop = null;
let found = null;
let current = null;
let gateway = "";

const link = (target, words, key) => h("a", { class: "step", href: target, "aria-keyshortcuts": key }, words);

function leavePiece() {
  stop?.abort();
  stop = found = current = null;
}

function openPiece(id) {
  leavePiece();
  const piece = (current = pieces[id]);
  const order = shown().some((one) => one.id === id) ? shown() : pieces;
  const at = order.findIndex((one) => one.id === id);
  const step = (to, words, key) => (order[to] ? link(`#/${order[to].id}`, words, key) : h("span", { class: "step" }, words));
  const image = h("img", { src: imageOf(id), alt: `${piece.name}, the image of the collection`, id: "image" });
  $("page-piece").replaceChildren(
    h("div", { class: "crumbs" }, h("a", { href: galleryAddress() }, "All pieces"), h("span", { class: "steps" }, step(at - 1, "← Previous", "ArrowLeft"), step(at + 1, "Next →", "ArrowRight"))),
    h(
      "div", { class: "piece" },
      h("figure", { class: "stage", id: "stage" }, image, h("figcaption", { class: "note", id: "caption" }, "The image of the collection")),
      h("div", { class: "side" }, head(piece), traitList(piece), again(), asking(), facts(piece)),
    ),
  );
}

function head(piece) {
  const rank = piece.rank === null ? null : h("p", {}, `Rank ${piece.rank.toLocaleString("en")} of ${pieces.length.toLocaleString("en")}`);
  return h("div", { class: "head" }, h("h2", { tabindex: "-1", id: "piece-title" }, h("bdi", {}, piece.name)), rank, piece.description ? h("p", { class: "about" }, h("bdi", {}, piece.description)) : null);
}

function traitList(piece) {
  if (!piece.values.size) return null;
  const items = [...piece.values].map(([name, value]) => {
    const target = addressOf({ wanted: new Map([[name, new Set([value])]]), query: "", sort: "id" });
    return h("div", {}, h("dt", {}, h("bdi", {}, name)), h("dd", {}, h("a", { href: target }, h("bdi", {}, String(value))), " ", h("small", {}, percent(traits.get(name).get(value)))));
  });
  return h("section", { "aria-label": "Traits" }, h("dl", { class: "traits" }, items), h("p", { class: "note" }, UNPROVEN));
}

// ---- draw it again

function again() {
  return h(
    "section", { class: "again", "aria-labelledby": "again-title" },
    h("h3", { id: "again-title" }, "Draw it again"),
    h("p", { class: "note" }, "The image comes out of its seed once more, here in your browser, and is compared pixel by pixel."),
    h("div", { class: "line" }, h("button", { type: "button", class: "primary", id: "draw", onclick: draw }, "Draw it again"), h("button", { type: "button", id: "cancel", hidden: true, onclick: () => stop?.abort() }, "Cancel")),
    h(
      "details", { class: "reading", open: gateway !== "" },
      h("summary", {}, "Read it from IPFS"),
      h("p", { class: "note" }, "With a gateway, model, metadata and image are read by their CIDs, and every block is hashed here: nothing beside this page is believed."),
      h("div", { class: "fields" }, h("label", {}, "Gateway", h("input", { type: "text", id: "gateway", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…", value: gateway, oninput: (event) => (gateway = event.target.value.trim()) }))),
    ),
    h("progress", { id: "bar", max: 1, value: 0, hidden: true, "aria-label": "Drawing" }),
    h("p", { class: "verdict-line", id: "verdict", role: "status" }),
    h("ul", { class: "links", id: "drawn", hidden: true, "aria-label": "What was checked here" }),
  );
}

const itemOf = (name, verdict, text) =>
  h("li", { "data-link": name, class: verdict }, h("b", {}, name), h("span", { class: "mark" }, verdict), h("span", { class: "found" }, text));

function put(place, names, name, verdict, text) {
  const list = $(place);
  const item = itemOf(name, verdict, text);
  const old = [...list.children].find((one) => one.dataset.link === name);
  if (old) return old.replaceWith(item);
  const next = [...list.children].find((one) => names.indexOf(one.dataset.link) > names.indexOf(name));
  return list.insertBefore(item, next ?? null);
}

async function draw() {
  if (stop || !current) return;
  const address = gateway && gatewayOf(gateway);
  if (address === null) return say("The gateway's address begins with https://, or http:// on this machine.", "broken");
  const source = address ? fromGateway(address) : beside;
  const mine = (stop = new AbortController());
  const { id } = current;
  const busy = (on) => {
    $("draw").disabled = on;
    $("cancel").hidden = $("bar").hidden = !on;
  };
  busy(true);
  $("drawn").replaceChildren();
  $("drawn").hidden = false;
  say("Drawing …", "");
  const onProgress = ({ done, total }) => {
    if (mine === stop) $("bar").value = done / total;
  };
  const onLink = (name, verdict, text) => mine === stop && put("drawn", DRAWN, name, verdict, text);
  try {
    const result = await drawAgain(id, { source, signal: mine.signal, onProgress, onLink });
    if (mine !== stop) return;
    found = result;
    if (found.picture) await hang(found.picture, found.log);
    conclude(found.log);
    $("ask").disabled = !found.own;
  } catch (problem) {
    if (mine !== stop) return;
    say(mine.signal.aborted ? "Cancelled: nothing was checked." : `It cannot be drawn: ${problem.message}`, mine.signal.aborted ? "" : "broken");
    $("drawn").hidden = true;
  } finally {
    if (mine === stop) {
      stop = null;
      busy(false);
    }
  }
}

function say(words, kind) {
  $("verdict").textContent = words;
  $("verdict").className = `verdict-line ${kind}`;
}

function conclude(log) {
  if (log.broken) return say(`The link “${log.broken}” is broken.`, "broken");
  if (log.proven) return say("Identical: every link that can be checked here holds. Whether the contract promises the same was not asked yet.", "holds");
  return say("Nothing is broken, but not everything could be checked.", "unchecked");
}

async function hang(picture, log) {
  const { toImageData } = globalThis.nftganRenderer;
  const right = log.links.get("pixels").verdict === "holds";
  const canvas = h("canvas", { width: picture.width, height: picture.height, role: "img", id: "canvas", "aria-label": "The image as it was drawn here" });
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  const old = $("stage").querySelector("canvas, img");
  old.replaceWith(canvas);
  $("stage").classList.toggle("same", right);
  $("caption").textContent = right ? "Drawn here, in your browser: identical" : "Drawn here, in your browser: not the image of the collection";
}

// ---- the contract

function asking() {
  const wallet = globalThis.ethereum;
  const places = collection.places.map(({ chain, address }) => h("option", { value: address }, chain));
  return h(
    "details", { class: "asking", id: "asking" },
    h("summary", {}, "Ask the contract"),
    h("p", { class: "note" }, "The contract fixes model, recipe and every pixel hash. Take its address from the artist, and a node that you trust. What you type stays in this page."),
    h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); ask(overHttp($("node").value.trim()), $("node").value.trim()); } },
      h("label", {}, "Contract", h("input", { type: "text", id: "contract", autocomplete: "off", spellcheck: "false", placeholder: "0x…", value: collection.places[0]?.address ?? "", list: "places" })),
      h("datalist", { id: "places" }, places),
      h("label", {}, "Node (JSON-RPC)", h("input", { type: "text", id: "node", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…" })),
      h("div", { class: "line" }, h("button", { type: "submit", id: "ask", disabled: true }, "Ask the node"), wallet ? h("button", { type: "button", id: "ask-wallet", onclick: () => ask(overWallet(wallet), null) }, "Ask my wallet") : null),
    ),
    h("p", { class: "verdict-line", id: "asked-verdict", role: "status" }, `${NOT_ASKED[0].toUpperCase()}${NOT_ASKED.slice(1)}.`),
    h("ul", { class: "links", id: "asked", hidden: true, "aria-label": "What the contract says" }),
  );
}

async function ask(question, node) {
  const address = $("contract").value.trim();
  const tell = (words, kind = "") => {
    $("asked-verdict").textContent = words;
    $("asked-verdict").className = `verdict-line ${kind}`;
  };
  if (!found?.own) return tell("Draw the piece first: the contract is asked about what was found here.");
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) return tell("The contract's address is 0x and 40 hex digits.", "broken");
  if (node !== null && !isHere(node)) return tell("The node's address begins with https://, or http:// on this machine.", "broken");
  const mine = found;
  $("asked").replaceChildren();
  $("asked").hidden = false;
  $("ask").disabled = true;
  tell("Asking …");
  const log = await askContract(current.id, mine, question, address, (name, verdict, text) => mine === found && put("asked", ASKED, name, verdict, text));
  if (mine !== found) return null;
  $("ask").disabled = false;
  if (log.broken) return tell(`The link “${log.broken}” is broken.`, "broken");
  if (log.proven && mine.log.proven) return tell("Proven: every link holds, from the contract to the pixels.", "holds");
  return tell("Nothing is broken, but not everything could be checked.", "unchecked");
}

// ---- what is known

function facts(piece) {
  const lines = [["Seed", String(piece.seed)], ["Size", collection.recipe.size.join(" × ") + " pixels"], ["Pixels", `sha256:${piece.pixels}`], ...collection.lineage];
  return h(
    "details", { class: "facts" },
    h("summary", {}, "Lineage and licence"),
    h("dl", {}, lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("bdi", {}, value))))),
    h("p", { class: "line" }, h("a", { href: imageOf(piece.id), download: `${piece.id}.png` }, "Download the image"), h("a", { href: `${root}metadata/${piece.id}.json`, download: `${piece.id}.json` }, "Download the metadata"), drawable ? h("a", { href: `#/morph?from=${piece.id}` }, "Morph into another piece") : null),
  );
}
return { leavePiece, openPiece, draw };
})();
const $main = (() => {
// The page: which view the address names, and the keys.
const { collection, drawable, pieces } = $collection;
const { $ } = $dom;
const { hasSale, openDrop } = $drop;
const { focusFirst, galleryAddress, openGallery } = $gallery;
const { leaveMorph, openMorph } = $morph;
const { draw, leavePiece, openPiece } = $piece;

let view = null;

function route() {
  const [, path, , query] = /^#?\/?([^?]*)(\?(.*))?$/s.exec(location.hash) ?? [];
  const piece = /^\d{1,7}$/.test(path ?? "") && pieces[Number(path)];
  const before = view;
  view = piece ? "piece" : path === "morph" && drawable ? "morph" : hasSale && (path === "sale" || collection.sale.hidden) ? "sale" : "gallery";
  leavePiece();
  leaveMorph();
  for (const name of ["gallery", "piece", "morph", "sale"]) $(`page-${name}`).hidden = name !== view;
  document.body.dataset.page = view === "gallery" ? "grid" : view;
  if (view === "gallery") openGallery(query ?? "");
  if (view === "piece") openPiece(piece.id);
  if (view === "morph") openMorph(query ?? "");
  if (view === "sale") openDrop(query ?? "");
  document.title = piece ? `${piece.name} · ${collection.name}` : collection.name;
  if (view !== "gallery") $("main").scrollTop = 0;
  if (before && before !== view && view !== "gallery") $(`page-${view}`).querySelector("h2").focus({ preventScroll: true });
}

function key(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, dialog")) return;
  const steps = { ArrowLeft: 0, ArrowRight: 1 };
  if (event.key === "?") $("keys").showModal();
  else if (event.key === "/" && view === "gallery") {
    $("filters").open = true;
    $("search").focus();
  } else if (event.key === "Escape" && view !== "gallery" && !collection.sale?.hidden) location.hash = galleryAddress();
  else if (event.key === "d" && view === "piece") draw();
  else if (view === "piece" && Object.hasOwn(steps, event.key)) {
    const to = $("page-piece").querySelectorAll(".step")[steps[event.key]];
    if (to.href) location.hash = new URL(to.href).hash;
  } else if (view === "gallery" && event.key === "ArrowDown" && event.target === document.body) focusFirst();
  else return;
  event.preventDefault();
}

document.body.classList.toggle("pixels", collection.pixelated);
document.documentElement.classList.toggle("clear", collection.transparent === true);
$("open-sale").hidden = !hasSale || collection.sale.hidden;
addEventListener("hashchange", route);
addEventListener("keydown", key);
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the part after # is the page's own
  if (view === "gallery") focusFirst();
  else $(`page-${view}`).querySelector("h2").focus();
});
$("open-keys").addEventListener("click", () => $("keys").showModal());
$("close-keys").addEventListener("click", () => $("keys").close());
route();
return {  };
})();
})();
