// The collection as the page's data file names it: pieces, traits, and what is promised of them.

const data = globalThis.nftganCollection;

export const collection = data;

// Whether pieces can be drawn here: the model was published, and its networks are of a kind that pages run.
export const drawable = data.has_model && !data.foreign;

// { id, name, seed, pixels (hex), rank or null, score, cid, description, traits: [[name, value, share]] }
export const pieces = data.pieces.map(([name, seed, pixels, rank, cid, description, traits], id) => ({
  id, name, seed, pixels, rank, cid, description, values: new Map(traits.map(([trait, value]) => [data.traits[trait].name, value])),
}));

// Trait name to Map from value to how many pieces have it, the most frequent first.
export const traits = new Map(data.traits.map(({ name }) => [name, counted(name)]));

function counted(name) {
  const counts = new Map();
  for (const { values } of pieces) {
    if (values.has(name)) counts.set(values.get(name), (counts.get(values.get(name)) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a, m], [b, n]) => n - m || (String(a) < String(b) ? -1 : 1)));
}

// From the page to the published files: "" beside it, or up to the collection's own folder.
export const root = data.root ?? "";
export const imageOf = (id) => `${root}images/${id}.png`;
export const thumbnailOf = (id) => (data.thumbs ? `thumbs/${id}.jpg` : imageOf(id));

export function percent(count, of = pieces.length) {
  const share = (count / of) * 100;
  return share >= 10 || Number.isInteger(share) ? `${Math.round(share)} %` : share >= 0.1 ? `${share.toFixed(1)} %` : "< 0.1 %";
}
