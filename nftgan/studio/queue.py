"""Questions that wait for the thread that owns the model: what a person looks at comes first."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")


class Rank(IntEnum):
    """Who waits for an answer; the lowest comes first."""

    STAGE = 0  # the large image, under a slider or a key
    PAGE = 1  # what is around it: drafts of tiles, relatives, art


@dataclass(order=True)
class _Waiting:
    rank: Rank
    number: int
    answer: Future[Any] = field(compare=False)
    question: Callable[[], Any] = field(compare=False)


class Questions:
    """Functions by rank, those of one rank in their order. Not thread-safe: its owner locks it.

    An answer that was cancelled while it waited is never worked for.
    """

    def __init__(self) -> None:
        self._heap: list[_Waiting] = []
        self._numbers = count()

    def put(self, question: Callable[[], T], rank: Rank) -> Future[T]:
        answer: Future[T] = Future()
        heapq.heappush(self._heap, _Waiting(rank, next(self._numbers), answer, question))
        return answer

    def take(self, last: Rank = Rank.PAGE) -> Callable[[], None] | None:
        """What answers the next question, an error of it too; None where nobody waits.

        last: questions of later ranks stay.
        """
        while self._heap and self._heap[0].rank <= last:
            first = heapq.heappop(self._heap)
            if first.answer.set_running_or_notify_cancel():
                return lambda: _answer(first)
        return None


def _answer(waiting: _Waiting) -> None:
    try:
        waiting.answer.set_result(waiting.question())
    except BaseException as exc:
        waiting.answer.set_exception(exc)
