// The collection so far: pieces with their words, the rarity table, and the end of the session.

import { get, post } from "./api.js";
import { $, h, many, toast } from "./dom.js";
import { close, imageOf, on, pickedCount, say, state } from "./state.js";
import { editor } from "./tags.js";

const TYPING_REST = 700; // ms

const page = $("page-tray");
const dialog = $("finish");
const cards = new Map(); // seed → parts of its card
let active = false;
let asking = false;
let again = false;
let parts = {};

// ---- pieces ----------------------------------------------------------------------------------------

function build() {
  parts.pieces = h("ol", { class: "pieces", "aria-label": "Pieces" });
  parts.table = h("div", { class: "rarity" });
  parts.summary = h("p", { class: "note", role: "status" });
  parts.finish = h("button", { type: "button", class: "primary", onclick: () => begin([]) }, "Make these the collection");
  page.replaceChildren(
    h("div", { class: "heading" }, h("h2", { id: "tray-title", tabindex: "-1" }, "Collection"),
      h("div", { class: "line" }, h("a", { href: "#/walk" }, "Walk through them"), parts.finish)),
    parts.summary,
    h("div", { class: "tray" },
      parts.pieces,
      h("section", { class: "aside", tabindex: "0", "aria-labelledby": "rarity-title" },
        h("h3", { id: "rarity-title" }, "Rarity"),
        h("p", { class: "note" }, "How many pieces share each trait. The rarer, the more it adds to a piece's score; 1 is an average piece."),
        parts.table)));
}

function newCard(seed) {
  const card = { seed };
  card.number = h("span", { class: "number" });
  card.name = h("input", { type: "text", name: "name", maxlength: "200", autocomplete: "off", spellcheck: false });
  card.description = h("textarea", { name: "description", maxlength: "5000", rows: 1 });
  card.saved = h("span", { class: "saved", "aria-live": "polite" });
  card.warn = h("p", { class: "warn" });
  card.rank = h("p", { class: "rank" });
  card.traits = h("p", { class: "chips" });
  card.tags = editor(() => seed);
  card.remove = h("button", { type: "button", class: "quiet", onclick: () => say(seed, { picked: null }, { words: `Seed ${seed} is not picked any more` }) }, "Take out");
  card.element = h("li", { class: "card", "data-seed": `${seed}` },
    h("a", { href: `#/seed/${seed}`, class: "thumb", "aria-label": `Seed ${seed}` },
      h("img", { src: imageOf(seed), alt: "", loading: "lazy", class: state.session.pixelated ? "pixels" : "" })),
    h("div", { class: "words" },
      h("div", { class: "line" }, card.number, card.rank, card.saved, card.remove),
      h("label", {}, h("span", { class: "hidden-words" }, `Name of seed ${seed}`), card.name),
      h("label", {}, h("span", { class: "hidden-words" }, `Description of seed ${seed}`), card.description),
      card.warn, card.traits, card.tags.element));
  for (const key of ["name", "description"]) {
    const field = card[key];
    // What is typed is kept while one types, so a reload loses nothing but the last half second.
    let timer = 0;
    field.addEventListener("input", () => {
      card.saved.textContent = "not saved yet";
      clearTimeout(timer);
      timer = setTimeout(() => keep(card, key), TYPING_REST);
    });
    field.addEventListener("change", () => { clearTimeout(timer); keep(card, key); });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { field.value = card.kept[key] ?? ""; card.saved.textContent = ""; field.blur(); event.stopPropagation(); }
      if (event.key === "Enter" && key === "name") field.blur();
    });
  }
  return card;
}

async function keep(card, key) {
  const text = card[key].value.normalize("NFC").trim();
  if (text === (card.kept[key] ?? "")) { card.saved.textContent = ""; return; }
  card.saved.textContent = "saving…";
  const done = await say(card.seed, { [key]: text || null }, { merge: true });
  card.saved.textContent = done ? "saved" : "not saved";
  if (done) card.kept[key] = text || null;
  await refresh();
}

function dress(card, piece, of) {
  card.kept = { name: piece.name, description: piece.description };
  card.number.textContent = `#${piece.id} · seed ${piece.seed}`;
  card.name.placeholder = piece.usual_name;
  card.description.placeholder = parts.usualDescription || "No description";
  for (const key of ["name", "description"])
    if (document.activeElement !== card[key] && card.saved.textContent !== "not saved") card[key].value = piece[key] ?? "";
  const problems = [...(piece.flags ?? [])];
  if (piece.name_taken) problems.push("another piece has this name");
  card.warn.textContent = problems.join("; ");
  card.warn.hidden = !problems.length;
  card.rank.textContent = piece.rank ? `rank ${piece.rank} of ${of} · ${piece.score.toFixed(2)}` : "not painted yet";
  card.tags.dress();
  card.traits.replaceChildren(...(piece.traits ?? []).map(([kind, value]) => h("span", { title: kind }, value)));
}

