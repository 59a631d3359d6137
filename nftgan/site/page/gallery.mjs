// The wall of images with its filters: only the rows in sight are in the page.
import { percent, pieces, thumbnailOf, traits } from "./collection.mjs";
import { $, h, many } from "./dom.mjs";
import { addressOf, chosen, facet, readState, sorts } from "./state.mjs";

const GAP = 14;
const CAPTION = 30;
const SPARE = 2; // rows above and below those in sight

let state = readState("");
let list = pieces;
let columns = 1;
let rowHeight = 1;
let boxes = null;
const rows = new Map();

export const shown = () => list;
export const galleryAddress = () => addressOf(state);

export function openGallery(text) {
  const before = addressOf(state);
  state = readState(text);
  buildFilters();
  refresh({ top: addressOf(state) !== before });
}

// ---- filters

function buildFilters() {
  if (boxes) return;
  boxes = new Map();
  for (const [name, values] of traits) {
    const group = h("details", { class: "facet" }, h("summary", {}, h("bdi", {}, name), h("span", { class: "note chosen" })));
    const lines = [];
    for (const [value, count] of values) {
      const box = h("input", { type: "checkbox", onchange: () => choose(name, value, box.checked) });
      const number = h("span", { class: "n" });
      const line = h("label", { class: "value" }, box, h("bdi", {}, String(value)), number, h("span", { class: "n share" }, percent(count)));
      lines.push({ value, box, number, line });
      group.append(line);
    }
    boxes.set(name, { group, lines });
    $("facets").append(group);
  }
  if (traits.size <= 4 && matchMedia("(min-width: 861px)").matches) for (const { group } of boxes.values()) group.open = true;
  else if (matchMedia("(min-width: 861px)").matches) [...boxes.values()].slice(0, 2).forEach(({ group }) => (group.open = true));
  $("filters").open = matchMedia("(min-width: 861px)").matches;
  for (const [value, words] of Object.entries(sorts)) {
    if (value === "id" || value === "name" || pieces.some((piece) => piece.rank !== null)) {
      $("sort").append(h("option", { value }, words));
    }
  }
  $("sort").addEventListener("change", () => change({ sort: $("sort").value }));
  $("search").addEventListener("input", () => change({ query: $("search").value }));
  $("clear").addEventListener("click", () => change({ wanted: new Map(), query: "" }));
  $("wall-scroller").addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(() => measure()).observe($("wall-scroller"));
  $("wall").addEventListener("keydown", move);
}

function choose(name, value, on) {
  const wanted = new Map([...state.wanted].map(([key, values]) => [key, new Set(values)]));
  if (!wanted.has(name)) wanted.set(name, new Set());
  wanted.get(name)[on ? "add" : "delete"](value);
  if (!wanted.get(name).size) wanted.delete(name);
  change({ wanted });
}

function change(part) {
  state = { ...state, ...part };
  history.replaceState(null, "", addressOf(state));
  refresh({ top: true });
}

function refresh({ top }) {
  list = chosen(state);
  $("sort").value = state.sort;
  if ($("search").value !== state.query) $("search").value = state.query;
  for (const [name, { group, lines }] of boxes) {
    const counts = facet(name, state);
    const values = state.wanted.get(name);
    group.querySelector(".chosen").textContent = values ? `${values.size} chosen` : "";
    if (values) group.open = true;
    for (const { value, box, number, line } of lines) {
      box.checked = values?.has(value) ?? false;
      number.textContent = (counts.get(value) ?? 0).toLocaleString("en");
      line.classList.toggle("none", !counts.get(value));
    }
  }
  $("shown").textContent = list.length === pieces.length ? many(list.length, "piece") : `${list.length.toLocaleString("en")} of ${many(pieces.length, "piece")}, ${percent(list.length)}`;
  $("clear").hidden = !state.wanted.size && !state.query;
  $("none").hidden = list.length > 0;
  for (const row of rows.values()) row.remove();
  rows.clear();
  if (top) $("wall-scroller").scrollTop = 0;
  measure();
}

// ---- the wall

function measure() {
  const width = $("wall").clientWidth;
  if (!width) return;
  const wanted = width < 500 ? 150 : 210;
  const count = Math.max(2, Math.floor((width + GAP) / (wanted + GAP)));
  const height = (width - (count - 1) * GAP) / count + CAPTION + GAP;
  if (count !== columns || height !== rowHeight) {
    columns = count;
    rowHeight = height;
    for (const row of rows.values()) row.remove();
    rows.clear();
  }
  $("wall").style.setProperty("--columns", columns);
  $("wall").style.height = `${Math.max(0, Math.ceil(list.length / columns) * rowHeight - GAP)}px`;
  draw();
}

function draw() {
  const scroller = $("wall-scroller");
  const first = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - SPARE);
  const last = Math.min(Math.ceil(list.length / columns), Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + SPARE);
  for (const [number, row] of rows) {
    if ((number < first || number >= last) && !row.contains(document.activeElement)) {
      row.remove();
      rows.delete(number);
    }
  }
  for (let number = first; number < last; number++) if (!rows.has(number)) addRow(number);
}

function addRow(number) {
  const row = h("div", { class: "row" }, list.slice(number * columns, (number + 1) * columns).map(tile));
  row.style.top = `${number * rowHeight}px`;
  rows.set(number, row);
  const after = [...rows.keys()].filter((one) => one > number).sort((a, b) => a - b)[0];
  $("wall").insertBefore(row, rows.get(after) ?? null); // the order of tabs is that of the eye
}

function tile(piece) {
  const rank = piece.rank === null ? "" : `rank ${piece.rank.toLocaleString("en")}`;
  const image = h("img", { src: thumbnailOf(piece.id), alt: "", decoding: "async", width: 200, height: 200 });
  return h("a", { class: "plate", href: `#/${piece.id}`, "data-id": String(piece.id) }, h("span", { class: "frame" }, image), h("span", { class: "label" }, h("bdi", {}, piece.name), h("small", {}, rank)));
}

function move(event) {
  const id = Number(event.target.dataset?.id);
  const at = list.findIndex((piece) => piece.id === id);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: list.length - 1 - at };
  if (at < 0 || !Object.hasOwn(steps, event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  focusPiece(Math.min(list.length - 1, Math.max(0, at + steps[event.key])));
}

function focusPiece(at) {
  const scroller = $("wall-scroller");
  const top = Math.floor(at / columns) * rowHeight;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  if (top + rowHeight > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + rowHeight - scroller.clientHeight;
  draw();
  $("wall").querySelector(`[data-id="${list[at].id}"]`)?.focus({ preventScroll: true });
}

export function focusFirst() {
  if (list.length) focusPiece(0);
}
