"""Log queries: spans that narrow to what a node allows, grow again, and leave no block out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nftgan.chain.errors import NodeRefused, NodeUnavailable
from nftgan.chain.logs import named_span, search_backwards
from nftgan.errors import ServiceError

NODE: Any = SimpleNamespace(where="https://node")


class Asked:
    """A node that allows queries over at most `most` blocks, or what `limit` says for each."""

    def __init__(self, most: int, words: str = "block range is too wide") -> None:
        self.most, self.words = most, words
        self.answered: list[tuple[int, int]] = []
        self.refused = 0

    def limit(self, start: int, end: int) -> int:
        return self.most

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        if end - start + 1 > self.limit(start, end):
            self.refused += 1
            raise NodeRefused("https://node", self.words, -32600)
        self.answered.append((start, end))
        return start, end


def whole(answered: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the spans, latest first, cover the blocks once each."""
    edges = [last + 1, *(start for start, _ in answered)]
    return edges[-1] == first and all(
        end == edge - 1 for (_, end), edge in zip(answered, edges, strict=False)
    )


@pytest.mark.parametrize("most", [1, 2, 5, 10, 499, 500, 1000, 10_000, 10**9])
def test_every_block_is_asked_once_whatever_a_node_allows(most: int) -> None:
    asked, last = Asked(most), 7 + 300 * min(most, 40)
    assert list(search_backwards(NODE, 7, last, asked)) == asked.answered
    assert whole(asked.answered, 7, last)


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("you can make eth_getLogs requests with up to a 10 block range.", 10),
        ("exceed maximum block range: 5000", 5000),
        ("eth_getLogs is limited to a 10,000 range", 10_000),
        ("max range is 2K blocks", 2000),
    ],
)
def test_a_number_in_the_refusal_is_taken_at_its_word(words: str, most: int) -> None:
    asked = Asked(most, words)
    blocks = 20 * most
    list(search_backwards(NODE, 0, blocks - 1, asked))
    assert asked.refused == 1 and len(asked.answered) == 20


def test_what_a_number_is_about_is_looked_at() -> None:
    assert named_span("query returned more than 10000 results", 10**6) is None
    assert named_span("more than 10000 results. Try [0x10, 0x1f]", 10**6) == 16
    assert named_span("requested 8000 blocks, at most 2000", 8000) == 2000
    assert named_span("limit: 10 blocks", 10) is None  # that was asked already
    assert named_span("error 1e99 " + "9" * 5000, 10**6) in (None, 1)


def test_a_span_grows_again_after_a_crowded_place() -> None:
    """Logs lie thick in the newest thousand blocks only."""
    asked, last = Asked(0), 10**6
    asked.limit = lambda start, end: 10 if end > last - 1000 else 10**5  # type: ignore[method-assign]
    list(search_backwards(NODE, 0, last, asked))
    assert whole(asked.answered, 0, last)
    assert len(asked.answered) + asked.refused < 250


def test_what_is_refused_for_one_block_is_refused() -> None:
    asked = Asked(0, "no logs here")
    with pytest.raises(ServiceError, match="no logs here") as caught:
        list(search_backwards(NODE, 0, 10**6, asked))
    assert asked.refused <= 12 and "--seed-store code" in str(caught.value.hint)


def test_silence_narrows_but_is_not_taken_for_an_answer() -> None:
    asked: list[int] = []

    def ask(start: int, end: int) -> int:
        asked.append(end - start + 1)
        if end - start >= 5000:
            raise NodeUnavailable("time is over")
        return end - start + 1

    assert sum(search_backwards(NODE, 0, 99_999, ask)) == 100_000
    with pytest.raises(NodeUnavailable):
        list(search_backwards(NODE, 0, 10**9, lambda start, end: ask(0, 10**9)))
    assert asked.count(10**9 + 1) == 4
