"""What the chain of a deployed collection says of it, asked briefly: its links, what is minted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nftgan.chain.blocks import genesis_hash
from nftgan.chain.contract import Collection
from nftgan.chain.networks import chain_named
from nftgan.chain.rpc import connect
from nftgan.errors import NftganError
from nftgan.project import state_home
from nftgan.words import counted

FROZEN = "frozen for ever"
MOVABLE = "not frozen: its owner may still lead the tokens to other metadata"


def base_uri_states(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each chain of these deployments: FROZEN, MOVABLE, or "not asked" and why.

    Raises nothing: a node that does not answer at once, or of another chain, is left alone.
    """
    return {
        str(record.get("chain")): _asked(record, lambda one: FROZEN if one.frozen() else MOVABLE)
        for record in records
    }


def minted_tokens(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each chain of these deployments how many tokens its contract has minted, in words, or
    "not asked" and why. Raises nothing, as `base_uri_states`.
    """
    return {
        str(record.get("chain")): _asked(
            record, lambda one: f"{counted(one.next_token_id(), 'token')} minted"
        )
        for record in records
    }


def _asked(record: Mapping[str, Any], question: Callable[[Collection], str]) -> str:
    try:
        chain = chain_named(str(record.get("chain")), allow_mainnet=True)
        if chain.name == "embedded" and not (state_home() / "chain.sqlite").exists():
            return "not asked: this machine does not have the chain"
        connection = connect(chain, brief=True)
        if record.get("genesis") != genesis_hash(connection):
            return "not asked: the chain was reset"
        collection = Collection(connection, str(record["collection"]))
        if problem := collection.code_problem():
            return f"not asked: {problem}"
        return question(collection)
    except NftganError as exc:
        return f"not asked: {exc.message}"
