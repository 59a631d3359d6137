// A web worker (or a worker thread of Node) that computes its part of each picture.
//
// Messages in: start, load, paint, cancel. Out: ready, progress, done, cancelled, failed.
// Between the workers: parts of layers, through shared memory or message ports.
import { ARRIVED, STOPPED, TURN } from "./control.mjs";
import { Engine } from "./engine.mjs";

const CANCELLED = Symbol("cancelled");
const BREATH_MS = 40;

export function runWorker(host) {
  let engine = null;
  let job = 0;
  let stopped = 0; // all jobs up to this one
  let lastBreath = 0;

  // ---- through shared memory: two buffers in turn, so that one barrier a layer is enough

  function sharedExchange({ control, count, rank }) {
    let buffers = null;
    let turn = 0;
    const exchange = async (mine, sizes) => {
      const buffer = buffers[turn++ % 2];
      const starts = sizes.map((_, r) => sizes.slice(0, r).reduce((a, b) => a + b, 0));
      const Numbers = mine.constructor;
      const view = new Numbers(buffer, 0, starts[count - 1] + sizes[count - 1]);
      view.set(mine, starts[rank]);
      barrier(control, count);
      return sizes.map((size, r) => view.subarray(starts[r], starts[r] + size));
    };
    return { exchange, begin: () => (turn = 0), setBuffers: (list) => (buffers = list) };
  }

  function barrier(control, count) {
    const turn = Atomics.load(control, TURN);
    if (Atomics.add(control, ARRIVED, 1) === count - 1) {
      Atomics.store(control, ARRIVED, 0);
      Atomics.add(control, TURN, 1);
      Atomics.notify(control, TURN);
      return;
    }
    while (Atomics.load(control, TURN) === turn) {
      if (Atomics.load(control, STOPPED) >= job) throw CANCELLED;
      Atomics.wait(control, TURN, turn, 100);
    }
  }

  // ---- through messages: [job, layer, numbers] to every other worker

  function messageExchange({ ports, count, rank }) {
    let layer = 0;
    const waiting = new Map(); // key -> numbers, or the function that waits for them
    let give = null;
    ports.forEach((port, from) => {
      if (!port) return;
      port.onmessage = ({ data }) => {
        if (data.job < job) return; // of a picture that was given up
        waiting.set(`${data.job} ${data.layer} ${from}`, data.numbers);
        give?.();
      };
      port.start?.();
    });
    const exchange = async (mine, sizes) => {
      layer++;
      for (const port of ports.filter(Boolean)) {
        const numbers = mine.slice();
        port.postMessage({ job, layer, numbers }, [numbers.buffer]);
      }
      const parts = [];
      for (let r = 0; r < count; r++) {
        if (r === rank) {
          parts.push(mine);
          continue;
        }
        const key = `${job} ${layer} ${r}`;
        while (!waiting.has(key)) {
          if (stopped >= job) throw CANCELLED;
          await new Promise((resolve) => (give = resolve));
        }
        parts.push(waiting.get(key));
        waiting.delete(key);
        if (parts[r].length !== sizes[r]) throw new Error("a part of a layer has the wrong size");
      }
      return parts;
    };
    const begin = () => {
      layer = 0;
      for (const key of waiting.keys()) if (Number(key.split(" ")[0]) < job) waiting.delete(key);
    };
    return { exchange, begin, wake: () => give?.() };
  }

  // ---- messages of the page

  const pause = new MessageChannel();
  let resume = null;
  pause.port1.onmessage = () => resume();
  pause.port1.unref?.();

  let link = null;
  let control = null;

  async function breathe() {
    if (control) {
      if (Atomics.load(control, STOPPED) >= job) throw CANCELLED;
      return;
    }
    const now = Date.now();
    if (now - lastBreath < BREATH_MS) return;
    await new Promise((resolve) => {
      resume = resolve;
      pause.port2.postMessage(0);
    });
    lastBreath = Date.now();
    if (stopped >= job) throw CANCELLED;
  }

  async function start({ rank, count, module, ports, shared }) {
    const instance = await WebAssembly.instantiate(module, {});
    control = shared ? new Int32Array(shared) : null;
    link = control ? sharedExchange({ control, count, rank }) : messageExchange({ ports, count, rank });
    engine = new Engine(instance, { rank, count, exchange: link.exchange, breathe });
    host.postMessage({ type: "ready" });
  }

  async function paint(message) {
    job = message.job;
    if (stopped >= job || (control && Atomics.load(control, STOPPED) >= job)) throw CANCELLED;
    link.begin();
    const told = (done, total, what) => {
      if (!engine.rank) host.postMessage({ type: "progress", job, done, total, what });
    };
    const picture = await engine.paint(message.look, message.precision, told);
    host.postMessage({ type: "done", job, picture });
  }

  async function receive(message) {
    try {
      if (message.type === "start") await start(message);
      else if (message.type === "load") {
        engine.setModel(message.model);
        link.setBuffers?.(message.buffers);
        host.postMessage({ type: "ready" });
      } else if (message.type === "cancel") {
        stopped = message.job;
        link.wake?.();
      } else if (message.type === "paint") await paint(message);
    } catch (problem) {
      if (problem === CANCELLED) host.postMessage({ type: "cancelled", job });
      else {
        const memory = problem instanceof RangeError;
        host.postMessage({ type: "failed", job: message.job ?? 0, memory, message: String(problem?.message ?? problem) });
      }
    }
  }

  host.onMessage(receive);
}
