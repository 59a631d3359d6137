// The recipe: all but the seed that decides the pixels, checked as Python does.
import { countStyles } from "./architecture.mjs";
import { RenderError, quoted } from "./errors.mjs";
import { canonicalJson, isTable, utf8 } from "./json.mjs";
import { sha256 } from "./sha256.mjs";

const KEYS = ["nftgan", "model", "trunc", "cutoff", "class", "translate", "rotate", "renderer", "size"];
const FILTERS = ["cubic", "contour"];
const HASH = /^sha256:[0-9a-f]{64}$/;
const [MAX_LATENTS, MAX_NUMBERS, MAX_VALUE] = [100, 18 * 512, 1e6];

function wrong(message) {
  return new RenderError("recipe", `recipe: ${message}`);
}

function whole(name, value, least, most) {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw wrong(`${name} must be a whole number from ${least} to ${most}, not ${quoted(value)}`);
  }
}

function real(name, value, most) {
  if (typeof value !== "number" || !(Math.abs(value) <= most)) {
    throw wrong(`${name} must be a number from ${-most} to ${most}, not ${quoted(value)}`);
  }
  return value + 0; // no negative zero
}

// A copy of the recipe with all values checked; a key that is not known could change the pixels.
export function readRecipe(document) {
  if (!isTable(document)) throw wrong("it must be a JSON object");
  if (document.nftgan !== 1) throw wrong(`version ${quoted(document.nftgan)} is not known here`);
  for (const key of Object.keys(document)) {
    if (!KEYS.includes(key) && key !== "finish" && key !== "latents") throw wrong(`unknown key ${quoted(key)}`);
  }
  for (const key of KEYS) if (!Object.hasOwn(document, key)) throw wrong(`${key} is missing`);
  if (document.renderer !== "f64-1") {
    throw wrong(`renderer ${quoted(document.renderer)} is not known here, only f64-1`);
  }
  if (typeof document.model !== "string" || !/^sha256:[0-9a-f]{64}$/.test(document.model)) {
    throw wrong("model must be sha256: and 64 hex digits");
  }
  if (document.cutoff !== null) whole("cutoff", document.cutoff, 0, 10000);
  if (document.class !== null) whole("class", document.class, 0, 1000000);
  for (const key of ["translate", "size"]) {
    if (!Array.isArray(document[key]) || document[key].length !== 2) {
      throw wrong(`${key} must be a list of 2 numbers`);
    }
  }
  for (const side of document.size) whole("size", side, 1, 16384);
  const recipe = {
    nftgan: 1,
    model: document.model,
    trunc: real("trunc", document.trunc, 100),
    cutoff: document.cutoff,
    class: document.class,
    translate: document.translate.map((value) => real("translate", value, 100)),
    rotate: real("rotate", document.rotate, 36000),
    renderer: "f64-1",
    size: [...document.size],
  };
  if (Object.hasOwn(document, "latents")) recipe.latents = readLatents(document.latents);
  const finish = readFinish(document.finish ?? null);
  if (finish) {
    recipe.finish = finish;
    const side = finish.grid * finish.upscale;
    if (finish.grid && recipe.size.some((length) => length !== side)) {
      throw wrong("size is not what the finish gives");
    }
  }
  return recipe;
}

// The hashes of stored latents, in their order, each once.
function readLatents(latents) {
  if (!Array.isArray(latents) || latents.length === 0) throw wrong("latents must be a list of hashes, or left out");
  if (latents.length > MAX_LATENTS) throw wrong(`${latents.length} latents are more than ${MAX_LATENTS}`);
  for (const hash of latents) {
    if (typeof hash !== "string" || !HASH.test(hash)) throw wrong("a latent must be sha256: and 64 hex digits");
  }
  if (latents.some((hash, k) => k && hash <= latents[k - 1])) throw wrong("the latents are not in the order of their hashes");
  if (new Set(latents.map(numberOf)).size !== latents.length) throw wrong("two latents share a number");
  return [...latents];
}

function numberOf(hash) {
  return parseInt(hash.slice(7, 15), 16);
}

