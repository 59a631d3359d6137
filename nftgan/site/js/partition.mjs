// Which output channels of a layer each worker computes.

export const UNIT = 8; // channels: a block of the float32 kernels, two of the float64 ones

// [first, end) of the channels of worker `rank` of `count`; small layers go to the first workers.
export function share(channels, rank, count) {
  const units = Math.ceil(channels / UNIT);
  const edge = (r) => Math.min(Math.ceil((units * r) / count) * UNIT, channels);
  return [edge(rank), edge(rank + 1)];
}
