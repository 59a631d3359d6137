// Where the published files come from: from beside the page, or by their CIDs from a gateway of IPFS.
import { fromBase64, same } from "./bytes.mjs";
import { isHere } from "./chain.mjs";
import { cidBytes, cidText, isNamed, nodeCid } from "./cid.mjs";
import { collection, imageOf, pieces, root } from "./collection.mjs";
import { Missing, among, entry, readDag, verified } from "./dag.mjs";
import { readFile } from "./files.mjs";

const SECONDS = 60;
const AT_ONCE = 6; // questions to a gateway
const MOST_BLOCK_BYTES = 4 * 2 ** 20;
const MOST = { metadata: 65536, image: 256 * 2 ** 20, model: 2 * 2 ** 30 }; // bytes

let folder = null;

// Each gives { bytes, path, named: true, false or null, words }: whether the file has its CID, and what to say.
export const beside = {
  key: "",
  async metadata(id, signal) {
    const path = `${root}metadata/${id}.json`;
    const bytes = await readFile(path, signal);
    return { bytes, path, ...(await inMetadata(bytes, path, id, signal)) };
  },
  async image(id, signal) {
    const path = imageOf(id);
    const bytes = await readFile(path, signal);
    const named = isNamed(bytes, pieces[id].cid);
    const words = [`${path} has another CID than the collection says`, `${path} has its CID and the promised pixels`, `${path} has the promised pixels (a file of several blocks: its CID is not made here)`];
    return { bytes, path, named, words: words[named === null ? 2 : Number(named)] };
  },
  model: (signal) => readFile(`${root}model.safetensors`, signal),
};

// Whether a metadata file has its CID in the folder, whose blocks lie in one file of the site.
async function inMetadata(bytes, path, id, signal) {
  const cid = collection.cids.metadata;
  let listed;
  try {
    listed = folder ?? JSON.parse(new TextDecoder().decode(await readFile("folder.json", signal))).map(fromBase64);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    return { named: null, words: `${path} has no CID to compare it with: ${problem.message}` };
  }
  try {
    folder ??= among(listed, nodeCid);
    const named = isNamed(bytes, await entry(folder, cidBytes(cid), `${id}.json`));
    return { named, words: named ? `${path} has its CID under ${cid}` : `${path} has another CID than the folder ${cid} says` };
  } catch (problem) {
    return { named: false, words: `the folder ${cid} is not the one that folder.json holds: ${problem.message}` };
  }
}

// The address of a gateway as it is used; null for none. https, or plain http to this machine.
export function gatewayOf(text) {
  const address = text.trim().replace(/\/+$/, "").replace(/\/ipfs$/, "");
  return isHere(address) ? address : null;
}

export function fromGateway(address) {
  const turns = semaphore(AT_ONCE);
  const raw = (signal) => verified(async (cid) => turns(() => block(address, cidText(cid), signal)));
  const say = (path) => `${path}: every block was hashed here`;
  const inFolder = async (cid, name, most, signal) => {
    const get = raw(signal);
    const found = await entry(get, cidBytes(cid), name);
    return { found, bytes: await readDag(get, found, most), path: `${cid}/${name}` };
  };
  return {
    key: address,
    async metadata(id, signal) {
      const { bytes, path } = await inFolder(collection.cids.metadata, `${id}.json`, MOST.metadata, signal);
      return { bytes, path, named: true, words: say(path) };
    },
    async image(id, signal) {
      const { found, bytes, path } = await inFolder(collection.cids.images, `${id}.png`, MOST.image, signal);
      const named = same(found, cidBytes(pieces[id].cid));
      return { bytes, path, named, words: named ? `${say(path)}, and it has the promised pixels` : `${path} is another file than the collection says` };
    },
    model: (signal) => readDag(raw(signal), cidBytes(collection.cids.model), MOST.model),
  };
}

async function block(address, cid, signal) {
  const limit = AbortSignal.timeout(SECONDS * 1000);
  const asked = { headers: { accept: "application/vnd.ipld.raw" }, credentials: "omit", referrerPolicy: "no-referrer" };
  try {
    const answer = await fetch(`${address}/ipfs/${cid}?format=raw`, { ...asked, signal: signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : (signal ?? limit) });
    if (!answer.ok || Number(answer.headers.get("content-length") ?? 0) > MOST_BLOCK_BYTES) throw new Error();
    return new Uint8Array(await answer.arrayBuffer());
  } catch (problem) {
    if (signal?.aborted) throw signal.reason;
    throw new Missing(`the gateway does not give ${cid}`);
  }
}

// At most `count` of what is handed over run at a time.
function semaphore(count) {
  const waiting = [];
  return async (work) => {
    if (count === 0) await new Promise((go) => waiting.push(go));
    else count--;
    try {
      return await work();
    } finally {
      if (waiting.length) waiting.shift()();
      else count++;
    }
  };
}
