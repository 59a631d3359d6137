// A walk from picked piece to picked piece: painted while one looks, coarse first, then finer.

import { get, image } from "./api.js";
import { $, h, many, toast } from "./dom.js";
import { draftOf } from "./drafts.js";
import { take, tellStep } from "./finish.js";
import { imageOf, on, opinion, picks, state } from "./state.js";

const FPS = 30; // of the film that the command makes
const FIRST = 6; // stops to begin with

const page = $("page-walk");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let parts = {};
let active = false;
let stops = null; // seeds in the order of the walk; null: not chosen yet
let plan = null; // what the server says of this walk
let frames = []; // ImageBitmap or undefined, by number
let asked = null; // AbortController of the walk that is being painted
let playing = false;
let position = 0; // in stops
let before = 0; // time of the last drawing, ms

const seconds = () => Number(parts.form.elements.seconds.value);

function build() {
  parts.canvas = h("canvas", { role: "img", class: state.session.pixelated ? "pixels" : "" });
  parts.play = h("button", { type: "button", class: "primary", onclick: () => play(!playing) }, "Play");
  parts.where = h("input", { type: "range", name: "where", min: "0", max: "1", value: "0", "aria-label": "Place in the walk", oninput: () => { play(false); position = Number(parts.where.value) / (plan?.steps ?? 1); draw(); } });
  parts.painted = h("p", { class: "note", role: "status" });
  parts.choice = h("ol", { class: "strip stops", "aria-label": "Picked pieces" });
  parts.form = h("form", { class: "controls", "aria-label": "The walk", onsubmit: (event) => event.preventDefault(), onchange: begin },
    h("label", { class: "slider" }, h("span", {}, "From piece to piece"),
      h("input", { type: "range", name: "seconds", min: "0.5", max: "5", step: "0.5", value: "1.5", oninput: tellPace }), h("output", {}, "")),
    h("label", { class: "line" }, "Path ", h("select", { name: "kind" },
      [["cubic", "one smooth curve"], ["linear", "straight lines"], ["slerp", "arcs, through likely images"]].map(([value, words]) => h("option", { value }, words)))));
  parts.command = h("code", { class: "command", tabindex: "0" });
  const copy = h("button", { type: "button", class: "quiet", onclick: async () => {
    try {
      await navigator.clipboard.writeText(parts.command.textContent);
      toast("Copied");
    } catch {
      getSelection().selectAllChildren(parts.command);
      toast("Selected: copy it with the keyboard");
    }
  } }, "Copy");
  parts.film = h("button", { type: "button", onclick: () => take("film", { seeds: stops, steps: Math.round(seconds() * FPS), kind: parts.form.elements.kind.value, fps: FPS }) }, "Make the film");
  parts.film.hidden = !state.session.steps.includes("film");
  parts.filmed = h("div", { role: "status" });
  parts.recipe = h("section", {}, h("h3", {}, "As a file"),
    h("div", { class: "line" }, parts.film), parts.filmed,
    h("p", { class: "note" }, "This command makes the same walk as a film. Another ending makes another file: .gif, .png, .webp."),
    h("div", { class: "line" }, parts.command, copy));
  parts.empty = h("p", { class: "note" }, "A walk needs two pieces. Pick some, and choose them here.");
  page.replaceChildren(
    h("p", { class: "crumbs" }, h("a", { href: "#/collection" }, "Collection")),
    h("div", { class: "piece" },
      h("figure", { class: "stage" }, parts.canvas),
      h("div", { class: "side" },
        h("h2", { id: "walk-title", tabindex: "-1" }, "A walk through the pieces"),
        h("div", { class: "line" }, parts.play, parts.where), parts.painted,
        h("section", {}, h("h3", {}, "Stops"), h("p", { class: "note" }, "In the order in which you choose them; the walk ends where it began."), parts.empty, parts.choice),
        parts.form, parts.recipe)));
}

function tellPace() {
  parts.form.elements.seconds.nextElementSibling.textContent = `${seconds().toFixed(1)} s`;
}

// ---- stops -----------------------------------------------------------------------------------------

function offer() {
  const all = picks();
  const most = state.session.walk.stops;
  stops = (stops ?? all.slice(0, Math.min(FIRST, most))).filter((seed) => all.includes(seed));
  parts.choice.replaceChildren(...all.map((seed) => {
    const place = stops.indexOf(seed);
    const name = opinion(seed).name ?? `Seed ${seed}`;
    return h("li", {}, h("button", {
      type: "button", class: "stop", "data-seed": `${seed}`, "aria-pressed": `${place >= 0}`,
      "aria-label": place >= 0 ? `${name}, stop ${place + 1}` : name, title: name,
      onclick: () => choose(seed),
    }, h("img", { src: imageOf(seed), alt: "", class: state.session.pixelated ? "pixels" : "" }),
    h("span", { class: "order", "aria-hidden": "true" }, place >= 0 ? `${place + 1}` : "")));
  }));
  parts.empty.hidden = all.length > 1;
}

