// Two to four candidates side by side: decide on each, or keep one and reject the others.

import { $, h } from "./dom.js";
import { stage } from "./stage.js";
import { keySays, on, opinion, rate, say, scoreOf, state, togglePick, toggleReject, traitsOf } from "./state.js";

const page = $("page-compare");
let cells = [];
let current = 0;
let leave = () => {};

function cell(seed, place) {
  const one = { seed, stage: stage() };
  one.stage.img.alt = `Image of seed ${seed}`;
  one.title = h("h3", {}, h("a", { href: `#/seed/${seed}` }, `Seed ${seed}`));
  one.pick = h("button", { type: "button", class: "pick", onclick: () => togglePick(seed) });
  one.reject = h("button", { type: "button", class: "reject", onclick: () => toggleReject(seed) });
  one.stars = h("div", { class: "starring", role: "group", "aria-label": `Stars of seed ${seed}` },
    [1, 2, 3, 4, 5].map((n) => h("button", { type: "button", "aria-label": `${n} of 5 stars`, onclick: () => rate(seed, n) }, "★")));
  one.only = h("button", { type: "button", class: "quiet", onclick: () => keepOnly(seed) }, "Keep this, reject the rest");
  one.facts = h("dl", { class: "traits" });
  one.element = h("article", { class: "compared", tabindex: "-1", "aria-label": `Seed ${seed}`, onfocusin: () => focus(place, false), onclick: () => focus(place, false) },
    one.stage.element, one.title, h("div", { class: "verdict" }, one.pick, one.reject, one.stars), one.only, one.facts);
  return one;
}

async function keepOnly(seed) {
  const others = cells.map((one) => one.seed).filter((other) => other !== seed);
  await say(seed, { picked: true }, { words: `Seed ${seed} is picked` });
  await say(others, { picked: false }, { words: `Seed ${seed} is picked, ${others.join(" and ")} rejected` });
  leave();
}

// What differs between them is what one wants to read.
function dress() {
  const facts = cells.map((one) => new Map([...traitsOf(one.seed), ...(scoreOf(one.seed) === null ? [] : [["Score", `${scoreOf(one.seed)} of 100`]])]));
  cells.forEach((one, place) => {
    const said = opinion(one.seed);
    one.pick.textContent = said.picked === true ? "✓ Picked" : "Pick";
    one.pick.setAttribute("aria-pressed", said.picked === true);
    one.reject.textContent = said.picked === false ? "✕ Rejected" : "Reject";
    one.reject.setAttribute("aria-pressed", said.picked === false);
    [...one.stars.children].forEach((star, i) => {
      star.classList.toggle("lit", i < (said.stars ?? 0));
      star.textContent = i < (said.stars ?? 0) ? "★" : "☆";
      star.setAttribute("aria-pressed", said.stars === i + 1);
    });
    one.facts.replaceChildren(...[...facts[place]].map(([kind, value]) => {
      const differs = facts.some((other) => other.get(kind) !== value);
      return h("div", { class: differs ? "differs" : "" }, h("dt", {}, kind), h("dd", {}, value));
    }));
  });
}

function focus(place, move = true) {
  current = Math.max(0, Math.min(place, cells.length - 1));
  cells.forEach((one, i) => one.element.classList.toggle("current", i === current));
  if (move) cells[current].element.focus();
}

// A key on this page; true when it meant something.
export function key(name) {
  if (name === "ArrowLeft" || name === "ArrowRight") focus(current + (name === "ArrowLeft" ? -1 : 1));
  else if (name === "Enter") keepOnly(cells[current].seed);
  else return keySays(name, cells[current].seed);
  return true;
}

export function setUp({ back }) {
  leave = back;
  on("opinions", (seeds) => { if (cells.some((one) => seeds.includes(one.seed))) dress(); });
  on("table", () => { if (cells.length) dress(); });
}

export function show({ seeds }) {
  cells = [...new Set(seeds)].map(cell);
  page.replaceChildren(
    h("p", { class: "crumbs" }, h("a", { href: "#/", onclick: (event) => { event.preventDefault(); leave(); } }, "All candidates")),
    h("h2", { id: "compare-title", tabindex: "-1" }, `${cells.length} side by side`),
    h("p", { class: "note by-keys" }, "← and → move, Space picks, x rejects, 1 to 5 give stars, Enter keeps one and rejects the rest."),
    h("div", { class: "comparing" }, cells.map((one) => one.element)));
  page.style.setProperty("--count", cells.length);
  for (const one of cells) one.stage.show(one.seed, `/look/${one.seed}?look=${state.session.look}`, true);
  dress();
  focus(0, false);
  cells[0].element.focus({ preventScroll: true });
  scrollTo(0, 0);
}

export function hide() {
  for (const one of cells) one.stage.leave();
  cells = [];
}
