// The collection so far: a wall of pieces that can be put into an order, and how rare they are.

import { get, post } from "./api.js";
import * as card from "./card.js";
import { $, h, many, picture, toast } from "./dom.js";
import * as finish from "./finish.js";
import { emit, imageOf, on, opinion, pickedCount, picks, remember, state } from "./state.js";

const page = $("page-tray");
const tiles = new Map(); // seed → its place on the wall
let pieces = [];
let active = false;
let asking = false;
let again = false;
let parts = {};
let dragged = null;

function build() {
  parts.wall = h("ol", { class: "wall", "aria-label": "Pieces" });
  parts.table = h("div", { class: "rarity" });
  parts.summary = h("p", { class: "note", role: "status" });
  parts.made = h("p", { class: "made", hidden: true });
  parts.how = h("p", { class: "note" }, "Open a piece to name it. ", h("span", { class: "by-mouse" }, "Drag it to another place, or move it with ", h("kbd", {}, "Shift"), " and the arrows."));
  parts.finish = h("button", { type: "button", class: "primary", onclick: () => finish.begin([]) }, "Make these the collection");
  parts.next = h("button", { type: "button", onclick: () => finish.showDone(), hidden: true }, "Next steps");
  parts.sheet = h("a", { href: "/contact-sheet.png", target: "_blank", rel: "noopener" }, "Contact sheet");
  page.replaceChildren(
    h("div", { class: "heading" }, h("h2", { id: "tray-title", tabindex: "-1" }, "Collection"),
      h("div", { class: "line" }, parts.sheet, h("a", { href: "#/walk" }, "Walk through them"), parts.next, parts.finish)),
    parts.made, parts.summary, parts.how,
    h("div", { class: "tray" },
      parts.wall,
      h("section", { class: "aside", tabindex: "0", "aria-labelledby": "rarity-title" },
        h("h3", { id: "rarity-title" }, "Rarity"),
        h("p", { class: "note" }, "How many pieces share each trait. The rarer, the more it adds to a piece's score; 1 is an average piece."),
        parts.table)));
}

// ---- the wall --------------------------------------------------------------------------------------

function newTile(seed) {
  const one = { seed };
  one.image = picture({ src: imageOf(seed), alt: "", loading: "lazy", draggable: false, class: state.session.pixelated ? "pixels" : "" });
  one.name = h("span", { class: "name" });
  one.facts = h("span", { class: "facts" });
  one.warn = h("span", { class: "flag" });
  one.button = h("button", { type: "button", class: "hung", "data-seed": `${seed}`, "aria-keyshortcuts": "Shift+ArrowLeft Shift+ArrowRight",
    onclick: () => edit(seed), onkeydown: (event) => onKey(event, seed) }, h("span", { class: "frame" }, one.image, one.warn), one.name, one.facts);
  one.element = h("li", { draggable: "true", "data-seed": `${seed}` }, one.button);
  one.element.addEventListener("dragstart", (event) => {
    dragged = seed;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", `${seed}`);
    one.element.classList.add("dragged");
  });
  one.element.addEventListener("dragend", () => { dragged = null; one.element.classList.remove("dragged"); });
  one.element.addEventListener("dragover", (event) => { if (dragged !== null) event.preventDefault(); });
  one.element.addEventListener("drop", (event) => {
    event.preventDefault();
    if (dragged !== null && dragged !== seed) move(dragged, picks().indexOf(seed));
  });
  return one;
}

function dressTile(one, piece) {
  const name = piece.name || piece.usual_name;
  const problems = [...(piece.flags ?? []), ...(piece.name_taken ? ["another piece has this name"] : [])];
  one.name.textContent = name;
  one.facts.textContent = [`#${piece.id}`, `seed ${piece.seed}`, piece.rank && `rank ${piece.rank}`].filter(Boolean).join(" · ");
  one.warn.textContent = problems.length ? "!" : "";
  one.warn.title = problems.join("; ");
  const said = Object.entries(piece.tags).map((pair) => pair.join(" "));
  one.button.setAttribute("aria-label", [`Piece ${piece.id}, ${name}, seed ${piece.seed}`, piece.rank && `rank ${piece.rank}`, ...said, ...problems].filter(Boolean).join(", "));
}

function onKey(event, seed) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow(), ArrowDown: perRow(), Home: -Infinity, End: Infinity };
  const by = steps[event.key];
  if (by === undefined) return;
  event.preventDefault();
  const order = picks();
  const place = order.indexOf(seed);
  const to = Math.max(0, Math.min(order.length - 1, place + by));
  if (event.shiftKey) move(seed, to).then(() => tiles.get(seed)?.button.focus());
  else tiles.get(order[to])?.button.focus();
}

const perRow = () => {
  const tops = [...parts.wall.children].map((one) => one.offsetTop);
  return Math.max(1, tops.filter((top) => top === tops[0]).length);
};

