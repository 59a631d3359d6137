// The look that all pieces share, tried over the grid and written to nftgan.toml.

import { post } from "./api.js";
import { $, h, toast } from "./dom.js";
import { emit, listen, on, remember, state } from "./state.js";

const panel = $("look-panel");
const button = $("open-look");
let parts = {};
let number = 0; // of the look that is tried: the server leaves what is behind the newest
let timer = 0;

const WORDS = { trunc: "truncation", pixel_grid: "pixel grid", palette: "palette", colours: "colours", upscale: "enlargement", filter: "filter" };

function build() {
  const { resolution, automatic } = state.session.recipe;
  const knows = automatic.colours === "art";
  const sides = [8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128].filter((side) => side < resolution);
  const options = (list) => list.map(([value, words]) => h("option", { value: `${value}` }, words));
  parts.form = h("form", { class: "look", "aria-label": "Look", onsubmit: (event) => event.preventDefault() },
    h("label", { class: "slider" }, h("span", {}, "Truncation"),
      h("input", { type: "range", name: "trunc", min: "0", max: "1.2", step: "0.05", "aria-describedby": "look-why" }), h("output", {})),
    h("label", {}, "Pixel grid ", h("select", { name: "pixel_grid" },
      options([["auto", "as the art"], [0, "none"], ...sides.map((side) => [side, `${side} × ${side}`])]))),
    h("label", {}, "Palette ", h("select", { name: "palette" },
      options([["auto", "as the art"], [0, "all colours"], ...[2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 64].map((n) => [n, `${n} colours`])]))),
    h("label", {}, "Colours ", h("select", { name: "colours" },
      options([["auto", "as the art"], ...(knows ? [["art", "only the art's"]] : []), ["all", "any"]]))),
    h("label", {}, "Enlarged ", h("select", { name: "upscale" },
      options([["auto", "to about 1,024 pixels"], [1, "not at all"], ...[2, 4, 8, 16, 24, 32].map((n) => [n, `${n} times`])]))),
    h("label", {}, "Filter ", h("select", { name: "filter" },
      options([["auto", "as the art"], ["nearest", "squares"], ["cubic", "smooth shades"], ...(state.session.transparent ? [] : [["contour", "plain colours, smooth borders"]])]))));
  parts.note = h("p", { class: "note", id: "look-why", role: "status" });
  parts.use = h("button", { type: "button", class: "primary", onclick: use }, "Use this look");
  parts.back = h("button", { type: "button", onclick: () => { fill(); tell(); stop(); } }, "As it was");
  panel.replaceChildren(parts.form, h("div", { class: "line" }, parts.note, parts.back, parts.use,
    h("button", { type: "button", class: "quiet", onclick: () => open(false) }, "Close")));
  parts.form.addEventListener("input", () => { tell(); clearTimeout(timer); timer = setTimeout(attempt, 120); });
}

// The fields as the collection has them now.
function fill() {
  const { recipe } = state.session;
  const written = recipe.written ?? {};
  for (const name of Object.keys(WORDS)) {
    const field = parts.form.elements[name];
    const value = `${name === "trunc" ? recipe.trunc : written[name] ?? "auto"}`;
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value))
      field.append(h("option", { value }, value));
    field.value = value;
  }
}

const valueOf = (name) => {
  const { value } = parts.form.elements[name];
  return value === "auto" || name === "colours" || name === "filter" ? value : Number(value);
};

// What differs from the file, by key.
function changes() {
  const written = state.session.recipe.written ?? {};
  return Object.fromEntries(Object.keys(WORDS).map((name) => [name, valueOf(name)])
    .filter(([name, value]) => value !== (name === "trunc" ? state.session.recipe.trunc : written[name] ?? "auto")));
}

// The number that "as the art" stands for is known to the server only; it is kept from the session.
const resolved = (name) => {
  const value = valueOf(name);
  return value === "auto" ? state.session.recipe.automatic[name] : value;
};

// Where all colours of a piece are kept, "as the art" moves none.
const coloursTried = () => (valueOf("colours") === "auto" && !resolved("palette") ? "all" : resolved("colours"));

function tell() {
  parts.form.elements.trunc.nextElementSibling.textContent = Number(parts.form.elements.trunc.value).toFixed(2);
  const now = changes();
  const side = resolved("pixel_grid") || state.session.recipe.resolution;
  const times = valueOf("upscale") === "auto" ? Math.max(1, Math.ceil(1024 / side)) : valueOf("upscale");
  const words = Object.entries(now).map(([name, value]) => `${WORDS[name]} ${value === "auto" ? "as the art" : value}`);
  parts.note.textContent = `${words.length ? `Tried: ${words.join(", ")}.` : "Lower truncation is safer and more alike."} A piece is ${(side * times).toLocaleString("en")} pixels wide.`;
  parts.use.disabled = parts.back.disabled = !words.length;
}

function attempt() {
  if (!Object.keys(changes()).length) return stop();
  number = Date.now();
  const filter = valueOf("upscale") === 1 ? "nearest" : resolved("filter");
  const finish = { grid: resolved("pixel_grid"), palette: resolved("palette"), colours: coloursTried(), filter };
  state.trying = new URLSearchParams({ trunc: valueOf("trunc"), ...finish, try: number }).toString();
  emit("trying");
}

function stop() {
  clearTimeout(timer);
  if (!state.trying) return;
  state.trying = null;
  emit("trying");
}

async function write(values) {
  try {
    const answer = await post("/api/look", values);
    state.trying = null;
    await listen();
    fill();
    tell();
    return answer;
  } catch (error) {
    toast(error.message, { bad: true });
    return null;
  }
}

async function use() {
  const values = changes();
  const answer = await write(values);
  if (!answer) return;
  const does = async () => Boolean(await write(answer.before)) && (toast("Undone: the look is as before"), true);
  remember({ does });
  toast("The look is in nftgan.toml", { act: { words: "Undo", does: async () => { if (await does()) emit("forget", does); } } });
}

export function open(yes) {
  panel.hidden = !yes;
  button.setAttribute("aria-expanded", yes);
  if (yes) {
    fill();
    tell();
    parts.form.elements.trunc.focus();
  } else {
    stop();
    button.focus();
  }
}

export function setUp() {
  button.hidden = !state.session.recipe.written;
  if (button.hidden) return;
  build();
  button.addEventListener("click", () => open(panel.hidden));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    event.stopPropagation();
  });
  on("repaint", () => { if (!panel.hidden) { fill(); tell(); } });
}

export const leave = stop;
