// Safetensors files: every offset is checked, and every byte belongs to one tensor.
import { RenderError, quoted } from "./errors.mjs";
import { isTable } from "./json.mjs";

const MAX_HEADER_BYTES = 4 << 20;
const MAX_TENSORS = 10000;
const MAX_DIMENSIONS = 8;
const ITEM_BYTES = { F16: 2, F32: 4 };

function broken(reason) {
  return new RenderError("model", `not a whole safetensors file: ${reason}`);
}

// { metadata: {name: text}, entries: Map of name -> {dtype, shape, begin, end}, in bytes of `bytes` }
export function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? -1 : Number(view.getBigUint64(0, true));
  if (length < 2 || length > Math.min(bytes.length - 8, MAX_HEADER_BYTES)) {
    throw broken("its header does not fit");
  }
  let document;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
    document = JSON.parse(text);
  } catch {
    throw broken("its header is not JSON");
  }
  if (!isTable(document) || Object.keys(document).length > MAX_TENSORS) {
    throw broken("its header is not a table of tensors");
  }
  const metadata = Object.hasOwn(document, "__metadata__") ? document.__metadata__ : {};
  delete document.__metadata__;
  if (!isTable(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw broken("its metadata is not a table of texts");
  }
  const start = 8 + length;
  const entries = new Map(Object.entries(document).map(([key, value]) => [key, entry(key, value, start)]));
  let position = start;
  for (const { begin, end } of [...entries.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) throw broken("its tensors overlap or leave gaps");
    position = end;
  }
  if (position !== bytes.length) throw broken(`it should have ${position - start} bytes of tensors`);
  return { metadata, entries };
}

function entry(key, value, start) {
  const title = quoted(key);
  if (!isTable(value) || Object.keys(value).sort().join() !== "data_offsets,dtype,shape") {
    throw broken(`the entry ${title} is incomplete`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(ITEM_BYTES, dtype)) {
    throw broken(`${title} is not float16 or float32`);
  }
  if (!wholeNumbers(shape) || !wholeNumbers(offsets) || offsets.length !== 2) {
    throw broken(`the shape or place of ${title} is wrong`);
  }
  if (shape.length > MAX_DIMENSIONS) throw broken(`${title} has ${shape.length} dimensions`);
  const [begin, end] = offsets;
  if (end - begin !== shape.reduce((a, b) => a * b, 1) * ITEM_BYTES[dtype]) {
    throw broken(`${title} has ${end - begin} bytes for another shape`);
  }
  return { dtype, shape, begin: start + begin, end: start + end };
}

function wholeNumbers(values) {
  return Array.isArray(values) && values.every((v) => Number.isSafeInteger(v) && v >= 0 && v < 2 ** 40);
}

// One tensor as a Float32Array of its own; float16 is widened, which is exact.
export function readTensor(bytes, { dtype, begin, end }) {
  const copy = bytes.slice(begin, end); // aligned, whatever the file's layout
  if (dtype === "F32") return new Float32Array(copy.buffer);
  return Float32Array.from(new Uint16Array(copy.buffer), widened);
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

function widened(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  word[0] = ((half & 0x8000) << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  return single[0];
}
