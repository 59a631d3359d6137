// The grid of candidates: only the rows in view exist, so ten thousand scroll like ten.

import { $, h, many, toast } from "./dom.js";
import { grow, keySays, noveltyOf, on, opinion, rate, refusalOf, state, togglePick, toggleReject, wanted } from "./state.js";

const GAP = 10;
const OVERSCAN = 2; // rows beyond the view that exist already
const WAITING = 3; // images asked for before they are painted; more would block other requests
const GROWTH = 256;

const grid = $("grid");
const scroller = $("scroller");
const tools = $("tools");
const rows = new Map(); // row number → its element
let spare = [];
let sorted = []; // every candidate in order
let order = []; // those that are shown
let columns = 1;
let side = 132;
let current = 0; // place of the tile with the focus
let opener = () => {};
let growing = false;
let askedAgain = false; // a click while candidates are on their way is not lost
let framed = false;
let active = false;

// ---- what is shown, in which order ---------------------------------------------------------------

const settings = () => Object.fromEntries(new FormData(tools));

function unfiltered() {
  const { show, stars, trait } = settings();
  return show === "all" && stars === "0" && !trait;
}

function resort() {
  const { sort } = settings();
  sorted = [...state.seeds];
  if (sort === "stars") sorted.sort((a, b) => (opinion(b).stars ?? -1) - (opinion(a).stars ?? -1) || a - b);
  else if (sort === "novel" || sort === "familiar") {
    const sign = sort === "novel" ? -1 : 1;
    const far = (seed) => noveltyOf(seed) ?? (sign === -1 ? -1 : Infinity);
    sorted.sort((a, b) => sign * (far(a) - far(b)) || a - b);
  } else if (sort.startsWith("trait:")) {
    const column = state.table?.columns[sort.slice(6)];
    const at = (seed) => column?.at[state.rowOf.get(seed)] ?? Infinity;
    sorted.sort((a, b) => (at(a) === at(b) ? a - b : at(a) - at(b)));
  } else sorted.sort((a, b) => a - b);
}

function refilter() {
  const { show, stars, trait } = settings();
  const [kind, value, text] = trait ? trait.split("\n") : [];
  const own = trait.startsWith("tag\n");
  const column = kind && !own && state.table?.columns[kind];
  const wantedAt = column ? column.values.indexOf(value) : -1;
  const focused = order[current];
  order = sorted.filter((seed) => {
    const said = opinion(seed);
    if (show === "undecided" && said.picked !== undefined) return false;
    if (show === "picked" && said.picked !== true) return false;
    if (show === "rejected" && said.picked !== false) return false;
    if (show === "flagged" && !refusalOf(seed)) return false;
    if ((said.stars ?? 0) < Number(stars)) return false;
    if (own) return said.tags?.[value] === text;
    return !kind || (column && column.at[state.rowOf.get(seed)] === wantedAt);
  });
  const place = order.indexOf(focused);
  current = place >= 0 ? place : Math.max(0, Math.min(current, order.length - 1));
  $("shown").textContent =
    order.length === state.seeds.length ? many(order.length, "candidate") : `${order.length.toLocaleString("en")} of ${many(state.seeds.length, "candidate")}`;
  $("nothing").hidden = order.length > 0;
  $("more").hidden = !unfiltered();
  layout();
}

// ---- rows in view ----------------------------------------------------------------------------------

function layout() {
  if (!active) return;
  const had = grid.contains(document.activeElement); // its element is about to go
  const style = getComputedStyle(scroller);
  const width = scroller.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  columns = Math.max(2, Math.floor((width + GAP) / (side + GAP)));
  grid.style.setProperty("--columns", columns);
  grid.style.height = `${Math.ceil(order.length / columns) * pitch() - GAP}px`;
  grid.setAttribute("aria-rowcount", Math.ceil(order.length / columns));
  grid.setAttribute("aria-colcount", columns);
  for (const row of rows.keys()) retire(row);
  draw();
  if (had) tileOf(order[current])?.focus({ preventScroll: true });
}

