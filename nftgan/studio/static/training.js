// A training run as it goes: sheets over time, curves, warnings, how long it will take.

import { get, post } from "./api.js";
import { chart } from "./chart.js";
import { $, duration, h, picture, toast } from "./dom.js";
import { state } from "./state.js";

const page = $("page-training");
const EVERY = 4000;
let parts = {};
let timer = 0;
let sheets = [];
let follow = true; // the slider stays at the newest sheet
let drawn = "";

function build() {
  parts.title = h("h2", { id: "training-title", tabindex: "-1" }, "Training");
  parts.life = h("p", { class: "note", role: "status" });
  parts.progress = h("progress", { max: 1, value: 0, "aria-label": "Trained" });
  parts.verdict = h("dl", { class: "verdicts" });
  parts.network = h("div", { class: "line network" });
  parts.facts = h("dl", { class: "traits" });
  parts.warnings = h("div", {});
  parts.sheet = picture({ alt: "", class: "sheet pixels" });
  parts.broken = h("p", { class: "note", hidden: true }, "This sheet cannot be read: the file is damaged.");
  parts.sheet.addEventListener("error", () => { parts.broken.hidden = false; });
  parts.sheet.addEventListener("load", () => { parts.broken.hidden = true; });
  parts.when = h("output", {});
  parts.slider = h("input", { type: "range", min: "0", max: "0", step: "1", value: "0", oninput: () => {
    follow = Number(parts.slider.value) === sheets.length - 1;
    showSheet();
  } });
  parts.reals = h("input", { type: "checkbox", onchange: showSheet });
  parts.realsBox = h("label", { class: "check" }, parts.reals, "show the training art instead");
  parts.charts = h("div", { class: "charts" });
  parts.samples = h("section", { "aria-labelledby": "samples-title" },
    h("h3", { id: "samples-title" }, "Samples"),
    h("div", { class: "line" }, h("label", { class: "slider wide" }, h("span", {}, "Time"), parts.slider, parts.when), parts.realsBox),
    h("div", { class: "sheet-box", tabindex: "0", role: "group", "aria-label": "Sheet of samples" }, parts.broken, parts.sheet));
  page.replaceChildren(parts.title, parts.life, parts.progress, parts.verdict, parts.network, parts.facts, parts.warnings, parts.samples,
    h("section", { "aria-labelledby": "curves-title" }, h("h3", { id: "curves-title" }, "Curves"), parts.charts));
}

// Which network the candidates are painted with, and the others of the run.
function tellNetwork(found) {
  const { network, choosable } = state.session;
  const wanted = JSON.stringify(found);
  if (parts.network.dataset.found === wanted) return;
  parts.network.dataset.found = wanted;
  const newest = found.at(-1);
  const own = network === null ? "The candidates are not painted with a network of this run."
    : `The candidates are painted with the network of ${network} thousand images${newest > network ? `; there is one of ${newest}` : ", the newest"}.`;
  const list = h("select", { "aria-label": "Network" }, [...found].reverse().map((kimg) => h("option", { value: `${kimg}`, selected: kimg === network }, `${kimg} kimg`)));
  const choose = h("button", { type: "button", onclick: async () => {
    choose.disabled = true;
    try {
      await post("/api/network", { kimg: Number(list.value) });
      location.reload();
    } catch (error) {
      choose.disabled = false;
      toast(error.message, { bad: true });
    }
  } }, "Paint with it");
  parts.network.replaceChildren(h("span", {}, own), ...(choosable && found.length > 1 ? [list, choose, h("span", { class: "note" }, "Picks and stars belong to the network that they were given for.")] : []));
}

function showSheet() {
  parts.samples.hidden = !sheets.length;
  if (!sheets.length) return;
  const kimg = sheets[Number(parts.slider.value)];
  const reals = parts.reals.checked;
  const path = reals ? "/reals" : `/sheet/${kimg}`;
  if (parts.sheet.getAttribute("src") !== path) parts.sheet.src = path;
  parts.sheet.alt = reals ? "Sheet of training art" : `Sheet of samples at ${kimg} thousand images`;
  parts.when.textContent = `${kimg} kimg`;
  parts.slider.setAttribute("aria-valuetext", `${kimg} thousand images`);
}

async function refresh() {
  let run;
  try {
    run = await get("/api/run");
  } catch (error) {
    parts.life.textContent = error.message;
    return;
  }
  const text = JSON.stringify({ ...run, seconds_since_news: 0 });
  const over = run.kimg >= run.total_kimg;
  const quiet = run.seconds_since_news;
  parts.life.textContent = [
    `${run.kimg.toFixed(1)} of ${run.total_kimg.toFixed(1)} thousand images in ${duration(run.seconds)}`,
    over ? "done" : run.seconds_left !== null && `${duration(run.seconds_left)} left at this pace`,
    !over && quiet !== null && `last sign of life ${duration(quiet)} ago`,
  ].filter(Boolean).join(" · ");
  if (text === drawn) return;
  drawn = text;
  parts.title.textContent = run.name;
  parts.progress.max = run.total_kimg || 1;
  parts.progress.value = run.kimg;
  parts.facts.replaceChildren(...Object.entries(run.facts).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  parts.verdict.replaceChildren(...run.verdict.map((one) => h("div", { class: one.tone }, h("dt", {}, one.question), h("dd", {}, one.answer))));
  tellNetwork(run.networks);
  parts.warnings.replaceChildren(...run.warnings.map((one) => h("p", { class: "warn" }, `At ${one.kimg.toFixed(1)} kimg: ${one.text}`)));
  sheets = run.sheets;
  parts.realsBox.hidden = !run.has_reals;
  parts.slider.max = Math.max(0, sheets.length - 1);
  if (follow) parts.slider.value = sheets.length - 1;
  showSheet();
  parts.charts.replaceChildren(...(run.charts.length ? run.charts.map(chart) : [h("p", { class: "note" }, "No curve yet: the first tick is still to come.")]));
}

export function setUp() {
  build();
}

export async function show() {
  $("training-title").focus({ preventScroll: true });
  scrollTo(0, 0);
  await refresh();
  clearInterval(timer);
  timer = setInterval(() => { if (!document.hidden) refresh(); }, EVERY);
}

export function hide() {
  clearInterval(timer);
}
