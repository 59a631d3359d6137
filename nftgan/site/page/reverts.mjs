// What a contract refuses, in words for who wants to buy.

const time = (seconds) => new Date(Number(seconds) * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

// By the error's name in the contract; a function of its arguments and of how wei are written.
const REASONS = {
  NotOpen: () => "the sale is not open now",
  NotAllowed: () => "this sale is for a list or for vouchers, and your account or your voucher is not meant",
  VoucherUsed: () => "this voucher was used already: each buys once",
  WrongPayment: ([due], ether) => `the price for this is ${ether(due)}, neither more nor less`,
  WrongCount: ([left]) => (BigInt(left) === 0n ? "nothing is left for your account here" : `you can buy ${left} more at most`),
  NoSeed: ([id]) => `the seller has not made token ${id} ready for sale yet`,
  BadSeeds: () => "the seeds of the seller do not follow each other",
  BadTerms: () => "the terms of the sale contradict each other",
  BadReveal: () => "this is not what the sale was committed to",
  NotOver: () => "the sale is not over, or was ended already",
  NotDrawn: ([block]) => (BigInt(block) === 0n ? "the sale was not ended yet" : `the order comes from block ${block}, which is not there yet or was written down already`),
  Lapsed: ([block]) => `nobody wrote down block ${block} in time: end the sale again`,
  Waiting: ([tokens]) => `${tokens} tokens are paid for and not delivered`,
  NotRevealed: () => "the seller has not revealed the collection yet",
  TooEarly: ([from]) => `refunds begin ${time(from)}`,
  NothingToRefund: () => "this purchase is not yours, was delivered, or was paid back already",
  NotOwner: () => "only the owner may do this",
  NotPendingOwner: () => "the collection was not offered to this account",
  Frozen: () => "the collection is frozen: nobody can mint any more",
  SupplyExceeded: () => "the collection has no more tokens",
  WrongStart: () => "another token was minted at the same moment: try again",
  AlreadyCreated: () => "this contract was made already",
  BadArguments: () => "the arguments of the contract contradict each other",
  ERC721NonexistentToken: ([id]) => `token ${id} does not exist`,
  ERC721InvalidReceiver: () => "your account cannot hold tokens",
  ERC721InvalidOwner: () => "this address cannot hold tokens",
  ERC721IncorrectOwner: ([, id]) => `token ${id} belongs to somebody else`,
  ERC721InsufficientApproval: ([, id]) => `token ${id} was not approved to this account`,
  ERC721InvalidApprover: () => "this account cannot approve",
  ERC721InvalidOperator: () => "this account cannot be an operator",
  ERC721InvalidSender: () => "tokens cannot come from this address",
};

// One sentence for a contract's error; ether: of wei as text.
export function inWords(name, args, ether) {
  const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : null;
  return reason ? reason(args, ether) : `the contract refuses it (${String(name).slice(0, 40)})`;
}

// One sentence for whatever failed on the way to the chain. viem: the library.
export function sentence(viem, problem) {
  const find = (test) => (problem instanceof viem.BaseError ? problem.walk(test) : test(problem) ? problem : null);
  if (find((one) => one?.code === 4001)) return "you refused it in the wallet: nothing was sent";
  if (find((one) => one?.code === -32002)) return "your wallet has an open question already: look there";
  const reverted = find((one) => one instanceof viem.ContractFunctionRevertedError);
  if (reverted?.data?.errorName) return inWords(reverted.data.errorName, reverted.data.args ?? [], (wei) => `${viem.formatEther(wei)} ether`);
  if (reverted) return "the contract refuses it, and says no reason";
  const text = String(problem?.details ?? problem?.shortMessage ?? problem?.message ?? "").replace(/https?:\S+/g, "…");
  if (/insufficient funds/i.test(text)) return "your account holds too little for the price and the gas";
  return text.split("\n")[0].slice(0, 200) || "it failed for a reason that nobody says";
}
