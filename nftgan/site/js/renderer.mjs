// The renderer that a page uses: web workers, one model, one picture at a time.
import { channelsOf, straight } from "./alpha.mjs";
import { expectedShapes, readConfig, schedule, blocks } from "./architecture.mjs";
import { ARRIVED, STOPPED } from "./control.mjs";
import { RenderError, quoted } from "./errors.mjs";
import { applyFinish } from "./finish.mjs";
import { canonicalJson, isTable, utf8 } from "./json.mjs";
import { share } from "./partition.mjs";
import { checkFits, readRecipe, storedStyles } from "./recipe.mjs";
import { readHeader, readTensor } from "./safetensors.mjs";
import { Sha256, sha256 } from "./sha256.mjs";
import { startWorker } from "./threads.mjs";

const SAFE_MARGIN = 1e-9; // grey levels
const MAX_WORKERS = 16;
const HASHED_AT_ONCE = 1 << 22; // bytes between two looks at the page

export class Renderer {
  // See README.md for all of these.
  static async create({ workers, shared } = {}) {
    const count = workers ?? Math.min(globalThis.navigator?.hardwareConcurrency ?? 2, 8);
    if (!Number.isInteger(count) || count < 1 || count > MAX_WORKERS) {
      throw new RenderError("broken", `workers must be a whole number from 1 to ${MAX_WORKERS}`);
    }
    const renderer = new Renderer();
    const can = typeof SharedArrayBuffer !== "undefined" && (globalThis.crossOriginIsolated ?? true);
    renderer.shared = (shared ?? can) && can && count > 1;
    try {
      renderer.module = await WebAssembly.compile(kernelBytes());
      renderer.kernels = (await WebAssembly.instantiate(renderer.module, {})).exports;
      await renderer.startWorkers(count);
    } catch (problem) {
      renderer.close();
      throw asRenderError(problem);
    }
    return renderer;
  }

  constructor() {
    this.workers = [];
    this.line = Promise.resolve(); // what waits for its turn
    this.job = 0;
    this.model = null;
    this.closed = null; // why it can no longer be used
  }

  get workerCount() {
    return this.workers.length;
  }

  async startWorkers(count) {
    const control = this.shared ? new SharedArrayBuffer(12) : null;
    this.control = control && new Int32Array(control);
    const ports = Array.from({ length: count }, () => new Array(count).fill(null));
    if (!control) {
      for (let a = 0; a < count; a++) {
        for (let b = a + 1; b < count; b++) {
          const { port1, port2 } = new MessageChannel();
          ports[a][b] = port1;
          ports[b][a] = port2;
        }
      }
    }
    for (let rank = 0; rank < count; rank++) this.workers.push(await startWorker((problem) => this.fail(problem)));
    await this.ask((worker, rank) => [
      { type: "start", rank, count, module: this.module, ports: ports[rank], shared: control },
      ports[rank].filter(Boolean),
    ]);
  }

  // Sends each worker a message and waits until every one has answered "ready".
  async ask(messageFor) {
    await Promise.all(
      this.workers.map(
        (worker, rank) =>
          new Promise((resolve, reject) => {
            this.refuse = reject;
            worker.onMessage = (answer) => {
              if (answer.type === "ready") resolve();
              else reject(failed(answer));
            };
            worker.post(...messageFor(worker, rank));
          }),
      ),
    );
  }

  // A worker that ends by itself takes the renderer with it.
  fail(problem) {
    this.closed ??= new RenderError("broken", `a worker of the renderer has ended: ${problem}`);
    this.refuse?.(this.closed);
    this.close();
  }

  close() {
    this.closed ??= new RenderError("broken", "the renderer is closed");
    for (const worker of this.workers) worker.end();
    this.refuse?.(this.closed);
  }

  // `work` after all that waits already
  inTurn(work) {
    const result = this.line.then(() => {
      if (this.closed) throw this.closed;
      return work();
    });
    this.line = result.catch(() => {});
    return result.catch((problem) => {
      throw asRenderError(problem);
    });
  }

  load(buffer, { onProgress, signal } = {}) {
    return this.inTurn(async () => {
      this.model = null;
      const opened = await openModel(buffer, this.kernels, { onProgress, signal });
      const buffers = this.shared ? sharedBuffers(opened.config, this.kernels) : null;
      await this.ask((worker, rank) => {
        const model = { config: opened.config, tensors: partOf(opened.tensors, rank, this.workerCount) };
        return [{ type: "load", model, buffers }, []];
      });
      const { tensors, ...model } = opened;
      this.model = model;
      return { identity: model.identity, info: model.info };
    });
  }

