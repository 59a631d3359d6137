// Starts a worker from its text: as a web worker from a blob, as a worker thread in Node.

// { post(message, transferred), onMessage, end() }; `broken` hears of a worker that ends by itself.
export async function startWorker(broken) {
  const thread = { onMessage: null };
  const told = (message) => thread.onMessage?.(message);
  if (typeof Worker === "undefined") {
    const { Worker: NodeWorker } = require("node:worker_threads");
    const worker = new NodeWorker(WORKER, { eval: true, execArgv: [] });
    worker.on("message", told);
    worker.on("error", (problem) => broken(problem.message));
    thread.post = (message, transferred) => worker.postMessage(message, transferred);
    thread.end = () => void worker.terminate();
    return thread;
  }
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  worker.onmessage = ({ data }) => told(data);
  worker.onerror = (event) => broken(event.message || "it could not be started");
  thread.post = (message, transferred) => worker.postMessage(message, transferred);
  thread.end = () => worker.terminate();
  return thread;
}
