// What the gallery shows, kept in the page's address so that it can be sent and gone back to.
import { pieces, traits } from "./collection.mjs";

const SORTS = { id: "number", rank: "rarest first", common: "most common first", name: "name" };
export const sorts = SORTS;

// { wanted: Map of trait name to Set of values, query, sort } of an address's part after "#/?".
export function readState(text) {
  const parameters = new URLSearchParams(text);
  const wanted = new Map();
  for (const [key, value] of parameters) {
    const name = key.slice(2);
    const known = key.startsWith("t.") && [...(traits.get(name)?.keys() ?? [])].find((one) => String(one) === value);
    if (known === undefined || known === false) continue;
    if (!wanted.has(name)) wanted.set(name, new Set());
    wanted.get(name).add(known);
  }
  const sort = parameters.get("sort");
  return { wanted, query: (parameters.get("q") ?? "").slice(0, 200), sort: Object.hasOwn(SORTS, sort ?? "") ? sort : "id" };
}

export function addressOf({ wanted, query, sort }) {
  const parameters = new URLSearchParams();
  for (const [name, values] of wanted) for (const value of values) parameters.append(`t.${name}`, value);
  if (query) parameters.set("q", query);
  if (sort !== "id") parameters.set("sort", sort);
  const text = parameters.toString();
  return text ? `#/?${text}` : "#/";
}

const holds = (piece, wanted, but) =>
  [...wanted].every(([name, values]) => name === but || values.has(piece.values.get(name)));

function spoken(piece, query) {
  if (!query) return true;
  const words = query.toLowerCase().split(/\s+/);
  const text = [piece.name, `#${piece.id}`, `${piece.seed}`, ...piece.values.values()].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

const ORDERS = {
  id: (a, b) => a.id - b.id,
  rank: (a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.id - b.id,
  common: (a, b) => (b.rank ?? -1) - (a.rank ?? -1) || a.id - b.id,
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }) || a.id - b.id,
};

// The pieces of a state in its order.
export function chosen({ wanted, query, sort }) {
  return pieces.filter((piece) => holds(piece, wanted) && spoken(piece, query)).sort(ORDERS[sort]);
}

// Of each value of the trait: how many pieces there are with it, all other filters kept.
export function facet(name, { wanted, query }) {
  const counts = new Map();
  for (const piece of pieces) {
    if (!piece.values.has(name) || !holds(piece, wanted, name) || !spoken(piece, query)) continue;
    counts.set(piece.values.get(name), (counts.get(piece.values.get(name)) ?? 0) + 1);
  }
  return counts;
}
