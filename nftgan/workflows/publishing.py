"""What deploying and minting leave behind in a collection folder, and who sends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nftgan.chain.accounts import (
    Account,
    anvil_account,
    check_address,
    embedded_account,
    for_plan,
    unlock,
)
from nftgan.chain.blocks import genesis_hash
from nftgan.chain.contract import SEED_STORES, Collection
from nftgan.chain.journal import Journal
from nftgan.chain.names import address_of
from nftgan.chain.networks import chain_named
from nftgan.chain.rpc import Connection, NodeChoice, connect, silent, unnoticed
from nftgan.chain.sending import Sender
from nftgan.collection.manifest import Manifest
from nftgan.errors import CheckFailed, MissingStepError, UsageError
from nftgan.files import complete_files, lock, read_json
from nftgan.project import Project, state_home


@dataclass(frozen=True)
class ChainChoice:
    """What a person says about the chain: options of the publishing verbs."""

    chain: str | None = None
    rpc: NodeChoice = None
    mainnet: bool = False
    account: str | None = None
    max_fee_wei: int | None = None
    budget_wei: int | None = None
    confirmations: int | str | None = None  # blocks, or "finalized"; None: the chain's own
    dry_run: bool = False  # nothing will be signed: no key is unlocked
    # Told of a node that asks to slow down, and of one that is asked instead.
    say: Callable[[str], None] = field(default=silent, repr=False, compare=False)
    # Told of every ENS name that was typed, and of its address.
    named: Callable[[str, str], None] = field(default=unnoticed, repr=False, compare=False)


def open_chain(choice: ChainChoice, project: Project | None = None) -> Connection:
    """The chosen chain, or the collection's. Raises UsageError or ServiceError."""
    name = choice.chain or (project.config.chain.name if project else "embedded")
    chain = chain_named(name, allow_mainnet=choice.mainnet)
    return connect(chain, choice.rpc, say=choice.say, named=choice.named)


def signer(
    connection: Connection,
    choice: ChainChoice,
    prompt: Callable[[str], str],
    warn: Callable[[str], None],
) -> Account:
    """The account that pays: a local chain's own funded one, else a wallet.

    It is unlocked unless the choice says that this is a dry run.
    """
    if connection.embedded and choice.account is None:
        return embedded_account()
    if connection.chain.name == "anvil" and choice.account is None:
        own = anvil_account()
        if own is not None:
            return own
    address = None if choice.account is None else address_of(connection, choice.account)
    return for_plan(address, warn) if choice.dry_run else unlock(address, prompt, warn)


def sender_for(
    connection: Connection, account: Account, path: Path, choice: ChainChoice, **binding: Any
) -> Sender:
    """A sender whose journal belongs to this chain, this account and `binding`.

    Raises ServiceError when the node is to say what is final and does not.
    """
    facts = {
        "chain_id": connection.chain.chain_id,
        "genesis": genesis_hash(connection),
        "sender": account.address,
        **binding,
    }
    journal = Journal.open(path, facts)
    sender = Sender(
        connection,
        account,
        journal,
        max_fee_wei=choice.max_fee_wei,
        budget_wei=choice.budget_wei,
        confirmations=choice.confirmations,
    )
    sender.final_block()  # better known before something is sent
    return sender


def refuse_copies(manifest: Manifest, tokens: range, *, allowed: bool) -> tuple[int, ...]:
    """Of `tokens` those that the manifest marks as too like training art or another piece.

    Raises CheckFailed with their names unless they are `allowed`.
    """
    overridden = [
        piece for piece in manifest.pieces if piece.override_reason and piece.id in tokens
    ]
    if overridden and not allowed:
        named = "; ".join(
            f"token {piece.id} ({piece.title}): {piece.override_reason}" for piece in overridden[:3]
        )
        more = f"; and {len(overridden) - 3} more" if len(overridden) > 3 else ""
        raise CheckFailed(
            f"{len(overridden)} pieces are too like other art to be sold as new: {named}{more}",
            hint="curate without them, or sell them knowingly: --allow-copies",
        )
    return tuple(piece.id for piece in overridden)


