// Which candidates are selected, the bar that acts on all of them, and the mode in which a tap selects.

import { $ } from "./dom.js";
import { emit, state } from "./state.js";

let mode = false;

export const selecting = () => mode;
// Whether the next decision is about what is selected, and not about the one that has the focus.
export const several = () => mode || state.selected.size > 1;

export function select(seeds) {
  state.selected = new Set(seeds);
  const count = state.selected.size;
  $("selection").hidden = !several();
  $("selected-count").textContent = count || !mode ? `${count} selected` : "Tap images";
  $("compare").disabled = count < 2 || count > 4;
  $("pick-all").disabled = $("reject-all").disabled = !count;
  emit("selected");
}

export function toggle(seed) {
  const seeds = new Set(state.selected);
  if (!seeds.delete(seed)) seeds.add(seed);
  select(seeds);
}

// For fingers, which have no Shift and no Ctrl: until it ends, a tap selects instead of opening.
export function enter(on) {
  mode = on;
  document.body.classList.toggle("selecting", on);
  $("open-selecting").setAttribute("aria-pressed", on);
  $("select-none").textContent = on ? "Done" : "Select none";
  select([]);
}
