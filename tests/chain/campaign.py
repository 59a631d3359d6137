"""Random fault campaigns: a collection minted through everything that goes wrong, then audited.

    python tests/chain/campaign.py [--campaigns 30] [--tokens 200] [--seed 1] [--jobs 2] [--json]

Each campaign has a chain of its own (anvil), a bad node before it and a hand that moves the chain:
reorganisations, base fee spikes, emptied mempools, stolen nonces, an empty purse, clock jumps.
Half of the campaigns have a second bad node, which is asked when the first one fails, and a node
may allow ten blocks in one log query. The minter runs as processes that are killed, run out of
disk, or meet a second machine with the same key. It is started again and again, as a person would,
until it says that all is done. Then the faults end, it runs a last time, and the chain is read
without nftgan's code. The seed fixes what is planned; which request meets which fault also depends
on the machine's pace.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eth_abi import decode
from eth_utils import keccak, to_checksum_address

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from nftgan.chain import minting, node  # noqa: E402
from nftgan.chain.contract import Collection  # noqa: E402
from nftgan.chain.journal import Journal  # noqa: E402
from nftgan.chain.networks import Chain  # noqa: E402
from nftgan.chain.rpc import connect  # noqa: E402
from nftgan.errors import NftganError, PartlyDone  # noqa: E402
from nftgan.workflows.publishing import account_lock  # noqa: E402
from tests.chain import faults  # noqa: E402
from tests.chain.actors import STAGES, account, deploy, dying, mint, seeds_of, sender  # noqa: E402
from tests.chain.anvil import anvil_program, forward, rpc, started  # noqa: E402
from tests.chain.faults import BadNode  # noqa: E402

GWEI = 10**9
CHAIN = Chain("campaign", 31_337, "", "", 2, 0.1)
ME, HOLDER, THIEF = account("me"), account("holder"), account("thief")
RICH = 10**21
MAX_RUNS = 120
RUN_SECONDS = 300
MAX_FEE = 5_000 * GWEI
TIMEOUT_SECONDS = 0.4
LAST_WORDS = 3_000
BUG = 99
"""Exit status of a minter that failed with anything but an error of our family."""


@dataclass(frozen=True)
class Doom:
    """How one run of the minter ends, when nothing else ends it before."""

    stage: str | None = None  # killed right after this has happened
    number: int = 1  # so often
    seconds: float | None = None  # killed from outside after this time
    file_bytes: int | None = None  # the disk takes no more than this into one file

    @property
    def kills(self) -> bool:
        return self.stage is not None or self.seconds is not None


@dataclass
class Record:
    """What happened in one campaign, and how it ended."""

    seed: int
    wanted: int
    tokens: int = 0
    right_seeds: int = 0
    right_owners: int = 0
    minted_twice: int = 0
    unwritten: int = 0  # mint transactions on chain that no journal knows
    runs: int = 0
    kills: int = 0
    full_disks: int = 0
    second_machine_runs: int = 0
    attempts: int = 0
    requests: int = 0
    nodes: int = 1
    exits: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    chaos: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""

    @property
    def ok(self) -> bool:
        exact = self.tokens == self.right_seeds == self.right_owners == self.wanted
        return exact and not (self.minted_twice or self.unwritten or self.problem)

    def line(self) -> str:
        chaos = ", ".join(f"{count} {name}" for name, count in sorted(self.chaos.items()))
        verdict = "ok" if self.ok else f"FAILED {self.problem}"
        return (
            f"campaign {self.seed}: {self.tokens} of {self.wanted} tokens,"
            f" {self.right_seeds} right seeds, {self.right_owners} right owners;"
            f" {self.runs} runs, {self.kills} kills, {self.full_disks} full disks,"
            f" {self.attempts} transactions signed, {sum(self.faults.values())} faults in"
            f" {self.requests} requests, {chaos}; {self.seconds:.0f} s: {verdict}"
        )


# ---- the minter: a process of its own


def minter(
    urls: tuple[str, ...], folder: str, contract: str, tokens: int, batch: int, doom: Doom
) -> None:
    """One run of the minter, as `nftgan mint` does it; leaves with the command's exit code."""
    here = Path(folder)
    os.environ["NFTGAN_HOME"] = str(here / "home")
    node.BACKOFF_SECONDS = 0.01
    node.NodeProvider.__init__.__kwdefaults__["timeout_seconds"] = TIMEOUT_SECONDS
    minting.BATCH_TOKENS = batch
    if doom.stage is not None:
        owner, name = STAGES[doom.stage]
        setattr(owner, name, dying(owner, name, doom.number))
    journal = here / "mint.jsonl"
    if doom.file_bytes is not None:
        size = journal.stat().st_size if journal.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + doom.file_bytes, -1))
    try:
        connection = connect(CHAIN, urls)
        collection = Collection(connection, contract)
        sending = sender(connection, ME, journal, max_fee_wei=MAX_FEE)
        with account_lock(connection, ME):
            sending.journal.reload()
            mint(sending, collection, tokens, to=HOLDER.address)
        # A stranger has no journal: every seed comes out of logs, in spans as the node allows.
        found, wanted = Collection(connection, contract).seeds(), seeds_of(tokens)
        if any(found[token] != wanted[token] for token in found):
            raise RuntimeError("a stranger reads other seeds")
        if len(found) < tokens:
            raise PartlyDone("the chain was reorganised since")
    except NftganError as exc:
        _note(here, f"{type(exc).__name__}: {exc}")
        os._exit(exc.exit_code)
    except BaseException:
        _note(here, traceback.format_exc())
        os._exit(BUG)
    os._exit(0)


