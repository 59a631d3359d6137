"""owners: who owns which token of a collection, known from its logs, and a list for an airdrop."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nftgan.chain.contract import Collection
from nftgan.chain.names import address_of
from nftgan.chain.owners import Owners, owners_of
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import write_text
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice, deployed_collection, open_chain


@dataclass(frozen=True)
class Owner:
    """One account and its tokens."""

    address: str
    count: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class OwnersResult:
    """All owners at one block, who has most first."""

    chain: str
    chain_id: int
    contract: str
    block: int
    block_hash: str
    minted: int
    burnt: tuple[int, ...]
    owners: tuple[Owner, ...]
    path: Path | None = None  # the list that was written


def owners(
    project: Project | None = None,
    choice: ChainChoice = ChainChoice(),  # noqa: B008 - frozen
    *,
    contract: str | None = None,
    without: Sequence[str] = (),
    output: str | Path | None = None,
    with_tokens: bool = False,
    progress: Progress = SILENT,
) -> OwnersResult:
    """Who owns which token, of the collection in a folder or of any `contract` by its address.

    Read at the newest block that is final by the chain's rule, or by `choice.confirmations`.
    without: accounts that are left out. output: a CSV file that `mint` takes as a list, written
    whole; with_tokens: it names tokens, a line for each run of them, so that another collection
    gives every token to whom has it here. Raises CheckFailed for a contract that is not ours.
    """
    connection = open_chain(choice, project)
    if contract is not None:
        collection = Collection(connection, address_of(connection, contract, what="--contract"))
        if problem := collection.code_problem():
            raise CheckFailed(f"the contract {collection.address} cannot be trusted: {problem}")
    elif project is not None:
        collection = deployed_collection(project, connection)
    else:
        raise UsageError("say whose owners", hint="--contract ADDR, or run it in a collection")
    left_out = {address_of(connection, one, what="--without") for one in without}
    depth = choice.confirmations
    if isinstance(depth, str):
        raise UsageError("owners are read below a number of blocks", hint="--confirmations 64")
    with progress.task("reading logs") as task:

        def on_block(block: int) -> None:
            task.update(note=f"back to block {block:,}")

        found = owners_of(collection, depth=depth, on_block=on_block)
    path = None if output is None else Path(output)
    if path is not None:
        write_text(path, as_csv(found, left_out, with_tokens=with_tokens))
    return OwnersResult(
        connection.chain.name,
        connection.chain.chain_id,
        collection.address,
        found.block,
        found.block_hash,
        found.minted,
        found.burnt,
        tuple(
            Owner(address, len(tokens), tuple(tokens))
            for address, tokens in found.tokens().items()
            if address not in left_out
        ),
        path,
    )


def as_csv(found: Owners, without: set[str], *, with_tokens: bool) -> str:
    """The list as `nftgan mint --airdrop` reads it. Raises UsageError when nobody is on it."""
    rows: list[tuple[object, ...]] = []
    if with_tokens:
        runs: list[list[object]] = []
        end = -1
        for token, owner in found.owners.items():
            if owner in without:
                continue
            if runs and runs[-1][0] == owner and token == end:
                runs[-1][1] = int(str(runs[-1][1])) + 1
            else:
                runs.append([owner, 1, token])
            end = token + 1
        rows = [("address", "count", "token"), *map(tuple, runs)]
    else:
        rows = [("address", "count")]
        rows += [
            (owner, len(tokens)) for owner, tokens in found.tokens().items() if owner not in without
        ]
    if len(rows) == 1:
        raise UsageError("nobody would be on the list", hint="leave --without out")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
