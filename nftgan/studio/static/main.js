// Starts the studio: which page is shown, the keys that work everywhere, the line of progress.

import * as compare from "./compare.js";
import { $, h, many } from "./dom.js";
import * as filters from "./filters.js";
import * as grid from "./grid.js";
import * as look from "./look.js";
import * as piece from "./piece.js";
import { on, start, state, undo } from "./state.js";
import * as training from "./training.js";
import * as tags from "./tags.js";
import * as tray from "./tray.js";
import * as walk from "./walk.js";

const pages = { grid, piece, compare, tray, walk, training };
const NAMES = { "": "grid", seed: "piece", compare: "compare", collection: "tray", walk: "walk", training: "training" };
const HOME = { walk: "tray", compare: "grid", piece: "grid" }; // whose link is marked
let current = null;
let last; // seed of the piece that was looked at

function route() {
  const [path, query] = location.hash.slice(1).split("?");
  const [, name = "", rest = ""] = path.split("/");
  let page = NAMES[name] ?? "grid";
  const isSeed = (text) => /^\d{1,10}$/.test(text) && Number(text) <= state.session.max_seed;
  const seeds = rest.split(",");
  if (page === "training" && !state.session.run) page = "grid";
  if (page === "piece" && !isSeed(rest)) page = "grid";
  if (page === "compare" && !(seeds.length > 1 && seeds.length < 5 && seeds.every(isSeed))) page = "grid";
  const asked = { seeds: seeds.map(Number), query: query === undefined ? undefined : new URLSearchParams(query) };
  if (page === "piece") asked.seed = last = Number(rest);
  if (page === "grid") asked.seed = last;
  if (page === "grid" && !current && query === undefined) asked.query = new URLSearchParams();
  if (current && current !== page) pages[current].hide();
  if (page === "grid") last = undefined;
  current = page;
  for (const one of Object.keys(pages)) $(`page-${one}`).hidden = one !== page;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.dataset.page === (HOME[page] ?? page)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.page = page;
  pages[page].show(asked);
}

const ahead = []; // addresses that are shown already, whose `hashchange` is yet to come

// Shows an address at once: keys pressed before its `hashchange` belong to the new page.
function go(hash) {
  if (location.hash === hash) return;
  location.hash = hash;
  ahead.push(location.href);
  route();
}

function onHash({ newURL }) {
  const known = ahead.indexOf(newURL);
  if (known < 0) route();
  else ahead.splice(0, known + 1);
}

const back = () => go(grid.address());

const typing = (element) =>
  element.matches("textarea, select, input:not([type=range]):not([type=checkbox])");

// What an element does with a key by itself stays its own; every other key belongs to the page.
function belongs(element, key) {
  if (element.matches("input[type=range]")) return /^(Arrow|Home|End|Page)/.test(key);
  if (element.matches("input[type=checkbox], button, a, summary")) return key === " " || key === "Enter";
  return false;
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || typing(event.target) || belongs(event.target, event.key)) return;
  const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "u" || event.key === "U") undo();
  else if (event.key === "?") $("keys").showModal();
  else if (event.key === "Escape" && document.body.classList.contains("filtering")) filtering(false);
  else if (event.key === "Escape" && current !== "grid") back();
  else if (current === "piece" && sideways) piece.step(sideways);
  else if (current === "piece" && piece.decide(event.key)) {
    // It was a decision about the piece.
  } else if (current === "compare" && compare.key(event.key)) {
    // It was about one of the compared.
  } else return;
  event.preventDefault();
}

function progress() {
  const { painted, pool, judging } = state.news;
  const words = painted < pool ? `${painted.toLocaleString("en")} of ${many(pool, "candidate")} painted` : "";
  $("progress").textContent = [words, judging && "looking at the training art"].filter(Boolean).join(" · ");
}

// On a phone the filters are a sheet over the grid.
function filtering(open) {
  document.body.classList.toggle("filtering", open);
  $("open-filters").setAttribute("aria-expanded", open);
  if (open) $("tools").querySelector("select").focus();
  else $("open-filters").focus();
}

async function main() {
  await start();
  const { session } = state;
  $("title").textContent = session.name;
  document.documentElement.classList.toggle("clear", session.transparent);
  document.title = `${session.name} – nftgan studio`;
  document.querySelector('[data-page="training"]').hidden = !session.run;
  on("news", progress);
  progress();
  const open = (seed) => go(`#/seed/${seed}`);
  tags.setUp();
  grid.setUp({ open, go });
  look.setUp();
  piece.setUp({ candidates: { ...grid, advances: filters.advances }, open });
  compare.setUp({ back });
  tray.setUp({ go });
  walk.setUp();
  training.setUp();
  $("open-keys").addEventListener("click", () => $("keys").showModal());
  $("undo").addEventListener("click", undo);
  on("undos", (count) => { $("undo").disabled = !count; });
  $("open-filters").addEventListener("click", () => filtering(true));
  $("close-filters").addEventListener("click", () => filtering(false));
  document.querySelector('[data-page="grid"]').addEventListener("click", (event) => {
    event.preventDefault();
    back();
  });
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", onHash);
  route();
  document.body.classList.add("ready");
}

main().catch((error) => {
  $("main").replaceChildren(h("p", { class: "empty" }, `The studio could not start: ${error.message}`));
});
