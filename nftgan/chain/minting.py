"""Minting a collection: batches planned once, each sent until it is on chain, then an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nftgan.chain.blocks import gas_limit
from nftgan.chain.contract import Collection
from nftgan.chain.fees import require_funds
from nftgan.chain.rpc import rpc_errors
from nftgan.chain.sending import GAS_MARGINS, TX_GAS_CAP, Operation, Sender
from nftgan.chain.transfers import NOBODY, transfers
from nftgan.errors import CheckFailed, PartlyDone, UsageError
from nftgan.files import sha256_hex
from nftgan.progress import SILENT, Progress

BATCH_TOKENS = 500
"""Tokens in one transaction: far below the cap, and small enough to be included soon."""

FIXED_GAS = 60_000
"""The part of a batch's gas that does not grow with its tokens, at least."""

DELEGATION = bytes.fromhex("ef0100")
"""With these bytes the code of a person's wallet begins that runs as a contract (EIP-7702)."""

AUDIT_ROUNDS = 3
"""How often a reorganisation may take tokens away before a person should look."""


@dataclass(frozen=True)
class Batch:
    """Consecutive tokens that one transaction mints."""

    first: int
    seeds: tuple[int, ...]

    @property
    def end(self) -> int:
        """The token after the last one."""
        return self.first + len(self.seeds)

    @property
    def operation(self) -> str:
        return f"mint {self.first}-{self.end - 1}"


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
    warnings: tuple[str, ...] = ()
    unsettled: tuple[Batch, ...] = ()  # on chain by an earlier run that did not see them final
    data_fee_wei: int = 0  # what a rollup may take for the data, beside the gas
    fee_note: str = ""  # what is unusual about fees on this chain

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
    to: str,
    seeds: Sequence[int],
    *,
    until: int | None = None,
) -> MintPlan:
    """The batches that are missing on chain, with their cost; nothing is sent.

    seeds: of every token in order. until: the token after the last one to mint; None: all.
    Raises UsageError when the chain holds other tokens than these, or when transactions of an
    earlier run may still mint other batches.
    """
    collection.mint_transactions = sender.journal.mint_hashes
    minted = collection.next_token_id()
    _check_minted(collection, seeds, minted)
    end = len(seeds) if until is None else until
    begun = _begun(sender, minted, end, seeds)
    batches: list[Batch] = []
    size = BATCH_TOKENS
    gas = 0
    if minted < end:
        head = begun[0] if begun and begun[0].first == minted else None
        if head is None:
            before = min(minted + size, begun[0].first if begun else end)
            head = Batch(minted, tuple(seeds[minted:before]))
        estimate = _simulate(sender, collection, to, head)
        per_token = max(estimate - FIXED_GAS, 0) // len(head.seeds) + 1
        limit = min(TX_GAS_CAP, gas_limit(sender.connection)) * 100 // GAS_MARGINS[-1]
        size = max(min(size, (limit - FIXED_GAS) // per_token), 1)
        first = minted
        for one in (*begun, None):
            border = end if one is None else one.first
            batches += [
                Batch(start, tuple(seeds[start : min(start + size, border)]))
                for start in range(first, border, size)
            ]
            if one is not None:
                batches.append(one)
                first = one.end
        gas = sum(FIXED_GAS + per_token * len(batch.seeds) for batch in batches)
    room = collection.max_supply()
    if end > room:
        raise UsageError(
            f"the contract has room for {room} tokens, not {end}",
            hint="this contract belongs to another collection: see deployments/",
        )
    gas = gas * GAS_MARGINS[0] // 100
    data_fee = sum(
        sender.data_fee_wei(len(collection.mint_data(one.first, to, one.seeds)), gas)
        for one in batches
    )
    max_fee = sender.cap_for(gas, data_fee)
    with rpc_errors(sender.connection):
        balance = int(sender.connection.w3.eth.get_balance(sender.account.address))
        code = bytes(sender.connection.w3.eth.get_code(to))
        is_contract = bool(code) and not code.startswith(DELEGATION)
    return MintPlan(
        sender.connection.chain.name,
        sender.connection.chain.chain_id,
        collection.address,
        sender.account.address,
        to,
        balance,
        tuple(batches),
        minted,
        gas,
        max_fee,
        (f"{to} is a contract: make sure that it can hold tokens",) if is_contract else (),
        _unsettled(sender, collection, minted, seeds),
        data_fee,
        sender.fee_note,
    )


def _simulate(sender: Sender, collection: Collection, to: str, batch: Batch) -> int:
    """Have the node try the batch without sending it; the gas that it takes.

    Raises ContractReverted with the contract's own reason.
    """
    call = {
        "from": sender.account.address,
        "to": collection.address,
        "data": collection.mint_data(batch.first, to, batch.seeds),
    }
    with rpc_errors(sender.connection):
        sender.connection.w3.eth.call(call)
        return int(sender.connection.w3.eth.estimate_gas(call))


def _begun(sender: Sender, minted: int, end: int, seeds: Sequence[int]) -> list[Batch]:
    """Batches of earlier runs that were signed but are not on chain, with the same borders.

    The contract takes a batch at its own first token only. So of two that overlap, as they may
    after a reorganisation took back what another machine had minted, the one that begins first
    rules the other out; and what is missing before one may be minted meanwhile.
    """
    journal = sender.journal
    begun = sorted(
        (plan["first"], plan["count"])
        for operation, plan in journal.plans.items()
        if operation in journal.attempts and plan["first"] >= minted
    )
    batches: list[Batch] = []
    for first, count in begun:
        if batches and first < batches[-1].end:
            continue
        if first + count > end:
            raise UsageError(
                f"transactions that mint tokens {first} to {first + count - 1} may be on their way",
                hint=f"run nftgan mint --tokens {minted}-{first + count - 1} or without --tokens",
            )
        batches.append(Batch(first, tuple(seeds[first : first + count])))
    return batches


def _unsettled(
    sender: Sender, collection: Collection, minted: int, seeds: Sequence[int]
) -> tuple[Batch, ...]:
    """Batches that this journal brought on chain and does not hold for final yet."""
    batches = (
        Batch(plan["first"], tuple(seeds[plan["first"] : plan["first"] + plan["count"]]))
        for operation, plan in sender.journal.plans.items()
        if operation in sender.journal.attempts
        and plan["first"] + plan["count"] <= minted
        and not sender.is_final(operation)
    )
    return tuple(
        batch for batch in batches if sender.is_mined(_operation_of(sender, collection, batch))
    )


def run_mint(
    sender: Sender, collection: Collection, plan: MintPlan, *, progress: Progress = SILENT
) -> tuple[str, ...]:
    """Send every batch of the plan in order; return the transaction hashes.

    Killed anywhere and run again, each token is minted once: the contract refuses a batch that
    does not begin at the next id, and the journal sends the same bytes again. Ends when the chain
    holds exactly the planned tokens and seeds, deep enough. Raises as `Sender.send_and_confirm`,
    and CheckFailed when the chain holds something else.
    """
    require_funds(plan, "minting")
    batches = (*plan.unsettled, *plan.batches)
    if not batches:
        return ()
    operations = [_operation_of(sender, collection, batch) for batch in plan.unsettled]
    operations += [_operation(sender, collection, plan, batch) for batch in plan.batches]
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


def _operation(sender: Sender, collection: Collection, plan: MintPlan, batch: Batch) -> Operation:
    data = collection.mint_data(batch.first, plan.to, batch.seeds)
    sender.journal.plan(
        batch.operation,
        first=batch.first,
        count=len(batch.seeds),
        to=plan.to,
        data=sha256_hex(data),
    )
    return _operation_of(sender, collection, batch)


def _operation_of(sender: Sender, collection: Collection, batch: Batch) -> Operation:
    """A batch as it was planned in the journal."""
    to = sender.journal.plans[batch.operation]["to"]
    return Operation(
        batch.operation,
        collection.address,
        collection.mint_data(batch.first, to, batch.seeds),
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
    to = sender.journal.plans[batch.operation]["to"]
    receipt = sender.connection.ask("eth_getTransactionReceipt", tx_hash)
    with rpc_errors(sender.connection):
        given = transfers(receipt["logs"], contract) if receipt is not None else []
    for token, giver, taker in given:
        if giver == NOBODY and taker != to:
            raise CheckFailed(f"token {token} was minted to {taker}, not {to}")


def _check_seed(token: int, found: int, seed: int) -> None:
    if found != seed:
        raise CheckFailed(f"token {token} has seed {found} on chain, not {seed}")


def audit(collection: Collection, seeds: Sequence[int], minted: int) -> None:
    """The chain holds exactly these tokens and seeds.

    Raises CheckFailed for other ones, PartlyDone when the chain, or the node, shows fewer.
    """
    found, on_chain = collection.next_token_id(), collection.seeds()
    if found > minted:
        raise CheckFailed(f"{found} tokens are on chain, not {minted}")
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
