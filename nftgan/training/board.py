"""TensorBoard event files of a run, for those who have the extra installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nftgan.errors import UsageError
from nftgan.training.tick import Tick


class Board:
    """Writes each tick's numbers, and each snapshot's sheet, over thousands of images."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, tick: Tick, sheet: npt.NDArray[np.uint8] | None) -> None:
        """sheet: uint8 [H, W, 3], or None when the tick has none."""
        for name, value in tick.statistics.items():
            self._writer.add_scalar(name, value, tick.images)
        self._writer.add_scalar("Augment/p", tick.augment_p, tick.images)
        self._writer.add_scalar("Time/seconds per kimg", tick.seconds_per_kimg, tick.images)
        if sheet is not None:
            self._writer.add_image("Fakes", sheet, tick.images, dataformats="HWC")
        self._writer.flush()


def open_board(run_dir: Path) -> Board:
    """Event files in `run_dir`; UsageError when TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as exc:
        raise UsageError(
            "--tensorboard needs a package that is not installed",
            hint="pip install 'nftgan[tensorboard]'",
        ) from exc
    return Board(SummaryWriter(str(run_dir)))