  render({ recipe: document, seed, latent, precision = "f64", signal, onProgress }) {
    return this.inTurn(async () => {
      const recipe = this.checked(document, precision);
      const stored = storedStyles(recipe, checkedSeed(seed), latent ?? null, this.model.config);
      const seeds = [{ seed, stored, weight: 1 }];
      return this.paint(recipe, seeds, precision, signal, onProgress);
    });
  }

  morph({ recipe: document, from, to, t, precision = "f32", signal, onProgress }) {
    return this.inTurn(async () => {
      const recipe = this.checked(document, precision);
      if (typeof t !== "number" || !(t >= 0 && t <= 1)) throw new RenderError("recipe", "t must be from 0 to 1");
      const seeds = [
        { seed: checkedSeed(from), weight: 1 - t },
        { seed: checkedSeed(to), weight: t },
      ];
      for (const { seed } of seeds) storedStyles(recipe, seed, null, this.model.config); // refused
      return this.paint(recipe, seeds, precision, signal, onProgress);
    });
  }

  checked(document, precision) {
    if (!this.model) throw new RenderError("model", "no model is loaded");
    if (precision !== "f64" && precision !== "f32") {
      throw new RenderError("recipe", `precision must be f64 or f32, not ${quoted(precision)}`);
    }
    const recipe = readRecipe(document);
    checkFits(recipe, this.model);
    return recipe;
  }

  async paint(recipe, seeds, precision, signal, onProgress) {
    stopIfAsked(signal);
    const job = ++this.job;
    const look = {
      seeds,
      label: recipe.class,
      trunc: recipe.trunc,
      cutoff: recipe.cutoff,
      translate: recipe.translate,
      rotate: recipe.rotate,
    };
    const cancel = () => {
      if (this.control) Atomics.store(this.control, STOPPED, job);
      for (const worker of this.workers) worker.post({ type: "cancel", job }, []);
    };
    signal?.addEventListener("abort", cancel);
    let raw;
    try {
      raw = await this.painted(job, look, precision, onProgress, cancel);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    const picture = applyFinish(channelsOf(raw) === 4 ? straight(raw) : raw, recipe.finish);
    return {
      ...picture,
      hash: pixelHash(picture),
      margin: raw.margin,
      safe: precision === "f64" && raw.margin >= SAFE_MARGIN,
    };
  }

  // Resolves when every worker is done with the job, so that the next one finds them at rest.
  async painted(job, look, precision, onProgress, cancel) {
    let picture = null;
    let problem = null;
    let refused = false;
    const ends = this.workers.map(
      (worker) =>
        new Promise((resolve, reject) => {
          worker.onMessage = (answer) => {
            if (answer.job !== job) return;
            if (answer.type === "progress") {
              try {
                onProgress?.({ done: answer.done, total: answer.total, what: answer.what });
              } catch (thrown) {
                problem ??= thrown;
                cancel();
              }
              return;
            }
            if (answer.type === "done") picture ??= answer.picture;
            else if (answer.type === "cancelled") refused = true;
            else {
              problem ??= failed(answer);
              cancel();
            }
            resolve();
          };
          const before = this.refuse;
          this.refuse = (why) => {
            before?.(why);
            reject(why);
          };
        }),
    );
    if (this.control) Atomics.store(this.control, ARRIVED, 0);
    for (const worker of this.workers) worker.post({ type: "paint", job, look, precision }, []);
    try {
      await Promise.all(ends);
    } finally {
      this.refuse = null;
    }
    if (problem) throw problem;
    if (refused) throw new RenderError("cancelled", "the drawing was cancelled");
    return picture;
  }
}

function failed({ memory, message }) {
  if (memory) return new RenderError("memory", "there is not enough memory for this model; close other pages, or use fewer workers");
  return new RenderError("broken", `the renderer failed: ${message}`);
}

function asRenderError(problem) {
  if (problem instanceof RenderError) return problem;
  if (problem instanceof RangeError) return failed({ memory: true });
  return new RenderError("broken", `the renderer failed: ${problem?.message ?? problem}`);
}

function stopIfAsked(signal) {
  if (signal?.aborted) throw new RenderError("cancelled", "the drawing was cancelled");
}

function checkedSeed(seed) {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new RenderError("seed", `seed ${quoted(seed)} is not from 0 to 4294967295`);
  }
  return seed;
}

// ---- the model file