// ---- order -----------------------------------------------------------------------------------------

async function move(seed, to) {
  const before = picks();
  const order = before.filter((one) => one !== seed);
  order.splice(to, 0, seed);
  if (order.join() === before.join()) return;
  if (!(await put(order))) return;
  const does = () => put(before);
  remember({ does });
  toast(`Seed ${seed} is piece ${to} now`, { act: { words: "Undo", does: async () => { if (await does()) emit("forget", does); } } });
}

async function put(order) {
  try {
    const { opinions } = await post("/api/order", { seeds: order });
    for (const [seed, said] of Object.entries(opinions)) state.opinions.set(Number(seed), said);
    emit("opinions", order);
    await refresh();
    return true;
  } catch (error) {
    toast(`Not saved: ${error.message}`, { bad: true });
    return false;
  }
}

// ---- rarity ----------------------------------------------------------------------------------------

const share = (count, of) => `${Math.round((100 * count) / of)} %`;

function table(rarity, of) {
  return rarity.map((trait) => h("table", {},
    h("caption", {}, trait.trait),
    h("thead", { class: "hidden-words" }, h("tr", {}, h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "Share"), h("th", { scope: "col" }, "Pieces"))),
    h("tbody", {}, trait.values.map((one) => h("tr", { title: `${many(one.pieces, "piece")}, ${one.bits} bits` },
      h("th", { scope: "row" }, one.value),
      h("td", { class: "bar" }, h("meter", { min: 0, max: of, value: one.pieces, "aria-label": `${one.value}: share of pieces` })),
      h("td", { class: "n" }, share(one.pieces, of)))))));
}

// ---- keeping up ------------------------------------------------------------------------------------

// The newest state only: while one answer is on its way, further wishes become one.
async function refresh() {
  if (!active) return;
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    try {
      hang(await get("/api/tray"));
    } catch (error) {
      toast(error.message, { bad: true });
    }
  } while (again);
  asking = false;
}

function hang(tray) {
  pieces = tray.pieces;
  const focused = parts.wall.contains(document.activeElement) ? document.activeElement : null; // moving it loses the focus
  const seeds = new Set(pieces.map((piece) => piece.seed));
  for (const [seed, one] of tiles) if (!seeds.has(seed)) { one.element.remove(); tiles.delete(seed); }
  pieces.forEach((piece, place) => {
    if (!tiles.has(piece.seed)) tiles.set(piece.seed, newTile(piece.seed));
    const one = tiles.get(piece.seed);
    dressTile(one, piece);
    if (parts.wall.children[place] !== one.element) parts.wall.insertBefore(one.element, parts.wall.children[place] ?? null);
  });
  if (focused && document.activeElement !== focused) focused.focus();
  card.refresh(pieces, tray);
  parts.table.replaceChildren(...table(tray.rarity, pieces.length));
  const none = !pieces.length;
  parts.finish.disabled = none;
  parts.sheet.hidden = parts.how.hidden = none;
  page.classList.toggle("bare", none);
  parts.summary.textContent = none
    ? `Nothing is picked yet. Press space on a candidate, or its ✓.${elsewhere()}`
    : `${many(pieces.length, "piece")}.${tray.waiting ? ` ${tray.waiting} not painted yet.` : ""}`;
  const made = tray.made;
  const same = made && made.seeds.join() === pieces.map((piece) => piece.seed).join();
  parts.made.hidden = !made || none;
  parts.made.classList.toggle("warn", Boolean(made) && !same);
  parts.made.textContent = !made ? "" : same ? `✓ The collection is made of these ${many(made.pieces, "piece")}.` : `The collection was made of ${many(made.pieces, "piece")}, and the picks changed since: make it again to take that over.`;
  parts.next.hidden = !same || !state.session.steps.length;
  if (tray.waiting) setTimeout(refresh, 1000);
}

// Picks belong to the network that painted them: after more training they seem to be gone.
function elsewhere() {
  const count = state.session.picked_elsewhere;
  if (!count) return "";
  return ` ${many(count, "pick")} of other networks ${count === 1 ? "is" : "are"} kept${state.session.choosable ? ": choose the network under Training" : ": open the studio with that model"}.`;
}

function edit(seed) {
  card.open(pieces, seed);
}

// ---- the outside -----------------------------------------------------------------------------------

export function setUp({ go }) {
  build();
  card.setUp({ changed: refresh, move });
  finish.setUp({ rename: (seed) => { go("#/collection"); edit(seed); }, made: refresh, opinion });
  on("opinions", () => {
    $("picked-count").textContent = pickedCount();
    refresh();
  });
  on("repaint", () => {
    for (const one of tiles.values()) one.image.src = imageOf(one.seed);
    refresh();
  });
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
