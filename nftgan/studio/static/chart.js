// A chart of a few curves over thousands of images, as SVG that fits its box.

import { h, svg } from "./dom.js";

const WIDTH = 460;
const HEIGHT = 170;
const LEFT = 54;
const BOTTOM = 24;

const short = (value) => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
};

// {title, curves: [{name, points: [[kimg, value], …]}]} as a figure.
export function chart({ title, curves }) {
  const points = curves.flatMap((curve) => curve.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const low = Math.min(0, ...ys);
  const high = Math.max(...ys, low + 1e-9);
  const x = (value) => LEFT + ((value - left) / (right - left || 1)) * (WIDTH - LEFT - 8);
  const y = (value) => 10 + ((high - value) / (high - low)) * (HEIGHT - BOTTOM - 10);
  const text = (px, py, words, anchor) => svg("text", { x: `${px}`, y: `${py}`, "text-anchor": anchor }, words);
  const line = (at) => svg("line", { class: "rule", x1: `${LEFT}`, x2: `${WIDTH - 8}`, y1: `${y(at)}`, y2: `${y(at)}` });
  const middle = (low + high) / 2;
  const latest = curves.map((curve) => `${curve.name} ${short(curve.points.at(-1)[1])}`).join(", ");
  const image = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: at last ${latest}` },
    [low, middle, high].map(line),
    [low, middle, high].map((at) => text(LEFT - 6, y(at) + 3.5, short(at), "end")),
    text(LEFT, HEIGHT - 6, `${short(left)} kimg`, "start"),
    text(WIDTH - 8, HEIGHT - 6, `${short(right)} kimg`, "end"),
    curves.map((curve, i) => svg("polyline", { class: `curve c${i % 3}`, points: curve.points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ") })));
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("strong", {}, title),
      h("span", { class: "legend" }, curves.map((curve, i) => h("span", { class: `key c${i % 3}` }, `${curve.name} `, h("b", {}, short(curve.points.at(-1)[1])))))),
    image);
}
