// What this page knows: candidates, opinions, traits; kept in step with the server and other tabs.

import { get, post, Refused } from "./api.js";
import { $, toast } from "./dom.js";

export const state = {
  session: null,
  seeds: [], // the pool, in the order of the server
  opinions: new Map(), // seed → {stars, picked, name, description, tags}; only what is on disk
  drafts: new Map(), // seed → what was asked for and is not on disk yet
  painted: new Set(),
  table: null, // traits and novelty by column
  rowOf: new Map(), // seed → row of the table
  finish: { state: "idle" },
  news: {},
};

const bus = new EventTarget();
export const on = (kind, hear) => bus.addEventListener(kind, (event) => hear(event.detail));
const emit = (kind, detail) => bus.dispatchEvent(new CustomEvent(kind, { detail }));

let number = 0; // of the last change that was heard of
let known = 0; // painted candidates that were heard of
let tableVersion = -1;
let tableAsked = 0;
let queue = Promise.resolve();
const undos = [];

export const opinion = (seed) => state.opinions.get(seed) ?? {};
export function wanted(seed) {
  const [said, draft] = [opinion(seed), state.drafts.get(seed)];
  return { ...said, ...draft, tags: { ...said.tags, ...draft?.tags } };
}
export const pickedCount = () => [...state.opinions.values()].filter((one) => one.picked).length;

// ---- opinions ----------------------------------------------------------------------------------

function setOpinion(seed, said) {
  if (Object.keys(said).length) state.opinions.set(seed, said);
  else state.opinions.delete(seed);
}

// Say something of a seed; it shows once it is on disk. Resolves to whether it is.
export function say(seed, said, { words, undoable = true } = {}) {
  const before = wanted(seed);
  state.drafts.set(seed, { ...state.drafts.get(seed), ...said });
  emit("opinions", [seed]);
  const job = queue.then(async () => {
    try {
      const answer = await post("/api/opinion", { seed, ...said });
      setOpinion(seed, answer.opinion);
      if (!state.seeds.includes(seed)) await refreshPool();
      if (undoable) {
        const reverse = (now, then) => Object.fromEntries(Object.keys(now).map((key) => [key, then[key] ?? null]));
        const back = reverse(said, before);
        if (said.tags) back.tags = reverse(said.tags, before.tags);
        undos.push({ seed, back, words });
      }
      if (words) toast(words);
      return true;
    } catch (error) {
      toast(`Not saved: ${error.message}`, { bad: true });
      return false;
    } finally {
      const draft = state.drafts.get(seed);
      if (draft) {
        for (const key of Object.keys(said)) if (draft[key] === said[key]) delete draft[key];
        if (!Object.keys(draft).length) state.drafts.delete(seed);
      }
      emit("opinions", [seed]);
    }
  });
  queue = job;
  return job;
}

export function undo() {
  queue.then(async () => {
    const last = undos.pop();
    if (!last) return toast("There is nothing to undo");
    const words = `Undone: ${last.words ?? `seed ${last.seed}`}`;
    if (await say(last.seed, last.back, { words, undoable: false })) emit("undone", last.seed);
    else undos.push(last);
  });
}

export function togglePick(seed) {
  const picked = wanted(seed).picked === true;
  const words = picked ? `Seed ${seed} is not picked any more` : `Seed ${seed} picked`;
  return say(seed, { picked: picked ? null : true }, { words });
}

export function toggleReject(seed) {
  const rejected = wanted(seed).picked === false;
  const words = rejected ? `Seed ${seed} is not rejected any more` : `Seed ${seed} rejected`;
  return say(seed, { picked: rejected ? null : false }, { words });
}

export function rate(seed, stars) {
  const value = stars === 0 || wanted(seed).stars === stars ? null : stars;
  const words = value === null ? `Seed ${seed} has no stars` : `Seed ${seed} has ${value} of 5 stars`;
  return say(seed, { stars: value }, { words });
}

// The keys that say something of a seed; true when `key` was one of them.
export function keySays(key, seed) {
  if (key === " ") togglePick(seed);
  else if (key === "x" || key === "X") toggleReject(seed);
  else if (/^[0-5]$/.test(key)) rate(seed, Number(key));
  else return false;
  return true;
}

// ---- keeping up --------------------------------------------------------------------------------

async function refreshPool() {
  const pool = await get("/api/pool");
  state.seeds = pool.seeds;
  emit("pool");
}

export async function grow(body) {
  state.seeds = (await post("/api/grow", body)).seeds;
  emit("pool");
}

export async function start() {
  state.session = await get("/api/session");
  const pool = await get("/api/pool");
  state.seeds = pool.seeds;
  number = pool.number;
  for (const [seed, said] of Object.entries(pool.opinions)) setOpinion(Number(seed), said);
  await listen();
  loop();
}

async function loop() {
  for (;;) {
    const busy = (state.news.painted ?? 0) < (state.news.pool ?? 0) || state.finish.state === "working";
    await new Promise((done) => setTimeout(done, document.hidden ? 4000 : busy ? 500 : 1200));
    await listen();
  }
}

async function listen() {
  try {
    const news = await get(`/api/news?after=${number}&known=${known}`);
    if (news.boot !== state.session.boot) return location.reload();
    state.news = news;
    number = news.number;
    const seeds = [];
    for (const [seed, said] of Object.entries(news.opinions)) {
      setOpinion(Number(seed), said);
      seeds.push(Number(seed));
    }
    if (seeds.length) emit("opinions", seeds);
    if (news.pool !== state.seeds.length) await refreshPool();
    known += news.fresh.length;
    for (const seed of news.fresh) state.painted.add(seed);
    if (news.fresh.length) emit("painted", news.fresh);
    if (JSON.stringify(news.finish) !== JSON.stringify(state.finish)) {
      state.finish = news.finish;
      emit("finish");
    }
    await refreshTable();
    banner(news.failure);
    emit("news");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    banner(
      error.status === 403
        ? "This page's key is not valid any more. Open the address that the terminal shows now."
        : `Nothing can be saved now: ${error.message}`,
    );
  }
}

async function refreshTable() {
  const streaming = state.news.painted < state.news.pool;
  if (state.news.version === tableVersion || (streaming && Date.now() - tableAsked < 3000)) return;
  tableAsked = Date.now();
  const table = await get("/api/table");
  if (!table.seeds || table.version === tableVersion) return;
  tableVersion = table.version;
  state.table = table;
  state.rowOf = new Map(table.seeds.map((seed, row) => [seed, row]));
  emit("table");
}

function banner(text) {
  const place = $("banner");
  place.hidden = !text;
  if (place.textContent !== (text ?? "")) place.textContent = text ?? "";
}

// ---- facts of one seed -------------------------------------------------------------------------

export function traitsOf(seed) {
  const row = state.rowOf.get(seed);
  if (row === undefined) return [];
  return Object.entries(state.table.columns).map(([kind, column]) => [kind, column.values[column.at[row]]]);
}

export const noveltyOf = (seed) => state.table?.novelty[state.rowOf.get(seed)] ?? null;
export const refusalOf = (seed) => state.table?.refusals[seed] ?? null;
