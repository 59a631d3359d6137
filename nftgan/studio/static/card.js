// The editor of one piece: name, description, tags, and what it shares with the others.

import { $, h, picture } from "./dom.js";
import { imageOf, say, state } from "./state.js";
import { editor } from "./tags.js";

const TYPING_REST = 700; // ms

const dialog = $("edit");
let seed = null;
let pieces = [];
let parts = {};
let kept = {};
let changed = () => {};
let move = () => {};

function build() {
  parts.image = picture({ alt: "", class: state.session.pixelated ? "pixels" : "" });
  parts.title = h("h2", { id: "edit-title" });
  parts.rank = h("p", { class: "rank note" });
  parts.saved = h("span", { class: "saved", "aria-live": "polite" });
  parts.warn = h("p", { class: "warn" });
  parts.name = h("input", { type: "text", name: "name", maxlength: "200", autocomplete: "off", spellcheck: false });
  parts.description = h("textarea", { name: "description", maxlength: "5000", rows: 3 });
  parts.traits = h("dl", { class: "chips" });
  parts.tags = editor(() => seed);
  parts.large = h("a", {}, "Look at it closely");
  const step = (by) => {
    const place = pieces.findIndex((piece) => piece.seed === seed) + by;
    if (pieces[place]) show(pieces[place].seed);
  };
  parts.previous = h("button", { type: "button", class: "quiet", onclick: () => step(-1) }, "‹ Previous");
  parts.next = h("button", { type: "button", class: "quiet", onclick: () => step(1) }, "Next ›");
  const shift = (by) => move(seed, pieces.findIndex((piece) => piece.seed === seed) + by);
  parts.earlier = h("button", { type: "button", class: "quiet", onclick: () => shift(-1) }, "Move earlier");
  parts.later = h("button", { type: "button", class: "quiet", onclick: () => shift(1) }, "Move later");
  parts.remove = h("button", { type: "button", class: "quiet", onclick: async () => {
    const own = seed;
    dialog.close();
    await say(own, { picked: null }, { words: `Seed ${own} is not picked any more` });
  } }, "Take out");
  parts.element = h("div", { class: "card" },
    h("div", { class: "portrait" }, parts.image, parts.large),
    h("div", { class: "words" },
      parts.title, parts.rank, parts.warn,
      h("label", {}, "Name", parts.name),
      h("label", {}, "Description", parts.description),
      parts.saved,
      parts.traits,
      h("h3", {}, "Your own traits"), parts.tags.element));
  dialog.replaceChildren(parts.element,
    h("div", { class: "buttons" }, parts.remove, parts.earlier, parts.later, parts.previous, parts.next, h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Done")));
  for (const key of ["name", "description"]) {
    const field = parts[key];
    // What is typed is kept while one types, so a reload loses nothing but the last half second.
    let timer = 0;
    let of = null;
    const now = () => { clearTimeout(timer); if (of !== null) keep(of, key); of = null; };
    field.addEventListener("input", () => {
      of = seed;
      parts.saved.textContent = "not saved yet";
      clearTimeout(timer);
      timer = setTimeout(now, TYPING_REST);
    });
    field.addEventListener("change", now);
    field.addEventListener("blur", now);
    addEventListener("pagehide", now);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && key === "name") { event.preventDefault(); now(); }
    });
  }
  dialog.addEventListener("close", () => {
    const button = document.querySelector(`.hung[data-seed="${seed}"]`);
    seed = null;
    button?.focus();
  });
}

async function keep(of, key) {
  const text = parts[key].value.normalize("NFC").trim();
  const before = kept[of]?.[key] ?? "";
  if (text === before) { parts.saved.textContent = ""; return; }
  parts.saved.textContent = "saving…";
  const done = await say(of, { [key]: text || null }, { merge: true });
  parts.saved.textContent = done ? "saved" : "not saved";
  if (done) kept[of] = { ...kept[of], [key]: text };
  await changed();
}

function dress(piece, { fields }) {
  const of = pieces.length;
  parts.element.dataset.seed = piece.seed;
  parts.title.textContent = `#${piece.id} · seed ${piece.seed}`;
  parts.rank.textContent = piece.rank ? `rank ${piece.rank} of ${of} · score ${piece.score.toFixed(2)}` : "not painted yet";
  parts.name.placeholder = piece.usual_name;
  for (const key of ["name", "description"])
    if (fields || (document.activeElement !== parts[key] && parts.saved.textContent !== "not saved")) parts[key].value = piece[key] ?? "";
  const problems = [...(piece.flags ?? []), ...(piece.name_taken ? ["another piece has this name"] : [])];
  parts.warn.textContent = problems.join("; ");
  parts.warn.hidden = !problems.length;
  const sharing = (kind, value) => pieces.filter((one) => (one.traits ?? []).some(([k, v]) => k === kind && v === value)).length;
  parts.traits.replaceChildren(...(piece.traits ?? []).map(([kind, value]) => h("div", {}, h("dt", {}, kind), h("dd", {}, value, h("small", {}, ` ${Math.round((100 * sharing(kind, value)) / of)} %`)))));
  parts.tags.dress();
  const place = pieces.findIndex((one) => one.seed === piece.seed);
  parts.previous.disabled = parts.earlier.disabled = place <= 0;
  parts.next.disabled = parts.later.disabled = place >= pieces.length - 1;
}

function show(wanted) {
  const piece = pieces.find((one) => one.seed === wanted);
  if (!piece) return;
  seed = wanted;
  kept[seed] = { name: piece.name ?? "", description: piece.description ?? "" };
  parts.saved.textContent = "";
  parts.image.src = imageOf(seed);
  parts.image.alt = `Image of seed ${seed}`;
  parts.large.href = `#/seed/${seed}`;
  dress(piece, { fields: true });
}

export function open(all, wanted) {
  pieces = all;
  show(wanted);
  if (!dialog.open) dialog.showModal();
  parts.name.focus();
}

// The newest state, while the editor is open too.
export function refresh(all, tray) {
  pieces = all;
  parts.description.placeholder = tray.description || "No description";
  if (seed === null) return;
  const piece = all.find((one) => one.seed === seed);
  if (piece) dress(piece, { fields: false });
  else if (dialog.open) dialog.close();
}

export function setUp(outside) {
  changed = outside.changed;
  move = outside.move;
  build();
  parts.large.addEventListener("click", () => dialog.close());
}
