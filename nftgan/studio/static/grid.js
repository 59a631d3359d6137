// The grid of candidates: only the rows in view exist, so ten thousand scroll like ten.

import { $, h, many, toast } from "./dom.js";
import * as filters from "./filters.js";
import { holds } from "./hold.js";
import { load, retry } from "./loading.js";
import * as look from "./look.js";
import { enter, select, selecting, several, toggle } from "./selection.js";
import { dressTile, emptyTile, newTile } from "./tile.js";
import { grow, keySays, on, rate, state, togglePick, toggleReject, wanted } from "./state.js";

const GAP = 10;
const OVERSCAN = 2; // rows beyond the view that exist already
const GROWTH = 256;

const grid = $("grid");
const scroller = $("scroller");
const tools = $("tools");
const touch = matchMedia("(hover: none)");
const rows = new Map(); // row number → its element
let spare = [];
let sorted = []; // every candidate in order
let order = []; // those that are shown
let columns = 1;
let side = 132;
let current = 0; // place of the tile with the focus
let anchor = 0; // place where a range begins
let kept = 0; // how far the page was scrolled when it was left
let opener = () => {};
let goTo = () => {};
let growing = false;
let askedAgain = false; // a click while candidates are on their way is not lost
let framed = false;
let active = false;

// ---- what is shown, in which order ---------------------------------------------------------------

function resort() {
  sorted = filters.inOrder(state.seeds);
}

function refilter() {
  const focused = order[current];
  order = sorted.filter(filters.filter());
  const place = order.indexOf(focused);
  current = place >= 0 ? place : Math.max(0, Math.min(current, order.length - 1));
  const all = state.seeds.length;
  $("shown").textContent =
    order.length === all ? many(order.length, "candidate") : `${order.length.toLocaleString("en")} of ${many(all, "candidate")}`;
  $("close-filters").textContent = `Show ${many(order.length, "candidate")}`;
  $("nothing").hidden = order.length > 0;
  const seen = order.filter((seed) => state.selected.has(seed));
  if (seen.length < state.selected.size) select(seen); // nobody decides on what is not shown
  $("more").hidden = !filters.unfiltered();
  grid.hidden = !order.length;
  const lost = grid.contains(document.activeElement) && !order.length;
  layout();
  if (lost) $("everything").focus();
}

// ---- rows in view ----------------------------------------------------------------------------------

const caption = () => (touch.matches ? 48 : 24);
const cell = () => (grid.clientWidth + GAP) / columns - GAP;
const pitch = () => cell() + caption() + GAP;

