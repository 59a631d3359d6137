"""What minting ten thousand tokens takes: seconds, transactions, gas and memory.

    python benchmarks/mint.py [--tokens 10000] [--json]

On the embedded chain and, where it is installed (`make node-deps`), on anvil over HTTP. Each row is
a process of its own: planning, minting and the audit of every token, as `nftgan mint` does it. The
baseline is a plain loop with web3.py that sends the same batches on the same chain and waits for
each: no journal, no audit, nothing to resume from. Seconds are by the clock, CPU seconds those of
this process, as is its peak memory; anvil's own come on top.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nftgan.chain import minting  # noqa: E402
from nftgan.chain.accounts import Account, embedded_account  # noqa: E402
from nftgan.chain.contract import Collection  # noqa: E402
from nftgan.chain.minting import MintPlan, plan_mint, run_mint  # noqa: E402
from nftgan.chain.networks import CHAINS  # noqa: E402
from nftgan.chain.rpc import Connection, connect  # noqa: E402
from nftgan.chain.sending import Sender  # noqa: E402
from tests.chain.actors import account, deploy, seeds_of, sender  # noqa: E402
from tests.chain.anvil import anvil_program, rpc, started  # noqa: E402

KEYS = ("seconds", "cpu_seconds", "transactions", "gas", "gas_per_token", "peak_mib")


def plain_loop(connection: Connection, who: Account, plan: MintPlan, data: list[bytes]) -> int:
    """Send each batch and wait for it; the gas used."""
    eth, used = connection.w3.eth, 0
    for calldata in data:
        fields = {
            "chainId": plan.chain_id,
            "data": calldata,
            "gas": eth.estimate_gas({"from": who.address, "to": plan.contract, "data": calldata}),
            "maxFeePerGas": plan.max_fee_wei,
            "maxPriorityFeePerGas": 10**9,
            "nonce": eth.get_transaction_count(who.address),
            "to": plan.contract,
            "type": 2,
            "value": 0,
        }
        raw, name = who.sign(fields)
        eth.send_raw_transaction(raw)
        used += eth.wait_for_transaction_receipt(name, 60, 0.02)["gasUsed"]
    return used


def with_nftgan(sending: Sender, collection: Collection, plan: MintPlan, seeds: list[int]) -> int:
    """Mint and audit; the gas used."""
    run_mint(sending, collection, plan)
    minting.audit(collection, seeds, len(seeds))
    return sum(final["gas"] for final in sending.journal.finals.values())


def measure(chain: str, how: str, tokens: int, folder: Path) -> dict[str, float]:
    """One row, in this process."""
    os.environ["NFTGAN_HOME"] = str(folder / "home")
    with contextlib.ExitStack() as stack:
        if chain == "anvil":
            url = stack.enter_context(started())
            who = account("me")
            rpc(url, "anvil_setBalance", who.address, hex(10**21))
            connection = connect(CHAINS["anvil"], url)
        else:
            connection, who = connect(CHAINS["embedded"]), embedded_account()
        collection, seeds = deploy(connection, who, folder, tokens), seeds_of(tokens)
        sending = sender(connection, who, folder / "mint.jsonl")
        sending = Sender(connection, who, sending.journal)  # with the chain's own timings
        began, worked = time.perf_counter(), time.process_time()
        plan = plan_mint(sending, collection, who.address, seeds)
        if how == "nftgan":
            gas = with_nftgan(sending, collection, plan, seeds)
        else:
            data = [collection.mint_data(b.first, plan.to, b.seeds) for b in plan.batches]
            gas = plain_loop(connection, who, plan, data)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        if collection.next_token_id() != tokens:
            raise SystemExit(f"{how} on {chain}: {collection.next_token_id()} tokens")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    work = (round(seconds, 2), round(cpu, 2), len(plan.batches))
    values = (*work, gas, round(gas / tokens, 1), round(peak))
    return dict(zip(KEYS, values, strict=True))


def row(chain: str, how: str, tokens: int) -> dict[str, float]:
    """One row, measured in a process of its own."""
    command = [sys.executable, __file__, "--tokens", str(tokens), "--one", chain, how]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(*options.one, options.tokens, Path(folder))))
        return
    chains = ["embedded", *(["anvil"] if anvil_program() else [])]
    rows = {
        chain: {how: row(chain, how, options.tokens) for how in ("nftgan", "plain loop")}
        for chain in chains
    }
    for of in rows.values():
        ratio = of["nftgan"]["seconds"] / of["plain loop"]["seconds"]
        of["nftgan"]["seconds_against_plain_loop"] = round(ratio, 2)
    if options.json:
        print(json.dumps({"tokens": options.tokens, "chains": rows}, indent=1))
        return
    heads = "".join(f"{key.replace('_', ' '):>16}" for key in KEYS)
    print(f"{f'{options.tokens:,} tokens':24}{heads}")
    for chain, of in rows.items():
        for how, values in of.items():
            cells = "".join(f"{values[key]:16,}" for key in KEYS)
            print(f"{chain + ', ' + how:24}{cells}")
        print(f"  {of['nftgan']['seconds_against_plain_loop']} times the plain loop's time")
    if len(chains) == 1:
        print("anvil needs `make node-deps`")


if __name__ == "__main__":
    main()
