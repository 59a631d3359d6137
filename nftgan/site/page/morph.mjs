// Between two pieces: both ends are pieces, what lies between is a preview and no token.
import { collection, pieces } from "./collection.mjs";
import { drawer } from "./drawing.mjs";
import { $, h } from "./dom.mjs";

let ends = [0, 0];
let wanted = null;
let running = false;
let stop = null;

export function leaveMorph() {
  stop?.abort();
  stop = wanted = null;
}

export function openMorph(text) {
  leaveMorph();
  stop = new AbortController();
  const parameters = new URLSearchParams(text);
  const end = (name, fallback) => {
    const id = Number(parameters.get(name) ?? fallback);
    return Number.isInteger(id) && pieces[id] ? id : 0;
  };
  const from = end("from", 0);
  ends = [from, end("to", (from + 1) % pieces.length)];
  const [width, height] = collection.recipe.size;
  $("page-morph").replaceChildren(
    h("div", { class: "crumbs" }, h("a", { href: `#/${ends[0]}` }, "Back to the piece")),
    h(
      "div", { class: "piece" },
      h("figure", { class: "stage" }, h("canvas", { id: "morph-canvas", width, height, role: "img", "aria-label": "Between two pieces" }), h("figcaption", { class: "note", id: "morph-caption", "aria-live": "polite" })),
      h(
        "div", { class: "side" }, h("h2", { tabindex: "-1" }, "Morph"),
        h("p", { class: "note" }, "What lies between two pieces belongs to nobody: it is drawn in float32 for the eye and is no token."),
        h("div", { class: "fields" }, field("From", 0), field("To", 1), h("label", {}, "Between", h("input", { type: "range", id: "between", min: 0, max: 100, value: 50, oninput: ask }))),
        h("div", { class: "line" }, h("button", { type: "button", id: "save", onclick: save }, "Download this image")),
      ),
    ),
  );
  ask();
}

function field(words, end) {
  const input = h("input", { type: "number", id: end ? "to" : "from", min: 0, max: pieces.length - 1, value: ends[end], onchange: () => {
    const id = Number(input.value);
    if (Number.isInteger(id) && pieces[id]) ends[end] = id;
    input.value = ends[end];
    ask();
  } });
  return h("label", {}, words, input);
}

// The newest wish is drawn next; those in between are left out.
async function ask() {
  wanted = { from: pieces[ends[0]], to: pieces[ends[1]], t: Number($("between").value) / 100 };
  if (running) return;
  running = true;
  try {
    while (wanted) {
      const { from, to, t } = wanted;
      wanted = null;
      const { signal } = stop;
      $("morph-caption").textContent = "Drawing …";
      const { renderer } = await drawer({ signal });
      const picture = await renderer.morph({ recipe: collection.recipe, from: from.seed, to: to.seed, t, signal });
      const canvas = $("morph-canvas");
      if (!canvas || signal.aborted) continue;
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.getContext("2d").putImageData(globalThis.nftganRenderer.toImageData(picture), 0, 0);
      $("morph-caption").textContent = `${Math.round((1 - t) * 100)} % ${from.name}, ${Math.round(t * 100)} % ${to.name}`;
    }
  } catch (problem) {
    if ($("morph-caption") && stop && !stop.signal.aborted) $("morph-caption").textContent = `It cannot be drawn: ${problem.message}`;
  } finally {
    running = false;
    if (wanted) ask();
  }
}

function save() {
  $("morph-canvas").toBlob((blob) => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: `morph-${ends.join("-")}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
}