def _note(folder: Path, text: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    with (folder / "said.txt").open("a") as file:
        file.write(text.rstrip() + "\n")


# ---- the node and the chain


class Weather:
    """Which fault a request meets: single ones at random, and spells in which one kind reigns."""

    SPELLS = (
        *("http 503", "http 429", "slow down", "reset before", "reset after", "behind"),
        "other chain",
    )

    def __init__(self, seed: int) -> None:
        self.random, self.guard = random.Random(seed), threading.Lock()
        self.share = self.random.uniform(0.05, 0.33)
        self.spell, self.until, self.fair = "", 0.0, True
        self.narrow = self.random.random() < 0.5  # what a log query may span never gets better

    def __call__(self, method: str, params: list[Any]) -> str | None:
        with self.guard:
            if self.narrow and method == "eth_getLogs" and _blocks(params) > faults.NARROW_BLOCKS:
                return "narrow range"
            if self.fair:
                return None
            now = time.monotonic()
            if now >= self.until:
                calm = self.random.random() < 0.7
                self.spell = "" if calm else self.random.choice(self.SPELLS)
                self.until = now + self.random.uniform(0.1, 2.0 if calm else 0.8)
            fitting = faults.faults_of(method)
            if self.spell in fitting:
                return self.spell
            return self.random.choice(fitting) if self.random.random() < self.share else None


def _blocks(params: list[Any]) -> int:
    """How many blocks a log query spans."""
    return int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1


class Chaos:
    """Mines blocks, and does to the chain what happens to chains."""

    def __init__(self, url: str, seed: int, first_block: int) -> None:
        self.url, self.random, self.first_block = url, random.Random(seed), first_block
        self.done: Counter[str] = Counter()
        self.calm = False
        self.asked = False  # a reorganisation so deep that much must be minted again
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.failure: BaseException | None = None
        kinds = (self.reorg, self.spike, self.wipe, self.drop_one, self.steal, self.poor)
        self.kinds = (*kinds, self.stall, self.clock)

    def ask(self, method: str, *params: Any) -> Any:
        return rpc(self.url, method, *params)

    def work(self) -> None:
        try:
            while not self.stopping.wait(self.random.uniform(0.03, 0.2)):
                if self.asked:
                    self.asked = False
                    self.reorg(self.random.randint(20, 60))
                if not self.calm and self.random.random() < 0.15:
                    self.random.choice(self.kinds)()
                self.ask("evm_mine")
        except BaseException as exc:
            self.failure = exc

    def reorg(self, depth: int | None = None) -> None:
        """Blocks are replaced by empty ones; their transactions are gone for good."""
        depth = depth or self.random.choice((1, 1, 2, 2, 3, 4, 6))
        depth = min(depth, int(self.ask("eth_blockNumber"), 16) - self.first_block)
        if depth > 0:
            self.ask("anvil_reorg", depth, [])
            self.done["reorgs"] += 1

    def spike(self) -> None:
        fee = int(self.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        fee = min(fee * self.random.choice((3, 10, 50)), 1_000 * GWEI)
        self.ask("anvil_setNextBlockBaseFeePerGas", hex(fee))
        self.done["fee spikes"] += 1

    def wipe(self) -> None:
        self.ask("anvil_dropAllTransactions")
        self.done["wiped mempools"] += 1

    def _pending(self) -> list[dict[str, Any]]:
        pool = self.ask("txpool_content")
        return [tx for kind in pool.values() for of in kind.values() for tx in of.values()]

    def drop_one(self) -> None:
        pending = self._pending()
        if pending:
            self.ask("anvil_dropTransaction", self.random.choice(pending)["hash"])
            self.done["dropped transactions"] += 1

    def steal(self) -> None:
        """Another wallet with the same key sends something of its own, and pays more."""
        nonce = int(self.ask("eth_getTransactionCount", ME.address, "latest"), 16)
        base = int(self.ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        offers = [int(tx["maxFeePerGas"], 16) for tx in self._pending() if "maxFeePerGas" in tx]
        fee = 2 * max([*offers, 3 * base])
        for offset in range(self.random.choice((1, 1, 2, 3))):
            fields = {
                "chainId": CHAIN.chain_id,
                "gas": 21_000,
                "maxFeePerGas": fee,
                "maxPriorityFeePerGas": fee,
                "nonce": nonce + offset,
                "to": THIEF.address,
                "type": 2,
                "value": 1,
            }
            try:
                self.ask("eth_sendRawTransaction", "0x" + ME.sign(fields)[0].hex())
                self.done["stolen nonces"] += 1
            except RuntimeError:
                return  # ours was mined meanwhile, or pays more

    def poor(self) -> None:
        self.ask("anvil_setBalance", ME.address, "0x1")
        self.done["empty purses"] += 1
        time.sleep(self.random.uniform(0.05, 0.5))
        self.ask("anvil_setBalance", ME.address, hex(RICH))

    def stall(self) -> None:
        self.done["stalls"] += 1
        time.sleep(self.random.uniform(0.5, 1.5))

    def clock(self) -> None:
        self.ask("evm_increaseTime", self.random.choice((60, 3_600, 86_400)))
        self.done["clock jumps"] += 1


# ---- one campaign


class Campaign:
    """One collection, minted through it all."""

    def __init__(self, seed: int, tokens: int, folder: Path) -> None:
        self.folder, self.tokens = folder, tokens
        self.random = random.Random(seed)
        self.record = Record(seed, tokens)
        self.weathers = [Weather(self.random.getrandbits(32))]
        if self.random.random() < 0.5:  # a second node, to be asked when the first one fails
            self.weathers.append(Weather(self.random.getrandbits(32)))
        self.batch = self.random.choice((4, 5, 8, 13, 20))
        self.kills = self.random.randint(3, 6)
        self.full_disks = self.random.randint(0, 2)
        self.events = self.random.randint(6, 14)
        self.second = self.random.random() < 0.5
        self.context = multiprocessing.get_context("forkserver")

    def run(self) -> Record:
        began = time.monotonic()
        try:
            with started("--no-mining") as url:
                self._run(url)
        except Exception as exc:
            self.record.problem = f"{type(exc).__name__}: {exc}"
        self.record.seconds = time.monotonic() - began
        return self.record

    def _run(self, url: str) -> None:
        rpc(url, "anvil_setBalance", ME.address, hex(RICH))
        self.chaos = Chaos(url, self.random.getrandbits(32), 0)
        self.chaos.calm = True
        self.chaos.thread.start()
        try:
            self.contract = deploy(connect(CHAIN, url), ME, self.folder, self.tokens).address
            self.chaos.first_block = int(rpc(url, "eth_blockNumber"), 16)
            nodes = [BadNode(forward(url), weather) for weather in self.weathers]
            with contextlib.ExitStack() as stack:
                addresses = tuple(stack.enter_context(bad.running()) for bad in nodes)
                self._storm(addresses)
                self._quiet(addresses)
            committed = sum((bad.committed for bad in nodes), Counter())
            self.record.faults = dict(sorted(committed.items()))
            self.record.nodes = len(nodes)
            self.record.requests = sum(sum(bad.requests.values()) for bad in nodes)
        finally:
            self.chaos.stopping.set()
            self.chaos.thread.join(30)
            self.record.chaos = dict(self.chaos.done)
        if self.chaos.failure is not None:
            raise RuntimeError(f"the chaos ended: {self.chaos.failure}")
        self._audit(url)

    def _storm(self, urls: tuple[str, ...]) -> None:
        """Until the minter says that all is done, and all that is planned has happened to it."""
        self._fair(False)
        while self.record.runs < MAX_RUNS:
            doom = self._doom()
            code = self._mint(urls, doom)
            self.kills -= code < 0
            self.record.kills += code < 0
            if doom.file_bytes is not None and code != 0:
                self.full_disks -= 1
                self.record.full_disks += 1
            planned = self.kills > 0 or self.full_disks > 0
            if code == 0:
                if not planned and sum(self.chaos.done.values()) >= self.events:
                    return
                self.chaos.asked = True  # what was final is lost, and there is work again
        raise RuntimeError(f"not done after {MAX_RUNS} runs: {self._said()}")

    def _doom(self) -> Doom:
        if self.kills > 0:
            if self.random.random() < 0.5:
                return Doom(seconds=self.random.uniform(0.1, 2.5))
            return Doom(self.random.choice(list(STAGES)), self.random.randint(1, 4))
        if self.full_disks > 0:
            return Doom(file_bytes=self.random.randint(0, 4_000))
        return Doom()

    def _mint(self, urls: tuple[str, ...], doom: Doom) -> int:
        """Start the minter, on two machines at times; the exit code of the first."""
        here = self._start(urls, "one", doom)
        there = None
        if self.second and self.random.random() < 0.5:
            self.record.second_machine_runs += 1
            there = self._start(urls, "two", self._doom())
        if _ended(here, doom.seconds if doom.seconds is not None else RUN_SECONDS) is None:
            here.kill()
            _ended(here)
            if doom.seconds is None:
                raise RuntimeError(f"a run did not end in {RUN_SECONDS} s: {self._said()}")
        if there is not None:
            if _ended(there, self.random.uniform(0, 3)) is None:
                there.kill()
            self._count(_ended(there))
        self.record.runs += 1
        return self._count(_ended(here))

    def _count(self, code: int | None) -> int:
        assert code is not None
        name = "killed" if code < 0 else str(code)
        self.record.exits[name] = self.record.exits.get(name, 0) + 1
        if code not in (-9, 0, 2, 5, 6):
            raise RuntimeError(f"the minter ended with {code}: {self._said()}")
        return code

    def _start(self, urls: tuple[str, ...], machine: str, doom: Doom) -> Any:
        folder = self.folder / machine
        folder.mkdir(exist_ok=True)
        process = self.context.Process(
            target=minter,
            args=(urls, str(folder), self.contract, self.tokens, self.batch, doom),
        )
        with _ONE_ASKS:
            process.start()
        return process

    def _fair(self, fair: bool) -> None:
        self.chaos.calm = fair
        for weather in self.weathers:
            weather.fair = fair

    def _quiet(self, urls: tuple[str, ...]) -> None:
        """The faults end; a last run, or two, must find or mend everything."""
        self._fair(True)
        rpc(self.chaos.url, "anvil_setBalance", ME.address, hex(RICH))
        for _ in range(4):
            if self._mint(urls, Doom()) == 0:
                return
        raise RuntimeError(f"without faults it still does not end: {self._said()}")

    def _said(self) -> str:
        texts = [path.read_text() for path in sorted(self.folder.glob("*/said.txt"))]
        return "\n".join(texts)[-LAST_WORDS:]

    # ---- what the chain holds, read without nftgan

    def _audit(self, url: str) -> None:
        record, seeds = self.record, seeds_of(self.tokens)
        query = {"address": self.contract, "fromBlock": "0x0", "toBlock": "latest"}
        logs = rpc(url, "eth_getLogs", query)
        made: Counter[int] = Counter()
        told: dict[int, int] = {}
        sent = set()
        for log in logs:
            topic = log["topics"][0]
            if topic == _topic("Transfer(address,address,uint256)"):
                made[int(log["topics"][3], 16)] += int(log["topics"][1], 16) == 0
            elif topic == _topic("Seeds(uint256,bytes)"):
                sent.add(log["transactionHash"])
                first = int(log["topics"][1], 16)
                [packed] = decode(["bytes"], bytes.fromhex(log["data"][2:]))
                for i in range(len(packed) // 4):
                    told[first + i] = int.from_bytes(packed[4 * i : 4 * i + 4], "big")
        record.tokens = len(made)
        record.minted_twice = sum(count > 1 for count in made.values())
        record.right_seeds = sum(told.get(i) == seed for i, seed in enumerate(seeds))
        record.right_owners = sum(self._owner(url, i) == HOLDER.address for i in range(self.tokens))
        if self._owner(url, self.tokens) is not None:
            record.problem = f"there is a token {self.tokens}"
        known = set()
        for path in self.folder.glob("*/mint.jsonl"):
            for tried in Journal.read(path).attempts.values():
                known |= {attempt.hash for attempt in tried}
        record.attempts = len(known)
        record.unwritten = len(sent - known)

    def _owner(self, url: str, token: int) -> str | None:
        data = "0x" + keccak(text="ownerOf(uint256)")[:4].hex() + f"{token:064x}"
        try:
            word = rpc(url, "eth_call", {"to": self.contract, "data": data}, "latest")
        except RuntimeError:
            return None
        return str(to_checksum_address("0x" + word[-40:]))


_ONE_ASKS = threading.Lock()
"""`start` of one process looks after all of them: two threads would take each other's answers."""


def _ended(process: Any, seconds: float = RUN_SECONDS) -> int | None:
    """The exit code of a process that ends within this time."""
    until = time.monotonic() + seconds
    while True:
        with _ONE_ASKS:
            code: int | None = process.exitcode
        if code is not None or time.monotonic() >= until:
            return code
        time.sleep(0.01)


def _topic(event: str) -> str:
    return "0x" + keccak(text=event).hex()


def campaign(seed: int, tokens: int) -> Record:
    """Run one campaign in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="nftgan-campaign-") as folder:
        return Campaign(seed, tokens, Path(folder)).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=30)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first campaign")
    parser.add_argument("--jobs", type=int, default=2, help="campaigns at a time")
    parser.add_argument("--json", action="store_true", help="print JSON at the end")
    options = parser.parse_args()
    if anvil_program() is None:
        sys.exit("needs anvil: make node-deps")
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.chain.campaign"])
    faults.SLOW_SECONDS = 1.5 * TIMEOUT_SECONDS
    seeds = range(options.seed, options.seed + options.campaigns)
    with ThreadPoolExecutor(options.jobs) as pool:
        records = []
        for record in pool.map(lambda seed: campaign(seed, options.tokens), seeds):
            records.append(record)
            print(record.line(), file=sys.stderr if options.json else sys.stdout, flush=True)
    good = sum(record.ok for record in records)
    summary = {
        "campaigns": len(records),
        "exact": good,
        "runs": sum(record.runs for record in records),
        "kills": sum(record.kills for record in records),
        "faults": sum(sum(record.faults.values()) for record in records),
        "with two nodes": sum(record.nodes > 1 for record in records),
        "kinds of faults": dict(sum((Counter(record.faults) for record in records), Counter())),
        "chaos": dict(sum((Counter(record.chaos) for record in records), Counter())),
        "seconds": round(sum(record.seconds for record in records)),
    }
    if options.json:
        each = [{**asdict(record), "ok": record.ok} for record in records]
        print(json.dumps({"summary": summary, "campaigns": each}, indent=1))
    else:
        print(f"{good} of {len(records)} campaigns ended with exactly what was wanted: {summary}")
    sys.exit(good != len(records))


if __name__ == "__main__":
    main()
