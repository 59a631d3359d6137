"""What a partner may make us wait is summed, however prompt each answer looks."""

from __future__ import annotations

import pytest

from nftgan.errors import ServiceError
from nftgan.http import Clock
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.remote import PATIENCE_SECONDS, PROMPT_BYTES, PROMPT_SECONDS, patient
from nftgan.patience import Patience


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now)


def test_only_what_is_beyond_prompt_answers_counts() -> None:
    time = Time()
    patience = Patience(10, prompt_seconds=2, bytes_per_second=1000, clock=time.clock())
    for took, came, waited in ((2, 0, 0), (3, 0, 1), (5, 3000, 1), (9, 1000, 7), (0, 10**9, 7)):
        with patience.waiting() as note:
            time.now += took
            note(came)
        assert patience.waited_seconds == waited and not patience.over


def test_an_answer_that_fails_counts_too() -> None:
    time = Time()
    patience = Patience(10, prompt_seconds=2, clock=time.clock())
    with pytest.raises(OSError), patience.waiting():
        time.now += 12.5
        raise OSError
    assert patience.over


def test_a_gateway_that_is_slow_block_by_block_is_given_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time, asked, slow = Time(), 0, 60.0
    monkeypatch.setattr("nftgan.patience.CLOCK", time.clock())

    def get(_: Cid) -> bytes:
        nonlocal asked
        asked += 1
        time.now += slow
        return b"block"

    read = patient(get, "https://slow.example")
    with pytest.raises(ServiceError, match=r"https://slow\.example is too slow: it took 900 s"):
        for _ in range(1000):
            read(Cid.of(b"block", RAW))
    lost = slow - PROMPT_SECONDS - 5 / PROMPT_BYTES
    assert asked == int(PATIENCE_SECONDS / lost) + 1