function pitch() {
  const width = (grid.clientWidth + GAP) / columns - GAP;
  return width + GAP;
}

function draw() {
  framed = false;
  if (!active) return;
  const height = pitch();
  const last = Math.ceil(order.length / columns) - 1;
  const from = Math.max(0, Math.floor(scroller.scrollTop / height) - OVERSCAN);
  const to = Math.min(last, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + OVERSCAN);
  const focusRow = Math.floor(current / columns);
  for (const row of rows.keys()) if ((row < from || row > to) && row !== focusRow) retire(row);
  for (let row = from; row <= to; row++) if (!rows.has(row)) place(row, height);
  if (focusRow <= last && !rows.has(focusRow)) place(focusRow, height); // it holds the tab stop
  load();
}

// Whoever comes near the end gets more; what just fits on the screen is left as it was asked for.
function onScroll() {
  frame();
  if (scroller.scrollTop + 2 * scroller.clientHeight > scroller.scrollHeight) more();
}

const frame = () => {
  if (!framed) requestAnimationFrame(draw);
  framed = true;
};

// By scrolling only as fast as images come: a long list of empty frames helps nobody.
async function more({ asked = false } = {}) {
  if (!unfiltered()) return;
  if (growing) {
    askedAgain ||= asked;
    return;
  }
  // The news may be older than the pool that has just grown: its own length counts.
  if (!asked && state.news.painted < state.seeds.length - GROWTH / 4) return;
  growing = true;
  try {
    await grow({ count: GROWTH });
  } catch (error) {
    toast(error.message, { bad: true });
  } finally {
    growing = false;
  }
  if (askedAgain) {
    askedAgain = false;
    more({ asked: true });
  }
}

function retire(row) {
  const element = rows.get(row);
  rows.delete(row);
  for (const tile of element.children) tile.firstChild.removeAttribute("src");
  element.remove();
  if (spare.length < 30) spare.push(element);
}

function place(row, height) {
  const element = spare.pop() ?? h("div", { role: "row", class: "row" });
  while (element.children.length < columns) element.append(newTile());
  while (element.children.length > columns) element.lastChild.remove();
  element.setAttribute("aria-rowindex", row + 1);
  element.style.transform = `translateY(${row * height}px)`;
  [...element.children].forEach((tile, column) => dress(tile, row * columns + column));
  rows.set(row, element);
  // In reading order, so that Tab and screen readers meet the rows as the eye does.
  const after = [...rows.keys()].filter((other) => other > row).sort((a, b) => a - b)[0];
  grid.insertBefore(element, after === undefined ? null : rows.get(after));
}

function newTile() {
  const image = h("img", { alt: "", decoding: "async", draggable: false });
  image.addEventListener("load", () => image.parentElement.classList.add("here"));
  image.addEventListener("error", () => {
    image.parentElement.classList.remove("here");
    if (image.hasAttribute("src")) image.removeAttribute("src");
  });
  const button = (act, label, sign) =>
    h("button", { type: "button", tabindex: "-1", class: act, "data-act": act, title: label }, sign);
  return h("div", { role: "gridcell", class: "tile", tabindex: "-1" },
    image,
    h("span", { class: "flag" }),
    h("span", { class: "stars", "aria-hidden": "true" }),
    h("span", { class: "acts" }, button("reject", "Reject", "✕"), button("pick", "Pick", "✓")));
}

