"""Options of the verbs that ask a chain: what they become, and what excludes what."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import Connection
from nftgan.cli.spending import agree, chooses_chain, parse_ether, show_plan
from nftgan.cli.ui import Ui
from nftgan.errors import UsageError
from nftgan.workflows.transactions import TxEstimate


class _Ui:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def named(self, name: str, address: str) -> None:
        self.notes.append(f"{name} {address}")


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


class _Person(Ui):
    """A user interface whose person answers as the test says, and keeps what was asked."""

    def __init__(self, answer: bool) -> None:
        super().__init__(quiet=True)
        self.answer, self.asked = answer, []

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer


HEIR = "0x52908400098527886E0F7030069857D2E4169EE7"
PAYER = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"


def _chain(name: str) -> Connection:
    return Connection(CHAINS[name], None, "nowhere")


def test_a_name_is_never_agreed_to_unseen(capsys: pytest.CaptureFixture[str]) -> None:
    ui = _Person(answer=True)
    ui.named("heir.eth", HEIR)
    assert f"heir.eth is {HEIR}" in capsys.readouterr().err
    with pytest.raises(UsageError, match=f"heir.eth stands for: {HEIR} now") as caught:
        agree(ui, _chain("sepolia"), PAYER, "mint?", yes=True)
    assert caught.value.hint and HEIR in caught.value.hint and not ui.asked
    agree(ui, _chain("sepolia"), PAYER, "mint?", yes=False)
    assert ui.asked == ["mint?"]
    agree(ui, _chain("embedded"), PAYER, "mint?", yes=True)  # nothing costs anything there


def test_the_name_of_the_wallet_that_pays_needs_no_look() -> None:
    ui = _Person(answer=False)
    ui.named("me.eth", PAYER)
    agree(ui, _chain("sepolia"), PAYER, "mint?", yes=True)
    with pytest.raises(typer.Exit):
        agree(ui, _chain("sepolia"), PAYER, "mint?", yes=False)


def test_a_plan_shows_each_name_beside_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    ui = _Person(answer=True)
    ui.named("heir\u0430.eth", HEIR)
    assert "\\u0430" in capsys.readouterr().err  # Cyrillic, and said
    plan = TxEstimate("sepolia", 11155111, PAYER, 0, ("x",), 1, 1)
    show_plan(ui, plan, "x")
    shown = capsys.readouterr().out
    assert HEIR in shown and "heir" in shown
