"""`nftgan sale` as a person types it, on the embedded chain; money and owners are read from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak

from nftgan.chain.accounts import embedded_account
from nftgan.chain.contract import Collection
from nftgan.chain.networks import CHAINS
from nftgan.chain.rpc import connect
from nftgan.chain.sales import Sale
from nftgan.chain.sending import Sender
from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from nftgan.errors import UsageError
from nftgan.files import read_json
from nftgan.project import Project
from nftgan.workflows.publishing import ChainChoice
from nftgan.workflows.sale import SaleManager, SaleOptions

PRICE = 10**16
STRANGER = "0x52908400098527886E0F7030069857D2E4169EE7"


class Desk:
    """Types commands about one collection and looks at the chain beside nftgan's answers."""

    def __init__(self, project: Project, answer: Callable[..., Any]) -> None:
        self.project, self.type = project, answer
        self.connection = connect(CHAINS["embedded"])
        record = read_json(next(project.deployments.glob("*.json")))
        self.collection = Collection(self.connection, record["collection"])
        self.artist = embedded_account().address

    def sale(self, verb: str, *words: str, expect: int = 0) -> Any:
        return self.type("sale", verb, *words, "-C", str(self.project.root), expect=expect)

    def sale_of(self, address: str) -> Sale:
        return Sale(self.connection, address)

    @property
    def blocks(self) -> int:
        return int(self.connection.w3.eth.block_number)

    def money(self, address: str) -> int:
        return int(self.connection.w3.eth.get_balance(address))


@pytest.fixture
def desk(published: Project, answer: Callable[..., Any]) -> Desk:
    return Desk(published, answer)


def test_a_sale_from_its_opening_to_its_end(desk: Desk) -> None:
    assert "not on sale" in desk.sale("status", expect=2)["message"]
    before = desk.blocks
    plan = desk.sale("open", "--price", "0.01", "--supply", "2", "--force", "--dry-run")
    assert plan["steps"] == [
        "deploy the sale contract",
        "create the sale",
        "load seeds 0-1",
        "offer the collection",
        "take it",
    ]
    assert (desk.blocks, desk.project.sales.exists()) == (before, False)
    opened = desk.sale("open", "--price", "0.01", "--supply", "2", "--force")
    assert (opened["phase"], opened["sold"]) == ("open", 0)
    assert opened["terms"]["price_wei"] == PRICE and opened["terms"]["supply"] == 2
    assert desk.collection.owner() == opened["sale"]
    assert plan["gas"] > sum(gas_of(desk, "sales/7235188-1.jsonl"))
    blocks = desk.blocks
    assert desk.sale("open", "--price", "0.01", "--supply", "2", "--force") == opened
    assert desk.blocks == blocks  # nothing was sent again
    error = desk.sale("open", "--price", "0.02", "--force", expect=2)
    assert "another price and supply is on already" in error["message"]
    hint = desk.type("mint", "--force", "-C", str(desk.project.root), expect=2)["hint"]
    assert "nftgan sale close" in hint
    steps = desk.type("status", "-C", str(desk.project.root))["steps"]
    assert (steps[-1]["verb"], steps[-1]["found"]) == ("sale status", "on sale on embedded")

    plan = desk.sale("buy", "2", "--dry-run")
    assert plan["value_wei"] == 2 * PRICE and plan["steps"] == ["buy 2, 2 in all"]
    assert plan["terms"] == opened["terms"] and plan["warnings"] == []
    bought = desk.sale("buy", "1")
    assert (bought["bought"], bought["tokens"]) == (1, [0])
    assert bought["collection"] == desk.collection.address
    blocks = desk.blocks
    assert desk.sale("buy", "1")["bought"] == 1
    assert desk.blocks == blocks
    assert desk.type("sale", "buy", "2", "--sale", opened["sale"])["bought"] == 2
    error = desk.sale("buy", "3", expect=2)
    assert "1 tokens cannot be minted: 0 are ready for sale" in error["message"]
    error = desk.sale("buy", "300", expect=2)
    assert "298 tokens are more than one purchase may have" in error["message"]
    assert "is not blind" in desk.sale("refund", "--sale", opened["sale"], expect=2)["message"]
    assert "nothing to draw" in desk.sale("draw", expect=2)["message"]
    assert [desk.collection.owner_of(i) for i in range(3)] == [desk.artist, desk.artist, None]
    assert desk.collection.seeds() == {0: 3, 1: 8}
    state = desk.sale("status")
    assert (state["phase"], state["earned_wei"]) == ("sold out", 2 * PRICE)

    assert desk.money(opened["sale"]) == 2 * PRICE
    desk.sale("withdraw", "--dry-run")
    assert desk.money(opened["sale"]) == 2 * PRICE
    assert desk.sale("withdraw") == {"withdrawn_wei": 2 * PRICE, "to": desk.artist}
    assert desk.money(opened["sale"]) == 0
    blocks = desk.blocks
    assert desk.sale("withdraw")["withdrawn_wei"] == 0
    assert desk.blocks == blocks

    assert desk.sale("close")["left"] == 1
    assert desk.collection.owner() == desk.artist
    assert "not on sale" in desk.sale("close", expect=2)["message"]
    again = desk.sale("open", "--price", "0.02", "--force")  # another sale of what is left
    assert again["sale"] != opened["sale"] and again["terms"]["supply"] == 1
    desk.sale("close")
    desk.type("mint", "--force", "-C", str(desk.project.root))
    assert desk.collection.seeds() == {0: 3, 1: 8, 2: 15}


