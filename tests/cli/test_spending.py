"""Options of the verbs that ask a chain: what they become, and what excludes what."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.cli.spending import chooses_chain, parse_ether
from nftgan.errors import UsageError


class _Ui:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@chooses_chain("chain", "rpc", "mainnet")
def _verb(ui: _Ui, choice: Any = None) -> Any:
    return choice


NOTHING: dict[str, Any] = {"chain": None, "chain_id": None, "rpc": None, "mainnet": False}


def test_several_nodes_reach_the_workflow_in_their_order_and_a_wait_is_said() -> None:
    ui = _Ui()
    choice = _verb(ui, **{**NOTHING, "chain": "sepolia", "rpc": ["https://b", "https://a"]})
    assert choice.rpc == ("https://b", "https://a") and choice.chain == "sepolia"
    choice.say("wait")
    assert ui.notes == ["wait"]
    assert _verb(ui, **NOTHING).rpc is None


def test_a_chain_id_is_the_chain_of_that_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    assert _verb(_Ui(), **{**NOTHING, "chain_id": 10}).chain == "optimism"
    assert _verb(_Ui(), **{**NOTHING, "chain_id": 7_777_777}).chain == "chain-7777777"
    with pytest.raises(UsageError, match="--chain and --chain-id exclude each other"):
        _verb(_Ui(), **{**NOTHING, "chain": "base", "chain_id": 10})


@pytest.mark.parametrize("text", ["1e999999999", "NaN", "-Infinity", "1e-999999999", "", "x", "-1"])
def test_an_amount_that_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount"):
        parse_ether(text)
