"""Many images as one, which a notebook shows by itself."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.synthesis.finish import upscale
from nftgan.synthesis.generate import contact_sheet, write_sheet

CELL = 128  # pixels that a small image is enlarged to, in equal squares


class ImageGrid:
    """Images in reading order on white: the last value of a notebook's cell shows it.

    images: uint8 [N, H, W, 3], a list of [H, W, 3] of one size, or one [H, W, 3]. columns: None
    for a grid about as wide as high. Raises UsageError without images, or for several sizes.
    """

    def __init__(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        columns: int | None = None,
        *,
        gap: int = 2,
    ) -> None:
        many = [images] if isinstance(images, np.ndarray) and images.ndim == 3 else list(images)
        if many:
            factor = max(1, CELL // max(many[0].shape[:2]))
            many = [upscale(image, factor) for image in many]
        self.image = contact_sheet(many, columns=columns, gap=gap)
        self._count = len(many)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"<ImageGrid of {self._count}, {width}x{height} pixels>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.image, dtype=dtype, copy=True)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        Image.fromarray(self.image).save(file, format="PNG")
        return file.getvalue()

    def save(self, path: str | Path) -> None:
        """`path` holds the grid as a PNG; it is a view, not a canonical image."""
        write_sheet(Path(path), self.image)
