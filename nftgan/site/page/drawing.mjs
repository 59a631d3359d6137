// One renderer for the whole page, started and given the model when it is first needed.
import { readFile, runScript } from "./files.mjs";

let renderer = null;
let started = null;
let loaded = null;

export async function kit() {
  if (!globalThis.nftganRenderer) await runScript("renderer.js");
  return globalThis.nftganRenderer;
}

// { renderer, model }. Throws where there is no model, or the browser cannot run it.
export async function drawer({ signal, onProgress } = {}) {
  const { Renderer } = await kit();
  started ??= Renderer.create();
  try {
    renderer = await started;
  } catch (problem) {
    started = null;
    throw problem;
  }
  if (!loaded) loaded = await renderer.load(await readFile("model.safetensors", signal), { signal, onProgress });
  return { renderer, model: loaded };
}
