"""The journal: what a kill leaves of it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nftgan.chain.journal import Attempt, Journal
from nftgan.errors import UsageError

BINDING = {"chain_id": 1, "sender": "0xaa"}


def written(path: Path) -> Journal:
    journal = Journal.open(path, BINDING)
    journal.plan("mint 0-9", first=0, count=10)
    journal.attempt(Attempt("mint 0-9", 4, "0x01", "0x02", 30, 1))
    journal.attempt(Attempt("mint 0-9", 4, "0x03", "0x04", 34, 2))
    journal.mine("mint 0-9", hash="0x03", block=7)
    journal.final("mint 0-9", hash="0x03", block=7, gas=8, fee_wei=9)
    return journal


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    journal = written(path)
    assert Journal.open(path, BINDING) == journal
    assert [attempt.hash for attempt in journal.attempts["mint 0-9"]] == ["0x01", "0x03"]
    assert journal.finals["mint 0-9"]["block"] == 7
    journal.undo("mint 0-9")
    assert Journal.read(path).finals == Journal.read(path).mined == {}


def test_a_kill_at_any_byte_costs_at_most_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        whole = data[:size].count(b"\n")
        read = Journal.read(path)
        assert path.read_bytes() == data[:size]  # reading changes nothing
        entries = len(read.attempts.get("mint 0-9", []))
        entries += len(read.plans) + len(read.mined) + len(read.finals)
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
    assert kinds == ["header", "plan", "attempt", "attempt", "mined", "final"]


def test_a_state_is_planned_sent_mined_or_final(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "mint.jsonl", BINDING)
    states = [journal.state("a")]
    journal.plan("a", first=0, count=1)
    states.append(journal.state("a"))
    journal.attempt(Attempt("a", 0, "0x01", "0x02", 30, 1))
    states.append(journal.state("a"))
    journal.mine("a", hash="0x01", block=1)
    states.append(journal.state("a"))
    journal.final("a", hash="0x01", block=1, gas=1, fee_wei=1)
    states.append(journal.state("a"))
    journal.undo("a")
    states.append(journal.state("a"))
    assert states == ["planned", "planned", "sent", "mined", "final", "sent"]


def test_what_another_process_wrote_is_seen_and_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "mint.jsonl"
    written(path)
    with path.open("ab") as file:
        file.write(b'{"att')  # a kill
    first, second = Journal.open(path, BINDING), Journal.open(path, BINDING)
    first.plan("next", first=10, count=1)
    data = path.read_bytes()
    assert data.endswith(b"\n") and b'{"att{' not in data
    assert "next" not in second.plans
    second.reload()
    assert "next" in second.plans and path.read_bytes() == data
    second.plan("last", first=11, count=1)
    assert path.read_bytes().startswith(data)
    first.reload()
    assert first == second == Journal.read(path)
    path.write_text(json.dumps({"header": {"journal": 1, **BINDING, "sender": "0xbb"}}) + "\n")
    with pytest.raises(UsageError, match="belongs to another sender"):
        first.reload()


def test_a_journal_that_is_only_opened_leaves_no_file(tmp_path: Path) -> None:
    Journal.open(tmp_path / "mint.jsonl", BINDING)
    assert not (tmp_path / "mint.jsonl").exists()


def test_what_was_signed_costs_its_worst_case_until_it_is_known(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "mint.jsonl", BINDING)
    journal.attempt(Attempt("a", 0, "0x01", "0x", 10, 1, gas=100))
    journal.attempt(Attempt("a", 0, "0x02", "0x", 12, 1, gas=100))  # replaces it
    journal.attempt(Attempt("b", 1, "0x03", "0x", 10, 1, gas=50))
    assert journal.committed_wei() == 1_200 + 500
    journal.final("a", hash="0x01", block=1, gas=90, fee_wei=700)
    assert journal.committed_wei() == 700 + 500


def test_of_several_attempts_with_one_nonce_the_dearest_counts(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "mint.jsonl", BINDING)
    journal.attempt(Attempt("mint 0-9", 4, "0x01", "0x", 30, 1, gas=100))
    journal.attempt(
        Attempt("mint 0-9", 4, "0x02", "0x", 34, 2, gas=10)
    )  # less gas, but which wins?
    journal.attempt(Attempt("mint 0-9", 5, "0x03", "0x", 1, 1, gas=7))
    assert journal.committed_wei() == 3_000 + 7


@pytest.mark.parametrize(
    "line",
    [
        *(
            {"plan": {"operation": "mint 0-1", "first": one, "count": 2}}
            for one in (-1, "0", 0.0, True)
        ),
        *(
            {"plan": {"operation": "mint 0-1", "first": 0, "count": one}}
            for one in (0, -2, "2", None)
        ),
        *({"plan": {"operation": one}} for one in (7, None, ["mint"])),
        {"plan": {"first": 0}},
        {"plan": {"operation": "mint 0-1", "first": 2**256}},
        {"plan": {"operation": "mint 0-1", "to": {}}},
        {"plan": {"operation": "mint 0-1", "to": "0x" + 100 * "1"}},
        {"plan": {"operation": "mint 0-1", "name": 1}},
        {"mined": {"operation": "mint 0-1", "hash": 1, "block": 1}},
        {"mined": {"operation": "mint 0-1", "hash": "0x"}},
        {"final": {"operation": "m", "hash": "0x", "block": 1, "gas": "1", "fee_wei": 1}},
        {"final": {"operation": "m", "hash": "0x", "block": 1, "gas": 1}},
        {
            "attempt": {
                "operation": "m",
                "nonce": -1,
                "hash": "",
                "raw": "",
                "max_fee_wei": 1,
                "tip_wei": 1,
            }
        },
        {
            "attempt": {
                "operation": "m",
                "nonce": 1,
                "hash": "",
                "raw": 5,
                "max_fee_wei": 1,
                "tip_wei": 1,
            }
        },
        {"undone": {"operation": []}},
        {"final": []},
        {"other": {"operation": "m"}},
        {"header": 7},
    ],
)
def test_a_line_of_another_form_is_damage_in_one_sentence(tmp_path: Path, line: Any) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({"header": {}}) + "\n" + json.dumps(line) + "\n")
    with pytest.raises(UsageError, match="is damaged in line 2"):
        Journal.read(path)
