"""A sale on a real node, with a buyer who is not the artist; what is true is asked of the node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import keccak

from nftgan.chain.accounts import ANVIL_MNEMONIC, PRIVATE_KEY
from nftgan.project import Project
from tests.chain.anvil import rpc
from tests.chain.conftest import running_anvil

pytestmark = pytest.mark.node
PRICE = 5 * 10**16


def holder(url: str, collection: str, token: int) -> str:
    data = keccak(text="ownerOf(uint256)")[:4] + token.to_bytes(32, "big")
    call = {"to": collection, "data": "0x" + data.hex()}
    return "0x" + str(rpc(url, "eth_call", call, "latest"))[-40:]


def test_a_stranger_buys_with_a_voucher_and_the_artist_is_paid(
    published: Project,
    answer: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", PRIVATE_KEY):
        monkeypatch.delenv(name, raising=False)
    Account.enable_unaudited_hdwallet_features()
    buyer = Account.from_mnemonic(ANVIL_MNEMONIC, account_path="m/44'/60'/0'/0/1")
    where = ("-C", str(published.root))
    with running_anvil() as url:
        chain = ("--chain", "anvil", "--rpc", url)
        refused = answer("sale", "open", *where, *chain, "--price", "0.05", expect=2)
        assert "not deployed on anvil" in refused["message"]
        answer("deploy", *where, *chain, "--force", "--yes")
        words = ("--price", "0.1", "--signer", "self", "--force")
        plan = answer("sale", "open", *where, *chain, *words, "--dry-run")
        opened = answer("sale", "open", *where, *chain, *words, "--yes")
        paid = [
            int(rpc(url, "eth_getTransactionReceipt", one["hash"])["gasUsed"], 16)
            for one in sent(published)
        ]
        assert sum(paid) < plan["gas"] < 1.5 * sum(paid)
        voucher = tmp_path / "voucher.json"
        terms = (buyer.address, "--count", "2", "--price", "0.05", "-o", str(voucher))
        answer("sale", "voucher", *where, *chain, *terms)

        here = ("--sale", opened["sale"], *chain)
        refused = answer("sale", "buy", *here, "--voucher", str(voucher), "--yes", expect=2)
        assert "NotAllowed()" in refused["message"]  # the artist is not the buyer
        with monkeypatch.context() as patched:
            patched.setenv(PRIVATE_KEY, buyer.key.hex())
            unanswered = answer("sale", "buy", *here, "--voucher", str(voucher), expect=2)
            assert "--yes" in unanswered["hint"]
            bought = answer("sale", "buy", *here, "--voucher", str(voucher), "--yes")
            assert (bought["buyer"], bought["bought"]) == (buyer.address, 2)
            refused = answer("sale", "withdraw", *where, *chain, "--yes", expect=2)
            assert "sells here, not" in refused["message"]
        assert [holder(url, opened["collection"], i) for i in (0, 1)] == 2 * [buyer.address.lower()]
        assert int(rpc(url, "eth_getBalance", opened["sale"], "latest"), 16) == PRICE
        before = int(rpc(url, "eth_getBalance", opened["owner"], "latest"), 16)
        answer("sale", "withdraw", *where, *chain, "--yes")
        after = int(rpc(url, "eth_getBalance", opened["owner"], "latest"), 16)
        assert before + PRICE - 10**15 < after < before + PRICE
        assert answer("sale", "close", *where, *chain, "--yes")["left"] == 1
        answer("mint", *where, *chain, "--force", "--yes")
        assert holder(url, opened["collection"], 2) == opened["owner"].lower()


def sent(project: Project) -> list[dict[str, Any]]:
    """The attempts in the journal of the first sale on anvil."""
    lines = (project.sales / "31337-1.jsonl").read_text().splitlines()
    return [entry["attempt"] for line in lines if "attempt" in (entry := json.loads(line))]


def pass_by(url: str, seconds: int) -> None:
    rpc(url, "evm_increaseTime", seconds)
    rpc(url, "evm_mine")


def test_a_stranger_draws_and_a_buyer_takes_the_money_back_elsewhere(
    published: Project,
    answer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NFTGAN_RPC_URL", "ETH_RPC_URL", PRIVATE_KEY):
        monkeypatch.delenv(name, raising=False)
    Account.enable_unaudited_hdwallet_features()
    buyer, stranger = (
        Account.from_mnemonic(ANVIL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in (1, 2)
    )
    where = ("-C", str(published.root))
    with running_anvil() as url:
        chain = ("--chain", "anvil", "--rpc", url)
        answer("deploy", *where, *chain, "--force", "--yes")
        words = ("--price", "0.05", "--blind", "--closes", "2d", "--refunds", "6d", "--force")
        opened = answer("sale", "open", *where, *chain, *words, "--yes")
        here = ("--sale", opened["sale"], *chain, "--yes")
        with monkeypatch.context() as patched:
            patched.setenv(PRIVATE_KEY, buyer.key.hex())
            answer("sale", "buy", "2", *here)
            assert "refunds begin later" in answer("sale", "refund", *here, expect=2)["message"]
        pass_by(url, 2 * 86_400)
        with monkeypatch.context() as patched:
            patched.setenv(PRIVATE_KEY, stranger.key.hex())
            drawn = answer("sale", "draw", *here)
            assert drawn["drawn"] and answer("sale", "draw", *here) == drawn
            pass_by(url, 4 * 86_400)
            nothing = answer("sale", "refund", *here, expect=2)
            assert "has nothing to take back" in nothing["message"]
        late = answer("sale", "reveal", *where, *chain, "--force", "--yes", expect=2)
        assert "the time to reveal is over" in late["message"]
        receiver = "0x52908400098527886E0F7030069857D2E4169EE7"
        with monkeypatch.context() as patched:
            patched.setenv(PRIVATE_KEY, buyer.key.hex())
            back = answer("sale", "refund", "--to", receiver, *here)
            assert (back["refunded_wei"], back["to"]) == (2 * PRICE, receiver)
            again = answer("sale", "refund", "--to", receiver, *here)
            assert again["refunded_wei"] == 0
        assert int(rpc(url, "eth_getBalance", receiver, "latest"), 16) == 2 * PRICE
        assert int(rpc(url, "eth_getBalance", opened["sale"], "latest"), 16) == 0
        assert answer("sale", "close", *where, *chain, "--yes")["left"] == 3
