// The drop page: terms, a wallet, a purchase, and what came of it.
import { isHere, overHttp } from "./chain.mjs";
import { drawAgain } from "./check.mjs";
import { collection, drawable, pieces } from "./collection.mjs";
import { $, h, many } from "./dom.mjs";
import { runScript } from "./files.mjs";
import { sentence } from "./reverts.mjs";
import { SaleClient } from "./sale.mjs";
import { isBlind, readVoucher, sameTerms } from "./terms.mjs";
import { phoneLinks, wallets } from "./wallets.mjs";

const MOST_DRAWN = 12;
const PHASES = {
  revealed: "The sale is over, and the collection is revealed.",
  ended: "The sale is over. Its order is being drawn; then the seller reveals the collection.",
  "sold out": "Sold out.",
  over: "The sale is over.",
  "not ready": "The seller has not made the collection ready yet.",
  "opens later": "The sale opens later.",
  open: "The sale is open.",
};
const BLIND = "This is a blind sale: nobody can know yet which pieces you get, nor check the collection. You pay now. When the sale is over a block that does not exist yet, together with the seller's secret, sets the order, and you get your tokens after the reveal. If nothing is revealed in time you take your money back here.";

const facts = collection.sale;
let viem = null;
let found = null; // wallets
let wallet = null; // { name, provider, account, chainId }
let asked = null; // SaleClient over wallet or node
let state = null;
let voucher = null;
let busy = false;
let built = false;
const followed = new WeakSet(); // wallets whose changes are listened to
const received = new Map(); // account to the tokens that receipts seen here gave it

export const hasSale = Boolean(facts);

export async function openDrop(query) {
  if (!built) build();
  const coded = new URLSearchParams(query).get("voucher");
  if (coded) takeVoucher(coded);
  if (!viem) {
    try {
      await runScript("viem.js");
      viem = globalThis.nftganViem;
    } catch (problem) {
      say(problem.message, "broken");
    }
  }
  found ??= wallets(showWallets);
  showWallets();
  showTerms();
}

function build() {
  built = true;
  $("page-sale").replaceChildren(
    h("div", { class: "crumbs" }, facts.hidden ? null : h("a", { href: "#/" }, "All pieces")),
    h("div", { class: "drop" },
      h("div", { class: "side" },
        h("h2", { tabindex: "-1" }, "Buy ", h("bdi", {}, collection.name)),
        facts.about ? h("p", { class: "about" }, h("bdi", {}, facts.about)) : null,
        h("p", { class: "verdict-line", id: "sale-phase", role: "status" }),
        isBlind(facts.terms) ? h("p", { class: "warning", id: "sale-blind" }, BLIND) : null,
        h("dl", { class: "traits", id: "sale-terms" }),
        h("p", { class: "note", id: "sale-source" }),
      ),
      h("div", { class: "side" },
        h("section", { "aria-labelledby": "wallet-title" }, h("h3", { id: "wallet-title" }, "Your wallet"), h("div", { id: "wallets", class: "fields" })),
        h("section", { id: "buying", "aria-labelledby": "buying-title", hidden: true }, h("h3", { id: "buying-title" }, "Buy"), h("div", { id: "purchase", class: "fields" })),
        h("ol", { id: "steps", class: "steps-list", "aria-live": "polite", hidden: true }),
        h("section", { id: "mine", "aria-labelledby": "mine-title", hidden: true }, h("h3", { id: "mine-title", tabindex: "-1" }, "Yours"), h("div", { id: "own" })),
        voucherField(), nodeField(),
      ),
    ),
  );
}

function voucherField() {
  return h("details", { id: "voucher-box", hidden: !facts.terms.signer },
    h("summary", {}, "I have a voucher"),
    h("div", { class: "fields" },
      h("label", {}, "Voucher: its link, or what is in its file", h("textarea", { id: "voucher", rows: 3, spellcheck: "false", autocomplete: "off" })),
      h("div", { class: "line" }, h("button", { type: "button", id: "take-voucher", onclick: () => takeVoucher($("voucher").value) }, "Take it")),
      h("p", { class: "note", id: "voucher-note", role: "status" })));
}

function nodeField() {
  return h("details", { id: "node-box" },
    h("summary", {}, "Look without a wallet"),
    h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); lookOver($("sale-node").value.trim()); } },
      h("label", {}, "Node (JSON-RPC)", h("input", { type: "text", id: "sale-node", inputmode: "url", autocomplete: "off", spellcheck: "false", placeholder: "https://…" })),
      h("div", { class: "line" }, h("button", { type: "submit", id: "look" }, "Read the sale"))));
}