def gas_of(desk: Desk, journal: str) -> list[int]:
    lines = (desk.project.root / journal).read_text().splitlines()
    return [json.loads(line)["final"]["gas"] for line in lines if '"final"' in line]


def test_a_list_and_vouchers_say_who_may_buy(desk: Desk, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(f"\ufeffaddress,allowance\n{STRANGER.lower()},2\n\n{desk.artist}\n")
    proofs = tmp_path / "proofs.json"
    listed = desk.type("sale", "allowlist", str(people), "-o", str(proofs))
    assert (listed["buyers"], listed["tokens"]) == (2, 3)
    assert read_json(proofs)["buyers"][STRANGER]["allowance"] == 2
    words = ("--price", "0.01", "--allowlist", str(people), "--signer", "self", "--force")
    opened = desk.sale("open", *words)
    assert opened["terms"]["allowlist"] == listed["root"] == read_json(proofs)["root"]
    assert opened["terms"]["signer"] == desk.artist
    assert "NotAllowed()" in desk.sale("buy", "1", expect=2)["message"]
    assert desk.sale("buy", "1", "--allowlist", str(people))["bought"] == 1
    error = desk.sale("buy", "2", "--allowlist", str(people), expect=2)
    assert "WrongCount(left 0)" in error["message"]  # one a person, where the list says no number

    right = tmp_path / "voucher.json"
    made = ("voucher", desk.artist, "--count", "2", "--price", "0.005")
    assert desk.sale(*made, "-o", str(right)) == desk.sale(*made) == read_json(right)
    before = desk.money(opened["sale"])
    assert desk.sale("buy", "--voucher", str(right))["bought"] == 3
    assert desk.money(opened["sale"]) == before + PRICE // 2  # for both of them
    blocks = desk.blocks
    assert desk.sale("buy", "--voucher", str(right))["bought"] == 3
    assert desk.blocks == blocks
    assert "used already" in desk.sale(*made, expect=2)["message"]
    assert desk.sale(*made, "--nonce", "2")["voucher"]["nonce"] == "2"
    mistyped = "0x" + desk.artist[2:].swapcase()
    error = desk.sale("voucher", mistyped, "--price", "1", expect=2)
    assert "wrong checksum" in error["message"]
    right.write_text("{}")
    assert "is not a voucher" in desk.sale("buy", "--voucher", str(right), expect=2)["message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{STRANGER},two\n", "line 1: 'two' is not a number"),
        (f"{STRANGER}\n{STRANGER.lower()},3\n", "line 2: .* is on the list twice"),
        (f"who\n{STRANGER[:-1]}\n", "line 2: .* not a valid address"),
        (f"{STRANGER},0\n", "cannot be allowed 0"),
        ("\n", "the list is empty"),
    ],
)
def test_a_wrong_list_names_the_line(desk: Desk, tmp_path: Path, text: str, words: str) -> None:
    people = tmp_path / "people.csv"
    people.write_text(text)
    error = desk.type("sale", "allowlist", str(people), expect=2)
    assert re.search(words, error["message"])


