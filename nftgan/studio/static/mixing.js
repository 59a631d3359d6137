// Mixing with a second seed: both parents are shown, and seeds that come close to the mixture.

import { get } from "./api.js";
import { h, picture, toast } from "./dom.js";
import { sharpened } from "./drafts.js";
import { imageOf, state } from "./state.js";

// seedOf: the first parent. changed: called when another image shall be seen.
export function mixing(seedOf, changed) {
  const parts = {};
  parts.number = h("input", { type: "number", name: "mix", min: "0", max: `${state.session.max_seed}`, inputmode: "numeric", "aria-describedby": "mix-wrong" });
  parts.wrong = h("p", { class: "warn", id: "mix-wrong", hidden: true });
  const dice = h("button", { type: "button", class: "quiet", onclick: () => {
    parts.number.value = state.seeds[Math.floor(Math.random() * state.seeds.length)];
    changed();
  } }, "Another");
  const face = (alt) => picture({ alt, class: state.session.pixelated ? "pixels" : "" });
  parts.one = face("First parent");
  parts.other = face("Second parent");
  parts.oneName = h("figcaption", {});
  parts.otherName = h("figcaption", {});
  parts.parents = h("div", { class: "parents", hidden: true },
    h("figure", {}, parts.one, parts.oneName), h("span", { "aria-hidden": "true" }, "×"), h("figure", {}, parts.other, parts.otherName));
  parts.boxes = state.session.groups.filter((group) => group.layers.length).map((group, i) =>
    h("label", { class: "check" },
      h("input", { type: "checkbox", name: "group", value: group.layers.join(","), checked: i === 0 }),
      `${group.name} `, h("small", {}, `layers ${group.layers[0]} to ${group.layers.at(-1)}`)));
  parts.find = h("button", { type: "button", onclick: find }, "Find seeds like this");
  parts.found = h("div", { class: "strip", hidden: true });
  parts.note = h("p", { class: "note", hidden: true }, "A piece is made from one seed, so a mixture itself cannot be one.");
  parts.end = h("div", { class: "line", hidden: true }, parts.find);
  const element = h("fieldset", {}, h("legend", {}, "Mix with another seed"),
    h("div", { class: "line" }, h("label", {}, "Seed ", parts.number), dice),
    parts.wrong, parts.parents,
    h("div", { role: "group", "aria-label": "What comes from the other seed" }, parts.boxes),
    parts.note, parts.end, parts.found);

  const valid = () => parts.number.value !== "" && parts.number.checkValidity();
  const layers = () => parts.boxes.map((box) => box.firstChild).filter((box) => box.checked).flatMap((box) => box.value.split(","));
  const mixed = () => valid() && layers().length > 0;

  // Show what the fields say; gives {seed, layers} of a mixture, or null.
  function read() {
    const wrong = parts.number.value !== "" && !parts.number.checkValidity();
    const bad = wrong || parts.number.validity.badInput;
    parts.number.setAttribute("aria-invalid", bad);
    parts.wrong.hidden = !bad;
    parts.wrong.textContent = bad ? `A seed is a whole number from 0 to ${state.session.max_seed.toLocaleString("en")}: nothing is mixed.` : "";
    const other = Number(parts.number.value);
    for (const part of [parts.parents, parts.note, parts.end]) part.hidden = !mixed();
    parts.found.hidden = true;
    if (!mixed()) return null;
    for (const [image, name, seed] of [[parts.one, parts.oneName, seedOf()], [parts.other, parts.otherName, other]]) {
      if (image.getAttribute("src") !== imageOf(seed)) image.src = imageOf(seed);
      name.textContent = `seed ${seed}`;
    }
    return { seed: other, layers: layers() };
  }

  async function find() {
    const now = read();
    if (!now) return;
    parts.find.disabled = true;
    try {
      const { seeds } = await get(`/api/like/${seedOf()}?mix=${now.seed}&layers=${now.layers.join(",")}`);
      parts.found.hidden = false;
      parts.found.replaceChildren(...seeds.map(thumbnail));
    } catch (error) {
      toast(error.message, { bad: true });
    } finally {
      parts.find.disabled = false;
    }
  }

  function reset() {
    parts.number.value = "";
    parts.boxes.forEach((box, i) => { box.firstChild.checked = i === 0; });
  }
  return { element, read, reset, empty: () => parts.number.value === "" };
}

export const thumbnail = (seed) =>
  h("a", { href: `#/seed/${seed}`, class: "thumb", "aria-label": `Seed ${seed}` },
    sharpened(picture({ alt: "", loading: "lazy", class: state.session.pixelated ? "pixels" : "" }), seed),
    h("span", {}, `${seed}`));
