// Draws pieces with the renderer's script in Node: `node draw.cjs SCRIPT`, a JSON job a line on stdin.
//
// {"model": path} loads; {"recipe": …, "seed": …} and what else `render` takes draws, and with
// "file" writes the pixels there. Options of Renderer.create come as {"create": …}. One answer a line.
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");
const { Renderer } = require(process.argv[2]);

let renderer = null;

async function answer(job) {
  if (job.create) {
    renderer?.close();
    renderer = await Renderer.create(job.create);
    return { workers: renderer.workerCount, shared: renderer.shared };
  }
  if (job.model) return renderer.load(fs.readFileSync(job.model));
  const { file, ...options } = job;
  const steps = [];
  const started = performance.now();
  const before = process.cpuUsage();
  const draw = options.from === undefined ? "render" : "morph";
  const picture = await renderer[draw]({ ...options, onProgress: (step) => steps.push(step) });
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(before); // of all workers
  const cpu_seconds = (used.user + used.system) / 1e6;
  if (file) fs.writeFileSync(file, picture.pixels);
  const { pixels, ...rest } = picture;
  return { ...rest, steps: steps.length, last: steps.at(-1), seconds, cpu_seconds };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said;
    try {
      said = await answer(JSON.parse(line));
    } catch (problem) {
      said = { error: problem.message, kind: problem.kind ?? String(problem.stack) };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
  renderer?.close();
})();