// The styles [Float64Array] that a recipe names by the number `seed`, one for all layers or one each;
// null where the piece is drawn from its seed. latent: as the piece's metadata has it.
export function storedStyles(recipe, seed, latent, config) {
  const named = recipe.latents?.find((hash) => numberOf(hash) === seed) ?? null;
  if (named === null) {
    if (latent !== null) throw wrong("the latent is none that the recipe names");
    return null;
  }
  if (latent === null) throw wrong(`${seed} stands for a stored latent, which only the metadata of its piece has`);
  const { layers, width, values } = isTable(latent) ? latent : {};
  const counts = [layers, width].every((side) => Number.isInteger(side) && side > 0 && side <= MAX_NUMBERS);
  if (!counts || layers * width > MAX_NUMBERS || typeof values !== "string") {
    throw wrong("the latent must hold layers, width and values");
  }
  if (width !== config.w_dim || (layers !== 1 && layers !== countStyles(config))) {
    throw wrong(`the latent is ${layers} x ${width}, the model takes ${countStyles(config)} x ${config.w_dim}`);
  }
  let text = "";
  try {
    text = atob(values);
  } catch {
    // then it has the wrong length
  }
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  if (bytes.length !== 4 * layers * width || btoa(text) !== values) throw wrong("the latent's values are not those of its shape");
  const start = utf8("nftgan-latent-1");
  const hashed = new Uint8Array(start.length + 8 + bytes.length);
  hashed.set(start);
  new DataView(hashed.buffer).setUint32(start.length, layers);
  new DataView(hashed.buffer).setUint32(start.length + 4, width);
  hashed.set(bytes, start.length + 8);
  if (`sha256:${sha256(hashed)}` !== named) throw wrong("the latent is not the one that the recipe names");
  const view = new DataView(bytes.buffer);
  const rows = Array.from({ length: layers }, (_, i) =>
    Float64Array.from({ length: width }, (_, k) => view.getFloat32(4 * (i * width + k), true)),
  );
  for (const row of rows) {
    if (!row.every((value) => Math.abs(value) <= MAX_VALUE)) throw wrong("the latent holds a value that no picture has");
    if (row.some((value) => Object.is(value, -0))) throw wrong("the latent is not written in the one canonical way");
  }
  const equal = rows.every((row) => row.every((value, k) => value === rows[0][k]));
  if (layers > 1 && equal) throw wrong("the latent is not written in the one canonical way");
  return rows;
}

function readFinish(finish) {
  if (finish === null) return null;
  const keys = isTable(finish) ? Object.keys(finish).filter((key) => key !== "filter" && key !== "colours") : [];
  if (keys.sort().join() !== "grid,palette,upscale") {
    throw wrong("finish must hold grid, palette and upscale");
  }
  const { grid, palette, upscale } = finish;
  const named = Object.hasOwn(finish, "filter");
  if (named && finish.filter !== "nearest" && !FILTERS.includes(finish.filter)) {
    throw wrong(`finish: the filter ${quoted(finish.filter)} is not known here; a newer program made the recipe`);
  }
  if (named && (finish.filter === "nearest" || upscale === 1)) {
    throw wrong("finish must leave out filter where it is nearest");
  }
  whole("grid", grid, 0, 4096);
  whole("palette", palette, 0, finish.filter === "contour" ? 64 : 256);
  whole("upscale", upscale, 1, named ? 64 : 256);
  if (palette === 1) throw wrong("a palette of 1 colour is an empty picture");
  const listed = Object.hasOwn(finish, "colours");
  if (listed && !areColours(finish.colours)) {
    throw wrong("finish: colours must be 2 to 256 times six small hex digits, each once and rising");
  }
  if (!grid && !palette && upscale === 1 && !listed) return null;
  return {
    ...(listed ? { colours: finish.colours } : {}),
    ...(named ? { filter: finish.filter } : {}),
    grid,
    palette,
    upscale,
  };
}

function areColours(text) {
  if (typeof text !== "string" || !/^(?:[0-9a-f]{6}){2,256}$/.test(text)) return false;
  const list = text.match(/.{6}/g);
  return list.every((colour, k) => !k || list[k - 1] < colour);
}

// Throws where the model cannot follow the recipe.
export function checkFits(recipe, { identity, config }) {
  if (recipe.model !== identity) {
    throw new RenderError("recipe", `the recipe was made for the model ${recipe.model}, this one is ${identity}`);
  }
  const { c_dim: classes, img_resolution: side } = config;
  if (classes === 0 && recipe.class !== null) throw wrong("the model has no classes");
  if (classes > 0 && recipe.class === null) throw wrong(`the model has ${classes} classes and it names none`);
  if (classes > 0 && recipe.class >= classes) throw wrong(`class ${recipe.class} is not one of 0 to ${classes - 1}`);
  const styles = countStyles(config);
  if (recipe.cutoff !== null && recipe.cutoff > styles) {
    throw wrong(`the cutoff ${recipe.cutoff} is above the model's ${styles} layers`);
  }
  const moved = recipe.rotate !== 0 || recipe.translate.some((value) => value !== 0);
  if (moved && config.kind === "stylegan2") throw wrong("only StyleGAN3 models can be moved or turned");
  const finish = recipe.finish ?? { grid: 0, upscale: 1 };
  const expected = (finish.grid || side) * finish.upscale;
  if (recipe.size.some((length) => length !== expected)) {
    throw wrong(`it makes ${recipe.size.join("x")} pictures, the model ${expected}x${expected}`);
  }
  if (config.img_channels === 4 && finish.filter === "contour") {
    throw wrong("the filter contour takes opaque pictures, and the model makes RGBA");
  }
  if (finish.grid > side) throw wrong(`a pixel grid of ${finish.grid} is finer than the model's ${side} pixels`);
}

// "sha256:…" of the canonical JSON, the hash that the contract holds.
export function recipeHash(recipe) {
  return "sha256:" + sha256(utf8(canonicalJson(readRecipe(recipe))));
}
