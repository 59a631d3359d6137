// A finger that stays where it is for a moment means something else than a tap.

const LONG = 450; // milliseconds
const STILL = 10; // pixels

// does(target) after a long press; the tap and the menu that the browser makes of it are swallowed.
export function holds(element, does) {
  let timer = 0;
  let from = null;
  let held = false;
  const stop = () => { clearTimeout(timer); timer = 0; };
  element.addEventListener("pointerdown", (event) => {
    stop();
    held = false;
    from = event.pointerType === "touch" && event.isPrimary ? [event.clientX, event.clientY] : null;
    if (from) timer = setTimeout(() => { held = true; navigator.vibrate?.(10); does(event.target); }, LONG);
  });
  element.addEventListener("pointermove", (event) => {
    if (from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > STILL) stop();
  });
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, stop);
  element.addEventListener("contextmenu", (event) => { if (from) event.preventDefault(); });
  element.addEventListener("click", (event) => {
    if (held) event.stopImmediatePropagation();
    held = false;
  }, { capture: true });
}
