// The large image of one seed: its tile at once, the sharp look when it comes, never another's.

import { image } from "./api.js";
import { h, toast } from "./dom.js";
import { imageOf, state } from "./state.js";

// A stage whose `show(seed, path, usual)` asks for the look at `path`; usual: it is the tile's own.
export function stage() {
  const img = h("img", { alt: "", class: state.session.pixelated ? "pixels" : "", draggable: false });
  const element = h("figure", { class: "stage" }, img);
  let seed = null; // whose image may be seen
  let wish = null; // {path, seed} that shall be shown; only the newest
  let current = null; // AbortController of the request on its way
  let busy = false;
  let url = "";

  img.addEventListener("load", () => element.classList.remove("empty"));
  img.addEventListener("error", () => element.classList.add("empty"));

  function paint(source, path) {
    img.src = source;
    img.dataset.look = path;
    img.dataset.seed = seed;
    if (url && url !== source) URL.revokeObjectURL(url);
    url = source.startsWith("blob:") ? source : "";
  }

  function empty() {
    img.removeAttribute("src");
    delete img.dataset.look;
    delete img.dataset.seed;
    element.classList.add("empty");
  }

  // One request at a time, and only the newest wish: a slider must not queue up images.
  async function refresh() {
    if (busy) return;
    busy = true;
    while (wish) {
      const own = wish;
      wish = null;
      current = new AbortController();
      element.setAttribute("aria-busy", "true");
      try {
        const found = await image(own.path, current.signal);
        // Another seed may have been opened meanwhile: its name must not stand over this image.
        if (own.seed === seed && !(wish && wish.seed !== seed)) paint(URL.createObjectURL(found), own.path);
      } catch (error) {
        if (error.name !== "AbortError" && own.seed === seed) toast(error.message, { bad: true });
      }
    }
    current = null;
    element.removeAttribute("aria-busy");
    busy = false;
  }

  function show(wanted, path, usual) {
    if (wanted !== seed) {
      seed = wanted;
      current?.abort();
      wish = null;
      if (state.painted.has(seed)) paint(imageOf(seed), `tile of ${seed}`);
      else empty();
    }
    // The tile has all the pixels of the usual look, unless it had to be made smaller.
    if (usual && state.session.side <= state.session.tile) {
      current?.abort();
      wish = null;
      if (img.dataset.look !== path) paint(imageOf(seed), path);
      return;
    }
    if (img.dataset.look === path) {
      current?.abort();
      wish = null;
      return;
    }
    wish = { path, seed };
    refresh();
  }

  function leave() {
    seed = null;
    wish = null;
    current?.abort();
    empty();
  }
  empty();
  return { element, img, show, leave };
}
