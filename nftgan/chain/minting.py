"""Minting a collection: batches planned once, each sent until it is on chain, then an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nftgan.chain.contract import Collection
from nftgan.chain.sending import GAS_MARGIN, Sender, current_fees
from nftgan.errors import CheckFailed, UsageError
from nftgan.progress import SILENT, Progress

TX_GAS_CAP = 16_777_216  # EIP-7825
GAS_FIXED, GAS_PER_TOKEN = 120_000, 2_600
"""Rough cost of a batch; the node's estimate decides what is sent."""

BATCH_TOKENS = 500
"""Tokens in one transaction: far below the cap, and small enough to be included soon."""


@dataclass(frozen=True)
class Batch:
    """Consecutive tokens that one transaction mints."""

    first: int
    seeds: tuple[int, ...]

    @property
    def operation(self) -> str:
        return f"mint {self.first}-{self.first + len(self.seeds) - 1}"


@dataclass(frozen=True)
class MintPlan:
    """What will be sent and what it may cost at most."""

    chain: str
    chain_id: int
    contract: str
    account: str
    to: str
    balance_wei: int
    batches: tuple[Batch, ...]
    already_minted: int
    gas: int
    max_fee_wei: int

    @property
    def tokens(self) -> int:
        return sum(len(batch.seeds) for batch in self.batches)

    @property
    def worst_case_wei(self) -> int:
        return self.gas * self.max_fee_wei


@dataclass(frozen=True)
class MintOutcome:
    """What was done: tokens on chain, transactions and what they cost."""

    contract: str
    minted: int
    transactions: tuple[str, ...]
    gas: int
    fee_wei: int


def plan_mint(
    sender: Sender,
    collection: Collection,
    to: str,
    seeds: Sequence[int],
    *,
    until: int | None = None,
) -> MintPlan:
    """The batches that are missing on chain, with their cost; nothing is sent.

    seeds: of every token in order. until: the token after the last one to mint; None: all.
    Raises UsageError when the chain holds other tokens than these.
    """
    minted = collection.next_token_id()
    _check_minted(collection, seeds, minted)
    end = len(seeds) if until is None else until
    batches = tuple(
        Batch(first, tuple(seeds[first : min(first + BATCH_TOKENS, end)]))
        for first in range(minted, end, BATCH_TOKENS)
    )
    # A batch that was planned by an earlier run keeps its borders, so that its bytes are the same.
    batches = _with_planned(sender, batches, minted, end, seeds)
    gas = sum(GAS_FIXED + GAS_PER_TOKEN * len(batch.seeds) for batch in batches)
    if batches:
        first = batches[0]
        call = {
            "from": sender.account.address,
            "to": collection.address,
            "data": collection.mint_data(first.first, to, first.seeds),
        }
        from nftgan.chain.rpc import translated

        with translated(sender.connection):
            estimate = int(sender.connection.w3.eth.estimate_gas(call))
        gas = sum(max(estimate * len(b.seeds) // len(first.seeds), 60_000) for b in batches)
    fees = current_fees(sender.connection, sender.max_fee_wei)
    balance = int(sender.connection.w3.eth.get_balance(sender.account.address))
    return MintPlan(
        sender.connection.chain.name,
        sender.connection.chain.chain_id,
        collection.address,
        sender.account.address,
        to,
        balance,
        batches,
        minted,
        gas * GAS_MARGIN // 100,
        fees.max_fee_wei,
    )


def _with_planned(
    sender: Sender, batches: tuple[Batch, ...], minted: int, end: int, seeds: Sequence[int]
) -> tuple[Batch, ...]:
    planned = sorted(
        (plan["first"], plan["count"])
        for plan in sender.journal.plans.values()
        if plan.get("first") is not None and plan["first"] >= minted
    )
    if not planned or planned[0][0] != minted:
        return batches
    out, first = [], minted
    for start, count in planned:
        if start == first and start + count <= end:
            out.append(Batch(start, tuple(seeds[start : start + count])))
            first = start + count
    for start in range(first, end, BATCH_TOKENS):
        out.append(Batch(start, tuple(seeds[start : min(start + BATCH_TOKENS, end)])))
    return tuple(out)


def run_mint(
    sender: Sender, collection: Collection, plan: MintPlan, *, progress: Progress = SILENT
) -> tuple[str, ...]:
    """Send every batch of the plan in order; return the transaction hashes.

    Killed anywhere and run again, each token is minted once: the contract refuses a batch that
    does not begin at the next id, and the journal sends the same bytes again.
    """
    if plan.balance_wei < plan.worst_case_wei:
        raise UsageError(
            f"{plan.account} has {plan.balance_wei / 1e18:.6f} ether on {plan.chain}, and minting"
            f" may cost {plan.worst_case_wei / 1e18:.6f}",
            hint="add funds, or lower --max-fee",
        )
    hashes = []
    with progress.task("minting", plan.tokens, "tokens") as task:
        for batch in plan.batches:
            sender.journal.plan(
                batch.operation, first=batch.first, count=len(batch.seeds), to=plan.to
            )
            last = batch.first + len(batch.seeds)
            receipt = sender.execute(
                batch.operation,
                to=collection.address,
                data=collection.mint_data(batch.first, plan.to, batch.seeds),
                done=lambda last=last: collection.next_token_id() >= last,  # type: ignore[misc]
            )
            hashes.append(receipt.hash)
            task.advance(len(batch.seeds))
    return tuple(hashes)


def audit(collection: Collection, seeds: Sequence[int], minted: int) -> None:
    """The chain holds exactly these tokens and seeds; CheckFailed says what differs."""
    found = collection.next_token_id()
    if found != minted:
        raise CheckFailed(
            f"{found} tokens are on chain, not {minted}: the chain was reorganised",
            hint="run nftgan mint again",
        )
    on_chain = collection.seeds()
    for token in range(minted):
        if on_chain.get(token) != seeds[token]:
            raise CheckFailed(
                f"token {token} has seed {on_chain.get(token)} on chain, not {seeds[token]}"
            )


def _check_minted(collection: Collection, seeds: Sequence[int], minted: int) -> None:
    if minted > len(seeds):
        raise UsageError(
            f"{minted} tokens are on chain but the collection has {len(seeds)} pieces",
            hint="this contract belongs to another collection: see deployments/",
        )
    if minted:
        try:
            audit(collection, seeds, minted)
        except CheckFailed as exc:
            raise UsageError(
                f"the contract already holds other pieces: {exc.message}",
                hint="restore collection.json, or deploy a new collection",
            ) from exc
