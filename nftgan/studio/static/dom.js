// Building pages out of elements: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string" && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, properties, ...children) =>
  fill(document.createElement(tag), properties, children);

export const svg = (tag, properties, ...children) =>
  fill(document.createElementNS(SVG, tag), properties, children);

export const $ = (id) => document.getElementById(id);

let timer = 0;

// Say something in passing, also to a screen reader; act: {words, does} is a button beside it.
export function toast(text, { bad = false, act } = {}) {
  const place = $("toast");
  const button = act && h("button", { type: "button", onclick: () => { place.classList.remove("seen"); act.does(); } }, act.words);
  place.replaceChildren(h("span", {}, text), ...(button ? [button] : []));
  place.classList.toggle("bad", bad);
  place.classList.add("seen");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("seen"), bad ? 8000 : act ? 5000 : 2200);
}

// An image that shows nothing until it is there, and its words where it cannot be shown.
export function picture(properties) {
  const image = h("img", { decoding: "async", ...properties });
  image.addEventListener("load", () => image.classList.remove("broken"));
  image.addEventListener("error", () => { if (image.hasAttribute("src")) image.classList.add("broken"); });
  return image;
}

export const many = (count, one, more = one + "s") =>
  `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} days`;
}