function say(words, kind = "") {
  $("sale-phase").textContent = words;
  $("sale-phase").className = `verdict-line ${kind}`;
}

// ---- terms

const ether = (wei) => (viem ? `${viem.formatEther(BigInt(wei))} ether` : `${wei} wei`);
const written = (address) => (viem ? viem.getAddress(address) : address);
const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

function showTerms() {
  const terms = state?.terms ?? facts.terms;
  const blind = isBlind(terms);
  const who = terms.allowlist && terms.signer ? "a list, and holders of vouchers" : terms.allowlist ? "a list" : terms.signer ? "holders of vouchers" : "everybody";
  const lines = [
    ["Price", `${ether(terms.price)} each`],
    ["Stock", state ? `${(terms.supply - state.sold).toLocaleString("en")} left of ${terms.supply.toLocaleString("en")}` : terms.supply.toLocaleString("en")],
    ["For one wallet", terms.perWallet ? `${terms.perWallet} at most` : "as many as are left"],
    ["For", who],
    ["Open from", moment(terms.opens)],
    ["Until", moment(terms.closes)],
    blind ? ["Refund, if not revealed", `from ${moment(state?.refundable ?? terms.refundsFrom)}`] : null,
    ["Chain", facts.chain],
    ["Sale", written(facts.address), "wide"],
    blind && !state?.collection ? null : ["Collection", written(state?.collection ?? terms.collection), "wide"],
    ["Seller", written(terms.owner), "wide"],
  ];
  $("sale-terms").replaceChildren(...lines.filter(Boolean).map(([name, value, kind]) => h("div", { class: kind }, h("dt", {}, name), h("dd", {}, h("bdi", {}, value)))));
  $("sale-source").textContent = state ? "Read from the contract, whose address proves that nftgan's sale contract made it: nobody can change these terms." : "As the seller published them. With your wallet, or a node, the contract itself is asked.";
}

async function refresh() {
  if (!asked) return;
  say("Asking the contract …");
  try {
    if ((await asked.chainId()) !== facts.chain_id) {
      state = null;
      say(`This sale is on ${facts.chain} (chain ${facts.chain_id}).`, "unchecked");
    } else {
      state = await asked.state(wallet?.account ?? null);
      const changed = !sameTerms(state.terms, { ...facts.terms, price: BigInt(facts.terms.price) });
      if (changed) say("The contract has other terms than this page was published with: those of the contract count.", "broken");
      else say(PHASES[state.phase], state.phase === "open" ? "holds" : "");
    }
  } catch (problem) {
    state = null;
    say(capital(sentence(viem, problem)), "broken");
  }
  showTerms();
  showWallets();
  showPurchase();
  await showOwn();
}

const capital = (words) => words.slice(0, 1).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");

async function lookOver(address) {
  if (!viem) return null;
  if (!isHere(address)) return say("The node's address begins with https://, or http:// on this machine.", "broken");
  wallet = null;
  asked = new SaleClient(viem, overHttp(address), facts);
  await refresh();
}

// ---- the wallet

function showWallets() {
  if (!built) return;
  if (wallet) {
    const right = wallet.chainId === facts.chain_id;
    $("wallets").replaceChildren(
      h("p", { id: "account" }, h("bdi", {}, wallet.name), ": ", h("code", {}, wallet.account)),
      h("div", { class: "line" },
        right ? null : h("button", { type: "button", class: "primary", id: "switch", onclick: switchChain }, `Switch to ${facts.chain}`),
        h("button", { type: "button", id: "again-asked", onclick: refresh }, "Read again"),
        h("button", { type: "button", class: "quiet", id: "forget", onclick: forget }, "Forget it")));
    return;
  }
  const offered = (found ?? []).map((one) => h("button", { type: "button", class: "connect", disabled: !viem, onclick: () => connect(one) }, "Connect ", h("bdi", {}, one.name)));
  const links = phoneLinks(location).map(([name, href]) => h("a", { href, rel: "noopener noreferrer" }, `Open in ${name}`));
  $("wallets").replaceChildren(
    offered.length ? h("div", { class: "line" }, offered) : h("p", { class: "note" }, "No wallet was found in this browser."),
    links.length ? h("p", { class: "line phone" }, "On a phone: ", links) : "");
}

