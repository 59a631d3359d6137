// A finger that moves sideways over an image goes to the next one; up and down still scrolls.

const LEAST = 45; // pixels

export function swipes(element, does) {
  let from = null;
  element.classList.add("swipes");
  element.addEventListener("pointerdown", (event) => {
    from = event.pointerType === "touch" && event.isPrimary ? [event.clientX, event.clientY] : null;
  });
  element.addEventListener("pointerup", (event) => {
    if (!from || !event.isPrimary) return;
    const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
    from = null;
    if (Math.abs(x) > LEAST && Math.abs(x) > 2 * Math.abs(y)) does(x < 0 ? 1 : -1);
  });
  element.addEventListener("pointercancel", () => { from = null; });
}
