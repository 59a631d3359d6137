// The finish, in whole numbers only; each step as nftgan/synthesis/finish.py describes it.

import { channelsOf, premultiplied, straight } from "./alpha.mjs";
import { upscaleContour } from "./contour.mjs";
import { oklab } from "./oklab.mjs";
import { nearest, toPalette } from "./palette.mjs";
import { tapsOf } from "./taps.mjs";

const SHOWS = 128; // alpha, from which on a pixel with few colours is opaque

// { pixels, width, height } of RGB bytes, or RGBA with straight colours -> the finished picture
export function applyFinish(picture, finish) {
  if (!finish) return picture;
  if (channelsOf(picture) === 4) return finishClear(picture, finish);
  if (finish.grid) picture = toGrid(picture, finish.grid);
  if (finish.filter === "contour") {
    const drawn = (plain) => (finish.colours ? toColours(plain, finish.colours) : plain);
    return upscaleContour(picture, finish.upscale, finish.palette, drawn);
  }
  if (finish.palette) picture = { ...picture, pixels: toPalette(picture.pixels, finish.palette) };
  if (finish.colours) picture = { ...picture, pixels: toColours(picture.pixels, finish.colours) };
  return finish.filter === "cubic" ? upscaleCubic(picture, finish.upscale) : upscale(picture, finish.upscale);
}

function finishClear(picture, finish) {
  if (finish.grid) picture = straight(toGrid(premultiplied(picture), finish.grid));
  if (finish.palette || finish.colours) picture = { ...picture, pixels: withHardEdges(picture.pixels, finish) };
  if (finish.filter === "cubic") return straight(upscaleCubic(premultiplied(picture), finish.upscale));
  return upscale(picture, finish.upscale);
}

// Steps 2 and 3 of the pixels that show, which become opaque; the others become (0, 0, 0, 0).
function withHardEdges(pixels, finish) {
  const shown = [];
  for (let p = 0; p < pixels.length; p += 4) if (pixels[p + 3] >= SHOWS) shown.push(p);
  let colours = new Uint8Array(shown.length * 3);
  shown.forEach((p, k) => colours.set(pixels.subarray(p, p + 3), 3 * k));
  if (finish.palette) colours = toPalette(colours, finish.palette);
  if (finish.colours) colours = toColours(colours, finish.colours);
  const result = new Uint8Array(pixels.length);
  shown.forEach((p, k) => {
    result.set(colours.subarray(3 * k, 3 * k + 3), p);
    result[p + 3] = 255;
  });
  return result;
}

// Step 1: area averages over a grid of cells, halves rounded up.
function toGrid(picture, grid) {
  const { pixels, width: side } = picture;
  const channels = channelsOf(picture);
  const rows = new Float64Array(grid * side * channels);
  const sums = new Float64Array(grid * grid * channels);
  const overlap = (cell, pixel) =>
    Math.min((cell + 1) * side, (pixel + 1) * grid) - Math.max(cell * side, pixel * grid);
  const covered = (cell) => [Math.floor((cell * side) / grid), Math.ceil(((cell + 1) * side) / grid)];
  for (let i = 0; i < grid; i++) {
    for (let p = covered(i)[0]; p < covered(i)[1]; p++) {
      const weight = overlap(i, p);
      const [to, from] = [i * side * channels, p * side * channels];
      for (let k = 0; k < side * channels; k++) rows[to + k] += weight * pixels[from + k];
    }
  }
  for (let j = 0; j < grid; j++) {
    for (let p = covered(j)[0]; p < covered(j)[1]; p++) {
      const weight = overlap(j, p);
      for (let i = 0; i < grid; i++) {
        const [to, from] = [(i * grid + j) * channels, (i * side + p) * channels];
        for (let c = 0; c < channels; c++) sums[to + c] += weight * rows[from + c];
      }
    }
  }
  const area = side * side;
  // Sums stay below 2^33, so that the quotient's floor is exact.
  return { pixels: Uint8Array.from(sums, (sum) => Math.floor((2 * sum + area) / (2 * area))), width: grid, height: grid };
}

