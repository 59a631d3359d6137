"""freeze, refresh, transfer-ownership and burn as a person types them, on the embedded chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain import names
from nftgan.chain.accounts import ANVIL_MNEMONIC, embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.files import read_json
from nftgan.project import Project, state_home
from tests.chain.actors import sender
from tests.chain.ens_contracts import deploy, registry, set_name

STRANGER = "0x52908400098527886E0F7030069857D2E4169EE7"


class Desk:
    """Types commands about one collection and looks at the chain beside nftgan's answers."""

    def __init__(self, project: Project, answer: Callable[..., Any]) -> None:
        self.project, self.answer = project, answer
        self.connection = connect(CHAINS["embedded"])
        record = read_json(next(project.deployments.glob("*.json")))
        self.collection = Collection(self.connection, record["collection"])
        self.artist = embedded_account().address

    def type(self, *words: str, expect: int = 0) -> Any:
        return self.answer(*words, "-C", str(self.project.root), expect=expect)

    @property
    def blocks(self) -> int:
        return int(self.connection.w3.eth.block_number)

    def last_logs(self) -> list[Any]:
        """Of the collection, in the last block."""
        latest = {"address": self.collection.address, "fromBlock": "latest", "toBlock": "latest"}
        return self.connection.ask("eth_getLogs", latest)


@pytest.fixture
def desk(published: Project, answer: Callable[..., Any]) -> Desk:
    return Desk(published, answer)


def test_a_collection_is_frozen_once_and_for_ever(desk: Desk) -> None:
    blocks = desk.blocks
    plan = desk.type("freeze", "--dry-run")
    assert plan["steps"] == ["freeze the base URI"]
    assert (desk.blocks, desk.collection.frozen()) == (blocks, False)
    done = desk.type("freeze")
    assert done["frozen"] and done["base_uri"] == desk.collection.base_uri()
    assert desk.collection.frozen() and desk.blocks == blocks + 1
    assert desk.type("freeze")["frozen"] and desk.blocks == blocks + 1  # nothing is sent again


def test_markets_are_asked_to_look_again_each_time(desk: Desk) -> None:
    desk.type("mint", "--force")
    blocks = desk.blocks
    desk.type("refresh", "--tokens", "1-2")
    [log] = desk.last_logs()
    assert log["data"] == "0x" + "01".zfill(64) + "02".zfill(64)
    desk.type("refresh")
    [log] = desk.last_logs()
    assert log["data"] == "0x" + "0" * 64 + "f" * 64
    assert desk.blocks == blocks + 2
    assert "no token 3 yet" in desk.type("refresh", "--tokens", "0-3", expect=2)["message"]
    assert "are one range" in desk.type("refresh", "--tokens", "0,2", expect=2)["message"]


def test_ownership_moves_in_two_steps_and_may_be_offered_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    heir = Account.from_mnemonic(ANVIL_MNEMONIC)
    for _ in range(2):
        offered = desk.type("transfer-ownership", heir.address)
        assert (offered["owner"], offered["offered_to"]) == (desk.artist, heir.address)
        blocks = desk.blocks
        assert desk.type("transfer-ownership", heir.address) == offered
        assert desk.blocks == blocks
        assert desk.type("transfer-ownership", "--cancel")["offered_to"] is None
        assert desk.collection.pending_owner() == "0x" + 40 * "0"
    error = desk.type("transfer-ownership", "--accept")
    assert error["owner"] == desk.artist  # it is the artist's already: nothing is sent
    desk.type("transfer-ownership", heir.address)
    for words, said in (
        ((), "say who is offered it"),
        (("--accept", "--cancel"), "say who is offered it"),
        ((desk.artist,), "owns it already"),
        (("0x12",), "is not a valid"),
    ):
        assert said in desk.type("transfer-ownership", *words, expect=2)["message"]


def test_a_stranger_may_none_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.type("mint", "--force")
    monkeypatch.setattr("nftgan.workflows.own.signer", lambda *_: _Other())
    blocks = desk.blocks
    for words, said, code in (
        (("freeze",), "may freeze it", 2),
        (("refresh",), "may have it refreshed", 2),
        (("transfer-ownership", STRANGER), "may offer it", 2),
        (("transfer-ownership", "--cancel"), "may take an offer back", 2),
        (("transfer-ownership", "--accept"), "was offered to nobody", 2),
        (("burn", "1"), "is held by", 3),
    ):
        assert said in desk.type(*words, expect=code)["message"]
    assert desk.blocks == blocks


