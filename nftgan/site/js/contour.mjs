// The enlargement of flat art, in whole numbers only; each step as nftgan/synthesis/contour.py describes it.

import { counted, entriesOf, nearest } from "./palette.mjs";
import { tapsOf } from "./taps.mjs";

const PLAIN = 32;
const ALIKE = 400;
const NEAR = 1600;
const EXACT = 3;
const IN_LINE = 2;
const JOINED = 2304;
const NEIGHBOURS = 6;
const REACH = 3;
const ROUNDS = 8;
const NO_PAIR = 2 ** 40;
const WHOLE = 64;

// { pixels, width, height } of RGB bytes -> the same, `factor` times larger, in plain colours.
// drawn: RGB bytes of the plain colours -> the bytes of what they are drawn in.
export function upscaleContour({ pixels, width, height }, factor, palette, drawn) {
  const image = {
    width,
    height,
    colours: Array.from({ length: width * height }, (_, p) => [pixels[3 * p], pixels[3 * p + 1], pixels[3 * p + 2]]),
  };
  const { entries, first, second, share } = between(image, palette || PLAIN);
  const colours = drawn(Uint8Array.from(entries.flat()));
  return enlarged({ width, height, first, second, share }, colours, factor);
}

function apart(one, other) {
  return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2;
}

// The place of the pixel in line y, column x, or of the nearest that there is.
function inside({ width, height }, y, x) {
  return Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1);
}

// Of how many of the 8 neighbours of each pixel `same(neighbour, pixel)` is true.
function alikeAround(image, same) {
  return image.colours.map((_, p) => {
    const y = Math.floor(p / image.width);
    let count = 0;
    for (let k = 0; k < 9; k++) {
      if (k !== 4 && same(inside(image, y + Math.floor(k / 3) - 1, p - y * image.width + (k % 3) - 1), p)) count++;
    }
    return count;
  });
}

// All places up to REACH lines away, in reading order.
function around({ width, height }, p) {
  const y = Math.floor(p / width);
  const x = p - y * width;
  const found = [];
  for (let j = Math.max(y - REACH, 0); j <= Math.min(y + REACH, height - 1); j++) {
    for (let i = Math.max(x - REACH, 0); i <= Math.min(x + REACH, width - 1); i++) found.push(j * width + i);
  }
  return found;
}

// ---- which colours there are, and whose each pixel is

// Step a.
function plainColours(image, limit) {
  const alike = alikeAround(image, (other, p) => apart(image.colours[other], image.colours[p]) <= ALIKE);
  const flat = image.colours.filter((_, p) => alike[p] >= NEIGHBOURS);
  const all = counted(Uint8Array.from((flat.length ? flat : image.colours).flat()));
  const made = entriesOf(all, limit);
  const pixels = made.map(() => 0);
  for (const { rgb, count } of all) pixels[nearest(rgb, made)] += count;
  const kept = made.map((rgb, k) => ({ rgb, count: pixels[k] })).filter(({ count }) => count > 0);
  while (kept.length > 1) {
    let best = { away: Infinity };
    for (let i = 0; i < kept.length; i++) {
      for (let j = i + 1; j < kept.length; j++) {
        const away = apart(kept[i].rgb, kept[j].rgb);
        if (away < best.away) best = { away, i, j };
      }
    }
    if (best.away > ALIKE) break;
    const one = kept[best.i];
    const [other] = kept.splice(best.j, 1);
    const count = one.count + other.count;
    const sum = (c) => one.count * one.rgb[c] + other.count * other.rgb[c];
    kept[best.i] = { rgb: [0, 1, 2].map((c) => Math.floor((2 * sum(c) + count) / (2 * count))), count };
  }
  return kept.map(({ rgb }) => rgb);
}

// Steps a to c, and the shares of d.
function between(image, limit) {
  const { colours } = image;
  const entries = plainColours(image, limit);
  const own = colours.map((colour) => nearest(colour, entries));
  const same = alikeAround(image, (other, p) => own[other] === own[p]);
  const away = colours.map((colour, p) => apart(colour, entries[own[p]]));
  const exact = alikeAround(image, (other, p) => own[other] === own[p] && away[other] <= EXACT);
  const sure = (p) => (same[p] >= NEIGHBOURS && away[p] <= NEAR) || (exact[p] >= IN_LINE && away[p] <= EXACT);
  const labels = Int32Array.from(colours, (_, p) => (sure(p) ? own[p] : -1));
  const found = {
    error: new Float64Array(colours.length),
    first: new Int32Array(colours.length),
    second: new Int32Array(colours.length),
    share: new Int32Array(colours.length),
  };
  const look = (places) => {
    for (const p of places) {
      if (labels[p] >= 0) found.error[p] = 0;
      else setPair(found, p, colours[p], entries, new Set(around(image, p).map((other) => labels[other])));
    }
  };
  look(colours.keys());
  for (let round = 0; round < ROUNDS; round++) {
    const details = detailsOf(image, found.error);
    if (!details.length) break;
    for (const p of details) {
      let label = nearest(colours[p], entries);
      if (apart(colours[p], entries[label]) > JOINED && entries.length < limit) label = entries.push(colours[p]) - 1;
      labels[p] = label;
    }
    look(new Set(details.flatMap((p) => around(image, p))));
  }
  labels.forEach((label, p) => {
    if (label < 0 && found.error[p] === NO_PAIR) label = nearest(colours[p], entries);
    if (label < 0) return;
    found.first[p] = label;
    found.share[p] = 0;
  });
  return { entries, ...found };
}