// { identity, config, info, tensors }; the generator alone. Throws RenderError.
async function openModel(buffer, numbers, { onProgress, signal }) {
  const isBytes = ArrayBuffer.isView(buffer);
  const bytes = isBytes ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
  const { metadata, entries } = readHeader(bytes);
  const document = readDescription(metadata);
  const config = readConfig(document.generator);
  const expected = expectedShapes(config, numbers);
  const found = new Map();
  for (const [name, entry] of entries) {
    const [network] = name.split(".", 1);
    if (network === "G") found.set(name.slice(2), entry);
    else if (network !== "D") throw new RenderError("model", `the tensor ${quoted(name)} belongs to no network`);
  }
  for (const [name, { shape }] of found) {
    if (!expected.has(name)) throw new RenderError("model", `the generator has the tensor ${quoted(name)}, which it should not have`);
    if (shape.join() !== expected.get(name).join()) {
      throw new RenderError("model", `the generator's ${quoted(name)} has the shape [${shape}] instead of [${expected.get(name)}]`);
    }
  }
  for (const name of expected.keys()) {
    if (!found.has(name)) throw new RenderError("model", `the generator lacks the tensor ${name}`);
  }
  const total = [...found.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
  const digest = new Sha256().update(utf8(canonicalJson(config)));
  const tensors = {};
  let done = 0;
  let since = 0;
  for (const name of [...found.keys()].sort()) {
    const entry = found.get(name);
    const values = readTensor(bytes, entry);
    for (let k = 0; k < values.length; k++) {
      if (!Number.isFinite(values[k])) throw new RenderError("model", `the generator is broken: ${name} holds NaN or infinity`);
    }
    digest.update(utf8(canonicalJson([name, "F32", entry.shape])));
    const raw = new Uint8Array(values.buffer);
    for (let at = 0; at < raw.length; at += HASHED_AT_ONCE) {
      const piece = raw.subarray(at, at + HASHED_AT_ONCE);
      digest.update(piece);
      since += piece.length;
      if (since < HASHED_AT_ONCE) continue;
      since = 0;
      await new Promise((resolve) => setTimeout(resolve));
      stopIfAsked(signal);
    }
    tensors[name] = values;
    done += entry.end - entry.begin;
    onProgress?.({ done, total, what: "model" });
  }
  const identity = `sha256:${digest.hex()}`;
  const info = {
    kind: config.kind,
    resolution: config.img_resolution,
    channels: config.img_channels,
    classes: config.c_dim,
    layers: config.kind === "stylegan2" ? 2 * blocks(config).length - 1 : config.num_layers + 1,
    numbers: Object.values(tensors).reduce((sum, values) => sum + values.length, 0),
    generator: config,
    document,
  };
  return { identity, config, info, tensors };
}

function readDescription(metadata) {
  if (!Object.hasOwn(metadata, "nftgan")) throw new RenderError("model", "the safetensors are not a model of nftgan");
  let document;
  try {
    document = JSON.parse(metadata.nftgan);
  } catch {
    throw new RenderError("model", "its description is not JSON");
  }
  if (!isTable(document)) throw new RenderError("model", "its description is not a table");
  if (document.nftgan !== 1) throw new RenderError("model", "its description is of a later format");
  return document;
}

// A worker's tensors: of a layer's kernel, the input's mixing matrix and nothing else only its own
// output channels.
function partOf(tensors, rank, count) {
  const part = {};
  for (const [name, values] of Object.entries(tensors)) {
    const split = /^synthesis\.(L\d+_\d+_\d+|b\d+\.(conv[01]|torgb)|input)\.weight$/.test(name);
    if (!split || count === 1) {
      part[name] = values;
      continue;
    }
    const outs = tensors[name.replace(/weight$/, "bias")]?.length ?? Math.round(Math.sqrt(values.length));
    const [first, end] = share(outs, rank, count);
    const each = values.length / outs;
    part[name] = values.slice(first * each, end * each);
  }
  return part;
}

// Two buffers that hold the largest layer's output, in float64.
function sharedBuffers(config, numbers) {
  const layers =
    config.kind === "stylegan2"
      ? blocks(config).map(({ out, side }) => [out, side])
      : schedule(config, numbers).map(({ channels, size }) => [channels, size]);
  const bytes = Math.max(...layers.map(([channels, side]) => Math.ceil(channels / 8) * 8 * side * side * 8));
  return [new SharedArrayBuffer(bytes), new SharedArrayBuffer(bytes)];
}

// ---- pictures

// "sha256:…" that names the picture itself: docs/formats.md, "Pixel hash".
export function pixelHash({ pixels, width, height }) {
  const size = new Uint8Array(8);
  const view = new DataView(size.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  return "sha256:" + new Sha256().update(utf8("nftgan-pixels-1")).update(size).update(pixels).hex();
}

export function toImageData(picture) {
  const { pixels, width, height } = picture;
  if (channelsOf(picture) === 4) return new ImageData(Uint8ClampedArray.from(pixels), width, height);
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let p = 0; p < width * height; p++) {
    data[4 * p] = pixels[3 * p];
    data[4 * p + 1] = pixels[3 * p + 1];
    data[4 * p + 2] = pixels[3 * p + 2];
  }
  return new ImageData(data, width, height);
}

function kernelBytes() {
  return Uint8Array.from(atob(KERNELS), (letter) => letter.charCodeAt(0));
}
