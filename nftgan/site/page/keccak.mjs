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
export function keccak(bytes) {
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
