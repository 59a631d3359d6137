"""A clone is believed for its proven code alone, and proven once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.chain import clones
from nftgan.chain.artifact import SALE
from nftgan.chain.birth import Birth
from nftgan.chain.clones import Clone
from nftgan.errors import CheckFailed

ADDRESS = "0x" + "12" * 20


@pytest.fixture
def births(monkeypatch: pytest.MonkeyPatch) -> list[Birth]:
    """What the address proves each time that somebody looks; the last one for ever."""
    found: list[Birth] = []
    monkeypatch.setattr(
        clones, "verify_birth", lambda *_: found.pop(0) if len(found) > 1 else found[0]
    )
    return found


def clone() -> Clone:
    eth = SimpleNamespace(contract=lambda address, abi: None)
    connection: Any = SimpleNamespace(w3=SimpleNamespace(eth=eth), where="https://node")
    return Clone(connection, ADDRESS, kind="sale", interface=SALE, shipped=(SALE,))


def test_what_is_not_proven_is_looked_at_again_and_what_is_proven_is_not(
    births: list[Birth],
) -> None:
    births += [
        Birth("", b"", "no code yet"),
        Birth(SALE, b"owner and terms", ""),
        Birth("", b"", "gone"),
    ]
    one = clone()
    assert one.code_problem() == "no code yet"
    assert one.code_problem() is None and one.code_problem() is None
    assert one._arguments() == b"owner and terms"


def test_nothing_is_read_from_a_contract_that_is_not_ours(births: list[Birth]) -> None:
    births.append(Birth("", b"forged", "nobody made it"))
    with pytest.raises(CheckFailed, match=f"the sale {ADDRESS} cannot be trusted: nobody made it"):
        clone()._arguments()


def test_a_node_that_contradicts_the_code_is_named() -> None:
    error = clone()._contradiction("7 tokens sold of 3")
    assert str(error) == (
        "the node at https://node shows 7 tokens sold of 3, which this sale cannot have"
    )
