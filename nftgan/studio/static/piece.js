// One piece: its image under other settings, mixed with another seed, and what is like it.

import { get } from "./api.js";
import { $, h, picture, toast } from "./dom.js";
import { mixing, thumbnail } from "./mixing.js";
import { stage } from "./stage.js";
import { imageOf, keySays, noveltyOf, on, opinion, rate, refusalOf, scoreOf, state, togglePick, toggleReject, traitsOf } from "./state.js";
import { swipes } from "./swipe.js";
import { editor } from "./tags.js";

const FILM = 8; // neighbours on either side in the filmstrip

const page = $("page-piece");
let seed = null;
let grid = {};
let go = () => {};
let parts = {};
let looking = new AbortController(); // of the question what is like the piece

const usual = () => ({
  trunc: state.session.trunc,
  x: state.session.translate[0],
  y: state.session.translate[1],
  rotate: state.session.rotate,
});

// ---- the image -----------------------------------------------------------------------------------

function changed() {
  const { elements } = parts.form;
  const before = usual();
  for (const input of parts.form.querySelectorAll("input[type=range]"))
    input.nextElementSibling.textContent = Number(input.value).toFixed(input.name === "rotate" ? 0 : 2) + (input.name === "rotate" ? "°" : "");
  const mix = parts.mixing.read();
  const moved = state.session.movable && ["x", "y", "rotate"].some((name) => Number(elements[name].value) !== before[name]);
  const other = Number(elements.trunc.value) !== before.trunc || moved;
  parts.note.textContent = other && !mix ? "All pieces share one look: change it for all above the candidates, under Look." : "";
  parts.reset.disabled = !other && parts.mixing.empty();
  const look = new URLSearchParams({ trunc: elements.trunc.value });
  if (state.session.movable) for (const name of ["x", "y", "rotate"]) look.set(name, elements[name].value);
  if (mix) {
    look.set("mix", mix.seed);
    look.set("layers", mix.layers.join(","));
  }
  look.set("look", state.session.look);
  title(mix);
  parts.stage.show(seed, `/look/${seed}?${look}`, !other && !mix);
}

function title(mix) {
  const { name } = opinion(seed);
  const own = name ? `${name} (seed ${seed})` : `Seed ${seed}`;
  parts.title.textContent = mix ? `${own} with ${mix.seed}` : own;
  parts.stage.img.alt = mix ? `Mixture of seeds ${seed} and ${mix.seed}` : `Image of seed ${seed}`;
}

// ---- parts of the page -------------------------------------------------------------------------------

const slider = (name, words, low, high, step, value) =>
  h("label", { class: "slider" }, h("span", {}, words),
    h("input", { type: "range", name, min: `${low}`, max: `${high}`, step: `${step}`, value: `${value}` }),
    h("output", {}, ""));

