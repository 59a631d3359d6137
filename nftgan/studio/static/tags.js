// The artist's own traits of one seed: chips that can be taken off, and two fields for another one.

import { $, h } from "./dom.js";
import { on, opinion, say, state } from "./state.js";

const MAX_TRAIT = 40; // characters, as the server checks
const MAX_VALUE = 80;

// Offer the traits and values that are in use already, in all editors.
function offer() {
  const traits = new Set();
  const values = new Set();
  for (const said of state.opinions.values())
    for (const [trait, value] of Object.entries(said.tags ?? {})) {
      traits.add(trait);
      values.add(value);
    }
  for (const [id, words] of [["tag-traits", traits], ["tag-values", values]])
    $(id).replaceChildren(...[...words].sort().slice(0, 200).map((value) => h("option", { value })));
}

export function setUp() {
  on("opinions", offer);
  offer();
}

// An editor for whatever seed `seedOf` gives; call `dress` when that seed or its tags changed.
export function editor(seedOf) {
  const chips = h("ul", { class: "tags" });
  const trait = h("input", { type: "text", name: "trait", maxlength: `${MAX_TRAIT}`, list: "tag-traits", placeholder: "Trait", autocomplete: "off", "aria-label": "Trait", required: true });
  const value = h("input", { type: "text", name: "value", maxlength: `${MAX_VALUE}`, list: "tag-values", placeholder: "Value", autocomplete: "off", "aria-label": "Value", required: true });
  const add = async (event) => {
    event.preventDefault();
    const [kind, text] = [trait, value].map((field) => field.value.normalize("NFC").trim());
    if (!kind || !text) return;
    const seed = seedOf();
    if (await say(seed, { tags: { [kind]: text } }, { words: `Seed ${seed}: ${kind} is ${text}` })) {
      trait.value = value.value = "";
      trait.focus();
    }
  };
  const form = h("form", { class: "tagging", "aria-label": "Add a tag", onsubmit: add },
    trait, value, h("button", { type: "submit", class: "quiet" }, "Add"));
  const takeOff = (kind) => {
    const seed = seedOf();
    trait.focus();
    say(seed, { tags: { [kind]: null } }, { words: `Seed ${seed} has no ${kind} any more` });
  };
  function dress() {
    const tags = Object.entries(opinion(seedOf()).tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    chips.replaceChildren(...tags.map(([kind, text]) => h("li", {},
      h("span", {}, h("b", {}, kind), ` ${text}`),
      h("button", { type: "button", "aria-label": `Take off ${kind}: ${text}`, onclick: () => takeOff(kind) }, "✕"))));
    chips.hidden = !tags.length;
  }
  return { element: h("div", { class: "tag-editor" }, chips, form), dress };
}
