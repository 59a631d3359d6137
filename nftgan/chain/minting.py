"""Minting a collection: batches planned once, each sent until it is on chain, then an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nftgan.chain.batches import Batch, divided, joined
from nftgan.chain.blocks import gas_limit
from nftgan.chain.contract import Collection
from nftgan.chain.fees import require_funds
from nftgan.chain.journal import PlannedMint
from nftgan.chain.mint_gas import GasFinder
from nftgan.chain.operations import Operation
from nftgan.chain.recipients import Allotment
from nftgan.chain.rpc import rpc_errors
from nftgan.chain.sending import Sender
from nftgan.chain.transfers import NOBODY, transfers
from nftgan.errors import CheckFailed, PartlyDone, UsageError
from nftgan.files import sha256_hex
from nftgan.progress import SILENT, Progress
from nftgan.words import counted

BATCH_TOKENS = 500
"""Tokens in one transaction: far below the cap, and small enough to be included soon."""

DELEGATION = bytes.fromhex("ef0100")
"""With these bytes the code of a person's wallet begins that runs as a contract (EIP-7702)."""

MOST_NAMED = 3
"""Contracts that a warning names one by one."""

AUDIT_ROUNDS = 3
"""How often a reorganisation may take tokens away before a person should look."""


@dataclass(frozen=True)
class MintPlan:
    """What will be sent and what it may cost at most."""

    chain: str
    chain_id: int
    contract: str
    account: str
    to: str | None  # who gets all of them; None: several, as the batches say
    balance_wei: int
    batches: tuple[Batch, ...]
    already_minted: int
    gas: int
    max_fee_wei: int
    warnings: tuple[str, ...] = ()
    unsettled: tuple[Batch, ...] = ()  # on chain by an earlier run that did not see them final
    data_fee_wei: int = 0  # what a rollup may take for the data, beside the gas
    fee_note: str = ""  # what is unusual about fees on this chain
    start: int | None = None  # of a list of recipients: its first token

    @property
    def tokens(self) -> int:
        return sum(len(batch.seeds) for batch in self.batches)

    @property
    def worst_case_wei(self) -> int:
        return self.gas * self.max_fee_wei + self.data_fee_wei


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
    to: str | Sequence[Allotment],
    seeds: Sequence[int],
    *,
    until: int | None = None,
) -> MintPlan:
    """The batches that are missing on chain, with their cost; nothing is sent.

    to: who gets all tokens, or which each of several gets, in order and without gaps. seeds: of
    every token in order. until: the token after the last one to mint to one account; None: all.
    Raises UsageError when the chain holds other tokens than these, or when transactions of an
    earlier run may still mint other batches.
    """
    collection.mint_transactions = sender.journal.mint_hashes
    minted = collection.next_token_id()
    _check_minted(collection, seeds, minted)
    if isinstance(to, str):
        end = len(seeds) if until is None else until
        wanted = [Allotment(minted, end - minted, to)] if minted < end else []
        start = None
    else:
        end, start = to[-1].end, to[0].first
        wanted = joined(one for one in to if one.end > minted)
        if wanted:
            wanted[0] = replace(wanted[0], first=minted, count=wanted[0].end - minted)
        _refuse_given_away(sender, collection, range(start, min(end, minted)), seeds)
    begun = _begun(sender, minted, end, seeds, wanted)
    batches: list[Batch] = []
    if wanted:
        finder = GasFinder(
            lambda batch: _simulate(sender, collection, batch),
            divided(wanted, begun, seeds, BATCH_TOKENS),
            seeds[minted:end],
        )
        size = finder.most_tokens(BATCH_TOKENS, gas_limit(sender.connection))
        batches = finder.priced(
            divided(wanted, begun, seeds, size),
            in_code=collection.seed_store == "code",
            later=any(
                one.end - one.first > 1 and one.end <= minted for one in sender.journal.mints()
            ),
        )
    room = collection.max_supply()
    if end > room:
        raise UsageError(
            f"the contract has room for {room} tokens, not {end}",
            hint="this contract belongs to another collection: see deployments/",
        )
    total = sum(batch.gas for batch in batches)
    fees: dict[tuple[int, int], int] = {}  # many batches are alike, and each question takes time
    data_fee = 0
    for one in batches:
        key = (len(collection.mint_data(one.first, one.to, one.seeds)), one.gas)
        if key not in fees:
            fees[key] = sender.data_fee_wei(*key)
        data_fee += fees[key]
    max_fee = sender.cap_for(total, data_fee)
    with rpc_errors(sender.connection):
        balance = int(sender.connection.w3.eth.get_balance(sender.account.address))
    receivers = [to] if isinstance(to, str) else list(dict.fromkeys(one.to for one in wanted))
    return MintPlan(
        sender.connection.chain.name,
        sender.connection.chain.chain_id,
        collection.address,
        sender.account.address,
        receivers[0] if len(receivers) == 1 else None,
        balance,
        tuple(batches),
        minted,
        total,
        max_fee,
        _contract_warnings(sender, receivers),
        _unsettled(sender, collection, minted, seeds),
        data_fee,
        sender.fee_note,
        start,
    )