def test_a_blind_sale_tells_nothing_until_it_is_revealed(desk: Desk) -> None:
    words = ("--price", "0.01", "--blind", "--force")
    desk.project.sales.mkdir()
    known = "0x" + 64 * "2"  # of an earlier sale, or of a stranger: kept, and not used
    (desk.project.sales / "7235188-1.secret").write_text(known)
    opened = desk.sale("open", *words)
    assert (desk.project.sales / "7235188-1.secret.1").read_text() == known
    [secret] = desk.project.sales.glob("*.secret")
    assert secret.stat().st_mode & 0o777 == 0o600
    text = secret.read_text()
    assert text.strip() != known
    root = bytes.fromhex(desk.collection.immutable_args().root[2:])
    bound = [desk.collection.address, root, 0, bytes.fromhex(text.strip()[2:])]
    packed = encode(["address", "bytes32", "uint256", "bytes32"], bound)
    assert opened["terms"]["collection"] is None
    assert opened["terms"]["commitment"] == "0x" + keccak(packed).hex()
    assert desk.collection.owner() == desk.artist
    for path in desk.project.sales.iterdir():
        assert path == secret or text.strip()[2:] not in path.read_text()
    assert text.strip()[2:] not in json.dumps(opened)
    assert desk.sale("open", *words) == opened  # with the same secret
    plan = desk.sale("buy", "2", "--dry-run")
    assert "a blind sale" in plan["warnings"][0] and plan["terms"]["refunds_from"] > 0
    assert desk.sale("buy", "2")["tokens"] == []
    state = desk.sale("status")
    assert (state["waiting"], state["earned_wei"], state["phase"]) == (2, 0, "open")
    assert desk.collection.next_token_id() == 0
    assert "paid for and not delivered" in desk.sale("close", expect=2)["message"]
    error = desk.type("mint", "--force", "-C", str(desk.project.root), expect=2)
    assert "it is on sale blind" in error["message"]
    assert "the sale goes on until" in desk.sale("draw", expect=2)["message"]
    assert "the seller has nothing to take back" in desk.sale("refund", expect=2)["message"]
    assert desk.sale("reveal", expect=2)["kind"] == "missing_step"  # buyers need the metadata
    secret.write_text("0x" + 64 * "1")
    assert "does not hold the secret" in desk.sale("reveal", "--force", expect=2)["message"]
    secret.write_text(text)
    plan = desk.sale("reveal", "--force", "--dry-run")
    assert plan["steps"] == [
        "end the sale",
        "draw the order",
        "offer the collection",
        "reveal",
        "deliver",
    ]
    assert plan["warnings"] == ["it is still open: the reveal ends it"]
    state = desk.sale("reveal", "--force")
    assert (state["phase"], state["waiting"], state["earned_wei"]) == ("revealed", 0, 2 * PRICE)
    assert [desk.collection.owner_of(i) for i in range(3)] == [desk.artist, desk.artist, None]
    assert desk.collection.seeds() == {0: 3, 1: 8}
    blocks = desk.blocks
    assert desk.sale("reveal", "--force") == state
    assert desk.blocks == blocks
    assert "is not blind" not in json.dumps(desk.sale("close"))
    assert desk.collection.owner() == desk.artist and desk.money(opened["sale"]) == 0


def test_a_blind_sale_that_sold_nothing_is_ended_before_it_is_closed(desk: Desk) -> None:
    opened = desk.sale("open", "--price", "0.01", "--blind", "--force")
    assert desk.sale("close", "--dry-run")["steps"] == ["end the sale"]
    assert desk.sale("close")["left"] == 3
    error = desk.sale("buy", "1", "--sale", opened["sale"], expect=2)
    assert "was ended" in error["message"]


def test_what_a_received_record_says_and_the_person_does_not_is_refused(desk: Desk) -> None:
    """A sale that somebody else slipped in: its vouchers would be signed by a stranger."""
    desk.sale("open", "--price", "0.01", "--signer", STRANGER, "--force")
    blocks = desk.blocks
    for words, said in (
        (("--price", "0.01"), "another signer is on"),
        (("--price", "0.01", "--blind"), "another signer and kind is on"),
        (("--price", "0.01", "--signer", STRANGER, "--per-wallet", "1"), "another per wallet"),
        ((), "nobody said what a token costs"),
    ):
        assert said in desk.sale("open", *words, "--force", expect=2)["message"]
    assert desk.blocks == blocks


def test_a_record_that_names_a_strangers_sale_is_damaged(desk: Desk) -> None:
    """It would have the artist's buyers pay somebody else."""
    desk.sale("open", "--price", "0.01", "--force")
    [path] = desk.project.sales.glob("*.json")
    genuine = read_json(path)
    for changes in (
        {"sale": desk.collection.address},
        {"owner": STRANGER},
        {"terms": {**genuine["terms"], "price_wei": 1}},
    ):
        path.write_text(json.dumps({**genuine, **changes}))
        assert "is damaged" in desk.sale("status", expect=2)["message"]
        assert "is damaged" in desk.sale("buy", "1", expect=2)["message"]


