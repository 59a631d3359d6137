// One piece: its image, what is said of it, and Draw it again.
import { isHere, overHttp, overWallet } from "./chain.mjs";
import { ASKED, DRAWN, NOT_ASKED, askContract, drawAgain } from "./check.mjs";
import { collection, drawable, imageOf, percent, pieces, root, traits } from "./collection.mjs";
import { $, h } from "./dom.mjs";
import { galleryAddress, shown } from "./gallery.mjs";
import { beside, fromGateway, gatewayOf } from "./sources.mjs";
import { addressOf } from "./state.mjs";

const UNPROVEN = "Traits and ranks compare all pieces with each other: unproven here, nftgan verify --all measures them.";

let stop = null;
let found = null;
let current = null;
let gateway = "";

const link = (target, words, key) => h("a", { class: "step", href: target, "aria-keyshortcuts": key }, words);

export function leavePiece() {
  stop?.abort();
  stop = found = current = null;
}

export function openPiece(id) {
  leavePiece();
  const piece = (current = pieces[id]);
  const order = shown().some((one) => one.id === id) ? shown() : pieces;
  const at = order.findIndex((one) => one.id === id);
  const step = (to, words, key) => (order[to] ? link(`#/${order[to].id}`, words, key) : h("span", { class: "step" }, words));
  const image = h("img", { src: imageOf(id), alt: `${piece.name}, the image of the collection`, id: "image" });
  $("page-piece").replaceChildren(
    h("div", { class: "crumbs" }, h("a", { href: galleryAddress() }, "All pieces"), h("span", { class: "steps" }, step(at - 1, "← Previous", "ArrowLeft"), step(at + 1, "Next →", "ArrowRight"))),
    h(
      "div", { class: "piece" },
      h("figure", { class: "stage", id: "stage" }, image, h("figcaption", { class: "note", id: "caption" }, "The image of the collection")),
      h("div", { class: "side" }, head(piece), traitList(piece), again(), asking(), facts(piece)),
    ),
  );
}

function head(piece) {
  const rank = piece.rank === null ? null : h("p", {}, `Rank ${piece.rank.toLocaleString("en")} of ${pieces.length.toLocaleString("en")}`);
  return h("div", { class: "head" }, h("h2", { tabindex: "-1", id: "piece-title" }, h("bdi", {}, piece.name)), rank, piece.description ? h("p", { class: "about" }, h("bdi", {}, piece.description)) : null);
}

function traitList(piece) {
  if (!piece.values.size) return null;
  const items = [...piece.values].map(([name, value]) => {
    const target = addressOf({ wanted: new Map([[name, new Set([value])]]), query: "", sort: "id" });
    return h("div", {}, h("dt", {}, h("bdi", {}, name)), h("dd", {}, h("a", { href: target }, h("bdi", {}, String(value))), " ", h("small", {}, percent(traits.get(name).get(value)))));
  });
  return h("section", { "aria-label": "Traits" }, h("dl", { class: "traits" }, items), h("p", { class: "note" }, UNPROVEN));
}

// ---- draw it again

