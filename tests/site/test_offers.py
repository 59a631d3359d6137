"""The drop page's terms, proofs, vouchers and words are those of the contract and the program."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.accounts import embedded_account
from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE, SALE, artifact
from nftgan.chain.sales import Allowlist, SaleTerms, Voucher, sign_voucher
from nftgan.files import sha256_file
from nftgan.site.offers import LIBRARY, Offer, offer_facts
from tests.chain.actors import account
from tests.site.asking import Page

LIBRARIES = Path(__file__).parents[2] / "scripts" / "site_libraries"
PLACE = account("sale").address
PEOPLE = {account(f"buyer {n}").address: n + 1 for n in range(7)}
node = pytest.mark.node


def errors() -> list[tuple[str, int]]:
    """(name, how many arguments) of every error that a transaction to a sale can end with."""
    entries = [one for name in (SALE, COLLECTION, COLLECTION_CODE) for one in artifact(name)["abi"]]
    found = {(one["name"], len(one["inputs"])) for one in entries if one["type"] == "error"}
    return sorted(found)


@node
@pytest.mark.parametrize(("name", "count"), errors())
def test_every_error_of_the_contracts_is_said_in_words(page: Page, name: str, count: int) -> None:
    said = page.ask("words", name=name, args=[7] * count)
    assert isinstance(said, str) and name not in said and "undefined" not in said
    assert re.fullmatch(r"[^A-Z].{10,}[^.]", said)


@node
def test_an_unknown_error_is_said_to_be_one(page: Page) -> None:
    assert "refuses it (Other)" in page.ask("words", name="Other", args=[])
    assert "refuses it (constructor)" in page.ask("words", name="constructor", args=[])


@node
def test_only_who_is_on_the_list_has_a_proof_and_it_is_the_programs(page: Page) -> None:
    allowed = Allowlist(PEOPLE)
    people = [[who, str(count)] for who, count in PEOPLE.items()]
    for who, count in PEOPLE.items():
        said = page.ask("listed", people=people, root=allowed.root.hex(), who=who.lower())
        proof = ["0x" + one.hex() for one in allowed.proof(who)]
        assert said == {"allowance": count, "proof": proof}
    assert page.ask("listed", people=people, root=allowed.root.hex(), who=PLACE) is None
    for other in (people[1:], []):
        said = page.ask("listed", people=other, root=allowed.root.hex(), who=people[0][0])
        assert "not the one of the sale" in said


def voucher() -> dict[str, Any]:
    right = Voucher(account("buyer").address, 2, 10**17, 2**255 + 1, 2**40)
    signature = sign_voucher(embedded_account(), PLACE, 31337, right)
    values = {
        "buyer": right.buyer,
        "count": 2,
        "price_wei": str(right.price_wei),
        "nonce": str(right.nonce),
        "deadline": right.deadline,
    }
    return {
        "nftgan_voucher": 1,
        "chain_id": 31337,
        "sale": PLACE,
        "voucher": values,
        "signature": "0x" + signature.hex(),
    }


@node
def test_a_voucher_is_read_from_its_file_and_from_a_link(page: Page) -> None:
    text = json.dumps(voucher())
    coded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    for written in (text, f"https://example.com/s/#/sale?voucher={coded}", coded):
        said = page.ask("voucher", text=written)
        assert said["values"]["nonce"] == str(2**255 + 1)  # no digit is rounded
        assert (said["sale"], said["chainId"]) == (PLACE, 31337)
    for wrong in ("", "{}", coded[:-9], text.replace(PLACE, "0x1"), text.replace(": 2", ": -2")):
        assert "no voucher" in page.ask("voucher", text=wrong)


@pytest.mark.parametrize("blind", [False, True])
def test_the_page_is_told_the_terms_and_how_to_call(blind: bool) -> None:
    place = {"commitment": b"\1" * 32} if blind else {"collection": account("c").address}
    terms = SaleTerms(10**30, 5, 1, 9, 9, **place)  # type: ignore[arg-type]
    offer = Offer("anvil", 31337, "", PLACE, account("me").address, terms, 3, PEOPLE, blind)
    facts = offer_facts(offer, "words")
    assert facts["terms"]["price"] == str(10**30)  # JavaScript would round a number
    assert (facts["terms"]["collection"] is None) == blind
    assert facts["allowlist"][0][1] == "1"
    names = {one["name"] for one in facts["abi"]["sale"] if one["type"] == "function"}
    assert {"buy", "buyListed", "redeem", "refund", "claims"} <= names
    assert "withdraw" not in names  # nothing that only the seller does


def test_the_library_is_the_one_that_its_note_names() -> None:
    note = json.loads(LIBRARY.with_suffix(".json").read_text(encoding="utf-8"))
    assert note["bundle"] == "sha256:" + sha256_file(LIBRARY)
    assert note["lock"] == "sha256:" + sha256_file(LIBRARIES / "package-lock.json")
    text = LIBRARY.read_text(encoding="utf-8")
    assert f"viem {note['version']}" in text.split("\n", 1)[0]
    assert f"viem {note['version']}" in (LIBRARIES.parents[1] / "NOTICE").read_text()
    assert "eval(" not in text and "new Function" not in text


@node
@pytest.mark.skipif(
    not (LIBRARIES / "node_modules").is_dir() or shutil.which("node") is None,
    reason="needs the bundler: npm ci in scripts/site_libraries",
)
def test_bundling_again_gives_the_same_bytes() -> None:
    subprocess.run(["node", "build.mjs", "--check"], cwd=LIBRARIES, check=True, timeout=120)
