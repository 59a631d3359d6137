"""The verbs after curation, started from the page: one at a time, with their progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nftgan.errors import NftganError, UsageError
from nftgan.progress import Progress

Step = Callable[[Progress, Mapping[str, Any]], str]
"""Does a verb and says in a sentence what came of it; the mapping is what the page asks for."""
IDLE: dict[str, Any] = {"state": "idle"}


class Steps:
    """Thread-safe; `state` is what the page shows."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = dict(steps)
        self._mutex = threading.Lock()
        self.state: dict[str, Any] = IDLE

    @property
    def names(self) -> list[str]:
        return list(self._steps)

    def begin(self, name: str, wish: Mapping[str, Any]) -> None:
        """Start `name` unless something runs already. Raises UsageError for no such step."""
        if name not in self._steps:
            raise UsageError(f"{name!r} is no step that the studio takes")
        with self._mutex:
            if self.state["state"] == "working":
                raise UsageError(f"{self.state['name']} is at work: wait until it is done")
            self.state = {"state": "working", "name": name, "done": 0, "of": None, "what": name}
        threading.Thread(target=self._run, args=(name, dict(wish)), daemon=True).start()

    def _run(self, name: str, wish: Mapping[str, Any]) -> None:
        try:
            said = self._steps[name](_Told(self), wish)
            self.state = {"state": "done", "name": name, "said": said}
        except NftganError as exc:
            failed = {"state": "failed", "name": name, "error": exc.message, "hint": exc.hint}
            self.state = failed
        except Exception as exc:
            self.state = {
                "state": "failed",
                "name": name,
                "error": f"a bug in nftgan: {exc}",
                "hint": None,
            }


class _Told:
    """A Progress that only remembers how far it is."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = ""
    ) -> Iterator[_ToldTask]:
        self._steps.state = {**self._steps.state, "what": description, "done": 0, "of": total}
        yield _ToldTask(self._steps)

    def note(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        self._steps.state = {**self._steps.state, "warning": message}


class _ToldTask:
    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def advance(self, amount: float = 1) -> None:
        state = self._steps.state
        self._steps.state = {**state, "done": state.get("done", 0) + amount}

    def update(self, *, completed: float | None = None, note: str | None = None) -> None:
        if completed is not None:
            self._steps.state = {**self._steps.state, "done": completed}
