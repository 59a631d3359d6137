// A chart of a few curves over thousands of images: round numbers at its axes, values under the pointer.

import { h, svg } from "./dom.js";

const WIDTH = 460;
const HEIGHT = 180;
const LEFT = 50;
const RIGHT = WIDTH - 12;
const TOP = 12;
const BOTTOM = HEIGHT - 26;

const TITLES = { Copies: "Near-copies of the art among the fakes" };
const NAMES = {
  Copies: "share",
  "Loss/G": "generator", "Loss/D": "discriminator", "Scores/real": "art", "Scores/fake": "fakes", "Signs/real": "sign",
  augment_p: "probability", "Loss/r1": "gradient penalty", "Loss/path_length": "path length", "KID/floor": "the art itself",
  seconds_per_kimg: "seconds",
};
export const nameOf = (name) => NAMES[name] ?? name;

// About `count` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten.
export function ticks(low, high, count = 4) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.floor(low / step); at * step <= high + step * 1e-6 || found.length < 2; at++) if (at * step >= low - step * 1e-6) found.push(Number((at * step).toPrecision(12)));
  return found;
}

export const short = (value) => {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.0005) return value.toExponential(0);
  return Number(value.toPrecision(3)).toLocaleString("en");
};

// {title, curves: [{name, points: [[kimg, value], …]}]} as a figure.
export function chart({ title, curves }) {
  const points = curves.flatMap((curve) => curve.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const least = Math.min(0, ...ys);
  const most = Math.max(...ys);
  const steps = ticks(least, most > least ? most : least + 1);
  const low = Math.min(least, steps[0]);
  const high = Math.max(most, steps.at(-1));
  const x = (value) => LEFT + ((value - left) / (right - left || 1)) * (RIGHT - LEFT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (BOTTOM - TOP);
  const text = (px, py, words, anchor) => svg("text", { x: `${px}`, y: `${py}`, "text-anchor": anchor }, words);
  const across = ticks(left, right, 5).filter((at) => at >= left && at <= right);
  const latest = curves.map((curve) => `${nameOf(curve.name)} ${short(curve.points.at(-1)[1])}`).join(", ");
  const cursor = svg("line", { class: "cursor", y1: `${TOP}`, y2: `${BOTTOM}`, x1: "0", x2: "0", visibility: "hidden" });
  const dots = curves.map((curve, i) => svg("circle", { class: `dot c${i % 3}`, r: "3.5", visibility: "hidden" }));
  const image = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: at last ${latest}` },
    steps.map((at) => svg("line", { class: "rule", x1: `${LEFT}`, x2: `${RIGHT}`, y1: `${y(at)}`, y2: `${y(at)}` })),
    steps.map((at) => text(LEFT - 6, y(at) + 3.5, short(at), "end")),
    across.map((at, i) => text(x(at), HEIGHT - 8, i === across.length - 1 ? `${short(at)} kimg` : short(at), i === across.length - 1 ? "end" : "middle")),
    curves.map((curve, i) => svg("polyline", { class: `curve c${i % 3}`, points: curve.points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ") })),
    cursor, dots);
  const values = curves.map((curve) => h("b", {}, short(curve.points.at(-1)[1])));
  const when = h("span", { class: "when" }, `at ${short(right)} kimg`);

  // The point nearest to the pointer, on every curve; without a pointer the last one.
  function look(at) {
    curves.forEach((curve, i) => {
      const point = at === null ? curve.points.at(-1) : curve.points.reduce((best, one) => (Math.abs(one[0] - at) < Math.abs(best[0] - at) ? one : best));
      values[i].textContent = short(point[1]);
      dots[i].setAttribute("cx", x(point[0]));
      dots[i].setAttribute("cy", y(point[1]));
      dots[i].setAttribute("visibility", at === null ? "hidden" : "visible");
      if (i) return;
      when.textContent = `at ${short(point[0])} kimg`;
      for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(point[0]));
    });
    cursor.setAttribute("visibility", at === null ? "hidden" : "visible");
  }
  image.addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    look(left + ((at - LEFT) / (RIGHT - LEFT)) * (right - left));
  });
  image.addEventListener("pointerleave", () => look(null));
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("strong", {}, TITLES[title] ?? title),
      h("span", { class: "legend" }, curves.map((curve, i) => h("span", { class: `key c${i % 3}` }, `${nameOf(curve.name)} `, values[i])), when)),
    image);
}
