// Starts the studio: which page is shown, the keys that work everywhere, the line of progress.

import { $, h, many } from "./dom.js";
import * as grid from "./grid.js";
import * as piece from "./piece.js";
import { keySays, on, start, state, undo } from "./state.js";
import * as training from "./training.js";
import * as tags from "./tags.js";
import * as tray from "./tray.js";
import * as walk from "./walk.js";

const pages = { grid, piece, tray, walk, training };
let current = null;
let last; // seed of the piece that was looked at

function route() {
  const [, name = "", rest = ""] = location.hash.split("/");
  let page = { "": "grid", seed: "piece", collection: "tray", walk: "walk", training: "training" }[name] ?? "grid";
  if (page === "training" && !state.session.run) page = "grid";
  if (page === "piece" && !(/^\d+$/.test(rest) && Number(rest) <= state.session.max_seed)) page = "grid";
  const argument = page === "piece" ? Number(rest) : page === "grid" ? last : undefined;
  if (page === "piece") last = argument;
  if (current && current !== page) pages[current].hide();
  current = page;
  for (const one of Object.keys(pages)) $(`page-${one}`).hidden = one !== page;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.dataset.page === (page === "walk" ? "tray" : page)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.page = page;
  pages[page].show(argument);
}

const typing = (element) =>
  element.matches("textarea, select, input:not([type=range]):not([type=checkbox])");

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || typing(event.target)) return;
  const ranging = event.target.matches("input");
  if (event.key === "u" || event.key === "U") undo();
  else if (event.key === "?") $("keys").showModal();
  else if (event.key === "Escape" && current !== "grid") location.hash = "#/";
  else if (current === "piece" && !ranging && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    const other = piece.step(event.key === "ArrowLeft" ? -1 : 1);
    if (other !== undefined) location.hash = `#/seed/${other}`;
  } else if (current === "piece" && !ranging && !event.target.matches("button, a")) {
    if (!keySays(event.key, piece.shown())) return;
  } else if (current === "piece" && !ranging && event.key !== " " && keySays(event.key, piece.shown())) {
    // A focused button keeps its space.
  } else return;
  event.preventDefault();
}

function progress() {
  const { painted, pool, judging } = state.news;
  const words = painted < pool ? `${painted.toLocaleString("en")} of ${many(pool, "candidate")} painted` : "";
  $("progress").textContent = [words, judging && "looking at the training art"].filter(Boolean).join(" · ");
}

async function main() {
  await start();
  const { session } = state;
  $("title").textContent = session.name;
  document.title = `${session.name} – nftgan studio`;
  document.querySelector('[data-page="training"]').hidden = !session.run;
  on("news", progress);
  progress();
  tags.setUp();
  grid.setUp({ open: (seed) => { location.hash = `#/seed/${seed}`; } });
  piece.setUp({ neighbour: grid.neighbour });
  tray.setUp();
  walk.setUp();
  training.setUp();
  $("open-keys").addEventListener("click", () => $("keys").showModal());
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", route);
  route();
  document.body.classList.add("ready");
}

main().catch((error) => {
  $("main").replaceChildren(h("p", { class: "empty" }, `The studio could not start: ${error.message}`));
});
