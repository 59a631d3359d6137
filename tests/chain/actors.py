"""What several chain tests need: accounts with money, a deployed collection, quick timings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_account import Account as Local
from eth_utils import keccak

from nftgan.chain.accounts import Account
from nftgan.chain.birth import is_genuine, shared_contracts
from nftgan.chain.contract import SEED_STORES, Collection, CollectionArgs, Factory
from nftgan.chain.deployer import DEPLOYER
from nftgan.chain.journal import Journal
from nftgan.chain.minting import audit, plan_mint, run_mint
from nftgan.chain.operations import Timing
from nftgan.chain.rpc import Connection
from nftgan.chain.sending import Sender

QUICK = Timing(poll=0.02, resend=0.4, replace=1.0, absent=0.6, outage=20, give_up=40)
PATIENT = replace(QUICK, replace=60)
"""For tests that count attempts: a machine that stalls for a second must not bid higher."""
SALT = bytes(32)


def account(name: str) -> Account:
    """The same account for the same name, everywhere."""
    return Account(Local.from_key(keccak(text=name)))


def sender(connection: Connection, who: Account, path: Path, **more: Any) -> Sender:
    journal = Journal.open(path, {"chain_id": connection.chain.chain_id, "sender": who.address})
    timing = more.pop("timing", None if connection.embedded else QUICK)
    return Sender(connection, who, journal, timing=timing, **more)


def collection_args(owner: str, supply: int) -> CollectionArgs:
    return CollectionArgs(
        model="sha256:" + "11" * 32,
        recipe="sha256:" + "22" * 32,
        root="0x" + "33" * 32,
        max_supply=supply,
        royalty_bps=500,
        royalty_receiver=owner,
        name="Näme",
        symbol="SYM",
        base_uri="ipfs://bafy/",
    )


def make_shared(sending: Sender, name: str) -> None:
    """What clones of `name` need is on chain, as `nftgan deploy` puts it there."""
    for one in shared_contracts(name):
        if not is_genuine(sending.connection, one):
            sending.execute(f"{one.role} of {name}", to=DEPLOYER, data=one.data)


def deploy(
    connection: Connection, who: Account, folder: Path, supply: int, *, seed_store: str = "event"
) -> Collection:
    """A new collection owned by `who`."""
    sending = sender(connection, who, folder / "deploy.jsonl")
    make_shared(sending, SEED_STORES[seed_store])
    factory = Factory(connection, seed_store)
    args = collection_args(who.address, supply)
    collection = Collection(connection, factory.predict(args, SALT, who.address))
    sending.execute(
        "create",
        to=factory.address,
        data=factory.create_data(args, SALT),
        done=collection.exists,
    )
    return collection


def seeds_of(count: int) -> list[int]:
    """Seeds that look random and are not in order."""
    return [int.from_bytes(keccak(text=f"seed {i}")[:4], "big") for i in range(count)]


def mint(
    sending: Sender, collection: Collection, count: int, *, to: str | None = None, **more: Any
) -> tuple[str, ...]:
    """Plan, mint and audit `count` tokens, as `nftgan mint` does."""
    seeds = seeds_of(count)
    plan = plan_mint(sending, collection, to or sending.account.address, seeds, **more)
    hashes = run_mint(sending, collection, plan)
    audit(collection, seeds, count)
    return hashes


def times_minted(connection: Connection, collection: Collection) -> dict[int, int]:
    """Token to how often a Transfer event says that it was made."""
    topics = ["0x" + keccak(text="Transfer(address,address,uint256)").hex(), "0x" + "00" * 32]
    logs = connection.w3.eth.get_logs(
        {"address": collection.address, "topics": topics, "fromBlock": 0}
    )
    counts: dict[int, int] = {}
    for log in logs:
        token = int.from_bytes(log["topics"][3], "big")
        counts[token] = counts.get(token, 0) + 1
    return counts


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; its wait status, negative for the signal that ended it."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> None:
    """As `kill -9` from outside would: nothing is flushed, nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


STAGES = {
    "planned": (Journal, "plan"),
    "signed": (Journal, "attempt"),
    "sent": (Sender, "_send"),
    "mined": (Journal, "mine"),
    "final": (Journal, "final"),
}
"""The moments of an operation's life: the method that brings it there."""


def dying(owner: type, name: str, number: int) -> Callable[..., Any]:
    """A method in whose `number`-th call the process dies, right before it returns."""
    original = getattr(owner, name)
    calls = 0

    def last(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        answer = original(*arguments, **keywords)
        calls += 1
        if calls == number:
            die()
        return answer

    return last
