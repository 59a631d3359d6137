"""A collection behind a node that lies as a test wants it, and a minter before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nftgan.chain.journal import Journal
from nftgan.chain.rpc import Connection, connect
from nftgan.chain.sending import Sender
from tests.chain.actors import PATIENT, account, deploy, mint, sender, times_minted
from tests.chain.conftest import FAULTY
from tests.chain.faults import BadNode

ME = account("me")
TOKENS = 6


class World:
    """A collection behind a node whose answers a test can change one by one."""

    def __init__(self, bad: BadNode, folder: Path) -> None:
        self.bad, self.honest, self.folder = bad, bad.upstream, folder
        self.connection: Connection = connect(FAULTY, bad.url)
        self.collection = deploy(self.connection, ME, folder, TOKENS)

    def answering(self, method: str, answer: Callable[[list[Any]], dict[str, Any] | None]) -> None:
        """From now on `answer` speaks for the node; None lets the node speak."""

        def upstream(asked: str, params: list[Any]) -> dict[str, Any]:
            changed = answer(params) if asked == method else None
            return changed if changed is not None else self.honest(asked, params)

        self.bad.upstream = upstream

    def minter(self, **more: Any) -> Sender:
        path = self.folder / "mint.jsonl"
        return sender(self.connection, ME, path, **{"timing": PATIENT, **more})

    def attempts(self) -> list[Any]:
        tried = Journal.read(self.folder / "mint.jsonl").attempts.values()
        return [attempt for of in tried for attempt in of]

    def nonce(self) -> int:
        return int(self.connection.w3.eth.get_transaction_count(ME.address))

    def mint_and_check(self) -> None:
        mint(self.minter(), self.collection, TOKENS)
        self.check()

    def check(self) -> None:
        minted = times_minted(self.connection, self.collection)
        assert minted == dict.fromkeys(range(TOKENS), 1)
