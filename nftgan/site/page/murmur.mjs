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
export function murmur(bytes) {
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
export function slotsOf(name) {
  const hash = murmur(name);
  return Array.from({ length: 8 }, (_, level) => Number((hash >> BigInt(56 - 8 * level)) & 255n));
}