async function connect({ name, provider }) {
  const ask = (method, params) => provider.request({ method, params });
  try {
    const [account] = await ask("eth_requestAccounts", []);
    if (!viem.isAddress(account ?? "")) throw new Error("the wallet names no account");
    wallet = { name, provider, account: viem.getAddress(account), chainId: Number(BigInt(await ask("eth_chainId", []))) };
  } catch (problem) {
    return say(capital(sentence(viem, problem)), "broken");
  }
  asked = new SaleClient(viem, ask, facts);
  follow(name, provider);
  return refresh();
}

function follow(name, provider) {
  if (followed.has(provider)) return;
  followed.add(provider);
  const mine = () => wallet?.provider === provider;
  provider.on?.("accountsChanged", (accounts) => mine() && (accounts?.length ? connect({ name, provider }) : forget()));
  provider.on?.("chainChanged", () => mine() && connect({ name, provider }));
}

function forget() {
  wallet = asked = state = null;
  $("buying").hidden = $("mine").hidden = true;
  say("");
  showWallets();
  showTerms();
}

async function switchChain() {
  try {
    await wallet.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x" + facts.chain_id.toString(16) }] });
  } catch (problem) {
    const unknown = problem?.code === 4902;
    return say(unknown ? `Your wallet does not know ${facts.chain}: add the chain ${facts.chain_id} to it.` : capital(sentence(viem, problem)), "broken");
  }
  return connect(wallet);
}

// ---- the purchase

function takeVoucher(text) {
  const tell = (words) => ($("voucher-note").textContent = words);
  $("voucher-box").hidden = false;
  $("voucher-box").open = true;
  try {
    const read = readVoucher(text);
    if (read.chainId !== facts.chain_id || read.sale.toLowerCase() !== facts.address.toLowerCase()) throw new Error("this voucher is for another sale");
    voucher = read;
    const { count, buyer, price, deadline } = read.values;
    tell(`${many(Number(count), "token")} for ${ether(price)} in all, for ${buyer}, until ${moment(Math.min(Number(deadline), 2 ** 40))}.`);
  } catch (problem) {
    voucher = null;
    tell(capital(problem.message));
  }
  if (state) showPurchase();
}

function showPurchase() {
  const open = Boolean(wallet && state);
  $("buying").hidden = !open;
  if (!open) return;
  const { terms, phase, left } = state;
  const lines = [];
  const needs = terms.signer && !terms.allowlist && !voucher;
  let most = left;
  if (terms.allowlist && !voucher) {
    most = state.listed ? Math.max(0, Math.min(left, Number(state.listed.allowance) - state.bought)) : 0;
    lines.push(h("p", { class: "note", id: "on-list" }, state.listed ? `Your account is on the list: ${many(Number(state.listed.allowance), "token")} in all, ${state.bought} bought.` : "Your account is not on the list."));
  }
  const foreign = voucher && voucher.values.buyer.toLowerCase() !== wallet.account.toLowerCase();
  if (foreign) lines.push(h("p", { class: "note" }, `The voucher is made out to ${voucher.values.buyer}: connect that account.`));
  if (needs) lines.push(h("p", { class: "note" }, "This sale is for holders of vouchers: paste yours below."));
  const can = phase === "open" && !foreign && !needs && (voucher || most > 0);
  const number = h("input", { type: "number", id: "count", min: 1, max: Math.max(1, most), value: 1, oninput: () => total() });
  const button = h("button", { type: "button", class: "primary", id: "buy", disabled: !can || busy, onclick: () => buy(Number(number.value)) });
  const total = () => {
    const count = Math.floor(Number(number.value));
    const right = voucher || (count >= 1 && count <= most);
    button.disabled = !can || busy || !right;
    button.textContent = voucher ? `Buy with the voucher for ${ether(voucher.values.price)}` : right ? `Buy ${count} for ${ether(terms.price * BigInt(count))}` : most > 0 ? `Choose 1 to ${most}` : "Nothing to buy";
  };
  total();
  if (!voucher && can) lines.push(h("label", {}, `How many (${most} at most)`, number));
  $("purchase").replaceChildren(...lines, h("div", { class: "line" }, button));
}

// Carry one transaction out, and show each step. onReceipt is called before the page reads the sale again.
async function carryOut(order, onReceipt = () => {}) {
  if (busy) return;
  busy = true;
  const list = $("steps");
  list.hidden = false;
  list.replaceChildren();
  const step = (words, hash) => {
    const link = hash ? (facts.explorer ? h("a", { href: `${facts.explorer}/tx/${hash}`, rel: "noopener noreferrer" }, "transaction") : h("code", {}, hash)) : null;
    list.append(h("li", {}, words, link ? " " : null, link));
  };
  showPurchase();
  let receipt = null;
  try {
    receipt = await asked.send(order, wallet.account, step);
  } catch (problem) {
    list.append(h("li", { class: "broken" }, capital(sentence(viem, problem))));
  }
  busy = false;
  if (receipt) onReceipt(receipt);
  await refresh();
  if (receipt && !$("mine").hidden) $("mine-title").focus();
}

