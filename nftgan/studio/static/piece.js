// One piece: its image under other settings, mixed with another seed, and what is like it.

import { get, image } from "./api.js";
import { $, h, toast } from "./dom.js";
import { noveltyOf, on, opinion, rate, refusalOf, state, togglePick, toggleReject, traitsOf } from "./state.js";
import { editor } from "./tags.js";

const page = $("page-piece");
let seed = null;
let move = () => {};
let parts = {};
let asked = null; // the look that shall be shown
let busy = false;
let shownUrl = "";

const usual = () => ({
  trunc: state.session.trunc,
  x: state.session.translate[0],
  y: state.session.translate[1],
  rotate: state.session.rotate,
});

// ---- the image -----------------------------------------------------------------------------------

function lookPath() {
  const { trunc, x, y, rotate, mix } = parts.form.elements;
  const look = new URLSearchParams({ trunc: trunc.value });
  if (state.session.movable) {
    look.set("x", x.value);
    look.set("y", y.value);
    look.set("rotate", rotate.value);
  }
  const layers = [...parts.form.querySelectorAll("[name=group]:checked")].map((box) => box.value);
  if (mix.value && mix.checkValidity() && layers.length) {
    look.set("mix", mix.value);
    look.set("layers", layers.join(","));
  }
  return `/look/${seed}?${look}`;
}

function changed() {
  const { trunc, mix } = parts.form.elements;
  for (const input of parts.form.querySelectorAll("input[type=range]"))
    input.nextElementSibling.textContent = Number(input.value).toFixed(input.name === "rotate" ? 0 : 2) + (input.name === "rotate" ? "°" : "");
  const mixing = mix.value !== "" && parts.form.querySelector("[name=group]:checked");
  const moved = state.session.movable && ["x", "y", "rotate"].some((name) => Number(parts.form.elements[name].value) !== usual()[name]);
  const other = Number(trunc.value) !== usual().trunc || moved;
  parts.note.textContent = mixing
    ? "A mixture is for looking around: a piece is made from one seed."
    : other
      ? "All pieces share one recipe. To keep this one, write it into [recipe] of nftgan.toml."
      : "";
  parts.reset.disabled = !other && mix.value === "";
  asked = lookPath();
  refresh();
}

// One request at a time, and only the newest wish: a slider must not queue up images.
async function refresh() {
  if (busy) return;
  busy = true;
  while (asked !== null) {
    const path = asked;
    asked = null;
    parts.frame.setAttribute("aria-busy", "true");
    try {
      const url = URL.createObjectURL(await image(path));
      parts.image.src = url;
      parts.image.dataset.look = path;
      URL.revokeObjectURL(shownUrl);
      shownUrl = url;
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }
  parts.frame.removeAttribute("aria-busy");
  busy = false;
}

// ---- parts of the page -------------------------------------------------------------------------------

const slider = (name, words, low, high, step, value) =>
  h("label", { class: "slider" }, h("span", {}, words),
    h("input", { type: "range", name, min: `${low}`, max: `${high}`, step: `${step}`, value: `${value}` }),
    h("output", {}, ""));

function build() {
  const before = usual();
  parts.image = h("img", { alt: "" , class: state.session.pixelated ? "pixels" : "" });
  parts.frame = h("figure", { class: "stage" }, parts.image);
  parts.title = h("h2", { id: "piece-title", tabindex: "-1" });
  parts.stars = h("div", { class: "starring", role: "group", "aria-label": "Stars" },
    [1, 2, 3, 4, 5].map((n) => h("button", { type: "button", onclick: () => rate(seed, n) }, "★")));
  parts.pick = h("button", { type: "button", class: "pick", onclick: () => togglePick(seed) });
  parts.reject = h("button", { type: "button", class: "reject", onclick: () => toggleReject(seed) });
  parts.flag = h("p", { class: "warn", hidden: true });
  parts.facts = h("dl", { class: "traits" });
  parts.tags = editor(() => seed);
  parts.note = h("p", { class: "note", role: "status" });
  parts.reset = h("button", { type: "button", class: "quiet", onclick: reset }, "Reset");
  const dice = h("button", { type: "button", class: "quiet", onclick: () => {
    parts.form.elements.mix.value = state.seeds[Math.floor(Math.random() * state.seeds.length)];
    changed();
  } }, "Another");
  parts.form = h("form", { class: "controls", "aria-label": "Look around", onsubmit: (event) => event.preventDefault(), oninput: changed },
    slider("trunc", "Truncation", 0, 1.2, 0.02, before.trunc),
    h("fieldset", {}, h("legend", {}, "Mix with another seed"),
      h("div", { class: "line" },
        h("label", {}, "Seed ", h("input", { type: "number", name: "mix", min: "0", max: `${state.session.max_seed}`, inputmode: "numeric" })), dice),
      state.session.groups.filter((group) => group.layers.length).map((group, i) => h("label", { class: "check" },
        h("input", { type: "checkbox", name: "group", value: group.layers.join(","), checked: i === 0 }),
        `${group.name} `, h("small", {}, `layers ${group.layers[0]} to ${group.layers.at(-1)}`)))),
    state.session.movable && h("fieldset", {}, h("legend", {}, "Move the canvas"),
      slider("x", "Right", -0.5, 0.5, 0.01, before.x),
      slider("y", "Down", -0.5, 0.5, 0.01, before.y),
      slider("rotate", "Turn", -180, 180, 1, before.rotate)),
    h("div", { class: "line" }, parts.reset),
    parts.note);
  parts.previous = h("a", { class: "step", rel: "prev" }, "‹ Previous");
  parts.next = h("a", { class: "step", rel: "next" }, "Next ›");
  parts.art = h("div", { class: "strip" });
  parts.artBox = h("section", { hidden: true }, h("h3", {}, "Closest training art"),
    h("p", { class: "note" }, "0 is a copy; 1 is as far as two training images usually are from each other."), parts.art);
  parts.relatives = h("div", { class: "strip" });
  parts.alike = h("div", { class: "strip" });
  page.replaceChildren(
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "All candidates"), h("span", { class: "steps" }, parts.previous, parts.next)),
    h("div", { class: "piece" },
      parts.frame,
      h("div", { class: "side" }, parts.title, parts.flag,
        h("div", { class: "verdict" }, parts.pick, parts.reject, parts.stars),
        parts.facts,
        h("section", { class: "own", "aria-label": "Your tags" }, parts.tags.element),
        parts.form)),
    h("div", { class: "likes" },
      parts.artBox,
      h("section", {}, h("h3", {}, "More like this"), h("p", { class: "note" }, "Closest in the model's space of styles, also among seeds not looked at yet."), parts.relatives),
      h("section", {}, h("h3", {}, "Looks like this"), h("p", { class: "note" }, "Closest in colours and edges, among the candidates."), parts.alike)));
}