// Step 3: of a list of colours, six hex digits each, the nearest in OKLab.
function toColours(pixels, text) {
  const list = text.match(/.{6}/g).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const entries = list.map(oklab);
  const known = new Map();
  const result = new Uint8Array(pixels.length);
  for (let p = 0; p < pixels.length; p += 3) {
    const colour = (pixels[p] << 16) | (pixels[p + 1] << 8) | pixels[p + 2];
    if (!known.has(colour)) known.set(colour, list[nearest(oklab([...pixels.subarray(p, p + 3)]), entries)]);
    result.set(known.get(colour), p);
  }
  return result;
}

// Step 4, cubic: columns, then rows, each value kept between its two inner taps. Whole numbers below
// 2^53 throughout, so that float64 is exact.
function upscaleCubic(picture, factor) {
  const { pixels, width, height } = picture;
  const channels = channelsOf(picture);
  const across = { count: width, step: channels, rows: height, stride: width * channels, channels };
  const wide = cubicLines(Float64Array.from(pixels), across, factor);
  const row = width * factor * channels;
  const down = { count: height, step: row, rows: row / channels, stride: channels, channels };
  const tall = cubicLines(wide, down, factor);
  const square = (2 * (2 * factor) ** 3) ** 2;
  // Adding half before an exact division of whole numbers: the remainder decides, not a rounded quotient.
  const result = Uint8Array.from(tall, (total) => {
    const doubled = total + square / 2;
    return (doubled - (doubled % square)) / square;
  });
  return { pixels: result, width: width * factor, height: height * factor };
}

// `rows` lines of `count` pixels, `step` values apart, the lines `stride` apart -> `factor` times
// as many pixels along each line, times D = 2 (2 factor)^3.
function cubicLines(values, { count, step, rows, stride, channels }, factor) {
  const scale = 2 * (2 * factor) ** 3;
  const result = new Float64Array(values.length * factor);
  const along = step === channels; // the lines are rows: the result's rows grow, else it gets more of them
  const newStride = along ? stride * factor : stride;
  for (const [r, { p, q, first }] of tapsOf(factor).entries()) {
    const weights = [
      -(p ** 3) + 2 * p * p * q - p * q * q,
      3 * p ** 3 - 5 * p * p * q + 2 * q ** 3,
      -3 * p ** 3 + 4 * p * p * q + p * q * q,
      p ** 3 - p * p * q,
    ];
    for (let j = 0; j < count; j++) {
      const at = weights.map((_, k) => Math.min(Math.max(j + first + k, 0), count - 1) * step);
      const to = (j * factor + r) * step;
      for (let line = 0; line < rows; line++) {
        for (let c = 0; c < channels; c++) {
          const from = line * stride + c;
          const inner = [values[from + at[1]], values[from + at[2]]];
          let total = 0;
          for (let k = 0; k < 4; k++) total += weights[k] * values[from + at[k]];
          const low = scale * Math.min(...inner);
          const high = scale * Math.max(...inner);
          result[line * newStride + to + c] = Math.min(Math.max(total, low), high);
        }
      }
    }
  }
  return result;
}

// Step 4, nearest: every pixel becomes a square of equal pixels.
function upscale(picture, factor) {
  const { pixels, width, height } = picture;
  const channels = channelsOf(picture);
  if (factor === 1) return { pixels, width, height };
  const result = new Uint8Array(pixels.length * factor * factor);
  const row = width * factor * channels;
  for (let y = 0; y < height; y++) {
    const at = y * factor * row;
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const colour = pixels.subarray(from, from + channels);
      for (let k = 0; k < factor; k++) result.set(colour, at + (x * factor + k) * channels);
    }
    for (let k = 1; k < factor; k++) result.copyWithin(at + k * row, at, at + row);
  }
  return { pixels: result, width: width * factor, height: height * factor };
}
