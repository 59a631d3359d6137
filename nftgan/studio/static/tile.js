// One candidate in the grid: its image, its number, what was decided of it.

import { h, picture } from "./dom.js";
import { isDraft } from "./drafts.js";
import { opinion, refusalOf, scoreOf, state } from "./state.js";

export function newTile() {
  const image = picture({ alt: "", draggable: false });
  const button = (act, label, sign) =>
    h("button", { type: "button", tabindex: "-1", class: act, "data-act": act, title: label }, sign);
  const parts = {
    image,
    flag: h("span", { class: "flag" }),
    mark: h("span", { class: "mark", "aria-hidden": "true" }),
    number: h("span", { class: "number", "aria-hidden": "true" }),
    stars: h("span", { class: "stars", "aria-hidden": "true" }),
    reject: button("reject", "Reject", "✕"),
    star: button("star", "One star more", "☆"),
    pick: button("pick", "Pick", "✓"),
  };
  const tile = h("div", { role: "gridcell", class: "tile", tabindex: "-1" },
    h("div", { class: "frame" }, image, parts.flag, parts.mark),
    h("div", { class: "caption" }, parts.number, parts.stars),
    h("span", { class: "acts" }, parts.reject, parts.star, parts.pick));
  image.addEventListener("load", () => {
    tile.shown = image.getAttribute("src");
    tile.classList.add("here");
    tile.classList.toggle("draft", isDraft(tile.shown));
  });
  image.addEventListener("error", () => {
    const source = image.getAttribute("src");
    if (isDraft(source)) tile.refused = source; // then the image itself
    tile.classList.remove("here");
    if (image.hasAttribute("src")) image.removeAttribute("src");
  });
  return Object.assign(tile, parts);
}

// A place beyond the last candidate answers to no name.
export function emptyTile(tile) {
  delete tile.dataset.seed;
  for (const part of [tile, tile.pick, tile.reject, tile.star]) part.removeAttribute("aria-label");
}

export function dressTile(tile, seed) {
  if (tile.dataset.seed !== String(seed)) {
    tile.dataset.seed = seed;
    tile.classList.remove("here", "draft");
    tile.shown = null;
    tile.image.removeAttribute("src");
  }
  const said = opinion(seed);
  const flag = refusalOf(seed);
  const score = scoreOf(seed);
  const classes = {
    picked: said.picked === true,
    rejected: said.picked === false,
    saving: state.drafts.has(seed),
    chosen: state.selected.has(seed),
  };
  for (const [name, yes] of Object.entries(classes)) tile.classList.toggle(name, yes);
  tile.setAttribute("aria-selected", said.picked === true || state.selected.has(seed));
  tile.flag.textContent = flag ? (flag.startsWith("a blank") ? "blank" : "copy") : "";
  tile.flag.title = flag ?? "";
  tile.mark.textContent = said.picked === true ? "✓" : said.picked === false ? "✕" : "";
  tile.number.textContent = `${seed}`;
  tile.number.title = score === null ? "" : `score ${score} of 100`;
  tile.stars.textContent = "★".repeat(said.stars ?? 0);
  tile.pick.setAttribute("aria-label", `Pick seed ${seed}`);
  tile.pick.setAttribute("aria-pressed", classes.picked);
  tile.reject.setAttribute("aria-label", `Reject seed ${seed}`);
  tile.reject.setAttribute("aria-pressed", classes.rejected);
  tile.star.setAttribute("aria-label", `Seed ${seed}: one star more`);
  tile.star.textContent = said.stars ? `★${said.stars}` : "☆";
  const words = [`Seed ${seed}`];
  if (said.name) words.push(said.name);
  if (said.picked !== undefined) words.push(said.picked ? "picked" : "rejected");
  if (said.stars) words.push(`${said.stars} of 5 stars`);
  if (classes.chosen) words.push("selected");
  if (flag) words.push(flag);
  tile.setAttribute("aria-label", words.join(", "));
}
