"""A PNG from anywhere as pixels: bounded, and never anything but a PNG."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan.errors import CheckFailed, UsageError

MAX_PIXELS = 100_000_000


def decode_png(data: bytes, *, what: str) -> np.ndarray:
    """uint8 [H, W, 3]; CheckFailed when `data` is not a whole RGB or palette PNG of sane size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise CheckFailed(f"{what} has {image.width} x {image.height} pixels, too many")
                if image.mode not in {"RGB", "P"} or getattr(image, "is_animated", False):
                    raise CheckFailed(f"{what} is not a plain RGB image")
                return np.asarray(image.convert("RGB"))
    except CheckFailed:
        raise
    except Exception as exc:  # Pillow's decoders raise what they like on broken files
        raise CheckFailed(f"{what} cannot be read as a PNG: {exc}") from exc


def read_png(path: Path) -> np.ndarray:
    """The pixels of a PNG file. Raises CheckFailed as `decode_png`, UsageError without the file."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", hint="nftgan render") from exc
    return decode_png(data, what=str(path))
