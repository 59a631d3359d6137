"""sale open: its terms are checked first, and a kill at any moment opens it once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nftgan.chain.sending import Sender
from nftgan.cli.main import app
from nftgan.collection.manifest import Manifest
from tests.workflows.sale_desk import STRANGER, SaleDesk


class Stopped(BaseException):
    """In the place of a kill."""


@pytest.mark.parametrize("moment", ["_send", "_write_mined", "_write_final"])
def test_a_sale_that_dies_anywhere_is_opened_once(
    desk: SaleDesk, monkeypatch: pytest.MonkeyPatch, moment: str
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
        (("--price", "1", "--supply", "4"), "4 tokens cannot be sold: only 3 left"),
        (("--price", "1", "--opens", "2d", "--closes", "1d"), "opens, then closes"),
        (("--price", "1", "--closes", "2001-01-01"), "over before it begins"),
        (("--price", "1", "--opens", "tomorrow"), "--opens 'tomorrow' is not a time"),
        (("--price", "1", "--signer", STRANGER.replace("E", "e")), "wrong checksum"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_before_anything_is_sent(
    desk: SaleDesk, words: tuple[str, ...], said: str
) -> None:
    blocks = desk.blocks
    assert said in desk.sale("open", *words, "--force", expect=2)["message"]
    assert (desk.blocks, desk.project.sales.exists()) == (blocks, False)


def test_marked_pieces_are_put_on_sale_only_knowingly(desk: SaleDesk) -> None:
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


def test_what_a_received_record_says_and_the_person_does_not_is_refused(desk: SaleDesk) -> None:
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