function layout() {
  if (!active) return;
  const had = grid.contains(document.activeElement); // its element is about to go
  const style = getComputedStyle(scroller);
  const width = scroller.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  columns = Math.max(2, Math.floor((width + GAP) / (side + GAP)));
  grid.style.setProperty("--columns", columns);
  grid.style.setProperty("--caption", `${caption()}px`);
  grid.classList.toggle("small", cell() < 110);
  grid.style.height = `${Math.max(0, Math.ceil(order.length / columns) * pitch() - GAP)}px`;
  grid.setAttribute("aria-rowcount", Math.ceil(order.length / columns));
  grid.setAttribute("aria-colcount", columns);
  for (const row of rows.keys()) retire(row);
  draw();
  if (had) tileOf(order[current])?.focus({ preventScroll: true });
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
  load(tiles(), frame);
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
  if (!filters.unfiltered()) return;
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
  for (const tile of element.children) tile.image.removeAttribute("src");
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

function dress(tile, place) {
  const seed = order[place];
  tile.hidden = seed === undefined;
  if (seed === undefined) return emptyTile(tile);
  tile.dataset.place = place;
  tile.setAttribute("aria-colindex", (place % columns) + 1);
  tile.tabIndex = place === current ? 0 : -1;
  dressTile(tile, seed);
}

// The tiles in reading order, and whether they can be seen.
function tiles() {
  const top = scroller.scrollTop - pitch();
  const bottom = scroller.scrollTop + scroller.clientHeight + pitch();
  const found = [];
  for (const row of [...rows.keys()].sort((a, b) => a - b)) {
    const inView = row * pitch() >= top && row * pitch() <= bottom;
    for (const tile of rows.get(row).children) if (!tile.hidden) found.push({ tile, inView });
  }
  return found;
}

const tileOf = (seed) => grid.querySelector(`[data-seed="${seed}"]:not([hidden])`);

function redress(seeds) {
  for (const seed of seeds) {
    const tile = tileOf(seed);
    if (tile) dress(tile, Number(tile.dataset.place));
  }
}

const inView = () => [...rows.values()].flatMap((row) => [...row.children]).filter((tile) => !tile.hidden);

// ---- several at once -------------------------------------------------------------------------------

function selectRange(to) {
  const [low, high] = [Math.min(anchor, to), Math.max(anchor, to)];
  select(order.slice(low, high + 1));
}

const chosen = () => (several() ? order.filter((seed) => state.selected.has(seed)) : [order[current]]);

// One key says it of all that are selected; alone, the next one may have the focus then.
function decide(key) {
  const seeds = chosen();
  if (seeds[0] === undefined) return false;
  const place = current;
  if (!keySays(key, ...seeds)) return false;
  const decision = key !== "0" && (key === " " || key.toLowerCase() === "x" || /^[1-5]$/.test(key));
  if (!several() && decision && filters.advances() && place + 1 < order.length) focus(place + 1);
  return true;
}

// ---- focus and hands -------------------------------------------------------------------------------

function focus(place, { scroll = true, extend = false } = {}) {
  if (!order.length) return;
  const before = grid.querySelector('[tabindex="0"]');
  if (before) before.tabIndex = -1;
  current = Math.max(0, Math.min(place, order.length - 1));
  if (extend) selectRange(current);
  else {
    anchor = current;
    if (state.selected.size && !selecting()) select([]);
  }
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
  remember();
}

function onKey(event) {
  if (event.target.closest("button") || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "a") {
    select(order);
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  const page = Math.max(1, Math.floor(scroller.clientHeight / pitch())) * columns;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
  const seed = order[current];
  const extend = event.shiftKey;
  if (event.key in steps) {
    const next = current + steps[event.key];
    if (next >= 0 && next < order.length) focus(next, { extend });
    else if (Math.abs(steps[event.key]) === page) focus(next, { extend });
    else if (next >= order.length) more({ asked: true });
  } else if (event.key === "Home") focus(0, { extend });
  else if (event.key === "End") focus(order.length - 1, { extend });
  else if (event.key === "Enter") opener(seed);
  else if (event.key === "c" && state.selected.size > 1) compare();
  else if (event.key === "Escape" && several()) enter(false);
  else if (seed === undefined || !decide(event.key)) return;
  event.preventDefault();
}

function onClick(event) {
  const tile = event.target.closest(".tile");
  if (!tile) return;
  const seed = Number(tile.dataset.seed);
  const at = Number(tile.dataset.place);
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (selecting()) return toggleAt(at);
  if (act === "pick") togglePick(seed);
  else if (act === "reject") toggleReject(seed);
  else if (act === "star") rate(seed, ((wanted(seed).stars ?? 0) + 1) % 6);
  else if (event.shiftKey) return focus(at, { scroll: false, extend: true });
  else if (event.ctrlKey || event.metaKey) {
    const now = new Set(state.selected.size ? state.selected : [order[current]]);
    if (!now.delete(seed)) now.add(seed);
    current = anchor = at;
    select(now);
    tile.focus({ preventScroll: true });
    return;
  } else return opener(seed);
  focus(at, { scroll: false });
}

function toggleAt(at) {
  focus(at, { scroll: false });
  toggle(order[at]);
}

function hold(target) {
  const tile = target.closest(".tile");
  if (!tile?.dataset.seed) return;
  if (!selecting()) enter(true);
  toggleAt(Number(tile.dataset.place));
}

function compare() {
  if (state.selected.size > 4) return toast("At most four can be compared");
  goTo(`#/compare/${chosen().join(",")}`);
}

// ---- the address -----------------------------------------------------------------------------------

let writing = 0;
function remember() {
  if (!active) return;
  clearTimeout(writing);
  writing = setTimeout(() => {
    // An address may have changed already whose `hashchange` is yet to come: it must stay.
    if (active && /^#?\/?(\?|$)/.test(location.hash)) history.replaceState(null, "", address());
  }, 150);
}

export const address = () => filters.address(order[current]);

// ---- the outside -----------------------------------------------------------------------------------

export function neighbour(seed, step) {
  const place = order.indexOf(seed);
  return place < 0 ? undefined : order[place + step];
}

// The candidates around `seed` as they are sorted now, at most `count` on either side.
export function around(seed, count) {
  const place = order.indexOf(seed);
  return place < 0 ? [seed] : order.slice(Math.max(0, place - count), place + count + 1);
}

export function setUp({ open, go }) {
  opener = open;
  goTo = go;
  grid.addEventListener("keydown", onKey);
  holds(grid, hold);
  grid.addEventListener("click", onClick);
  if (state.session.drafts) grid.addEventListener("load", frame, { capture: true }); // the next ones
  scroller.addEventListener("scroll", onScroll, { passive: true });
  $("more").addEventListener("click", () => more({ asked: true }));
  $("everything").addEventListener("click", () => { filters.showEverything(); focus(current); });
  $("compare").addEventListener("click", compare);
  for (const [id, key] of [["pick-all", " "], ["reject-all", "x"]])
    $(id).addEventListener("click", () => decide(key));
  $("open-selecting").addEventListener("click", () => { enter(!selecting()); focus(current); });
  $("select-none").addEventListener("click", () => { enter(false); focus(current); });
  new ResizeObserver(() => layout()).observe(scroller);
  touch.addEventListener("change", () => layout());
  tools.addEventListener("submit", (event) => {
    event.preventDefault();
    const { seed } = tools.elements;
    if (seed.value && seed.checkValidity()) open(Number(seed.value));
  });
  tools.elements.size.addEventListener("input", (event) => {
    const at = current;
    side = Number(event.target.value);
    layout();
    scroller.scrollTop = Math.floor(at / columns) * pitch() - scroller.clientHeight / 3;
  });
  filters.setUp((what) => {
    remember();
    if (what === "advance") return;
    if (what === "sort") resort();
    scroller.scrollTop = 0;
    current = anchor = 0;
    select([]);
    refilter();
  });
  on("selected", () => {
    for (const tile of inView()) dressTile(tile, Number(tile.dataset.seed));
    frame();
  });
  on("pool", () => { resort(); refilter(); });
  on("painted", () => { if (active) load(tiles(), frame); });
  on("trying", () => {
    for (const { tile } of tiles()) tile.classList.toggle("tried", Boolean(state.trying));
    retry(tiles(), frame);
  });
  on("repaint", () => { if (active) layout(); });
  on("table", () => {
    filters.offer();
    if (filters.sortsByFacts()) resort();
    if (filters.sortsByFacts() || !filters.unfiltered()) refilter();
    else for (const tile of inView()) dressTile(tile, Number(tile.dataset.seed));
  });
  on("opinions", (seeds) => {
    filters.offer();
    redress(seeds);
    if (!filters.unfiltered()) refilter();
  });
  on("undone", (seed) => {
    const place = order.indexOf(seed);
    if (active && place >= 0) focus(place);
  });
  grid.classList.toggle("pixels", state.session.pixelated);
  side = matchMedia("(max-width: 600px)").matches ? 104 : side;
  tools.elements.size.value = side;
  resort();
}

// seed: of the piece that one comes back from. query: what the address says, where it says more.
export function show({ seed, query }) {
  const first = !order.length;
  active = true;
  const at = query ? filters.read(query) : undefined;
  resort();
  refilter();
  const place = order.indexOf(seed ?? at);
  if (place >= 0) current = place;
  if (!first) scroller.scrollTop = kept;
  focus(current);
}

export function hide() {
  look.leave();
  enter(false);
  kept = scroller.scrollTop;
  active = false;
  clearTimeout(writing);
}
