"""What an augmentation is, how it is drawn by chance, and pipes of them by name.

A pipe is a sequence of the core's operations by name, and of augmentations of plugins.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nftgan import plugins
from nftgan.training.pipes import GROUP, OPERATIONS

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chance:
    """Draws for a batch of `count` images, each of which is changed with probability `p`.

    All that is random comes from `rng`, so that a resumed run draws as an undisturbed one.
    """

    rng: np.random.Generator
    count: int
    p: float

    def where(self, value: Array, identity: float, p: float | None = None) -> Array:
        """`value` [N, …] for the images that are changed, `identity` for the others."""
        applied = self.rng.random(self.count) < (self.p if p is None else p)
        return np.where(applied.reshape(-1, *[1] * (value.ndim - 1)), value, identity)

    def normal(self, *shape: int) -> Array:
        """[N, *shape] ~ N(0, 1)."""
        return self.rng.standard_normal((self.count, *shape))

    def integers(self, end: int) -> Array:
        """[N] from 0 to `end` - 1."""
        return self.rng.integers(end, size=self.count).astype(np.float64)

    def angle(self) -> Array:
        """[N] radians, any direction."""
        return self.rng.uniform(-math.pi, math.pi, self.count)

    def power_of_two(self, deviation: float) -> Array:
        """[N] factors, 2 to a normal number."""
        return np.asarray(2.0 ** (self.normal() * deviation))


@dataclass(frozen=True)
class Augmentation:
    """An operation of a plugin, applied after the core's.

    sample: what happens to each image of a batch, [N, …], by `chance.where`. apply: images
    [N, C, H, W] around [-1, 1] and those values, as a tensor of their type → images of the same
    shape; it draws nothing, and autograd goes through it twice.
    """

    name: str
    sample: Callable[[Chance], Array]
    apply: Callable[[Tensor, Tensor], Tensor]


Pipe = Sequence[str | Augmentation]


@functools.cache
def operations_of(name: str) -> tuple[str | Augmentation, ...]:
    """The operations of the pipe `name`. Raises PluginError for a plugin's that is broken."""
    part = plugins.parts(GROUP)[name]
    pipe = part.load()
    if isinstance(pipe, str) or not isinstance(pipe, Sequence):
        raise part.broken("a pipe is a list of operations")
    for one in pipe:
        if not isinstance(one, Augmentation) and one not in OPERATIONS:
            raise part.broken(f"no augmentation is called {one!r}")
    names = [one.name if isinstance(one, Augmentation) else one for one in pipe]
    added = [one.name for one in pipe if isinstance(one, Augmentation)]
    if len(set(names)) < len(names) or {*OPERATIONS, "rotate_after"} & set(added):
        raise part.broken("two of its operations have one name")
    return tuple(pipe)
