"""What the training loop hands to whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nftgan.training.distributed import Distributed

SampleFn = Callable[[Sequence[int]], npt.NDArray[np.uint8]]
"""Images [N, C, H, W] of the averaged generator for N seeds."""
Score = Callable[[SampleFn, Distributed], dict[str, float]]
"""Measures a network at a snapshot; given to the loop by who may know of metrics. All processes of
the group call it, and the main process's answer counts."""


@dataclass(frozen=True)
class Tick:
    """A stop to look around: what happened since the tick before."""

    number: int
    images: int
    total_images: int
    statistics: dict[str, float]  # means since the tick before
    augment_p: float
    seconds: float  # training time over all sessions
    seconds_per_kimg: float  # in this tick, in this session
    snapshot: bool  # networks and sample grid are due
    last: bool
    warnings: tuple[str, ...]  # in words, with what to do
    stage: str = ""  # of a run that starts with another task than its own: see `training/start.py`
    diverged: bool = field(
        default=False, metadata={"json": "lost"}
    )  # nothing good will come of going on

    @property
    def kimg(self) -> float:
        return self.images / 1000
