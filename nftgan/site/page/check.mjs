// A piece followed back to the arithmetic that made it: each link holds, is broken or unchecked.
import { birth } from "./birth.mjs";
import { fromHex, same, toHex, word } from "./bytes.mjs";
import { Contract, Unasked } from "./chain.mjs";
import { collection, pieces } from "./collection.mjs";
import { drawer, kit } from "./drawing.mjs";
import { MerkleTree, leafOf, rootOf } from "./merkle.mjs";
import { decodePng } from "./png.mjs";
import { beside } from "./sources.mjs";

export const HOLDS = "holds";
export const BROKEN = "broken";
export const UNCHECKED = "unchecked";
export const DRAWN = ["metadata", "recipe", "seed", "model", "image", "pixels", "merkle proof"];
export const ASKED = ["contract code", "token", "metadata", "recipe", "seed", "model", "merkle proof"];
export const NOT_ASKED = "the chain was not asked";
const FOREIGN = "the recipe has an effect of a plugin, which no page can run: nftgan verify can where it is installed";
const TOLD = "the recipe tells the model several numbers, which no page can do: nftgan verify can";

const short = (hash) => `${hash.slice(0, 19)}…`;
let tree = null;

// The names of links to { verdict, found }, and a way to say what was found.
export class Log {
  constructor(names, onLink) {
    this.links = new Map(names.map((name) => [name, { verdict: UNCHECKED, found: "" }]));
    this.onLink = onLink;
  }

  say(name, verdict, found) {
    this.links.set(name, { verdict, found });
    this.onLink(name, verdict, found);
  }

  check(name, passed, yes, no) {
    this.say(name, passed ? HOLDS : BROKEN, passed ? yes : no);
    return passed;
  }

  get broken() {
    return [...this.links].find(([, link]) => link.verdict === BROKEN)?.[0] ?? null;
  }

  get proven() {
    return [...this.links.values()].every((link) => link.verdict === HOLDS);
  }
}

// What the visitor stops is no verdict on anything.
function stopped(problem) {
  if (problem?.name === "AbortError" || problem?.kind === "cancelled") throw problem;
  return problem;
}

async function readDocument(source, id, log, signal) {
  let file;
  try {
    file = await source.metadata(id, signal);
  } catch (problem) {
    log.say("metadata", UNCHECKED, stopped(problem).message);
    return null;
  }
  try {
    const own = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.bytes)).nftgan;
    const right = Number.isInteger(own.seed) && typeof own.pixels === "string" && /^sha256:[0-9a-f]{64}$/.test(own.pixels);
    if (!right || typeof own.recipe !== "object") throw new Error();
    log.say("metadata", file.named === null ? UNCHECKED : file.named ? HOLDS : BROKEN, file.words);
    return own;
  } catch {
    log.say("metadata", BROKEN, `${file.path} is not the metadata of a piece`);
    return null;
  }
}

async function image(source, id, own, log, signal) {
  let file;
  try {
    file = await source.image(id, signal);
  } catch (problem) {
    log.say("image", UNCHECKED, stopped(problem).message);
    return null;
  }
  try {
    const png = await decodePng(file.bytes);
    const { pixelHash } = await kit();
    if (pixelHash(png) !== own.pixels) log.say("image", BROKEN, `${file.path} has other pixels than its metadata promises`);
    else log.check("image", file.named !== false, file.words, file.words);
    return png;
  } catch (problem) {
    log.say("image", BROKEN, `${file.path}: ${problem.message}`);
    return null;
  }
}

function proven(id, own, log) {
  tree ??= new MerkleTree(pieces.map((piece) => leafOf(piece.id, piece.seed, piece.pixels)));
  const root = fromHex(collection.pieces_root);
  if (!tree.holds(root)) {
    log.say("merkle proof", BROKEN, "the pieces that this page lists have another root than it promises");
    return null;
  }
  const proof = tree.proof(id);
  const right = same(rootOf(leafOf(id, own.seed, own.pixels.slice(7)), proof), root);
  log.check("merkle proof", right, "id, seed and pixels lie under the root", "id, seed and pixels do not lie under the root");
  return right ? proof : null;
}

// Draw piece `id` from `source` and check every link that needs no chain. Resolves to { picture, shown, own, identity,
// proof, log }; rejects only where `signal` stops it.
export async function drawAgain(id, { source = beside, signal, onProgress, onLink }) {
  const log = new Log(DRAWN, onLink);
  const { recipeHash } = await kit();
  const found = { log, own: null, picture: null, shown: null, identity: null, recipe: null, proof: null };
  const own = (found.own = await readDocument(source, id, log, signal));
  if (!own) {
    for (const name of DRAWN) if (name !== "metadata") log.say(name, UNCHECKED, "there is no metadata to check it by");
    return found;
  }
  try {
    found.recipe = recipeHash(own.recipe);
    log.check(
      "recipe", found.recipe === collection.recipe_hash, `${short(found.recipe)} is the collection's recipe`,
      `the metadata's recipe ${short(found.recipe)} is not ${short(collection.recipe_hash)}, the collection's`,
    );
  } catch (problem) {
    // Nothing is known of a recipe that only others can follow: no lie, and never proven.
    if (own.recipe?.finish?.effect) log.say("recipe", UNCHECKED, FOREIGN);
    else if (own.recipe?.condition) log.say("recipe", UNCHECKED, TOLD);
    else log.say("recipe", BROKEN, problem.message);
  }
  log.check(
    "seed", own.seed === pieces[id].seed, `${own.seed} is the seed that the collection lists`,
    `the metadata says ${own.seed}, the collection says ${pieces[id].seed}`,
  );
  found.proof = proven(id, own, log);
  found.shown = await image(source, id, own, log, signal);
  const drawn = await model(log, found, { source, signal, onProgress });
  if (!drawn || !found.recipe) {
    log.say("pixels", UNCHECKED, "there is no model or recipe to make the image with");
    return found;
  }
  try {
    const picture = (found.picture = await drawn.render({ recipe: own.recipe, seed: own.seed, latent: own.latent, signal, onProgress }));
    const right = picture.hash === own.pixels && picture.safe;
    const kind = own.latent ? "latent" : "seed";
    const no = picture.safe
      ? `${kind} ${own.seed} gives other pixels than the metadata promises${differing(picture, found.shown)}`
      : "a pixel lies so near to a rounding step that another processor may give another image";
    log.check("pixels", right, `made again from ${kind} ${own.seed}: identical`, no);
  } catch (problem) {
    const kind = stopped(problem).kind;
    log.say("pixels", kind === "memory" || kind === "broken" ? UNCHECKED : BROKEN, problem.message);
  }
  return found;
}