function table(rarity, pieces) {
  return rarity.map((trait) => h("table", {},
    h("caption", {}, trait.trait),
    h("thead", { class: "hidden-words" }, h("tr", {}, h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "Share"), h("th", { scope: "col" }, "Pieces"))),
    h("tbody", {}, trait.values.map((one) => h("tr", { title: `${one.bits} bits` },
      h("th", { scope: "row" }, one.value),
      h("td", { class: "bar" }, h("meter", { min: 0, max: pieces, value: one.pieces, "aria-label": `${one.value}: share of pieces` })),
      h("td", { class: "n" }, `${one.pieces}`))))));
}

// The newest state only: while one answer is on its way, further wishes become one.
async function refresh() {
  if (!active) return;
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    try {
      show_(await get("/api/tray"));
    } catch (error) {
      toast(error.message, { bad: true });
    }
  } while (again);
  asking = false;
}

function show_(tray) {
  parts.usualDescription = tray.description;
  const seeds = new Set(tray.pieces.map((piece) => piece.seed));
  for (const [seed, card] of cards) if (!seeds.has(seed)) { card.element.remove(); cards.delete(seed); }
  tray.pieces.forEach((piece, place) => {
    if (!cards.has(piece.seed)) cards.set(piece.seed, newCard(piece.seed));
    const card = cards.get(piece.seed);
    dress(card, piece, tray.pieces.length);
    if (parts.pieces.children[place] !== card.element) parts.pieces.insertBefore(card.element, parts.pieces.children[place] ?? null);
  });
  parts.table.replaceChildren(...table(tray.rarity, tray.pieces.length));
  parts.finish.disabled = !tray.pieces.length;
  parts.summary.textContent = tray.pieces.length
    ? `${many(tray.pieces.length, "piece")}, in the order of their seeds.${tray.waiting ? ` ${tray.waiting} not painted yet.` : ""}`
    : "Nothing is picked yet. Press space on a candidate, or its ✓.";
  if (tray.waiting) setTimeout(refresh, 1000);
}

// ---- the end ---------------------------------------------------------------------------------------

async function begin(kept) {
  try {
    const answer = await post("/api/finish", { kept });
    state.finish = answer.finish;
    tell();
    if (!dialog.open) dialog.showModal();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

function tell() {
  const now = state.finish;
  const back = () => h("button", { type: "button", onclick: () => dialog.close() }, "Back");
  const title = (words) => h("h2", { id: "finish-title" }, words);
  if (now.state === "working") {
    dialog.replaceChildren(title("Checking the pieces"),
      h("p", {}, "Each is made once in full precision, as it will be minted."),
      h("progress", { max: now.of, value: now.done, "aria-label": "Pieces checked" }),
      h("p", { class: "note" }, `${now.done} of ${now.of}`));
  } else if (now.state === "refused") {
    const may = now.problems.filter((one) => one.may_stay).map((one) => one.seed);
    dialog.replaceChildren(title("Some pieces need a decision"),
      h("ul", { class: "problems" }, now.problems.map((one) => h("li", {},
        h("img", { src: imageOf(one.seed), alt: "", class: state.session.pixelated ? "pixels" : "" }),
        h("span", {}, h("strong", {}, `Seed ${one.seed}: `), one.reason)))),
      h("div", { class: "buttons" }, back(),
        may.length === now.problems.length && h("button", { type: "button", onclick: () => begin(may) }, "Keep them knowingly"),
        h("button", { type: "button", class: "primary", onclick: () => leaveOut(now.problems) }, "Leave them out")));
  } else if (now.state === "done") {
    dialog.replaceChildren(title("The collection is made"),
      h("p", {}, `${many(now.pieces, "piece")} in ${now.file}. Next, in the terminal: `, h("code", {}, "nftgan render")),
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Go on curating"),
        h("button", { type: "button", class: "primary", onclick: leave }, "Close the studio")));
  } else if (now.state === "failed") {
    dialog.replaceChildren(title("The collection was not made"), h("p", {}, now.error),
      now.hint && h("p", { class: "note" }, `Try: ${now.hint}`),
      now.seeds && h("p", { class: "line" }, now.seeds.map((seed) => h("button", { type: "button", onclick: () => edit(seed) }, `Rename seed ${seed}`))),
      h("div", { class: "buttons" }, back()));
  }
}

function edit(seed) {
  dialog.close();
  cards.get(seed)?.name.focus();
}

async function leaveOut(problems) {
  for (const seed of new Set(problems.map((one) => one.seed)))
    if (!(await say(seed, { picked: false }, { words: `Seed ${seed} left out` }))) return;
  await begin([]);
}

async function leave() {
  close();
  await post("/api/close", {});
  dialog.replaceChildren(h("h2", { id: "finish-title" }, "The studio is closed"), h("p", {}, "Everything is saved. You may close this page."));
}

// ---- the outside -----------------------------------------------------------------------------------

export function setUp() {
  build();
  on("opinions", () => {
    $("picked-count").textContent = pickedCount();
    refresh();
  });
  on("finish", () => { if (dialog.open) tell(); });
  $("picked-count").textContent = pickedCount();
}

export async function show() {
  active = true;
  $("tray-title").focus({ preventScroll: true });
  scrollTo(0, 0);
  await refresh();
}

export function hide() {
  active = false;
}
