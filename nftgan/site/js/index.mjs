// What the script offers, as the global `nftganRenderer` and as a module of Node.
import { RenderError } from "./errors.mjs";
import { canonicalJson } from "./json.mjs";
import { recipeHash } from "./recipe.mjs";
import { Renderer, pixelHash, toImageData } from "./renderer.mjs";
import { sha256 } from "./sha256.mjs";

const offered = { Renderer, RenderError, pixelHash, recipeHash, sha256, canonicalJson, toImageData };
globalThis.nftganRenderer = Object.freeze(offered);
if (typeof module !== "undefined") module.exports = offered;