async function model(log, found, options) {
  if (!collection.has_model) {
    log.say("model", UNCHECKED, "the model was not published: ask the artist for it");
    return null;
  }
  if (collection.foreign) {
    log.say("model", UNCHECKED, `its networks are of the kind ${collection.foreign}, which no page can run: nftgan verify can`);
    return null;
  }
  try {
    const { renderer, model: loaded } = await drawer(options);
    found.identity = loaded.identity;
    const right = loaded.identity === collection.model;
    log.check("model", right, `${short(loaded.identity)} is the collection's model`, `the file is the model ${short(loaded.identity)}, not ${short(collection.model)}`);
    return right ? renderer : null;
  } catch (problem) {
    log.say("model", stopped(problem).kind === "model" ? BROKEN : UNCHECKED, problem.message);
    return null;
  }
}

// How many pixels of what was drawn are not those of the image that is shown.
function differing(picture, shown) {
  if (!shown || shown.width !== picture.width || shown.height !== picture.height) return "";
  if (shown.pixels.length !== picture.pixels.length) return "; one of them is transparent, the other opaque";
  let count = 0;
  const channels = picture.pixels.length / (picture.width * picture.height);
  for (let at = 0; at < picture.pixels.length; at += channels) {
    const differs = (value, part) => value !== shown.pixels[at + part];
    if (picture.pixels.subarray(at, at + channels).some(differs)) count++;
  }
  return `; ${count.toLocaleString("en")} pixels are not those shown`;
}

// Ask the contract at `address` about piece `id`, with what drawAgain found.
export async function askContract(id, found, ask, address, onLink) {
  const log = new Log(ASKED, onLink);
  const contract = new Contract(ask, address);
  const asking = async (name, question) => {
    try {
      await question();
    } catch (problem) {
      log.say(name, UNCHECKED, problem instanceof Unasked ? problem.message : `it cannot be asked (${problem.message})`);
    }
  };
  const { own } = found;
  let genuine = false;
  await asking("contract code", async () => {
    const { problem } = await birth(contract, collection.shipped);
    genuine = log.check("contract code", !problem, "our factory made it, its address says so", problem);
  });
  if (!genuine) {
    for (const name of ASKED.slice(1)) log.say(name, UNCHECKED, "the contract cannot be trusted");
    return log;
  }
  await asking("token", async () => {
    const owner = await contract.call("ownerOf(uint256)", word(id));
    log.check("token", owner?.length === 32, `belongs to 0x${toHex((owner ?? []).slice(12))}`, `token ${id} does not exist`);
  });
  await asking("metadata", async () => {
    const base = await contract.text("baseURI()");
    const mine = `ipfs://${collection.cids.metadata}/`;
    log.check("metadata", base === mine, `the contract's base URI is ${mine}`, "the contract's base URI is another one");
  });
  const fixed = async (name, signature, mine, what) => {
    if (mine === null || mine === undefined) return log.say(name, UNCHECKED, "there is nothing here to compare it with");
    const theirs = "sha256:" + toHex(await contract.hash(signature));
    return log.check(
      name, theirs === mine, `${short(mine)} is the ${what} fixed on chain`,
      `the ${what} ${short(mine)} is not ${short(theirs)}, which is fixed on chain`,
    );
  };
  await asking("recipe", () => fixed("recipe", "recipeHash()", found.recipe, "recipe"));
  await asking("model", () => fixed("model", "modelIdentity()", found.identity, "model"));
  await asking("seed", async () => {
    const answer = await contract.call("seedOf(uint256)", word(id));
    const first = collection.places.find((place) => place.address.toLowerCase() === address.toLowerCase())?.block ?? 0;
    const seed = answer?.length === 32 ? Number(BigInt("0x" + toHex(answer))) : await contract.seedInLogs(id, first);
    if (seed === null) return log.say("seed", UNCHECKED, "the node shows no seed of it: choose one that keeps old logs");
    return log.check("seed", seed === own?.seed, `${seed} was written on chain at the mint`, `the metadata says ${own?.seed}, the chain says ${seed}`);
  });
  await asking("merkle proof", async () => {
    if (!found.proof) return log.say("merkle proof", UNCHECKED, "there is no proof to show");
    const root = await contract.hash("piecesRoot()");
    const accepted = same(root, fromHex(collection.pieces_root)) && (await contract.verifyPiece(id, own.seed, own.pixels.slice(7), found.proof));
    return log.check("merkle proof", accepted, "the contract accepts id, seed and pixels", "the contract refuses id, seed and pixels");
  });
  return log;
}