function again() {
  return h(
    "section", { class: "again", "aria-labelledby": "again-title" },
    h("h3", { id: "again-title" }, "Draw it again"),
    h("p", { class: "note" }, "The image comes out of its seed once more, here in your browser, and is compared pixel by pixel."),
    h("div", { class: "line" }, h("button", { type: "button", class: "primary", id: "draw", onclick: draw }, "Draw it again"), h("button", { type: "button", id: "cancel", hidden: true, onclick: () => stop?.abort() }, "Cancel")),
    h(
      "details", { class: "reading", open: gateway !== "" },
      h("summary", {}, "Read it from IPFS"),
      h("p", { class: "note" }, "With a gateway, model, metadata and image are read by their CIDs, and every block is hashed here: nothing beside this page is believed."),
      h("div", { class: "fields" }, h("label", {}, "Gateway", h("input", { type: "text", id: "gateway", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…", value: gateway, oninput: (event) => (gateway = event.target.value.trim()) }))),
    ),
    h("progress", { id: "bar", max: 1, value: 0, hidden: true, "aria-label": "Drawing" }),
    h("p", { class: "verdict-line", id: "verdict", role: "status" }),
    h("ul", { class: "links", id: "drawn", hidden: true, "aria-label": "What was checked here" }),
  );
}

const itemOf = (name, verdict, text) =>
  h("li", { "data-link": name, class: verdict }, h("b", {}, name), h("span", { class: "mark" }, verdict), h("span", { class: "found" }, text));

function put(place, names, name, verdict, text) {
  const list = $(place);
  const item = itemOf(name, verdict, text);
  const old = [...list.children].find((one) => one.dataset.link === name);
  if (old) return old.replaceWith(item);
  const next = [...list.children].find((one) => names.indexOf(one.dataset.link) > names.indexOf(name));
  return list.insertBefore(item, next ?? null);
}

export async function draw() {
  if (stop || !current) return;
  const address = gateway && gatewayOf(gateway);
  if (address === null) return say("The gateway's address begins with https://, or http:// on this machine.", "broken");
  const source = address ? fromGateway(address) : beside;
  const mine = (stop = new AbortController());
  const { id } = current;
  const busy = (on) => {
    $("draw").disabled = on;
    $("cancel").hidden = $("bar").hidden = !on;
  };
  busy(true);
  $("drawn").replaceChildren();
  $("drawn").hidden = false;
  say("Drawing …", "");
  const onProgress = ({ done, total }) => {
    if (mine === stop) $("bar").value = done / total;
  };
  const onLink = (name, verdict, text) => mine === stop && put("drawn", DRAWN, name, verdict, text);
  try {
    const result = await drawAgain(id, { source, signal: mine.signal, onProgress, onLink });
    if (mine !== stop) return;
    found = result;
    if (found.picture) await hang(found.picture, found.log);
    conclude(found.log);
    $("ask").disabled = !found.own;
  } catch (problem) {
    if (mine !== stop) return;
    say(mine.signal.aborted ? "Cancelled: nothing was checked." : `It cannot be drawn: ${problem.message}`, mine.signal.aborted ? "" : "broken");
    $("drawn").hidden = true;
  } finally {
    if (mine === stop) {
      stop = null;
      busy(false);
    }
  }
}

function say(words, kind) {
  $("verdict").textContent = words;
  $("verdict").className = `verdict-line ${kind}`;
}

function conclude(log) {
  if (log.broken) return say(`The link “${log.broken}” is broken.`, "broken");
  if (log.proven) return say("Identical: every link that can be checked here holds. Whether the contract promises the same was not asked yet.", "holds");
  return say("Nothing is broken, but not everything could be checked.", "unchecked");
}

async function hang(picture, log) {
  const { toImageData } = globalThis.nftganRenderer;
  const right = log.links.get("pixels").verdict === "holds";
  const canvas = h("canvas", { width: picture.width, height: picture.height, role: "img", id: "canvas", "aria-label": "The image as it was drawn here" });
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  const old = $("stage").querySelector("canvas, img");
  old.replaceWith(canvas);
  $("stage").classList.toggle("same", right);
  $("caption").textContent = right ? "Drawn here, in your browser: identical" : "Drawn here, in your browser: not the image of the collection";
}

// ---- the contract

function asking() {
  const wallet = globalThis.ethereum;
  const places = collection.places.map(({ chain, address }) => h("option", { value: address }, chain));
  return h(
    "details", { class: "asking", id: "asking" },
    h("summary", {}, "Ask the contract"),
    h("p", { class: "note" }, "The contract fixes model, recipe and every pixel hash. Take its address from the artist, and a node that you trust. What you type stays in this page."),
    h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); ask(overHttp($("node").value.trim()), $("node").value.trim()); } },
      h("label", {}, "Contract", h("input", { type: "text", id: "contract", autocomplete: "off", spellcheck: "false", placeholder: "0x…", value: collection.places[0]?.address ?? "", list: "places" })),
      h("datalist", { id: "places" }, places),
      h("label", {}, "Node (JSON-RPC)", h("input", { type: "text", id: "node", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…" })),
      h("div", { class: "line" }, h("button", { type: "submit", id: "ask", disabled: true }, "Ask the node"), wallet ? h("button", { type: "button", id: "ask-wallet", onclick: () => ask(overWallet(wallet), null) }, "Ask my wallet") : null),
    ),
    h("p", { class: "verdict-line", id: "asked-verdict", role: "status" }, `${NOT_ASKED[0].toUpperCase()}${NOT_ASKED.slice(1)}.`),
    h("ul", { class: "links", id: "asked", hidden: true, "aria-label": "What the contract says" }),
  );
}

async function ask(question, node) {
  const address = $("contract").value.trim();
  const tell = (words, kind = "") => {
    $("asked-verdict").textContent = words;
    $("asked-verdict").className = `verdict-line ${kind}`;
  };
  if (!found?.own) return tell("Draw the piece first: the contract is asked about what was found here.");
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) return tell("The contract's address is 0x and 40 hex digits.", "broken");
  if (node !== null && !isHere(node)) return tell("The node's address begins with https://, or http:// on this machine.", "broken");
  const mine = found;
  $("asked").replaceChildren();
  $("asked").hidden = false;
  $("ask").disabled = true;
  tell("Asking …");
  const log = await askContract(current.id, mine, question, address, (name, verdict, text) => mine === found && put("asked", ASKED, name, verdict, text));
  if (mine !== found) return null;
  $("ask").disabled = false;
  if (log.broken) return tell(`The link “${log.broken}” is broken.`, "broken");
  if (log.proven && mine.log.proven) return tell("Proven: every link holds, from the contract to the pixels.", "holds");
  return tell("Nothing is broken, but not everything could be checked.", "unchecked");
}

// ---- what is known

function facts(piece) {
  const lines = [["Seed", String(piece.seed)], ["Size", collection.recipe.size.join(" × ") + " pixels"], ["Pixels", `sha256:${piece.pixels}`], ...collection.lineage];
  return h(
    "details", { class: "facts" },
    h("summary", {}, "Lineage and licence"),
    h("dl", {}, lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("bdi", {}, value))))),
    h("p", { class: "line" }, h("a", { href: imageOf(piece.id), download: `${piece.id}.png` }, "Download the image"), h("a", { href: `${root}metadata/${piece.id}.json`, download: `${piece.id}.json` }, "Download the metadata"), drawable ? h("a", { href: `#/morph?from=${piece.id}` }, "Morph into another piece") : null),
  );
}
