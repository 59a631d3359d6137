"""The progress protocol: the core reports, whoever called decides how to show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Task(Protocol):
    """One piece of work with a known or unknown length."""

    def advance(self, amount: float = 1) -> None: ...

    def update(self, *, completed: float | None = None, note: str | None = None) -> None: ...


class Progress(Protocol):
    """What a workflow is given to say how far it is."""

    def task(
        self, description: str, total: float | None = None, unit: str = ""
    ) -> AbstractContextManager[Task]: ...

    def note(self, message: str) -> None:
        """One line for a person (never the answer itself)."""

    def warn(self, message: str) -> None:
        """One line about something that needs attention."""


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        pass

    def update(self, *, completed: float | None = None, note: str | None = None) -> None:
        pass


class NullProgress:
    """Shows nothing: the default in notebooks and tests."""

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = ""
    ) -> Iterator[_SilentTask]:
        yield _SilentTask()

    def note(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        pass


SILENT = NullProgress()


def track(
    items: Iterable[T],
    progress: Progress,
    description: str,
    unit: str = "",
    total: int | None = None,
) -> Iterator[T]:
    """The items one by one, reported to `progress`; the total is `len(items)` where it has one."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress.task(description, total, unit) as task:
        for item in items:
            yield item
            task.advance()
