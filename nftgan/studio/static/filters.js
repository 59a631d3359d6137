// Which candidates are shown, in which order; all of it stands in the address of the page.

import { $, h } from "./dom.js";
import { noveltyOf, opinion, refusalOf, scoreOf, state } from "./state.js";

const tools = $("tools");
const USUAL = { show: "all", stars: "0", sort: "seed", size: "132" };
let traits = []; // {kind, value, own}: own is a tag of the artist
let changed = () => {};

export const settings = () => Object.fromEntries(new FormData(tools));

export function unfiltered() {
  const { show, stars } = settings();
  return show === "all" && stars === "0" && !traits.length;
}

// ---- order -----------------------------------------------------------------------------------------

export function inOrder(seeds) {
  const { sort } = settings();
  const sorted = [...seeds];
  const by = (value) => sorted.sort((a, b) => value(a) - value(b) || a - b);
  if (sort === "stars") return by((seed) => -(opinion(seed).stars ?? -1));
  if (sort === "best") return by((seed) => -(scoreOf(seed) ?? -1));
  if (sort === "novel") return by((seed) => -(noveltyOf(seed) ?? -1));
  if (sort === "familiar") return by((seed) => noveltyOf(seed) ?? Number.MAX_VALUE);
  if (sort.startsWith("trait:")) {
    const column = state.table?.columns[sort.slice(6)];
    return by((seed) => column?.at[state.rowOf.get(seed)] ?? Number.MAX_VALUE);
  }
  return by((seed) => seed);
}

export const sortsByFacts = () => !["seed", "stars"].includes(settings().sort);

// ---- filter ----------------------------------------------------------------------------------------

// Values of one kind are alternatives; several kinds must all be there.
export function filter() {
  const { show, stars } = settings();
  const kinds = new Map();
  for (const one of traits) {
    const key = `${one.own ? "tag" : "measured"}\n${one.kind}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  const tests = [...kinds.values()].map((wanted) => {
    const [{ kind, own }] = wanted;
    if (own) return (seed) => wanted.some((one) => opinion(seed).tags?.[kind] === one.value);
    const column = state.table?.columns[kind];
    const places = new Set(wanted.map((one) => column?.values.indexOf(one.value) ?? -1));
    return (seed) => places.has(column?.at[state.rowOf.get(seed)] ?? -2);
  });
  return (seed) => {
    const said = opinion(seed);
    if (show === "undecided" && said.picked !== undefined) return false;
    if (show === "picked" && said.picked !== true) return false;
    if (show === "rejected" && said.picked !== false) return false;
    if (show === "flagged" && !refusalOf(seed)) return false;
    if ((said.stars ?? 0) < Number(stars)) return false;
    return tests.every((test) => test(seed));
  };
}

// ---- what can be chosen ----------------------------------------------------------------------------

export function offer() {
  const { trait, sort } = tools.elements;
  const kinds = Object.entries(state.table?.columns ?? {});
  const own = new Map();
  for (const said of state.opinions.values())
    for (const one of Object.entries(said.tags ?? {})) own.set(one.join("\n"), one);
  const tags = [...own.keys()].sort();
  const wanted = JSON.stringify([tags, kinds.map(([kind, column]) => [kind, column.values])]);
  if (trait.dataset.offered === wanted) return;
  trait.dataset.offered = wanted;
  const before = sort.value;
  trait.replaceChildren(h("option", { value: "" }, "add one…"),
    ...(tags.length ? [h("optgroup", { label: "Your tags" }, tags.map((tag) => h("option", { value: `tag\n${tag}` }, own.get(tag).join(": "))))] : []),
    ...kinds.map(([kind, column]) =>
      h("optgroup", { label: kind }, column.values.map((value) => h("option", { value: `${kind}\n${value}` }, `${kind}: ${value}`)))));
  const sorts = [["seed", "seed"], ["stars", "stars, best first"]];
  if (state.session.scored) sorts.push(["best", "score, best first"]);
  if (state.session.training) sorts.push(["novel", "novelty, newest first"], ["familiar", "novelty, copies first"]);
  sorts.push(...kinds.map(([kind]) => [`trait:${kind}`, kind.toLowerCase()]));
  // A sort that the address names may be offered only once the traits are known.
  if (before && !sorts.some(([value]) => value === before)) sorts.push([before, before.replace("trait:", "").toLowerCase()]);
  sort.replaceChildren(...sorts.map(([value, words]) => h("option", { value }, words)));
  sort.value = before || "seed";
}

function dress() {
  $("trait-filters").replaceChildren(...traits.map((one) => h("li", {},
    h("span", {}, h("b", {}, one.kind), ` ${one.value}`),
    h("button", { type: "button", "aria-label": `Do not ask for ${one.kind}: ${one.value}`, onclick: () => {
      traits = traits.filter((other) => other !== one);
      dress();
      tools.elements.trait.focus();
      changed();
    } }, "✕"))));
  $("trait-filters").hidden = !traits.length;
  const { show, stars } = settings();
  const active = traits.length + (show !== "all") + (stars !== "0");
  $("open-filters").textContent = active ? `Filter · ${active}` : "Filter";
}

export function showEverything() {
  traits = [];
  tools.elements.show.value = "all";
  tools.elements.stars.value = "0";
  dress();
  changed();
}

// ---- the address -----------------------------------------------------------------------------------

// The address of the grid as it is set now; `at` is the seed that has the focus.
export function address(at) {
  const { size, ...own } = settings();
  const query = new URLSearchParams();
  for (const name of ["show", "stars", "sort"]) if (own[name] !== USUAL[name]) query.set(name, own[name]);
  if (tools.elements.advance.checked) query.set("advance", "1");
  for (const one of traits) query.append(one.own ? "tag" : "trait", `${one.kind}:${one.value}`);
  if (at !== undefined) query.set("at", at);
  const text = query.toString();
  return text ? `#/?${text}` : "#/";
}

const choose = (select, value) => {
  if (![...select.options].some((option) => option.value === value)) {
    if (select.name !== "sort") return;
    select.append(h("option", { value }, value.replace("trait:", "").toLowerCase()));
  }
  select.value = value;
};

// Set everything as the address says; gives the seed that had the focus.
export function read(query) {
  const { elements } = tools;
  for (const name of ["show", "stars", "sort"]) choose(elements[name], query.get(name) ?? USUAL[name]);
  elements.advance.checked = query.get("advance") === "1";
  const pairs = [["trait", false], ["tag", true]];
  traits = pairs.flatMap(([name, own]) => query.getAll(name).slice(0, 20).map((text) => {
    const [kind, ...rest] = text.split(":");
    return { kind, value: rest.join(":"), own };
  })).filter((one) => one.kind && one.value);
  dress();
  const at = query.get("at") ?? "";
  return /^\d{1,10}$/.test(at) ? Number(at) : undefined;
}

export const advances = () => tools.elements.advance.checked;

export function setUp(hear) {
  changed = hear;
  tools.addEventListener("input", (event) => {
    const { name, value } = event.target;
    if (!["show", "stars", "sort", "trait", "advance"].includes(name)) return;
    if (name === "trait") {
      const [first, second, third] = value.split("\n");
      event.target.value = "";
      if (!second) return;
      const one = first === "tag" ? { kind: second, value: third, own: true } : { kind: first, value: second, own: false };
      if (!traits.some((other) => other.kind === one.kind && other.value === one.value && other.own === one.own)) traits.push(one);
    }
    dress();
    changed(name);
  });
  offer();
}
