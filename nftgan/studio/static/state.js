// What this page knows: candidates, opinions, traits; kept in step with the server and other tabs.

import { get, post, Refused } from "./api.js";
import { $, toast } from "./dom.js";
import { words } from "./words.js";

export const state = {
  session: null,
  seeds: [], // the pool, in the order of the server
  opinions: new Map(), // seed → {stars, picked, name, description, tags, place}; only what is on disk
  drafts: new Map(), // seed → what was asked for and is not on disk yet
  painted: new Set(),
  selected: new Set(), // seeds that the next key is about, where there are several
  table: null, // traits, novelty and score by column
  rowOf: new Map(), // seed → row of the table
  finish: { state: "idle" },
  news: {},
  closed: false,
  trying: null, // the query of a look that is tried over the grid
};

const bus = new EventTarget();
export const on = (kind, hear) => bus.addEventListener(kind, (event) => hear(event.detail));
export const emit = (kind, detail) => bus.dispatchEvent(new CustomEvent(kind, { detail }));

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

// The picks in the order of the collection: those that were placed by hand first, then by seed.
export function picks() {
  const found = [...state.opinions].filter(([, said]) => said.picked);
  const place = (said) => said.place ?? Infinity;
  return found.sort(([a, one], [b, other]) => (place(one) === place(other) ? a - b : place(one) - place(other))).map(([seed]) => seed);
}

// ---- opinions ----------------------------------------------------------------------------------

function setOpinion(seed, said) {
  if (Object.keys(said).length) state.opinions.set(seed, said);
  else state.opinions.delete(seed);
}

const reverse = (now, then) => Object.fromEntries(Object.keys(now).map((key) => [key, then[key] ?? null]));

function backOf(said, before) {
  const back = reverse(said, before);
  if (said.tags) back.tags = reverse(said.tags, before.tags);
  return back;
}

// Say something of a seed, or of several; it shows once it is on disk. Resolves to whether it is.
// merge: what follows another change of the same kind is undone together with it.
export function say(seeds, said, { words: told, undoable = true, merge = false } = {}) {
  const all = Array.isArray(seeds) ? seeds : [seeds];
  const before = new Map(all.map((seed) => [seed, wanted(seed)]));
  for (const seed of all) state.drafts.set(seed, { ...state.drafts.get(seed), ...said });
  emit("opinions", all);
  return enqueue(all, said, async () => {
    const answer = await post("/api/opinion", { seeds: all, ...said });
    for (const [seed, opinions] of Object.entries(answer.opinions)) setOpinion(Number(seed), opinions);
    if (!all.every((seed) => state.seeds.includes(seed))) await refreshPool();
    if (undoable) {
      const backs = all.map((seed) => [seed, backOf(said, before.get(seed))]);
      const last = undos.at(-1);
      const same = merge && last?.merge && last.backs[0][0] === all[0] && Object.keys(last.backs[0][1]).join() === Object.keys(said).join();
      if (!same) remember({ backs, words: told, merge });
    }
    if (told) toast(told, undoable ? { act: { words: "Undo", does: undo } } : {});
  });
}

function enqueue(all, said, act) {
  const job = queue.then(async () => {
    try {
      await act();
      return true;
    } catch (error) {
      toast(`Not saved: ${error.message}`, { bad: true });
      return false;
    } finally {
      for (const seed of all) {
        const draft = state.drafts.get(seed);
        if (!draft) continue;
        for (const key of Object.keys(said)) if (draft[key] === said[key]) delete draft[key];
        if (!Object.keys(draft).length) state.drafts.delete(seed);
      }
      emit("opinions", all);
    }
  });
  queue = job;
  return job;
}

// Anything else that can be taken back: `does` makes it so, and resolves to whether it could.
export function remember(change) {
  undos.push(change);
  emit("undos", undos.length);
}

on("forget", (does) => {
  const place = undos.findIndex((one) => one.does === does);
  if (place >= 0) undos.splice(place, 1);
  emit("undos", undos.length);
});

export function undo() {
  queue.then(async () => {
    const last = undos.pop();
    emit("undos", undos.length);
    if (!last) return toast("There is nothing to undo");
    let done = true;
    if (last.does) done = await last.does();
    else {
      const [[seed, back]] = last.backs;
      const told = last.backs.length > 1 ? `Undone: ${last.backs.length} seeds are as before` : `Undone: ${words(seed, back)}`;
      for (const [one, said] of last.backs) done = (await say(one, said, { undoable: false })) && done;
      if (done) toast(told);
    }
    if (done) emit("undone", last.backs?.[0][0]);
    else remember(last);
  });
}

export function togglePick(...seeds) {
  const picked = seeds.every((seed) => wanted(seed).picked === true);
  const said = { picked: picked ? null : true };
  return say(seeds, said, { words: words(seeds, said, picked) });
}

export function toggleReject(...seeds) {
  const rejected = seeds.every((seed) => wanted(seed).picked === false);
  const said = { picked: rejected ? null : false };
  return say(seeds, said, { words: words(seeds, said, rejected ? false : undefined) });
}

export function rate(seeds, stars) {
  const all = Array.isArray(seeds) ? seeds : [seeds];
  const said = { stars: stars === 0 || all.every((seed) => wanted(seed).stars === stars) ? null : stars };
  return say(all, said, { words: words(all, said) });
}

// The keys that say something of seeds; true when `key` was one of them.
export function keySays(key, ...seeds) {
  if (key === " ") togglePick(...seeds);
  else if (key === "x" || key === "X") toggleReject(...seeds);
  else if (/^[0-5]$/.test(key)) rate(seeds, Number(key));
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
    const busy = (state.news.painted ?? 0) < (state.news.pool ?? 0) || state.finish.state === "working" || state.news.step?.state === "working";
    await new Promise((done) => setTimeout(done, document.hidden ? 4000 : busy ? 500 : 1200));
    if (state.closed) return;
    await listen();
  }
}

export async function listen() {
  try {
    const news = await get(`/api/news?after=${number}&known=${known}&look=${state.session.look}`);
    if (state.closed) return;
    if (news.boot !== state.session.boot) return location.reload();
    if (news.look !== state.session.look) return await repaint();
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
    if (state.closed) return;
    banner(
      error.status === 403
        ? "This page's key is not valid any more. Open the address that the terminal shows now."
        : `Nothing can be saved now: ${error.message}`,
    );
  }
}

// Another look: every image is another one, and so are its traits; what was decided stays.
async function repaint() {
  state.session = await get("/api/session");
  state.painted.clear();
  known = 0;
  tableVersion = -1;
  state.table = null;
  state.rowOf.clear();
  emit("repaint");
  await listen();
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

// The server is about to go, as it was told: from now on its silence is no fault.
export function close() {
  state.closed = true;
  banner(null);
}

// ---- facts of one seed -------------------------------------------------------------------------

// An image has one address for each look, so a browser keeps none of another one.
export const imageOf = (seed) => `/image/${seed}?look=${state.session.look}`;
export const tileImageOf = (seed) => (state.trying ? `/look/${seed}?${state.trying}` : imageOf(seed));

export function traitsOf(seed) {
  const row = state.rowOf.get(seed);
  if (row === undefined) return [];
  return Object.entries(state.table.columns).map(([kind, column]) => [kind, column.values[column.at[row]]]);
}

export const noveltyOf = (seed) => state.table?.novelty[state.rowOf.get(seed)] ?? null;
export const scoreOf = (seed) => state.table?.score?.[state.rowOf.get(seed)] ?? null;
export const refusalOf = (seed) => state.table?.refusals[seed] ?? null;