function dress(tile, place) {
  const seed = order[place];
  tile.hidden = seed === undefined;
  if (seed === undefined) return;
  const image = tile.firstChild;
  if (tile.dataset.seed !== String(seed)) {
    tile.dataset.seed = seed;
    tile.classList.remove("here");
    image.removeAttribute("src");
  }
  tile.dataset.place = place;
  tile.setAttribute("aria-colindex", (place % columns) + 1);
  tile.tabIndex = place === current ? 0 : -1;
  const said = opinion(seed);
  const flag = refusalOf(seed);
  tile.classList.toggle("picked", said.picked === true);
  tile.classList.toggle("rejected", said.picked === false);
  tile.classList.toggle("saving", state.drafts.has(seed));
  tile.setAttribute("aria-selected", said.picked === true);
  tile.children[1].textContent = flag ? (flag.startsWith("a blank") ? "blank" : "copy") : "";
  tile.children[1].title = flag ?? "";
  tile.children[2].textContent = "★".repeat(said.stars ?? 0);
  const [reject, pick] = tile.children[3].children;
  pick.setAttribute("aria-label", `Pick seed ${seed}`);
  pick.setAttribute("aria-pressed", said.picked === true);
  reject.setAttribute("aria-label", `Reject seed ${seed}`);
  reject.setAttribute("aria-pressed", said.picked === false);
  const words = [`Seed ${seed}`];
  if (said.name) words.push(said.name);
  if (said.picked !== undefined) words.push(said.picked ? "picked" : "rejected");
  if (said.stars) words.push(`${said.stars} of 5 stars`);
  if (flag) words.push(flag);
  tile.setAttribute("aria-label", words.join(", "));
}

// Images that are painted come at once; of the others only a few are asked for at a time.
function load() {
  let waiting = 0;
  const top = scroller.scrollTop - pitch();
  const bottom = scroller.scrollTop + scroller.clientHeight + pitch();
  for (const row of [...rows.keys()].sort((a, b) => a - b)) {
    const inView = row * pitch() >= top && row * pitch() <= bottom;
    for (const tile of rows.get(row).children) {
      if (tile.hidden) continue;
      const image = tile.firstChild;
      const seed = Number(tile.dataset.seed);
      const painted = state.painted.has(seed);
      if (!painted && image.hasAttribute("src")) waiting++;
      if (image.hasAttribute("src")) continue;
      if (painted || (inView && waiting < WAITING)) {
        image.src = `/image/${seed}`;
        if (!painted) waiting++;
      }
    }
  }
}

const tileOf = (seed) => grid.querySelector(`[data-seed="${seed}"]:not([hidden])`);

function redress(seeds) {
  for (const seed of seeds) {
    const tile = tileOf(seed);
    if (tile) dress(tile, Number(tile.dataset.place));
  }
}

// ---- focus and hands -------------------------------------------------------------------------------

function focus(place, { scroll = true } = {}) {
  if (!order.length) return;
  const before = grid.querySelector('[tabindex="0"]');
  if (before) before.tabIndex = -1;
  current = Math.max(0, Math.min(place, order.length - 1));
  const row = Math.floor(current / columns);
  const height = pitch();
  if (scroll) {
    const top = row * height;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + height > scroller.scrollTop + scroller.clientHeight - 20)
      scroller.scrollTop = top + height - scroller.clientHeight + 20;
  }
  draw();
  const tile = tileOf(order[current]);
  tile.tabIndex = 0;
  tile.focus({ preventScroll: true });
}

function onKey(event) {
  if (event.target.closest("button") || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(scroller.clientHeight / pitch())) * columns;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
  const seed = order[current];
  if (event.key in steps) {
    const next = current + steps[event.key];
    if (next >= 0 && next < order.length) focus(next);
    else if (Math.abs(steps[event.key]) === page) focus(next);
    else if (next >= order.length) more({ asked: true });
  } else if (event.key === "Home") focus(0);
  else if (event.key === "End") focus(order.length - 1);
  else if (event.key === "Enter") opener(seed);
  else if (seed === undefined || !keySays(event.key, seed)) return;
  event.preventDefault();
}

function onClick(event) {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  const seed = Number(tile.dataset.seed);
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "pick") togglePick(seed);
  else if (act === "reject") toggleReject(seed);
  else return opener(seed);
  focus(Number(tile.dataset.place), { scroll: false });
}