function choose(seed) {
  if (stops.includes(seed)) stops = stops.filter((one) => one !== seed);
  else if (stops.length < state.session.walk.stops) stops = [...stops, seed];
  else return toast(`A walk has at most ${many(state.session.walk.stops, "stop")}`, { bad: true });
  offer();
  parts.choice.querySelector(`[data-seed="${seed}"]`).focus();
  begin();
}

// ---- painting --------------------------------------------------------------------------------------

function forget() {
  asked?.abort();
  asked = null;
  for (const frame of frames) frame?.close();
  frames = [];
}

async function begin() {
  if (!active) return;
  forget();
  tellPace();
  const ready = stops.length > 1;
  for (const part of [parts.recipe, parts.form]) part.hidden = !ready;
  parts.play.disabled = parts.where.disabled = !ready;
  if (!ready) {
    plan = null;
    parts.canvas.getContext("2d").clearRect(0, 0, parts.canvas.width, parts.canvas.height);
    parts.painted.textContent = "";
    return;
  }
  const own = (asked = new AbortController());
  const wish = new URLSearchParams({ seeds: stops.join(","), kind: parts.form.elements.kind.value, steps: Math.round(seconds() * FPS), fps: FPS });
  try {
    const found = await get(`/api/walk?${wish}`);
    if (own !== asked) return;
    plan = found;
    frames = new Array(plan.frames);
    parts.where.max = plan.frames - 1;
    parts.command.replaceChildren(...plan.command.split(" ").flatMap((word, i) => [i ? " " : "", h("span", {}, word)]));
    parts.canvas.setAttribute("aria-label", `A walk through ${stops.map((seed) => opinion(seed).name ?? `seed ${seed}`).join(", ")}`);
    wish.set("steps", plan.steps);
    await paint(own, wish);
  } catch (error) {
    if (error.name !== "AbortError" && own === asked) toast(error.message, { bad: true });
  }
}

// The stops first, then ever finer: a walk can be seen before it is smooth. One request at a time.
async function paint(own, wish) {
  let stride = 1;
  while (stride < plan.steps) stride *= 2;
  let done = 0;
  for (; stride >= 1; stride /= 2)
    for (let stop = 0; stop < stops.length; stop++)
      for (let step = 0; step < plan.steps; step += stride) {
        const number = stop * plan.steps + step;
        if (frames[number]) continue;
        const path = `/walk/${number}?${wish}`;
        const frame = await createImageBitmap(await image(state.session.drafts ? draftOf(path) : path, own.signal));
        if (own !== asked) return frame.close();
        frames[number] = frame;
        done++;
        parts.painted.textContent = done < plan.frames ? `${done} of ${plan.frames} frames painted` : `${plan.frames} frames, ${(stops.length * seconds()).toFixed(1)} seconds${state.session.drafts ? ", as drafts: the film is sharp" : ""}`;
        if (done === 1 || (!playing && number === current())) draw();
      }
}

// ---- playing ---------------------------------------------------------------------------------------

const current = () => Math.min(plan.frames - 1, Math.floor(position * plan.steps + 1e-6));

function draw() {
  if (!plan) return;
  let number = current();
  while (number >= 0 && !frames[number]) number--;
  if (number < 0) return;
  const frame = frames[number];
  if (parts.canvas.width !== frame.width) parts.canvas.width = parts.canvas.height = frame.width;
  const pen = parts.canvas.getContext("2d");
  pen.clearRect(0, 0, frame.width, frame.height); // a transparent frame would show those before it
  pen.drawImage(frame, 0, 0);
  parts.canvas.dataset.frame = number;
}

function tick(now) {
  if (!playing || !active) return;
  if (plan) {
    position = (position + (now - before) / 1000 / seconds()) % stops.length;
    parts.where.value = current();
    draw();
  }
  before = now;
  requestAnimationFrame(tick);
}

function play(wanted) {
  const was = playing;
  playing = wanted;
  parts.play.textContent = playing ? "Pause" : "Play";
  if (playing && !was) {
    before = performance.now();
    requestAnimationFrame(tick);
  }
}

// ---- the outside -----------------------------------------------------------------------------------

export function setUp() {
  build();
  on("news", () => {
    const step = state.news.step;
    if (!active || step?.name !== "film") return;
    parts.film.disabled = step.state === "working";
    parts.filmed.replaceChildren(tellStep(step));
  });
  on("opinions", () => {
    if (!active) return;
    const had = stops.join();
    offer();
    if (stops.join() !== had) begin();
  });
}

export function show() {
  active = true;
  position = 0;
  offer();
  $("walk-title").focus({ preventScroll: true });
  scrollTo(0, 0);
  begin();
  play(!still.matches && stops.length > 1); // who wants no motion starts it, or moves the slider
}

export function hide() {
  active = false;
  play(false);
  forget();
}
