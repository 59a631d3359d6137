// Renders CC0 art of DiceBear 10.6 into folders of PNG files: what the 64-pixel base models learned.
//
//   node render_styles.mjs OUT landscape=4000 moods=2500 critters=2500
//   node render_styles.mjs OUT --prefix nftgan landscape=512      # the art that the demo ships
//
// A style whose own file does not say CC0 1.0 is refused. Image N depends on its style, prefix, size and N
// alone; images that exist already are left as they are. `nftgan prepare OUT --resolution 64` does the rest.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Avatar, Style } from "@dicebear/core-10";
import { Resvg } from "@resvg/resvg-js";

const BACKGROUNDS = [
  "b6e3f4", "c0aede", "d1d4f9", "ffd5dc", "ffdfbf", "f4d35e", "95d5b2", "ef8354",
]; // only where a style draws none

const styles = createRequire(import.meta.url);

function styleNamed(name) {
  const definition = JSON.parse(readFileSync(styles.resolve(`@dicebear/styles/${name}.json`)));
  const licence = definition.meta.license.name;
  if (licence !== "CC0 1.0") throw new Error(`${name} is ${licence}, not CC0 1.0`);
  return new Style(definition);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prefix: { type: "string", default: "nftgan-base" },
    size: { type: "string", default: "512" },
  },
});
const [out, ...wanted] = positionals;
const size = Number(values.size);
const parsed = wanted.map((text) => text.split("="));
if (!out || !parsed.length || !(size > 0) || parsed.some(([, count]) => !(Number(count) > 0))) {
  console.error("usage: node render_styles.mjs OUT [--prefix nftgan-base] [--size 512] STYLE=COUNT …");
  process.exit(2);
}
for (const [name, count] of parsed) {
  const style = styleNamed(name);
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < Number(count); i++) {
    const path = join(folder, `${String(i).padStart(5, "0")}.png`);
    if (existsSync(path)) continue;
    const svg = new Avatar(style, { seed: `${values.prefix}-${i}`, size: size / 4 }).toString();
    const background = `#${BACKGROUNDS[i % BACKGROUNDS.length]}`;
    const image = new Resvg(svg, { fitTo: { mode: "width", value: size }, background }).render();
    writeFileSync(`${path}.part`, image.asPng());
    renameSync(`${path}.part`, path);
  }
  console.log(`${name}: ${count} images of ${size}x${size} in ${folder}`);
}