def test_nothing_is_paid_for_what_cannot_be_minted_now(desk: Desk) -> None:
    opened = desk.sale("open", "--price", "0.01", "--force")
    sending = SaleManager(
        desk.project, ChainChoice("embedded"), prompt=lambda _: "", warn=lambda _: None
    ).sender
    release = desk.sale_of(opened["sale"]).data("release")
    sending.execute("give it back", to=opened["sale"], data=release)
    take = desk.collection.accept_ownership_data()
    sending.execute("take it home", to=desk.collection.address, data=take)
    before = desk.money(opened["sale"])
    error = desk.sale("buy", "1", expect=2)
    assert f"belongs to {desk.artist}" in error["message"]
    assert desk.money(opened["sale"]) == before


def test_of_two_openings_at_once_one_is_told_to_look_again(desk: Desk) -> None:
    choice = ChainChoice("embedded")
    first, second = (
        SaleManager(desk.project, choice, prompt=lambda _: "", warn=lambda _: None)
        for _ in range(2)
    )
    acts = [
        work.plan_open(SaleOptions(price_wei=price), force=True)
        for work, price in ((first, PRICE), (second, 2 * PRICE))
    ]
    plans = [work.estimate(act) for work, act in zip((first, second), acts, strict=True)]
    first.run(acts[0], plans[0])
    blocks = desk.blocks
    with pytest.raises(UsageError, match="another command changed the sale meanwhile"):
        second.run(acts[1], plans[1])
    assert desk.blocks == blocks
    assert desk.sale("status")["terms"]["price_wei"] == PRICE


class Stopped(BaseException):
    """In the place of a kill."""


@pytest.mark.parametrize("moment", ["_send", "_write_mined", "_write_final"])
def test_a_sale_that_dies_anywhere_is_opened_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    original = getattr(Sender, moment)
    words = ["sale", "open", "--price", "0.01", "--force", "-C", str(desk.project.root)]
    start = desk.blocks
    for _ in range(5):

        def dies(*arguments: Any) -> None:
            original(*arguments)
            raise Stopped

        with monkeypatch.context() as patched, pytest.raises(Stopped):
            patched.setattr(Sender, moment, dies)
            app([*words, "--json"], standalone_mode=False)
    opened = desk.sale("open", "--price", "0.01", "--force")
    assert opened["phase"] == "open"
    assert desk.blocks - start == 5  # sale contract, sale, seeds, offer, acceptance
    journal = (desk.project.sales / "7235188-1.jsonl").read_text().splitlines()
    assert sum('"attempt"' in line for line in journal) == 5
    assert sum('"final"' in line for line in journal) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--supply", "2"), "nobody said what a token costs"),
        (("--price", "-1"), "--price '-1' is not an amount"),
        (("--price", "1", "--supply", "4"), "4 tokens cannot be sold: 3 are left"),
        (("--price", "1", "--opens", "2d", "--closes", "1d"), "opens, then closes"),
        (("--price", "1", "--closes", "2001-01-01"), "over before it begins"),
        (("--price", "1", "--opens", "tomorrow"), "--opens 'tomorrow' is not a time"),
        (("--price", "1", "--signer", STRANGER.replace("E", "e")), "wrong checksum"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_before_anything_is_sent(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    blocks = desk.blocks
    assert said in desk.sale("open", *words, "--force", expect=2)["message"]
    assert (desk.blocks, desk.project.sales.exists()) == (blocks, False)


def test_marked_pieces_are_put_on_sale_only_knowingly(desk: Desk) -> None:
    manifest = Manifest.load(desk.project.manifest_path)
    marked = [
        replace(one, override_reason="a copy" if one.id == 1 else None) for one in manifest.pieces
    ]
    manifest.with_pieces(marked).save(desk.project.manifest_path)
    words = ("--price", "0.01", "--force", "--dry-run")
    assert "token 1" in desk.sale("open", *words, expect=3)["message"]
    assert desk.sale("open", *words, "--allow-copies")["warnings"] == [
        "too like other art, sold knowingly: tokens 1"
    ]
    desk.sale("open", *words, "--supply", "1")  # not one of them


def test_a_damaged_record_is_said(desk: Desk) -> None:
    desk.sale("open", "--price", "0.01", "--force")
    [path] = desk.project.sales.glob("*.json")
    path.write_text(json.dumps({**read_json(path), "genesis": "0x00"}))
    assert "is of another embedded chain" in desk.sale("status", expect=2)["message"]
    path.write_text("{}")
    for verb in ("status", "close", "withdraw"):
        assert "is damaged" in desk.sale(verb, expect=2)["message"]
