// One renderer for the whole page, started and given the model when it is first needed.
import { runScript } from "./files.mjs";
import { beside } from "./sources.mjs";

let renderer = null;
let started = null;
let loaded = null;
let from = null;

export async function kit() {
  if (!globalThis.nftganRenderer) await runScript("renderer.js");
  return globalThis.nftganRenderer;
}

// { renderer, model }. Throws where there is no model, or the browser cannot run it.
export async function drawer({ source = beside, signal, onProgress } = {}) {
  const { Renderer } = await kit();
  started ??= Renderer.create();
  try {
    renderer = await started;
  } catch (problem) {
    started = null;
    throw problem;
  }
  if (!loaded || from !== source.key) {
    const bytes = await source.model(signal);
    loaded = null; // what fails in the middle leaves none
    loaded = await renderer.load(bytes, { signal, onProgress });
    from = source.key;
  }
  return { renderer, model: loaded };
}
