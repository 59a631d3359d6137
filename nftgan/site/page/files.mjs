// The site's own files as bytes: fetched; from disk, where pages may not fetch, out of a script beside each.
import { fromBase64 } from "./bytes.mjs";

const waiting = new Map();

globalThis.nftganFile = (path, text) => waiting.get(path)?.(text);

// A script of the site, once it has run.
export function runScript(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = path;
    script.onload = () => {
      script.remove();
      resolve();
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`${path} cannot be had`));
    };
    document.head.append(script);
  });
}

export async function readFile(path, signal) {
  if (location.protocol !== "file:") {
    const answer = await fetch(path, { signal }).catch((problem) => {
      throw problem.name === "AbortError" ? problem : new Error(`${path} cannot be had`);
    });
    if (!answer.ok) throw new Error(`${path} cannot be had (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  if (path.startsWith("..")) throw new Error("a page from disk may not read it: open it with nftgan site --serve");
  let bytes = null;
  waiting.set(path, (text) => (bytes = fromBase64(text)));
  try {
    await runScript(`disk/${path}.js`);
  } finally {
    waiting.delete(path);
  }
  if (!bytes) throw new Error(`${path} cannot be had`);
  return bytes;
}
