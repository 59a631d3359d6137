// Renders CC0 avatars into folders of small PNG files: the art that the base model is trained on.
//
//   node render.mjs OUT --size 32 pixel-art=6000 open-peeps=1500 …
//
// Each image is drawn `--supersample` times larger and averaged down, except pixel art, which
// is drawn at its own 16-pixel grid times a whole number, so every square stays one flat colour.
// The seeds are "nftgan-base-0", "nftgan-base-1", …: none of them is a seed of the shipped demo art.
// Image N depends on its style, size and N alone; images that exist already are left as they are.
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { crc32, deflateSync } from "node:zlib";

import * as collection from "@dicebear/collection";
import { createAvatar } from "@dicebear/core";
import { Resvg } from "@resvg/resvg-js";

const STYLES = {
  "pixel-art": collection.pixelArt,
  "open-peeps": collection.openPeeps,
  lorelei: collection.lorelei,
  notionists: collection.notionists,
  thumbs: collection.thumbs,
  shapes: collection.shapes,
};
const BACKGROUNDS = [
  "b6e3f4", "c0aede", "d1d4f9", "ffd5dc", "ffdfbf", "f4d35e", "95d5b2", "ef8354",
];
const PIXEL_ART_GRID = 16;

function draw(style, seed, size) {
  const svg = createAvatar(STYLES[style], { seed, backgroundColor: BACKGROUNDS, size }).toString();
  const image = new Resvg(svg, { fitTo: { mode: "width", value: size } }).render();
  if (image.width !== size || image.height !== size) {
    throw new Error(`${style} ${seed} came out as ${image.width}x${image.height}`);
  }
  return image.pixels; // RGBA, rows from the top
}

// The mean of each factor x factor block; the images are opaque, so alpha is dropped.
function averageDown(rgba, size, factor) {
  const large = size * factor;
  const rgb = Buffer.alloc(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let dy = 0; dy < factor; dy++) {
          for (let dx = 0; dx < factor; dx++) {
            sum += rgba[((y * factor + dy) * large + x * factor + dx) * 4 + channel];
          }
        }
        rgb[(y * size + x) * 3 + channel] = Math.round(sum / (factor * factor));
      }
    }
  }
  return rgb;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

function png(rgb, size) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8); // eight bits, RGB, no interlacing
  const rows = Buffer.alloc(size * (size * 3 + 1)); // each row starts with filter type 0
  for (let y = 0; y < size; y++) {
    rgb.copy(rows, y * (size * 3 + 1) + 1, y * size * 3, (y + 1) * size * 3);
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "32" },
    supersample: { type: "string", default: "4" },
    from: { type: "string", default: "0" },
  },
});
const [out, ...wanted] = positionals;
const size = Number(values.size);
const from = Number(values.from);
const parsed = wanted.map((text) => text.split("="));
const bad = parsed.find(([style, count]) => !STYLES[style] || !Number.isInteger(Number(count)));
if (!out || !parsed.length || bad || !(size > 0) || !(values.supersample > 0)) {
  console.error("usage: node render.mjs OUT [--size 32] [--supersample 4] [--from 0] STYLE=COUNT …");
  console.error(`styles: ${Object.keys(STYLES).join(", ")}`);
  process.exit(2);
}
for (const [style, count] of parsed) {
  const exact = style === "pixel-art";
  if (exact && size % PIXEL_ART_GRID) {
    console.error(`pixel-art needs a size that ${PIXEL_ART_GRID} divides, not ${size}`);
    process.exit(2);
  }
  const factor = exact ? 1 : Number(values.supersample);
  const folder = join(out, style);
  mkdirSync(folder, { recursive: true });
  for (let i = from; i < Number(count); i++) {
    const path = join(folder, `${String(i).padStart(5, "0")}.png`);
    if (existsSync(path)) continue;
    const rgba = draw(style, `nftgan-base-${i}`, size * factor);
    writeFileSync(`${path}.part`, png(averageDown(rgba, size, factor), size));
    renameSync(`${path}.part`, path);
  }
  console.log(`${style}: ${count} images of ${size}x${size} in ${folder}`);
}
