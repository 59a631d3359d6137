"""Patience with a partner: every answer may be on time, and all of them together never end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nftgan.http import CLOCK, Clock


class Patience:
    """What answers may take in all, beyond the time of prompt ones."""

    def __init__(
        self,
        seconds: float,
        *,
        prompt_seconds: float,
        bytes_per_second: float = math.inf,
        clock: Clock | None = None,
    ) -> None:
        """A prompt answer takes `prompt_seconds`, and its bytes at `bytes_per_second`."""
        self.seconds, self._prompt, self._rate = seconds, prompt_seconds, bytes_per_second
        self._clock = clock or CLOCK
        self.waited_seconds = 0.0

    @property
    def over(self) -> bool:
        return self.waited_seconds > self.seconds

    @contextmanager
    def waiting(self) -> Iterator[Callable[[int], None]]:
        """Around one answer, also one that fails; what is given is told how many bytes came."""
        began, came = self._clock.now(), 0

        def note(count: int) -> None:
            nonlocal came
            came += count

        try:
            yield note
        finally:
            took = self._clock.now() - began
            self.waited_seconds += max(took - self._prompt - came / self._rate, 0.0)
