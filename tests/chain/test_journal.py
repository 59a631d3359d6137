"""The journal: what a kill leaves of it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nftgan.chain.journal import Attempt, Journal
from nftgan.errors import UsageError

BINDING = {"chain_id": 1, "sender": "0xaa"}


def written(path: Path) -> Journal:
    journal = Journal.open(path, BINDING)
    journal.plan("mint 0-9", first=0, count=10)
    journal.attempt(Attempt("mint 0-9", 4, "0x01", "0x02", 30, 1))
    journal.attempt(Attempt("mint 0-9", 4, "0x03", "0x04", 34, 2))
    journal.final("mint 0-9", hash="0x03", block=7, gas=8, fee_wei=9)
    return journal


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    journal = written(path)
    assert Journal.open(path, BINDING) == journal
    assert [attempt.hash for attempt in journal.attempts["mint 0-9"]] == ["0x01", "0x03"]
    assert journal.finals["mint 0-9"]["block"] == 7
    journal.undo("mint 0-9")
    assert Journal.read(path).finals == {}


def test_a_kill_at_any_byte_costs_at_most_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        whole = data[:size].count(b"\n")
        read = Journal.read(path)
        assert path.read_bytes() == data[:size]  # reading changes nothing
        entries = len(read.attempts.get("mint 0-9", [])) + len(read.plans) + len(read.finals)
        assert entries == max(whole - 1, 0)
        journal = Journal.open(path, BINDING)
        journal.plan("next", first=10, count=1)
        again = Journal.read(path)
        assert "next" in again.plans
        assert len(path.read_bytes().splitlines()) == max(whole, 1) + 1


def test_a_line_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (b"\n", b"{}\n", b"[1]\n", b"nonsense\n", b'{"what": {}}\n', b"\xff\n"):
        path.write_bytes(b"".join([*lines[:2], broken, *lines[3:]]))
        with pytest.raises(UsageError, match="is damaged in line 3"):
            Journal.open(path, BINDING)


@pytest.mark.parametrize("key", ["chain_id", "sender", "genesis"])
def test_the_journal_of_another_chain_or_sender_is_refused(tmp_path: Path, key: str) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    with pytest.raises(UsageError, match=f"belongs to another {key}") as caught:
        Journal.open(path, {**BINDING, key: "other"})
    assert caught.value.hint == "move mint.jsonl away to begin again on this one"


def test_a_plan_is_never_changed(tmp_path: Path) -> None:
    journal = written(tmp_path / "mint.jsonl")
    journal.plan("mint 0-9", first=0, count=10)
    with pytest.raises(UsageError, match="mint 0-9 was begun with count 10, not 20"):
        journal.plan("mint 0-9", first=0, count=20)


def test_a_line_is_one_json_document(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    kinds = [next(iter(json.loads(line))) for line in path.read_text().splitlines()]
    assert kinds == ["header", "plan", "attempt", "attempt", "final"]
