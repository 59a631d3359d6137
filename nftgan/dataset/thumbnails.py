"""Thumbnails of the images of a set, kept out of the memory where they are many."""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from typing import IO

import numpy as np

IN_MEMORY = 1024
"""So many stay in the memory; a file of the system's temporary folder takes the others."""


class ThumbnailStore:
    """uint8 [S, S, 3] by number, all of one shape.

    The file has no name and goes with the store. Where none can be made or the disk is full, the
    memory takes all.
    """

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []
        self._file: IO[bytes] | None = None
        self._in_file = 0
        self._full = not hasattr(os, "pread")  # Windows

    def __len__(self) -> int:
        return len(self._kept) + self._in_file

    def add(self, thumbnail: np.ndarray) -> int:
        """Keep it; its number."""
        if len(self._kept) >= IN_MEMORY and not self._full:
            self._full = not self._written(thumbnail)
            if not self._full:
                self._in_file += 1
                return -self._in_file
        self._kept.append(thumbnail)
        return len(self._kept) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        if number >= 0:
            return self._kept[number]
        shape = self._kept[0].shape
        size = self._kept[0].nbytes
        assert self._file is not None
        # Without a position: threads and forked processes read the same file.
        data = os.pread(self._file.fileno(), size, (-number - 1) * size)
        return np.frombuffer(data, dtype=np.uint8).reshape(shape)

    def _written(self, thumbnail: np.ndarray) -> bool:
        with contextlib.suppress(OSError):
            if self._file is None:
                # Open as long as the store is there.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            place = self._in_file * thumbnail.nbytes
            return os.pwrite(self._file.fileno(), thumbnail.tobytes(), place) == thumbnail.nbytes
        return False
