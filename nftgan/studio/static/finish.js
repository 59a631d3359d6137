// The end of a session: the pieces are checked, doubts decided one by one, and the next verbs begun.

import { post } from "./api.js";
import { $, h, many, picture, toast } from "./dom.js";
import { close, imageOf, on, say, state } from "./state.js";

const dialog = $("finish");
const STEPS = [
  ["render", "Render", "the canonical image of every piece"],
  ["metadata", "Metadata", "traits, rarity and the tokens' files"],
  ["pin", "Pin", "pack it for IPFS, in this machine's own store"],
  ["site", "Site", "a page for collectors where every piece is proven"],
];
let outside = {};
let kept = []; // seeds that stay knowingly
let dropped = [];
let place = 0; // of the doubt that is looked at
let before = ""; // what the dialog showed
let done = false;

const title = (words) => h("h2", { id: "finish-title" }, words);
const back = (words = "Back") => h("button", { type: "button", onclick: () => dialog.close() }, words);
const face = (src, words, alt) => h("figure", {}, picture({ src, alt, class: state.session.pixelated ? "pixels" : "" }), h("figcaption", {}, words));

export async function begin(staying) {
  kept = staying;
  dropped = [];
  place = 0;
  done = false;
  before = "";
  try {
    state.finish = (await post("/api/finish", { kept })).finish;
    tell();
    if (!dialog.open) dialog.showModal();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

function tell() {
  const now = state.finish;
  if (done || now.state === "done") return tellDone(now);
  if (now.state === "working") {
    dialog.replaceChildren(title("Checking the pieces"),
      h("p", {}, "Each is made once in full precision, as it will be minted."),
      h("progress", { max: now.of, value: now.done, "aria-label": "Pieces checked" }),
      h("p", { class: "note" }, `${now.done} of ${now.of}`));
  } else if (now.state === "refused") tellDoubt(now.problems);
  else if (now.state === "failed") {
    dialog.replaceChildren(title("The collection was not made"), h("p", {}, now.error),
      now.hint && h("p", { class: "note" }, `Try: ${now.hint}`),
      now.seeds && h("div", { class: "doubt" }, now.seeds.map((seed) => h("div", {}, face(imageOf(seed), `seed ${seed}`, ""),
        h("button", { type: "button", onclick: () => { dialog.close(); outside.rename(seed); } }, `Rename seed ${seed}`)))),
      h("div", { class: "buttons" }, back()));
  }
}

// ---- doubts ----------------------------------------------------------------------------------------

// One by one, with the image that it looks like beside it.
function tellDoubt(problems) {
  const one = problems[place];
  if (!one) return decide();
  const other = one.art ? face(`/art/${one.art.index}`, one.art.name, `Training image ${one.art.name}`)
    : one.twin !== undefined ? face(imageOf(one.twin), `seed ${one.twin}`, `Image of seed ${one.twin}`) : null;
  const next = (list) => { list?.push(one.seed); place++; tellDoubt(problems); };
  const rest = problems.length - place;
  dialog.replaceChildren(title(`${place + 1} of ${many(problems.length, "piece")} need${problems.length === 1 ? "s" : ""} a decision`),
    h("div", { class: "doubt" }, face(imageOf(one.seed), `seed ${one.seed}`, `Image of seed ${one.seed}`), other),
    h("p", {}, h("strong", {}, `Seed ${one.seed}: `), one.reason, "."),
    h("p", { class: "note" }, one.may_stay ? "Kept pieces are marked in collection.json with this reason." : "It cannot be kept: nobody could prove it on another machine."),
    h("div", { class: "buttons" }, back(),
      rest > 1 && h("button", { type: "button", onclick: () => { for (const left of problems.slice(place)) dropped.push(left.seed); place = problems.length; decide(); } }, `Leave all ${rest} out`),
      one.may_stay && h("button", { type: "button", onclick: () => next(kept) }, "Keep it knowingly"),
      h("button", { type: "button", class: "primary", onclick: () => next(dropped) }, "Leave it out")));
  dialog.querySelector(".primary").focus();
}

async function decide() {
  const seeds = [...new Set(dropped)];
  const staying = [...new Set(kept)].filter((seed) => !seeds.includes(seed));
  if (seeds.length && !(await say(seeds, { picked: false }, { words: `${many(seeds.length, "seed")} left out` }))) return;
  await begin(staying);
}

// ---- what comes next -------------------------------------------------------------------------------

function tellDone(now) {
  const step = state.news.step ?? { state: "idle" };
  if (!done) outside.made();
  done = true;
  const text = JSON.stringify([now, step]);
  if (text === before) return;
  before = text;
  const working = step.state === "working";
  const row = ([name, words, why]) => state.session.steps.includes(name) && h("li", {},
    h("button", { type: "button", disabled: working, onclick: () => take(name) }, words), h("span", { class: "note" }, why));
  dialog.replaceChildren(title("The collection is made"),
    h("p", {}, now.file ? `${many(now.pieces, "piece")} in ${now.file}.` : "These are its pieces."),
    picture({ src: `/contact-sheet.png?${now.pieces ?? ""}`, alt: "All pieces on one sheet", class: "sheet-of-picks" }),
    h("p", {}, h("a", { href: "/contact-sheet.png", download: "contact-sheet.png" }, "Save the contact sheet")),
    state.session.steps.length > 0 && h("ol", { class: "next-steps" }, STEPS.map(row)),
    h("div", { role: "status" }, tellStep(step)),
    state.session.steps.length ? h("p", { class: "note" }, "The same in the terminal: ", h("code", {}, "nftgan render"), ", ", h("code", {}, "nftgan metadata"), ", …")
      : h("p", {}, "Next, in the terminal: ", h("code", {}, "nftgan render")),
    h("div", { class: "buttons" }, back("Go on curating"),
      h("button", { type: "button", class: "primary", disabled: working, onclick: leave }, "Close the studio")));
}

// What a step says while it works and afterwards; also on the page of the walk.
export function tellStep(step) {
  if (step.state === "working") return h("div", {},
    h("p", {}, `${step.what}${step.of ? `: ${Math.round(step.done)} of ${Math.round(step.of)}` : "…"}`),
    h("progress", { max: step.of || 1, value: step.of ? step.done : undefined, "aria-label": step.what }));
  if (step.state === "done") return h("p", { class: "made" }, `✓ ${step.said}.`);
  if (step.state === "failed") return h("p", { class: "warn" }, `${step.error}${step.hint ? `. Try: ${step.hint}` : ""}`);
  return "";
}

export async function take(name, wish = {}) {
  try {
    state.news.step = (await post("/api/step", { name, ...wish })).step;
    if (dialog.open && done) tell();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

export function showDone() {
  done = true;
  before = "";
  tellDone({ state: "done" });
  dialog.showModal();
}

async function leave() {
  close();
  await post("/api/close", {});
  dialog.replaceChildren(title("The studio is closed"), h("p", {}, "Everything is saved. You may close this page."));
}

export function setUp(given) {
  outside = given;
  on("finish", () => { if (dialog.open) tell(); });
  on("news", () => { if (dialog.open && done && !state.closed) tell(); });
}