def _contract_warnings(sender: Sender, receivers: Iterable[str]) -> tuple[str, ...]:
    found = []
    for to in receivers:
        with rpc_errors(sender.connection):
            code = bytes(sender.connection.w3.eth.get_code(to))
        if code and not code.startswith(DELEGATION):
            found.append(to)
    if len(found) > MOST_NAMED:
        return (
            f"{len(found)} of those who get tokens are contracts, such as {found[0]}: make sure"
            " that they can hold tokens",
        )
    return tuple(f"{to} is a contract: make sure that it can hold tokens" for to in found)


def _simulate(sender: Sender, collection: Collection, batch: Batch) -> int:
    """Have the node try the batch without sending it; the gas that it takes.

    Raises ContractReverted with the contract's own reason.
    """
    call = {
        "from": sender.account.address,
        "to": collection.address,
        "data": collection.mint_data(batch.first, batch.to, batch.seeds),
    }
    with rpc_errors(sender.connection):
        sender.connection.w3.eth.call(call)
        return int(sender.connection.w3.eth.estimate_gas(call))


def _begun(
    sender: Sender, minted: int, end: int, seeds: Sequence[int], wanted: Sequence[Allotment]
) -> list[Batch]:
    """Batches of earlier runs that were signed but are not on chain, with the same borders.

    The contract takes a batch at its own first token only. So of two that overlap, as they may
    after a reorganisation took back what another machine had minted, the one that begins first
    rules the other out; and what is missing before one may be minted meanwhile. Raises UsageError
    for one that was signed for another account than is wanted now.
    """
    journal = sender.journal
    begun = sorted(
        (one for one in journal.mints() if one.operation in journal.attempts),
        key=lambda one: (one.first, one.end),
    )
    batches: list[Batch] = []
    for one in begun:
        if not minted <= one.first < end or (batches and one.first < batches[-1].end):
            continue
        if one.end > end:
            raise UsageError(
                f"transactions that mint tokens {one.first} to {one.end - 1} may be on their way",
                hint=f"run nftgan mint --tokens {minted}-{one.end - 1} or without --tokens",
            )
        _refuse_another(one, wanted)
        batches.append(Batch(one.first, tuple(seeds[one.first : one.end]), one.to))
    return batches


def _refuse_another(begun: PlannedMint, wanted: Sequence[Allotment]) -> None:
    for one in wanted:
        if one.first < begun.end and begun.first < one.end and one.to != begun.to:
            where = f"{one.where}: " if one.where else ""
            raise UsageError(
                f"{where}{begun.operation} was begun with to {begun.to}, not {one.to}",
                hint=f"go on with {begun.to}: transactions may be on their way",
            )


def _refuse_given_away(
    sender: Sender, collection: Collection, tokens: range, seeds: Sequence[int]
) -> None:
    """Raises CheckFailed for a minted token of a list that another machine gave to somebody else.

    It was signed here for one account, and a transaction that this journal does not know, of the
    same key, was first: the journal alone would have it that the account got it.
    """
    journal = sender.journal
    mints = [one for one in journal.mints() if one.operation in journal.attempts]
    seen = journal.mined.keys() | journal.finals.keys()
    settled = {
        token
        for one in mints
        if one.operation in seen
        for token in range(one.first, min(one.end, tokens.stop))
    }
    for one in mints:
        part = range(max(one.first, tokens.start), min(one.end, tokens.stop))
        ours = [token for token in part if token not in settled]
        if not ours or one.operation in seen:
            continue
        batch = Batch(one.first, tuple(seeds[one.first : one.end]), one.to)
        if sender.is_mined(_operation_of(collection, batch)):
            continue
        for token in ours:
            if (owner := collection.owner_of(token)) != one.to:
                first = collection.next_token_id()
                raise CheckFailed(
                    f"token {token} was signed for {one.to} here, but another transaction minted"
                    f" it, and {owner or 'nobody'} has it",
                    hint="nftgan owners tells who has what; a list for those who lack theirs begins"
                    f" with --tokens {first}",
                )


def _unsettled(
    sender: Sender, collection: Collection, minted: int, seeds: Sequence[int]
) -> tuple[Batch, ...]:
    """Batches that this journal brought on chain and does not hold for final yet."""
    batches = (
        Batch(one.first, tuple(seeds[one.first : one.end]), one.to)
        for one in sender.journal.mints()
        if one.operation in sender.journal.attempts
        and one.end <= minted
        and not sender.is_final(one.operation)
    )
    return tuple(batch for batch in batches if sender.is_mined(_operation_of(collection, batch)))


