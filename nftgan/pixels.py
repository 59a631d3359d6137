"""Pixels of an image: their names by SHA-256, and how a value becomes one of 256 levels."""

from __future__ import annotations

import hashlib
import struct

import numpy as np

from nftgan.errors import UsageError


def pixel_digest(pixels: np.ndarray) -> str:
    """Hex SHA-256 of b"nftgan-pixels-1", width, height (uint32 big-endian) and the raw bytes.

    pixels: uint8 [H, W, 3], [H, W, 4] with straight colours, or [H, W] for grey.
    """
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(b"nftgan-pixels-1" + struct.pack(">II", width, height))
    digest.update(np.ascontiguousarray(pixels, dtype=np.uint8).data)
    return digest.hexdigest()


def pixel_hash(image: np.ndarray) -> str:
    """ "sha256:…" that names the image itself, whatever file it is stored in.

    image: uint8 [H, W, 3], or [H, W, 4] with straight colours. SHA-256 of b"nftgan-pixels-1", width
    and height (uint32 big-endian) and the RGB or RGBA bytes. Raises UsageError for another shape or
    type.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8:
        raise UsageError(f"an image is uint8 [H, W, 3 or 4], not {image.dtype} {list(image.shape)}")
    return "sha256:" + pixel_digest(image)


def quantize(levels: np.ndarray) -> np.ndarray:
    """floor(clamp(levels, 0, 255)) as uint8; levels = 127.5 x + 128."""
    result: np.ndarray = np.floor(np.clip(levels, 0, 255)).astype(np.uint8)
    return result