function reset() {
  const { elements } = parts.form;
  const before = usual();
  for (const name of ["trunc", "x", "y", "rotate"]) if (elements[name]) elements[name].value = before[name];
  elements.mix.value = "";
  changed();
}

const thumbnail = (other) =>
  h("a", { href: `#/seed/${other}`, class: "thumb", "aria-label": `Seed ${other}` },
    h("img", { src: `/image/${other}`, alt: "", loading: "lazy", class: state.session.pixelated ? "pixels" : "" }),
    h("span", {}, `${other}`));

function dress() {
  if (seed === null) return;
  const said = opinion(seed);
  parts.title.textContent = said.name ? `${said.name} (seed ${seed})` : `Seed ${seed}`;
  parts.image.alt = `Image of seed ${seed}`;
  parts.pick.textContent = said.picked === true ? "✓ Picked" : "Pick";
  parts.pick.setAttribute("aria-pressed", said.picked === true);
  parts.reject.textContent = said.picked === false ? "✕ Rejected" : "Reject";
  parts.reject.setAttribute("aria-pressed", said.picked === false);
  [...parts.stars.children].forEach((star, i) => {
    star.classList.toggle("lit", i < (said.stars ?? 0));
    star.setAttribute("aria-label", `${i + 1} of 5 stars`);
    star.setAttribute("aria-pressed", said.stars === i + 1);
  });
  page.classList.toggle("saving", state.drafts.has(seed));
  const flag = refusalOf(seed);
  parts.flag.hidden = !flag;
  parts.flag.textContent = flag ? `Looks like ${flag}. It would be refused as a piece unless you keep it knowingly.` : "";
  const novelty = noveltyOf(seed);
  const facts = [...traitsOf(seed), ...(novelty === null ? [] : [["Novelty", novelty.toFixed(2)]])];
  parts.facts.replaceChildren(...facts.map(([kind, value]) => h("div", {}, h("dt", {}, kind), h("dd", {}, value))));
  parts.tags.dress();
  for (const [link, step] of [[parts.previous, -1], [parts.next, 1]]) {
    const other = move(seed, step);
    if (other === undefined) link.removeAttribute("href");
    else link.href = `#/seed/${other}`;
  }
}

async function likes() {
  const own = seed;
  for (const place of [parts.art, parts.relatives, parts.alike]) place.replaceChildren(h("p", { class: "note" }, "Looking…"));
  parts.artBox.hidden = !state.session.training;
  try {
    const found = await get(`/api/piece/${own}`);
    if (own !== seed) return;
    parts.relatives.replaceChildren(...found.relatives.map(thumbnail));
    parts.alike.replaceChildren(...(found.alike.length ? found.alike.map(thumbnail) : [h("p", { class: "note" }, "Not painted yet.")]));
    parts.art.replaceChildren(...(found.art.length ? found.art.map((one) => h("figure", { class: "art" },
      h("img", { src: `/art/${one.index}`, alt: `Training image ${one.name}`, class: `${state.session.pixelated ? "pixels" : ""}${one.mirrored ? " mirrored" : ""}` }),
      h("figcaption", {}, `${one.ratio.toFixed(2)}${one.mirrored ? ", mirrored" : ""}`, h("small", {}, one.name))))
      : [h("p", { class: "note" }, "The training art is still being looked at.")]));
  } catch (error) {
    if (own === seed) toast(error.message, { bad: true });
  }
}

// ---- the outside -----------------------------------------------------------------------------------

export function setUp({ neighbour }) {
  move = neighbour;
  build();
  on("opinions", (seeds) => { if (seeds.includes(seed)) dress(); });
  on("table", dress);
}

export async function show(wanted) {
  seed = wanted;
  parts.image.removeAttribute("src");
  reset();
  dress();
  parts.title.focus({ preventScroll: true });
  scrollTo(0, 0);
  await likes();
}

export function hide() {
  seed = null;
}

export const shown = () => seed;
export const step = (by) => move(seed, by);