function buy(count) {
  let order;
  try {
    order = asked.order(state, count, voucher);
  } catch (problem) {
    return say(capital(problem.message), "broken");
  }
  return carryOut(order, ({ logs }) => {
    voucher = null;
    $("voucher-note").textContent = "";
    const { account } = wallet;
    if (!state.blind) received.set(account, [...(received.get(account) ?? []), ...asked.minted(logs, state.terms.collection, account)]);
  });
}

// ---- what came of it

async function showOwn() {
  const open = Boolean(wallet && state);
  $("mine").hidden = !open || (!state.blind && !state.bought);
  if ($("mine").hidden) return;
  if (!state.blind) {
    const logged = await asked.mintedTo(wallet.account, state.collection).catch(() => []); // of nodes that keep no logs
    const ids = [...new Set([...logged, ...(received.get(wallet.account) ?? [])])].sort((a, b) => a - b);
    $("own").replaceChildren(h("p", { class: "note" }, `Bought here: ${many(state.bought, "token")}.`), h("ul", { class: "bought", id: "bought" }, ids.map(token)));
    drawThem();
    return;
  }
  const { phase, now, block, terms, drawBlock, drawn, refundable } = state;
  const rows = [];
  try {
    for (const { index, count, paid } of await asked.claims(wallet.account)) {
      const due = now >= refundable;
      const take = () => carryOut({ functionName: "refund", args: [BigInt(index), wallet.account] });
      rows.push(h("li", { class: "claim" }, `${many(count, "token")} paid with ${ether(paid)}, not delivered yet. `, due ? h("button", { type: "button", class: "refund", onclick: take }, "Take the money back") : h("small", {}, `Your money back from ${moment(refundable)}, if they are not delivered by then.`)));
    }
    if (state.collection) {
      const ids = await asked.mintedTo(wallet.account, state.collection);
      rows.push(...ids.map(token));
    }
  } catch (problem) {
    rows.push(h("li", {}, capital(sentence(viem, problem))));
  }
  const over = phase !== "revealed" && (now >= terms.closes || state.sold >= terms.supply);
  const help = [];
  if (over && !drawBlock) help.push(h("button", { type: "button", id: "end", onclick: () => carryOut({ functionName: "end", args: [] }) }, "End the sale"));
  if (drawBlock && !drawn && block > drawBlock) help.push(h("button", { type: "button", id: "draw-order", onclick: () => carryOut({ functionName: "draw", args: [] }) }, "Draw the order"));
  if (drawBlock && !drawn && block <= drawBlock) help.push(h("small", {}, `The order comes from block ${drawBlock}; the chain is at ${block}.`));
  $("own").replaceChildren(
    rows.length ? h("ul", { class: "bought", id: "bought" }, rows) : h("p", { class: "note" }, "Nothing of yours waits here."),
    help.length ? h("p", { class: "line" }, help) : "");
  drawThem();
}

function token(id) {
  const known = pieces[id];
  return h("li", { class: "token", "data-id": String(id) }, known ? h("a", { href: `#/${id}` }, h("canvas", { width: 1, height: 1, role: "img", "aria-label": known.name }), h("bdi", {}, known.name)) : `Token ${id}`, h("small", { class: "drawn-words" }, known ? "not drawn yet" : ""));
}

// The bought pieces, one after the other, out of their seeds.
async function drawThem() {
  for (const item of [...document.querySelectorAll("#bought .token[data-id]")].slice(0, MOST_DRAWN)) {
    const id = Number(item.dataset.id);
    if (!item.isConnected || !pieces[id] || !drawable) continue;
    const words = item.querySelector(".drawn-words");
    try {
      words.textContent = "drawing …";
      const { picture, log } = await drawAgain(id, { onLink: () => {} });
      if (picture) {
        const canvas = item.querySelector("canvas");
        [canvas.width, canvas.height] = [picture.width, picture.height];
        canvas.getContext("2d").putImageData(globalThis.nftganRenderer.toImageData(picture), 0, 0);
      }
      words.textContent = log.broken ? `the link “${log.broken}” is broken` : picture ? "drawn here from its seed: identical" : "not everything could be checked";
    } catch (problem) {
      words.textContent = `it cannot be drawn: ${problem.message}`;
    }
  }
}
