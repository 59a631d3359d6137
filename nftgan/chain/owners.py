"""Who owns which token at one block, from the Transfer logs alone, as indexers know it.

Blocks are searched backwards: the newest transfer of a token names its owner, so the search ends
with the block in which the last token was seen. A node may give any logs; what cannot come from
this contract is refused, and the sum must be the contract's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nftgan.chain.blocks import block_fields, latest_block
from nftgan.chain.contract import Collection
from nftgan.chain.logs import search_backwards
from nftgan.chain.rpc import rpc_errors
from nftgan.chain.transfers import NOBODY, TRANSFER_TOPIC, transfers
from nftgan.errors import PartlyDone, ServiceError
from nftgan.words import counted

ROUNDS = 3
"""How often a reorganisation may take the block away that all is read at."""


@dataclass(frozen=True)
class Owners:
    """The owner of every token at one block."""

    block: int
    block_hash: str
    minted: int  # how many were ever minted
    owners: dict[int, str]  # token to account, in the order of tokens
    burnt: tuple[int, ...]

    def tokens(self) -> dict[str, list[int]]:
        """Account to its tokens; who has most comes first."""
        found: dict[str, list[int]] = {}
        for token, owner in self.owners.items():
            found.setdefault(owner, []).append(token)
        return dict(sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0].lower())))


@dataclass
class _Newest:
    """What is known of each token, from newer blocks to older ones."""

    owners: dict[int, str] = field(default_factory=dict)
    oldest: dict[int, str] = field(default_factory=dict)  # who gave it in the oldest transfer seen

    def take(self, moved: Iterable[tuple[int, str, str]]) -> None:
        """Raises ValueError for transfers, latest last, that no token can have made."""
        for token, giver, taker in reversed(list(moved)):
            before = self.oldest.get(token)
            if before is None:
                self.owners[token] = taker
            elif before != taker or taker == NOBODY:
                raise ValueError("a token moved from who did not have it")
            if giver == taker == NOBODY:
                raise ValueError("a token of nobody")
            self.oldest[token] = giver


def _unnoticed(block: int) -> None:
    """Nobody is told."""


def owners_of(
    collection: Collection,
    *,
    depth: int | None = None,
    on_block: Callable[[int], None] = _unnoticed,
) -> Owners:
    """The owners of all tokens, `depth` blocks below the newest (None: as many as make a block of
    this chain final). on_block: told how far back the search is.

    No archive is needed: only logs, and two calls at that block. Raises CheckFailed for a contract
    that is not one of ours, ServiceError for a node that does not show every token or shows what
    cannot be, PartlyDone when the block is taken back again and again.
    """
    connection = collection.connection
    if depth is None:
        depth = 0 if connection.embedded else connection.chain.confirmations
    for _ in range(ROUNDS):
        last = max(latest_block(connection) - depth, 0)
        block_hash = _block_hash(collection, last)
        try:
            minted, supply = _numbers(collection, last)
            newest = _search(collection, last, minted, on_block)
            found = _whole(collection, last, block_hash, minted, supply, newest)
        except ServiceError:
            if _block_hash(collection, last) == block_hash:
                raise
            continue  # it asked two chains
        if _block_hash(collection, last) == block_hash:
            return found
    raise PartlyDone(
        f"{connection.chain.name} was reorganised {ROUNDS} times meanwhile",
        hint="run the same command again, or take an older block: --confirmations 64",
    )


def _search(
    collection: Collection, last: int, minted: int, on_block: Callable[[int], None]
) -> _Newest:
    """The newest transfer of each token, from block `last` backwards."""
    newest = _Newest()
    if not minted:
        return newest
    connection = collection.connection
    spans = search_backwards(
        connection, collection.first_block, last, lambda a, b: _moved(collection, a, b, minted)
    )
    for first, moved in spans:
        with rpc_errors(connection):
            newest.take(moved)
        on_block(first)
        if len(newest.owners) == minted:
            break
    return newest


def _whole(
    collection: Collection, block: int, block_hash: str, minted: int, supply: int, newest: _Newest
) -> Owners:
    where = collection.connection.where
    if len(newest.owners) < minted:
        raise ServiceError(
            f"the node at {where} shows transfers of {len(newest.owners)} of {minted} tokens only",
            hint="choose a node that keeps old logs with --rpc",
        )
    owners = {token: owner for token, owner in sorted(newest.owners.items()) if owner != NOBODY}
    if len(owners) != supply:
        raise ServiceError(
            f"the node at {where} shows transfers by which"
            f" {counted(len(owners), 'token')} exist, and the contract counts {supply}",
            hint="choose another node with --rpc",
        )
    burnt = tuple(sorted(newest.owners.keys() - owners.keys()))
    return Owners(block, block_hash, minted, owners, burnt)


def _numbers(collection: Collection, block: int) -> tuple[int, int]:
    """(how many were ever minted, how many exist) at a block, as the contract says."""
    most = collection.max_supply()
    if collection.first_block > block or not collection.exists_at(block):
        return 0, 0
    minted, supply = collection.counts_at(block)
    if not 0 <= supply <= minted <= most:
        raise ServiceError(
            f"the node at {collection.connection.where} shows {supply} of {minted} tokens of at"
            f" most {most}, which this contract cannot have",
            hint="choose another node with --rpc",
        )
    return minted, supply


def _block_hash(collection: Collection, number: int) -> str:
    return str(block_fields(collection.connection, hex(number)).get("hash"))[:66].lower()


def _moved(
    collection: Collection, start: int, end: int, minted: int
) -> tuple[int, list[tuple[int, str, str]]]:
    """(first block, transfers in order) of a span. Raises ServiceError for what cannot be."""
    connection = collection.connection
    query = {
        "address": collection.address,
        "topics": [TRANSFER_TOPIC],
        "fromBlock": hex(start),
        "toBlock": hex(end),
    }
    logs = connection.ask("eth_getLogs", query)
    with rpc_errors(connection):
        placed: dict[tuple[int, int], Mapping[str, Any]] = {}
        for log in logs:
            place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
            if not start <= place[0] <= end or log.get("removed") is True:
                raise ValueError("a log of another block")
            if str(log["address"]).lower() != collection.address.lower():
                raise ValueError("a log of another contract")
            if len(log["topics"]) != 4 or log["topics"][0] != TRANSFER_TOPIC:
                raise ValueError("a log of another event")
            if placed.setdefault(place, log) != log:
                raise ValueError("two logs in one place")
        found = transfers([placed[place] for place in sorted(placed)], collection.address)
        if any(not 0 <= token < minted for token, _, _ in found):
            raise ValueError("a token that was never minted")
        return start, found
