"""Whether the base URI of a deployed collection can still be moved, asked of its chain, briefly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nftgan.chain.blocks import genesis_hash
from nftgan.chain.contract import Collection
from nftgan.chain.networks import chain_named
from nftgan.chain.rpc import connect
from nftgan.errors import NftganError
from nftgan.project import state_home

FROZEN = "frozen for ever"
MOVABLE = "not frozen: its owner may still lead the tokens to other metadata"


def base_uri_states(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each chain of these deployments: FROZEN, MOVABLE, or "not asked" and why.

    Raises nothing: a node that does not answer at once, or of another chain, is left alone.
    """
    return {str(record.get("chain")): _state(record) for record in records}


def _state(record: Mapping[str, Any]) -> str:
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
        return FROZEN if collection.frozen() else MOVABLE
    except NftganError as exc:
        return f"not asked: {exc.message}"
