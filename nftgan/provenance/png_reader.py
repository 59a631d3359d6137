"""A PNG from anywhere as pixels: bounded, never anything but a PNG, and no more than its pixels."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan.errors import CheckFailed, UsageError
from nftgan.synthesis.png import encode_png

MAX_PIXELS = 100_000_000


def check_canonical(data: bytes, image: np.ndarray, *, what: str) -> None:
    """Raises CheckFailed unless `data` is the one PNG file that these pixels have here.

    A file may hold more than its pixels: a colour profile that exchanges red and blue, a colour
    that is shown as a hole, an orientation, a damaged end. Programs that heed it show another
    image than the one whose pixels are checked, so there must be nothing else.
    """
    if data != encode_png(image):
        raise CheckFailed(f"{what} holds more than its pixels: programs may show another image")


def decode_png(
    data: bytes,
    *,
    what: str,
    size: tuple[int, int] | None = None,
    most_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """uint8 [H, W, 3]; CheckFailed when `data` is not a whole RGB or palette PNG of sane size.

    size: (width, height) that it must have.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                if size is not None and image.size != size:
                    raise CheckFailed(f"{what} has not the {size[0]} x {size[1]} pixels it should")
                if image.width * image.height > most_pixels:
                    raise CheckFailed(f"{what} has {image.width} x {image.height} pixels, too many")
                if image.mode not in {"RGB", "P"} or getattr(image, "is_animated", False):
                    raise CheckFailed(f"{what} is not a plain RGB image")
                return np.asarray(image.convert("RGB"))
    except CheckFailed:
        raise
    except Exception as exc:  # Pillow's decoders raise what they like on broken files
        raise CheckFailed(f"{what} cannot be read as a PNG: {str(exc)[:200]}") from exc


def read_png(path: Path) -> np.ndarray:
    """The pixels of a PNG file. Raises CheckFailed as `decode_png`, UsageError without the file."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", hint="nftgan render") from exc
    return decode_png(data, what=str(path))
