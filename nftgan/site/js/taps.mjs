// Where the lines of an enlargement lie between those of the image; as nftgan/synthesis/taps.py has it.

// Of each line u j + r: p, q and the first of its four taps, as lines from j.
export function tapsOf(factor) {
  const q = 2 * factor;
  return Array.from({ length: factor }, (_, r) => {
    const p = 2 * r + 1 - factor;
    return p < 0 ? { p: p + q, q, first: -2 } : { p, q, first: -1 };
  });
}
