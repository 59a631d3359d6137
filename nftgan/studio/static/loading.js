// Which images of the grid are asked for, and when: more than a few at once would block other requests.

import { STILL, draftOfTile } from "./drafts.js";
import { state, tileImageOf } from "./state.js";

const WAITING = 3; // images asked for before they are there
let moved = 0; // when another look was tried last, ms
let timer = 0;

const ways = () => (state.session.drafts ? drafted : plain);

// tiles: [{tile, inView}] in reading order. again(): called when more may be asked for.
export const load = (tiles, again) => ways()(tiles, again);

// Images that are painted come at once; of the others only a few are asked for at a time.
function plain(tiles) {
  let waiting = 0;
  for (const { tile, inView } of tiles) {
    const { image } = tile;
    const seed = Number(tile.dataset.seed);
    const painted = state.painted.has(seed) && (!state.trying || inView);
    if (!painted && image.hasAttribute("src")) waiting++;
    if (image.hasAttribute("src")) continue;
    if (painted || (inView && waiting < WAITING)) {
      image.src = tileImageOf(seed);
      if (!painted) waiting++;
    }
  }
}

// First a draft of everything in view, then the images themselves.
function drafted(tiles, again) {
  let waiting = 0;
  const first = [];
  const then = [];
  for (const { tile, inView } of tiles) {
    const { image } = tile;
    const seed = Number(tile.dataset.seed);
    const source = image.getAttribute("src");
    const whole = tileImageOf(seed);
    if (state.painted.has(seed) && !state.trying) {
      if (source !== whole) image.src = whole;
    } else if (inView) {
      const draft = draftOfTile(seed);
      if (source && tile.shown !== source && [draft, whole].includes(source)) waiting++;
      else if (source !== whole) (source === draft || tile.refused === draft ? then : first).push([image, source === draft || tile.refused === draft ? whole : draft]);
    }
  }
  const rest = moved + STILL - performance.now();
  const sharpen = !state.trying || rest <= 0;
  for (const [image, path] of [...first, ...(sharpen ? then : [])].slice(0, Math.max(0, WAITING - waiting))) image.src = path;
  clearTimeout(timer);
  if (!sharpen) timer = setTimeout(again, rest);
}

// Another look is tried, or none any more: the image before stays until the new one is there.
export function retry(tiles, again) {
  moved = performance.now();
  if (state.session.drafts) return load(tiles, again);
  for (const { tile } of tiles) if (tile.image.hasAttribute("src")) tile.image.src = tileImageOf(Number(tile.dataset.seed));
}
