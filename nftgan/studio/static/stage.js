// The large image of one seed: its tile or a draft at once, the sharp look when it comes, never
// another's.

import { image } from "./api.js";
import { STILL, draftOf } from "./drafts.js";
import { h, toast } from "./dom.js";
import { imageOf, state } from "./state.js";

// A stage whose `show(seed, path, usual)` asks for the look at `path`; usual: it is the tile's own.
export function stage() {
  const img = h("img", { alt: "", class: state.session.pixelated ? "pixels" : "", draggable: false });
  const element = h("figure", { class: "stage" }, img);
  let seed = null; // whose image may be seen
  let wish = null; // {path, seed, draft} that shall be shown; only the newest
  let asked = 0; // when it was wished, ms
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
    element.classList.remove("draft");
  }

  function empty() {
    element.classList.remove("draft");
    img.removeAttribute("src");
    delete img.dataset.look;
    delete img.dataset.seed;
    element.classList.add("empty");
  }

  async function ask(own, path) {
    const found = await image(`${path}&stage=1`, current.signal); // painted before all others
    // Another seed may have been opened meanwhile: its name must not stand over this image.
    if (own.seed !== seed || (wish && wish.seed !== seed)) return;
    paint(URL.createObjectURL(found), path);
    element.classList.toggle("draft", path === own.draft);
  }

  // Whether nobody wishes for something else for a moment: the whole image takes its time.
  async function still() {
    for (;;) {
      if (wish || seed === null) return false;
      const left = asked + STILL - performance.now();
      if (left <= 0) return true;
      await new Promise((done) => setTimeout(done, Math.min(left, 30)));
    }
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
        if (own.draft) {
          await ask(own, own.draft);
          if (!(await still())) continue;
        }
        await ask(own, own.path);
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
    const same = usual && state.session.side <= state.session.tile;
    const drafted = state.session.drafts && !(usual && state.painted.has(seed));
    if (same && !drafted) {
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
    wish = { path: same ? imageOf(seed) : path, seed, draft: drafted ? draftOf(path) : null };
    asked = performance.now();
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