function build() {
  const before = usual();
  parts.stage = stage();
  swipes(parts.stage.element, (by) => step(by));
  parts.film = h("div", { class: "film", role: "group", "aria-label": "Neighbours" });
  parts.title = h("h2", { id: "piece-title", tabindex: "-1" });
  parts.stars = h("div", { class: "starring", role: "group", "aria-label": "Stars" },
    [1, 2, 3, 4, 5].map((n) => h("button", { type: "button", onclick: () => rate(seed, n) }, "★")));
  parts.pick = h("button", { type: "button", class: "pick", onclick: () => decide(" ") });
  parts.reject = h("button", { type: "button", class: "reject", onclick: () => decide("x") });
  parts.flag = h("p", { class: "warn", hidden: true });
  parts.facts = h("dl", { class: "traits" });
  parts.tags = editor(() => seed);
  parts.mixing = mixing(() => seed, () => changed());
  parts.note = h("p", { class: "note", role: "status" });
  parts.reset = h("button", { type: "button", class: "quiet", onclick: reset }, "Reset");
  parts.form = h("form", { class: "controls", "aria-label": "Look around", onsubmit: (event) => event.preventDefault(), oninput: changed },
    slider("trunc", "Truncation", 0, 1.2, 0.02, before.trunc),
    h("p", { class: "note" }, "Lower is safer and more alike, 1 is the model's full variety."),
    parts.mixing.element,
    state.session.movable && h("fieldset", {}, h("legend", {}, "Move the canvas"),
      slider("x", "Right", -0.5, 0.5, 0.01, before.x),
      slider("y", "Down", -0.5, 0.5, 0.01, before.y),
      slider("rotate", "Turn", -180, 180, 1, before.rotate)),
    h("div", { class: "line" }, parts.reset),
    parts.note);
  parts.previous = h("a", { class: "step", rel: "prev" }, "‹ Previous");
  parts.next = h("a", { class: "step", rel: "next" }, "Next ›");
  parts.back = h("a", { href: "#/" }, "All candidates");
  parts.art = h("div", { class: "strip" });
  parts.artBox = h("section", { hidden: true }, h("h3", {}, "Closest training art"),
    h("p", { class: "note" }, "0 is a copy; 1 is as far as two training images usually are from each other."), parts.art);
  parts.relatives = h("div", { class: "strip" });
  parts.alike = h("div", { class: "strip" });
  page.replaceChildren(
    h("p", { class: "crumbs" }, parts.back, h("span", { class: "steps" }, parts.previous, parts.next)),
    h("div", { class: "piece" },
      h("div", { class: "view" }, parts.stage.element, parts.film),
      h("div", { class: "side" }, parts.title, parts.flag,
        h("div", { class: "verdict" }, parts.pick, parts.reject, parts.stars),
        h("section", {}, h("h3", {}, "More like this"), h("p", { class: "note" }, "Closest in the model's space of styles, also among seeds not looked at yet."), parts.relatives),
        parts.facts,
        h("section", { class: "own", "aria-labelledby": "own-title" }, h("h3", { id: "own-title" }, "Your own traits"), parts.tags.element),
        parts.form)),
    h("div", { class: "likes" },
      parts.artBox,
      h("section", {}, h("h3", {}, "Looks like this"), h("p", { class: "note" }, "Closest in colours and edges, among the candidates."), parts.alike)));
}

function reset() {
  const { elements } = parts.form;
  const before = usual();
  for (const name of ["trunc", "x", "y", "rotate"]) if (elements[name]) elements[name].value = before[name];
  parts.mixing.reset();
  changed();
}

function film() {
  const seeds = grid.around(seed, FILM);
  const wanted = seeds.join();
  if (parts.film.dataset.seeds !== wanted) {
    parts.film.dataset.seeds = wanted;
    parts.film.replaceChildren(...seeds.map((other) => {
      const cell = thumbnail(other);
      if (!state.painted.has(other) && other !== seed) cell.firstChild.removeAttribute("src"); // nobody waits for it
      return cell;
    }));
  }
  seeds.forEach((other, place) => {
    const cell = parts.film.children[place];
    const said = opinion(other);
    cell.classList.toggle("picked", said.picked === true);
    cell.classList.toggle("rejected", said.picked === false);
    if (!cell.firstChild.hasAttribute("src") && state.painted.has(other)) cell.firstChild.src = imageOf(other);
    if (other === seed) cell.setAttribute("aria-current", "true");
    else cell.removeAttribute("aria-current");
  });
  const own = parts.film.querySelector("[aria-current]");
  if (own) parts.film.scrollLeft = own.offsetLeft - parts.film.clientWidth / 2 + own.clientWidth / 2;
}