def run_mint(
    sender: Sender,
    collection: Collection,
    plan: MintPlan,
    *,
    names: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> tuple[str, ...]:
    """Send every batch of the plan in order; return the transaction hashes.

    names: account to the ENS name by which a person meant it; the journal keeps them.

    Killed anywhere and run again, each token is minted once: the contract refuses a batch that
    does not begin at the next id, and the journal sends the same bytes again. Ends when the chain
    holds exactly the planned tokens and seeds, deep enough. Raises as `Sender.send_and_confirm`,
    and CheckFailed when the chain holds something else.
    """
    require_funds(plan, "minting")
    batches = (*plan.unsettled, *plan.batches)
    if not batches:
        return ()
    operations = [_operation_of(collection, batch) for batch in plan.unsettled]
    operations += [
        _operation(sender, collection, plan, batch, names or {}) for batch in plan.batches
    ]
    sizes = {batch.operation: len(batch.seeds) for batch in batches}
    with progress.task("minting", sum(sizes.values()), "tokens") as task:
        shown: set[str] = set()

        def on_mined(operation: Operation) -> None:
            if operation.name not in shown:
                shown.add(operation.name)
                task.advance(sizes[operation.name])

        for _ in range(AUDIT_ROUNDS):
            receipts = sender.send_and_confirm(operations, on_mined)
            # A reorganisation deeper than the confirmations shows only now.
            if collection.next_token_id() >= batches[-1].end and _complete(collection, plan):
                for batch, receipt in zip(batches, receipts, strict=True):
                    _check_receiver(sender, collection.address, batch, receipt.hash)
                return tuple(receipt.hash for receipt in receipts)
            progress.warn("the chain was reorganised, or the node lags: looking again")
    raise PartlyDone(
        f"{plan.chain} was reorganised {AUDIT_ROUNDS} times while minting, or its node lags",
        hint="run the same command again later",
    )


def _operation(
    sender: Sender,
    collection: Collection,
    plan: MintPlan,
    batch: Batch,
    names: Mapping[str, str],
) -> Operation:
    """A batch, written down in the journal before anything of it is signed."""
    journal = sender.journal
    facts: dict[str, Any] = {
        "first": batch.first,
        "count": len(batch.seeds),
        "to": batch.to,
        "data": sha256_hex(collection.mint_data(batch.first, batch.to, batch.seeds)),
    }
    if batch.operation not in journal.attempts:  # else what stands there stays
        if plan.start is not None:
            facts["start"] = plan.start
        if batch.to in names:
            facts["name"] = names[batch.to]
    journal.plan(batch.operation, **facts)
    return _operation_of(collection, batch)


def _operation_of(collection: Collection, batch: Batch) -> Operation:
    return Operation(
        batch.operation,
        collection.address,
        collection.mint_data(batch.first, batch.to, batch.seeds),
        lambda: collection.next_token_id() >= batch.end,
    )


def _complete(collection: Collection, plan: MintPlan) -> bool:
    """Whether the chain shows all that was planned; CheckFailed when it shows something else."""
    on_chain = collection.seeds()
    for batch in plan.batches:
        if any(token not in on_chain for token in range(batch.first, batch.end)):
            return False
        for token, seed in enumerate(batch.seeds, batch.first):
            _check_seed(token, on_chain[token], seed)
    return True


def _check_receiver(sender: Sender, contract: str, batch: Batch, tx_hash: str) -> None:
    """Raises CheckFailed when the batch's own events say that another account was given a token.

    Who holds it by now is no question: a token may be sold or burnt while blocks are waited for.
    """
    receipt = sender.connection.ask("eth_getTransactionReceipt", tx_hash)
    with rpc_errors(sender.connection):
        given = transfers(receipt["logs"], contract) if receipt is not None else []
    for token, giver, taker in given:
        if giver == NOBODY and taker != batch.to:
            raise CheckFailed(f"token {token} was minted to {taker}, not {batch.to}")


def _check_seed(token: int, found: int, seed: int) -> None:
    if found != seed:
        raise CheckFailed(f"token {token} has seed {found} on chain, not {seed}")


def audit(collection: Collection, seeds: Sequence[int], minted: int) -> None:
    """The chain holds exactly these tokens and seeds.

    Raises CheckFailed for other ones, PartlyDone when the chain, or the node, shows fewer.
    """
    found, on_chain = collection.next_token_id(), collection.seeds()
    if found > minted:
        raise CheckFailed(f"on chain: {counted(found, 'token')}, not {minted}")
    for token in range(minted):
        if token >= found or token not in on_chain:
            raise PartlyDone(
                f"{token} of {minted} tokens are on chain: it was reorganised, or the node lags",
                hint="run nftgan mint again",
            )
        _check_seed(token, on_chain[token], seeds[token])


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