// ---- the outside -----------------------------------------------------------------------------------

function offerTraits() {
  const { trait, sort } = tools.elements;
  const kinds = Object.entries(state.table?.columns ?? {});
  const own = new Map();
  for (const said of state.opinions.values())
    for (const one of Object.entries(said.tags ?? {})) own.set(one.join("\n"), one);
  const tags = [...own.keys()].sort();
  const wanted = JSON.stringify([tags, kinds.map(([kind, column]) => [kind, column.values])]);
  if (trait.dataset.offered === wanted) return;
  trait.dataset.offered = wanted;
  const before = [trait.value, sort.value];
  trait.replaceChildren(h("option", { value: "" }, "any"),
    ...(tags.length ? [h("optgroup", { label: "Your tags" }, tags.map((tag) => h("option", { value: `tag\n${tag}` }, own.get(tag).join(": "))))] : []),
    ...kinds.map(([kind, column]) =>
    h("optgroup", { label: kind }, column.values.map((value) => h("option", { value: `${kind}\n${value}` }, `${kind}: ${value}`)))));
  const sorts = [["seed", "seed"], ["stars", "stars, best first"]];
  if (state.session.training) sorts.push(["novel", "novelty, newest first"], ["familiar", "novelty, copies first"]);
  sorts.push(...kinds.map(([kind]) => [`trait:${kind}`, kind.toLowerCase()]));
  sort.replaceChildren(...sorts.map(([value, words]) => h("option", { value }, words)));
  [trait.value, sort.value] = before;
  if (trait.selectedIndex < 0) trait.value = "";
  if (sort.selectedIndex < 0) sort.value = "seed";
}

export function neighbour(seed, step) {
  const place = order.indexOf(seed);
  return place < 0 ? undefined : order[place + step];
}

export function setUp({ open }) {
  opener = open;
  grid.addEventListener("keydown", onKey);
  grid.addEventListener("click", onClick);
  scroller.addEventListener("scroll", onScroll, { passive: true });
  $("more").addEventListener("click", () => more({ asked: true }));
  new ResizeObserver(() => layout()).observe(scroller);
  tools.addEventListener("submit", (event) => {
    event.preventDefault();
    const { seed } = tools.elements;
    if (seed.value && seed.checkValidity()) open(Number(seed.value));
  });
  tools.addEventListener("input", (event) => {
    if (event.target.name === "seed") return;
    if (event.target.name === "size") {
      const at = current;
      side = Number(event.target.value);
      layout();
      scroller.scrollTop = Math.floor(at / columns) * pitch() - scroller.clientHeight / 3;
      return;
    }
    if (event.target.name === "sort") resort();
    scroller.scrollTop = 0;
    current = 0;
    refilter();
  });
  on("pool", () => { resort(); refilter(); });
  on("painted", () => { if (active) load(); });
  on("table", () => {
    offerTraits();
    const { sort, trait, show } = settings();
    if (sort.startsWith("trait:") || sort === "novel" || sort === "familiar") resort();
    if (trait || show === "flagged" || sort !== "seed") refilter();
    else redress(order.slice(0, 0).concat([...rows.values()].flatMap((row) => [...row.children].map((t) => Number(t.dataset.seed)))));
  });
  on("opinions", (seeds) => {
    offerTraits();
    redress(seeds);
    if (!unfiltered()) refilter();
  });
  on("undone", (seed) => {
    const place = order.indexOf(seed);
    if (active && place >= 0) focus(place);
  });
  grid.classList.toggle("pixels", state.session.pixelated);
  side = matchMedia("(max-width: 600px)").matches ? 96 : side;
  tools.elements.size.value = side;
  offerTraits();
  resort();
}

export function show(seed) {
  active = true;
  refilter();
  const place = seed === undefined ? -1 : order.indexOf(seed);
  if (place >= 0) current = place;
  focus(current);
}

export function hide() {
  active = false;
}