def account_lock(connection: Connection, account: Account) -> AbstractContextManager[None]:
    """Held while nonces are given out: two commands with one key would take the same ones."""
    name = f"{connection.chain.chain_id}-{account.address}.lock"
    owner = f"the account {account.address} on {connection.chain.name}"
    return lock(state_home() / "locks" / name, what=owner)


def deployment_path(project: Project, chain_id: int) -> Path:
    return project.deployments / f"{chain_id}.json"


def own_journal_path(connection: Connection, contract: str, account: Account) -> Path:
    """What an account sent to a contract lies in NFTGAN_HOME, not in a collection's folder, which
    may come from somebody else.
    """
    name = f"{connection.chain.chain_id}-{contract}-{account.address}.jsonl"
    return state_home() / "owned" / name


def mint_journal_path(project: Project, chain_id: int) -> Path:
    """One journal per chain: a rehearsal on one must not block the real thing on another."""
    return project.root / f"mint-{chain_id}.jsonl"


def deployments(project: Project) -> list[dict[str, Any]]:
    """Every deployment of the collection, by chain id. Raises UsageError for a damaged record."""
    found = []
    for path in complete_files(project.deployments, "*.json"):
        found.append(read_record(path))
    return found


def read_record(path: Path) -> dict[str, Any]:
    """What `deploy` wrote down, of the form that it writes. Raises UsageError for another."""
    record = read_json(path)
    try:
        numbers = [record.get(name, 0) for name in ("block", "gas", "fee_wei")]
        whole = all(type(one) is int and one >= 0 for one in numbers)
        whole = whole and isinstance(record.get("chain", ""), str)
        whole = whole and record.get("seed_store", "event") in SEED_STORES
        whole = whole and bool(check_address(record["collection"]))
    except (AttributeError, TypeError, KeyError, UsageError):
        whole = False
    if not whole:
        raise UsageError(f"{path} is damaged", hint="move it away and run nftgan deploy")
    return dict(record)


def deployment(project: Project, connection: Connection) -> dict[str, Any]:
    """The collection's deployment on this chain.

    Raises MissingStepError when there is none, UsageError when the chain is another one by now.
    """
    path = deployment_path(project, connection.chain.chain_id)
    if not path.exists():
        raise MissingStepError(
            f"{project.name} is not deployed on {connection.chain.name}",
            hint=f"nftgan deploy --chain {connection.chain.name}",
        )
    record = read_record(path)
    if record.get("genesis") != genesis_hash(connection):
        raise UsageError(
            f"{path} is of another {connection.chain.name} chain than the one that answers",
            hint="the chain was reset: move deployments/ and mint-*.jsonl away, then deploy again",
        )
    return record


def deployed_collection(project: Project, connection: Connection) -> Collection:
    """The collection's contract on this chain.

    Raises as `deployment`, and CheckFailed when something else stands at its address.
    """
    record = deployment(project, connection)
    collection = Collection(
        connection, record["collection"], first_block=int(record.get("block", 0))
    )
    collection.mint_transactions = lambda: known_mints(project, connection)
    if problem := collection.code_problem():
        raise CheckFailed(f"the contract {record['collection']} cannot be trusted: {problem}")
    return collection


def known_mints(project: Project, connection: Connection) -> tuple[str, ...]:
    """The transactions on this chain that the collection's journal saw mint."""
    return Journal.read(mint_journal_path(project, connection.chain.chain_id)).mint_hashes()


def journal_summary(project: Project) -> dict[str, int]:
    """Tokens by state over all chains: planned, sent, mined, final, finalized.

    A plan that was given up, whose tokens a signed batch has by now, counts for nothing.
    """
    counts: dict[str, int] = {}
    for path in sorted(project.root.glob("mint-*.jsonl")):
        journal = Journal.read(path)
        # A damaged plan may lack either number; the verbs that mint say so.
        sizes = {
            name: (int(plan.get("first", 0)), int(plan.get("count", 0)))
            for name, plan in journal.plans.items()
        }
        signed = (sum(size) for name, size in sizes.items() if name in journal.attempts)
        reached = max(signed, default=0)
        for name, (first, count) in sizes.items():
            state = journal.state(name)
            if state != "planned" or first >= reached:
                counts[state] = counts.get(state, 0) + count
    return counts