// Step c of one pixel: the pair of entries that explains its colour best, among those of `seen`.
function setPair(found, p, colour, entries, seen) {
  const near = [...seen].filter((label) => label >= 0).sort((a, b) => a - b);
  [found.error[p], found.first[p], found.second[p], found.share[p]] = [NO_PAIR, 0, 0, 0];
  near.forEach((a, place) => {
    const [r, g, b] = entries[a];
    const fromA = apart(colour, entries[a]);
    for (const other of near.slice(place)) {
      const step = [entries[other][0] - r, entries[other][1] - g, entries[other][2] - b];
      const t = (colour[0] - r) * step[0] + (colour[1] - g) * step[1] + (colour[2] - b) * step[2];
      const whole = apart(entries[other], entries[a]);
      let error = fromA;
      // The quotient of whole numbers this small is never rounded up to the next one.
      if (t > 0) error = t < whole ? Math.floor((fromA * whole - t * t) / whole) : apart(colour, entries[other]);
      if (error >= found.error[p]) continue;
      const share = t > 0 ? Math.min(Math.floor((2 * WHOLE * t + whole) / (2 * whole)), WHOLE) : 0;
      [found.error[p], found.first[p], found.second[p], found.share[p]] = [error, a, other, share];
    }
  });
}

// The pixels that no pair explains, the worst of those around them, in reading order.
function detailsOf(image, error) {
  const found = [];
  error.forEach((own, p) => {
    if (own <= NEAR) return;
    if (around(image, p).every((other) => error[other] < own || (error[other] === own && other >= p))) found.push(p);
  });
  return found;
}

// ---- the enlargement

// Step d: for each line u j + r the weights of the lines j - 2 to j + 2.
function weightsOf(u) {
  return tapsOf(u).map(({ p, q, first }) => {
    const weights = [0, 0, 0, 0, 0];
    [
      -7 * p ** 3 + 15 * p * p * q - 9 * p * q * q + q ** 3,
      9 * p ** 3 - 18 * p * p * q + 10 * q ** 3,
      -9 * p ** 3 + 9 * p * p * q + 9 * p * q * q + q ** 3,
      7 * p ** 3 - 6 * p * p * q,
    ].forEach((w, k) => (weights[first + 2 + k] = Math.floor((1024 * w + 3 * q ** 3) / (6 * q ** 3))));
    return weights;
  });
}

// Steps d and e, one square of u x u pixels after the other.
function enlarged(plane, colours, u) {
  const { width, height, first, second, share } = plane;
  const weights = weightsOf(u);
  const result = new Uint8Array(width * height * u * u * 3);
  const most = { sums: [new Int32Array(u * u), new Int32Array(u * u)], labels: [new Uint8Array(u * u), new Uint8Array(u * u)] };
  const places = new Int32Array(25);
  const shares = new Int32Array(25);
  const rows = new Int32Array(5 * u);
  for (let p = 0; p < width * height; p++) {
    const y = Math.floor(p / width);
    const x = p - y * width;
    const here = new Set();
    for (let k = 0; k < 25; k++) {
      const at = inside(plane, y + Math.floor(k / 5) - 2, x + (k % 5) - 2);
      places[k] = at;
      if (share[at] < WHOLE) here.add(first[at]);
      if (share[at] > 0) here.add(second[at]);
    }
    for (const part of [...most.sums, ...most.labels]) part.fill(0);
    const labels = [...here].sort((a, b) => a - b);
    if (labels.length === 1) most.labels[0].fill(labels[0]);
    else {
      for (const label of labels) {
        for (let k = 0; k < 25; k++) {
          const at = places[k];
          shares[k] = (first[at] === label ? WHOLE - share[at] : 0) + (second[at] === label ? share[at] : 0);
        }
        addLabel(most, label, shares, rows, weights, u);
      }
    }
    const alone = labels.length === 1;
    for (let k = 0; k < u * u; k++) {
      const lead = alone ? 256 : Math.min(Math.floor(((most.sums[0][k] - most.sums[1][k]) * u) / 2 ** 20), 256);
      const a = 3 * most.labels[0][k];
      const b = 3 * most.labels[1][k];
      const to = 3 * ((y * u + Math.floor(k / u)) * width * u + x * u + (k % u));
      for (let c = 0; c < 3; c++) result[to + c] = ((256 + lead) * colours[a + c] + (256 - lead) * colours[b + c] + 256) >> 9;
    }
  }
  return { pixels: result, width: width * u, height: height * u };
}

// Compares what `label` has of each pixel of a square with the largest two until now.
function addLabel({ sums, labels }, label, shares, rows, weights, u) {
  for (let j = 0; j < 5; j++) {
    for (let x = 0; x < u; x++) {
      let total = 0;
      for (let i = 0; i < 5; i++) total += weights[x][i] * shares[5 * j + i];
      rows[j * u + x] = total;
    }
  }
  for (let y = 0, k = 0; y < u; y++) {
    const [v0, v1, v2, v3, v4] = weights[y];
    for (let x = 0; x < u; x++, k++) {
      const total = v0 * rows[x] + v1 * rows[u + x] + v2 * rows[2 * u + x] + v3 * rows[3 * u + x] + v4 * rows[4 * u + x];
      if (total > sums[0][k]) {
        [sums[1][k], labels[1][k]] = [sums[0][k], labels[0][k]];
        [sums[0][k], labels[0][k]] = [total, label];
      } else if (total > sums[1][k]) {
        [sums[1][k], labels[1][k]] = [total, label];
      }
    }
  }
}