class _Other:
    """An account that owns nothing and signs nothing."""

    address = STRANGER


def test_a_token_is_burnt_by_its_holder_and_named_so_after(desk: Desk) -> None:
    desk.type("mint", "--force")
    assert "no token 7" in desk.type("burn", "7", expect=2)["message"]
    assert desk.type("burn", "1", "--dry-run")["steps"] == ["burn token 1"]
    assert desk.type("burn", "1")["burnt"] is True
    assert [desk.collection.owner_of(i) for i in range(3)] == [desk.artist, None, desk.artist]
    blocks = desk.blocks
    assert desk.type("burn", "1")["burnt"] is True  # run again: done already
    assert desk.blocks == blocks


def test_the_contract_alone_is_enough_and_a_forged_one_is_refused(desk: Desk) -> None:
    chain = ("--chain", "embedded")
    done = desk.answer("freeze", "--contract", desk.collection.address, *chain)
    assert done["collection"] == desk.collection.address and desk.collection.frozen()
    journals = list((state_home() / "owned").glob("*.jsonl"))
    assert len(journals) == 1  # nothing is believed that lies in a folder
    error = desk.answer("burn", "0", "--contract", STRANGER, *chain, expect=3)
    assert "cannot be trusted" in error["message"]


def test_a_name_is_taken_for_an_address_and_both_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    me, connection = embedded_account(), desk.connection
    registry_at = deploy(connection, me, tmp_path, registry())
    monkeypatch.setattr(names, "REGISTRY", registry_at)
    for name, address in (
        ("heir.eth", STRANGER),
        ("me.eth", desk.artist),
        ("birds.eth", desk.collection.address),
    ):
        word = bytes(12) + bytes.fromhex(address[2:])
        set_name(connection, me, tmp_path, registry_at, name, word)
    offered = desk.type("transfer-ownership", "heir.eth")
    assert (offered["offered_to"], offered["names"]) == (STRANGER, {"heir.eth": STRANGER})
    assert "Heir.eth" in desk.type("transfer-ownership", "Heir.eth", expect=2)["message"]
    frozen = desk.answer("freeze", "--contract", "birds.eth")
    assert frozen["names"] == {"birds.eth": desk.collection.address}
    minted = desk.type("mint", "--force", "--to", "heir.eth")
    assert minted["names"] == {"heir.eth": STRANGER}
    assert desk.collection.owner_of(0) == STRANGER
    assert "not a valid" in desk.type("mint", "--force", "--to", "", expect=2)["message"]
    # A wallet is chosen by its name; there is none of this account here.
    assert desk.artist in desk.type("burn", "0", "--from", "me.eth", expect=4)["message"]


def test_burnt_and_moved_tokens_are_proven_all_the_same(desk: Desk) -> None:
    """By the verb, whose exit code says that nothing is wrong; only an owner can be."""
    desk.type("pin")
    desk.type("mint")
    desk.type("burn", "1")
    own = sender(desk.connection, embedded_account(), desk.project.root / "move.jsonl")
    move = desk.collection._contract.encode_abi("transferFrom", [desk.artist, STRANGER, 2])
    own.execute("move", to=desk.collection.address, data=bytes.fromhex(move[2:]))
    reports = desk.type("verify")["tokens"]
    assert [report["burnt"] for report in reports] == [False, True, False]
    found = [
        {link["name"]: (link["verdict"], link["found"]) for link in report["links"]}
        for report in reports
    ]
    assert {verdict for links in found for verdict, _ in links.values()} == {"holds"}
    assert "was burnt by its holder" in found[1]["token"][1]
    assert found[2]["token"][1] == f"belongs to {STRANGER}"
    error = desk.type("verify", "1-2", "--owner", STRANGER, expect=3)
    assert f"owner: it was burnt, {STRANGER} does not have it" in error["message"]
    desk.type("verify", "2", "--owner", STRANGER)
