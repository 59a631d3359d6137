"""Previews before the finish, kept in memory: a finish is tried and a score is made from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

MOST_BYTES = 64 << 20


class Raws:
    """Images by whatever names them, the oldest forgotten first; thread-safe."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._images: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._mutex = threading.Lock()

    def get(self, key: Hashable) -> np.ndarray | None:
        """uint8 [R, R, 3]; None where it is not kept."""
        with self._mutex:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def put(self, key: Hashable, image: np.ndarray) -> None:
        with self._mutex:
            before = self._images.pop(key, None)
            self._bytes += image.nbytes - (0 if before is None else before.nbytes)
            self._images[key] = image
            while self._bytes > self._most and len(self._images) > 1:
                _, oldest = self._images.popitem(last=False)
                self._bytes -= oldest.nbytes
