// A sale as the chain has it, purchases and what follows them: all questions and transactions of the drop page.
import { fromHex, same } from "./bytes.mjs";
import { birth } from "./birth.mjs";
import { Contract } from "./chain.mjs";
import { MOST_PER_PURCHASE, isBlind, listed, termsOf } from "./terms.mjs";

const NOBODY = "0x" + "0".repeat(40);
const MOST_CLAIMS = 2000;
const AT_ONCE = 50;
const POLLING = 1500; // milliseconds
const PATIENCE = 5; // times that a node may fail while a transaction is followed

// Asks and sends over `ask` (a function of method and parameters) with the library viem.
export class SaleClient {
  constructor(viem, ask, facts) {
    Object.assign(this, { viem, ask, facts });
    const transport = viem.custom({ request: ({ method, params }) => ask(method, params ?? []) }, { retryCount: 0 });
    this.client = viem.createClient({ transport, ccipRead: false, pollingInterval: POLLING });
  }

  read(functionName, args = [], address = this.facts.address, abi = this.facts.abi.sale) {
    return this.viem.readContract(this.client, { address, abi, functionName, args });
  }

  async chainId() {
    return Number(BigInt(await this.ask("eth_chainId", [])));
  }

  // All that the page shows; account may be null. Throws for another chain and for a sale that cannot be trusted.
  async state(account) {
    const { facts } = this;
    const contract = new Contract(this.ask, facts.address);
    const { problem, args } = await birth(contract, facts.shipped.filter(({ name }) => name === "NftganSale"));
    if (problem) throw new Error(`this sale cannot be trusted: ${problem}`);
    const terms = termsOf(args);
    const blind = isBlind(terms);
    const block = await this.viem.getBlock(this.client);
    const [sold, bought, collection] = await Promise.all([this.read("sold"), account ? this.read("bought", [account]) : 0n, this.read("collection")]);
    const state = { terms, blind, now: Number(block.timestamp), block: Number(block.number), sold: Number(sold), bought: Number(bought), collection: collection === NOBODY ? null : collection };
    if (blind) {
      const [chosen, drawn, refundable, delivered] = await Promise.all([this.read("drawBlock"), this.read("drawn"), this.read("refundable"), this.read("delivered")]);
      Object.assign(state, { drawBlock: Number(chosen), drawn: !/^0x0*$/.test(drawn), refundable: Number(refundable), delivered: Number(delivered) });
    } else Object.assign(state, await this.stock(terms));
    state.phase = phaseOf(state);
    state.left = this.left(state);
    if (account && terms.allowlist) state.listed = listed(facts.allowlist ?? [], fromHex(terms.allowlist), account);
    return state;
  }

  // Of an open sale: { ready }, how many tokens it can mint now. Throws where what is sold cannot be trusted.
  async stock(terms) {
    const contract = new Contract(this.ask, terms.collection);
    const { problem } = await birth(contract, this.facts.shipped.filter(({ name }) => name !== "NftganSale"));
    if (problem) throw new Error(`what is sold cannot be trusted: ${problem}`);
    const of = (name) => this.read(name, [], terms.collection, this.facts.abi.collection);
    const [next, most, owner, first, stocked] = await Promise.all([of("nextTokenId"), of("maxSupply"), of("owner"), this.read("stockFirst"), this.read("stocked")]);
    const end = first + stocked < most ? first + stocked : most;
    return { owned: same(fromHex(owner), fromHex(this.facts.address)), ready: Math.max(0, Number(end - next)) };
  }

  left({ terms, sold, bought, ready }) {
    const limits = [terms.supply - sold, MOST_PER_PURCHASE, ready ?? Infinity];
    if (terms.perWallet) limits.push(terms.perWallet - bought);
    return Math.max(0, Math.min(...limits));
  }

  // What a purchase of `count` tokens calls; with a voucher what that says.
  order(state, count, voucher) {
    if (voucher) return { functionName: "redeem", args: [voucher.values, voucher.signature], value: voucher.values.price, count: Number(voucher.values.count) };
    const value = state.terms.price * BigInt(count);
    if (!state.terms.allowlist) return { functionName: "buy", args: [BigInt(count)], value, count };
    if (!state.listed) throw new Error("your account is not on the list");
    return { functionName: "buyListed", args: [BigInt(count), state.listed.allowance, state.listed.proof], value, count };
  }

