// A PNG's own bytes as pixels, without the browser's colours; only files that hold nothing else.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const MOST_PIXELS = 100_000_000;
const TABLE = Int32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export class PngError extends Error {}

function crc(bytes) {
  let value = -1;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

// { width, height, pixels: Uint8Array of RGB or RGBA rows }. Throws PngError for what is not RGB, RGBA
// or a palette of 8 bits in the chunks IHDR, PLTE, IDAT, IEND alone: any other could change what programs show.
export async function decodePng(bytes) {
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
