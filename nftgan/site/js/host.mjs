// Where a worker runs: in a browser, or in Node.
import { runWorker } from "./worker.mjs";

if (typeof self !== "undefined" && typeof self.postMessage === "function") {
  runWorker({
    postMessage: (message) => self.postMessage(message),
    onMessage: (receive) => (self.onmessage = ({ data }) => receive(data)),
  });
} else {
  const { parentPort } = require("node:worker_threads");
  runWorker({
    postMessage: (message) => parentPort.postMessage(message),
    onMessage: (receive) => parentPort.on("message", receive),
  });
}
