// Questions to a contract by eth_call, over an address that the visitor types or through a wallet.
import { fromHex, joined, same, toHex, word } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";

const SECONDS = 30;
const LEAST_SPAN = 500; // blocks
const QUESTIONS = 400; // about logs

const text = new TextEncoder();

export class Unasked extends Error {}

const checked = (value) => {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]*$/.test(value) || value.length % 2) throw new Unasked("the node's answer is none");
  return fromHex(value);
};

// https, or plain http to this machine itself.
export function isHere(address) {
  try {
    const { protocol, hostname } = new URL(address);
    return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname));
  } catch {
    return false;
  }
}

// A function (method, parameters) → result. Errors name no address: it may hold a key.
export function overHttp(address) {
  let number = 0;
  return async (method, params) => {
    let answer;
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: ++number, method, params }),
        signal: AbortSignal.timeout(SECONDS * 1000),
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      answer = await response.json();
    } catch {
      throw new Unasked("the node does not answer");
    }
    if (answer?.error) throw Object.assign(new Unasked("the node refuses the question"), { code: answer.error.code });
    return answer?.result;
  };
}

export const overWallet = (wallet) => async (method, params) => {
  try {
    return await wallet.request({ method, params });
  } catch (problem) {
    throw Object.assign(new Unasked("the wallet refuses the question"), { code: problem?.code });
  }
};

export class Contract {
  constructor(ask, address) {
    this.ask = ask;
    this.address = address;
  }

  async chainId() {
    return BigInt(await this.ask("eth_chainId", []));
  }

  async code(address = this.address) {
    return checked(await this.ask("eth_getCode", [address, "latest"]));
  }

  // The answer's bytes; null where the contract reverts.
  async call(signature, ...words) {
    const data = joined(keccak(text.encode(signature)).slice(0, 4), ...words);
    try {
      return checked(await this.ask("eth_call", [{ to: this.address, data: "0x" + toHex(data) }, "latest"]));
    } catch (problem) {
      if (problem.code === 3 || problem.code === -32000) return null;
      throw problem;
    }
  }

  async hash(signature, ...words) {
    const answer = await this.call(signature, ...words);
    if (answer?.length !== 32) throw new Unasked(`the contract has no ${signature}`);
    return answer;
  }

  async text(signature) {
    const answer = await this.call(signature);
    if (!answer || answer.length < 64) throw new Unasked(`the contract has no ${signature}`);
    const length = Number(BigInt("0x" + toHex(answer.slice(32, 64))));
    if (length > answer.length - 64) throw new Unasked(`the contract has no ${signature}`);
    return new TextDecoder().decode(answer.slice(64, 64 + length));
  }

  async verifyPiece(id, seed, pixels, proof) {
    const head = joined(word(id), word(seed), fromHex(pixels), word(128), word(proof.length));
    const answer = await this.call("verifyPiece(uint256,uint32,bytes32,bytes32[])", head, ...proof);
    return answer !== null && same(answer, word(1));
  }

  // The seed that was written at the mint of token `id`; null where no log tells. first: a block before
  // which there are none. Blocks are searched backwards, in smaller steps where the node asks for that.
  async seedInLogs(id, first) {
    const end = Number(await this.ask("eth_blockNumber", []));
    const topic = "0x" + toHex(keccak(text.encode("Seeds(uint256,bytes)")));
    let span = end - first + 1;
    let last = end;
    for (let asked = 0; asked < QUESTIONS && last >= first; asked++) {
      const start = Math.max(first, last - span + 1);
      let logs;
      try {
        const range = { fromBlock: "0x" + start.toString(16), toBlock: "0x" + last.toString(16) };
        logs = await this.ask("eth_getLogs", [{ address: this.address, topics: [topic], ...range }]);
      } catch (problem) {
        if (span <= LEAST_SPAN) throw problem;
        span = Math.max(Math.floor(span / 4), LEAST_SPAN);
        continue;
      }
      for (const { topics, data } of Array.isArray(logs) ? logs : []) {
        const from = Number(BigInt(topics[1]));
        const bytes = checked(data);
        const count = Number(BigInt("0x" + toHex(bytes.slice(32, 64)))) / 4;
        if (id < from || id >= from + count) continue;
        const at = 64 + (id - from) * 4;
        return Number("0x" + toHex(bytes.slice(at, at + 4)));
      }
      last = start - 1;
    }
    return null;
  }
}