  // Simulate, send, and follow until it is mined. onStep(words, hash) says where it is. Resolves to the receipt.
  async send({ functionName, args, value = 0n }, account, onStep) {
    const { viem, client, facts } = this;
    if ((await this.chainId()) !== facts.chain_id) throw new Error(`your wallet is on another chain than ${facts.chain}`);
    onStep("Asking the contract whether it would take it …");
    const balance = await viem.getBalance(client, { address: account });
    if (balance < value) throw new Error(`your account holds ${viem.formatEther(balance)} ether, and it costs ${viem.formatEther(value)}`);
    const abi = [...facts.abi.sale, ...facts.abi.errors];
    const { request } = await viem.simulateContract(client, { address: facts.address, abi, functionName, args, value, account });
    onStep("The contract would take it. Confirm it in your wallet …");
    let hash = await viem.writeContract(client, { ...request, account, chain: null });
    onStep("Sent. Waiting until it is mined …", hash);
    let replaced = null;
    const receipt = await this.follow(hash, ({ reason, transaction }) => ([replaced, hash] = [reason, transaction.hash]));
    if (replaced === "cancelled" || replaced === "replaced") throw new Error("you replaced it by another transaction: nothing was bought by this one");
    if (receipt.status !== "success") throw new Error("it was mined, and the contract refused it: only gas was spent");
    onStep(`Mined in block ${receipt.blockNumber}.`, replaced ? hash : undefined);
    return receipt;
  }

  // The receipt of a transaction that was sent, or of what replaced it. A node that fails is asked again.
  async follow(hash, onReplaced) {
    for (let failures = 0; ; failures++) {
      try {
        return await this.viem.waitForTransactionReceipt(this.client, { hash, timeout: 0, onReplaced });
      } catch (problem) {
        if (failures >= PATIENCE) throw new Error("it was sent, and the node does not say what became of it: read again before you buy more", { cause: problem });
        await new Promise((go) => setTimeout(go, POLLING));
      }
    }
  }

  // The tokens that a receipt or logs show as minted to the account.
  minted(logs, collection, account) {
    const own = logs.filter(({ address }) => same(fromHex(address), fromHex(collection)));
    return this.viem
      .parseEventLogs({ abi: this.facts.abi.collection, eventName: "Transfer", logs: own })
      .filter(({ args }) => args.from === NOBODY && same(fromHex(args.to), fromHex(account)))
      .map(({ args }) => Number(args.id ?? args.tokenId));
  }

  // All tokens of the collection that were minted to the account since the sale, as the node's log says.
  async mintedTo(account, collection) {
    const event = this.facts.abi.collection.find(({ type, name }) => type === "event" && name === "Transfer");
    const to = event.inputs[1].name;
    const logs = await this.viem.getLogs(this.client, { address: collection, event, args: { [event.inputs[0].name]: NOBODY, [to]: account }, fromBlock: BigInt(this.facts.first_block), toBlock: "latest" });
    return this.minted(logs, collection, account);
  }

  // [{ index, count, paid }] of the account's purchases in a blind sale that were not delivered.
  async claims(account) {
    const count = Number(await this.read("claimCount"));
    if (count > MOST_CLAIMS) throw new Error(`the sale has ${count.toLocaleString("en")} purchases, more than are looked through here: nftgan sale refund`);
    const mine = [];
    for (let from = 0; from < count; from += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => from + at);
      const found = await Promise.all(numbers.map((index) => this.read("claims", [BigInt(index)])));
      found.forEach(([buyer, , size, paid], at) => {
        if (same(fromHex(buyer), fromHex(account))) mine.push({ index: from + at, count: Number(size), paid });
      });
    }
    return mine;
  }
}

function phaseOf({ terms, blind, now, sold, drawBlock, owned, collection }) {
  if (blind && collection) return "revealed";
  if (blind && drawBlock) return "ended";
  if (sold >= terms.supply) return "sold out";
  if (now >= terms.closes) return "over";
  if (!blind && !owned) return "not ready";
  return now < terms.opens ? "opens later" : "open";
}
