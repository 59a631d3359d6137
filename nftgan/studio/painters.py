"""Several painters: a copy of the model for each device, and one order of what they make."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nftgan.studio.cache import Cache
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Recipe


class InOrder:
    """What painters found becomes known in the order in which they began, whoever is done first.

    So the candidates come to the page as one painter would bring them. Nobody waits: who ends the
    batch that was missing tells the later ones as well. Not thread-safe: its owner locks it.
    """

    def __init__(self) -> None:
        self._begun = self._told = 0
        self._ready: dict[int, Callable[[], None]] = {}

    def begin(self) -> int:
        """The number of a batch."""
        self._begun += 1
        return self._begun - 1

    def end(self, number: int, tell: Callable[[], None] = lambda: None) -> None:
        """`tell` runs once all before it have; a batch that failed has nothing to tell."""
        self._ready[number] = tell
        while self._told in self._ready:
            ready = self._ready.pop(self._told)
            self._told += 1
            ready()


@dataclass(frozen=True, eq=False)
class Look:
    """What is painted: a batch that was begun with another look than that of now is dropped."""

    recipe: Recipe  # as the screen shows it
    whole: Recipe
    raw: Recipe  # before the finish
    cache: Cache
    order: InOrder = field(default_factory=InOrder)  # its own: no batch waits for a dropped look's


def on_devices(model: Model, devices: Sequence[str]) -> list[Model]:
    """`model`, moved to the first device, and a copy of it on each other one."""
    copies = [
        Model(
            copy.deepcopy(model.generator),
            copy.deepcopy(model.discriminator),
            model.identity,
            model.info,
        ).to(device)
        for device in devices[1:]
    ]
    return [model.to(devices[0]), *copies]