function dress() {
  if (seed === null) return;
  const said = opinion(seed);
  title(parts.mixing.read());
  parts.pick.textContent = said.picked === true ? "✓ Picked" : "Pick";
  parts.pick.setAttribute("aria-pressed", said.picked === true);
  parts.reject.textContent = said.picked === false ? "✕ Rejected" : "Reject";
  parts.reject.setAttribute("aria-pressed", said.picked === false);
  [...parts.stars.children].forEach((star, i) => {
    const lit = i < (said.stars ?? 0);
    star.classList.toggle("lit", lit);
    star.textContent = lit ? "★" : "☆";
    star.setAttribute("aria-label", `${i + 1} of 5 stars`);
    star.setAttribute("aria-pressed", said.stars === i + 1);
  });
  page.classList.toggle("saving", state.drafts.has(seed));
  const flag = refusalOf(seed);
  parts.flag.hidden = !flag;
  parts.flag.textContent = flag ? `Refused as a piece unless you keep it knowingly. It is too close to ${flag.startsWith("a blank") ? "nothing" : "the training art"}: ${flag}.` : "";
  if (flag?.startsWith("a blank")) parts.flag.textContent = "A blank image: refused as a piece unless you keep it knowingly.";
  const novelty = noveltyOf(seed);
  const score = scoreOf(seed);
  const facts = [...traitsOf(seed).map(([kind, value]) => [kind, value, ""]),
    ...(score === null ? [] : [["Score", `${score} of 100`, `Share of the candidates that are judged worse, by ${state.table.score_by}. It errs at times: trust your eye.`]]),
    ...(novelty === null ? [] : [["Novelty", novelty.toFixed(2), "Distance from the closest training image: 0 is a copy, 1 is as far as two training images usually are."]])];
  parts.facts.replaceChildren(...facts.map(([kind, value, why]) => h("div", { title: why || undefined }, h("dt", {}, kind), h("dd", {}, value))));
  parts.tags.dress();
  parts.back.href = grid.address();
  for (const [link, by] of [[parts.previous, -1], [parts.next, 1]]) {
    const other = grid.neighbour(seed, by);
    if (other === undefined) link.removeAttribute("href");
    else link.href = `#/seed/${other}`;
  }
  film();
}

async function likes() {
  const own = seed;
  looking.abort(); // what nobody looks at any more is not worked for
  looking = new AbortController();
  for (const place of [parts.art, parts.relatives, parts.alike]) place.replaceChildren(h("p", { class: "note" }, "Looking…"));
  parts.artBox.hidden = !state.session.training;
  try {
    const found = await get(`/api/piece/${own}`, looking.signal);
    if (own !== seed) return;
    parts.relatives.replaceChildren(...found.relatives.map(thumbnail));
    parts.alike.replaceChildren(...(found.alike.length ? found.alike.map(thumbnail) : [h("p", { class: "note" }, "Not painted yet.")]));
    parts.art.replaceChildren(...(found.art.length ? found.art.map(artFigure)
      : [h("p", { class: "note" }, "The training art is still being looked at.")]));
  } catch (error) {
    if (error.name !== "AbortError" && own === seed) toast(error.message, { bad: true });
  }
}

// A training image with how far away it is; also in the question about copies.
export const artFigure = (one) => h("figure", { class: "art" },
  picture({ src: `/art/${one.index}`, alt: `Training image ${one.name}`, class: `${state.session.pixelated ? "pixels" : ""}${one.mirrored ? " mirrored" : ""}` }),
  h("figcaption", {}, `${one.ratio.toFixed(2)}${one.mirrored ? ", mirrored" : ""}`, h("small", { title: one.name }, one.name)));

// ---- the outside -----------------------------------------------------------------------------------

// A key on this page; true when it said something. The next one may follow by itself.
export function decide(key) {
  if (key === " ") togglePick(seed);
  else if (key === "x" || key === "X") toggleReject(seed);
  else if (!keySays(key, seed)) return false;
  if (grid.advances() && key !== "0") step(1);
  return true;
}

export function step(by) {
  const other = grid.neighbour(seed, by);
  if (other === undefined) return toast(by < 0 ? "This is the first one" : "This is the last one");
  go(other);
}

export function setUp({ candidates, open }) {
  grid = candidates;
  go = open;
  build();
  on("opinions", (seeds) => { if (seeds.includes(seed) || (seed !== null && seeds.some((one) => grid.around(seed, FILM).includes(one)))) dress(); });
  on("table", dress);
  on("painted", () => { if (seed !== null) film(); });
  on("repaint", () => { if (seed !== null) show({ seed }); });
}

export async function show({ seed: wanted }) {
  seed = wanted;
  if (state.drafts.size === 0) parts.film.dataset.seeds = "";
  reset();
  dress();
  parts.title.focus({ preventScroll: true });
  scrollTo(0, 0);
  await likes();
}

export function hide() {
  seed = null;
  looking.abort();
  parts.stage.leave();
}
