// Drafts: of a large model's image comes a quick one first, and the image itself in its place.

import { imageOf, state } from "./state.js";

export const STILL = 250; // ms without a move after which the image itself is asked for

// The address of a draft of what is at `path`, a /look/ or /walk/.
export const draftOf = (path) => `${path}${path.includes("?") ? "&" : "?"}draft=1`;

export const isDraft = (path) => Boolean(path?.endsWith("&draft=1"));

const lookOf = (seed) => `/look/${seed}?${state.trying ?? `look=${state.session.look}`}`;

// The draft of a tile that is not painted yet; null where none is made.
export const draftOfTile = (seed) => (state.session.drafts ? draftOf(lookOf(seed)) : null);

// An <img> of a seed's tile: its draft first where it is not painted, then the tile.
export function sharpened(img, seed) {
  const draft = state.painted.has(seed) ? null : draftOfTile(seed);
  img.setAttribute("src", draft ?? imageOf(seed));
  if (draft === null) return img;
  const sharpen = () => { if (img.getAttribute("src") === draft) img.src = imageOf(seed); };
  img.addEventListener("load", sharpen, { once: true });
  img.addEventListener("error", sharpen, { once: true });
  return img;
}
