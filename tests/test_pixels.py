"""Pixels have one name, and values become levels by one rule."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.pixels import pixel_digest, pixel_hash, quantize


def test_the_pixel_hash_names_size_and_bytes_alone() -> None:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    raw = b"nftgan-pixels-1" + bytes([0, 0, 0, 3, 0, 0, 0, 2]) + bytes(range(18))
    assert pixel_hash(image) == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert pixel_hash(image[:, ::-1][:, ::-1]) == pixel_hash(image)
    with pytest.raises(UsageError, match="uint8"):
        pixel_hash(image.astype(np.float32))
    with pytest.raises(UsageError, match="uint8"):
        pixel_hash(image[:, :, 0])


def test_values_are_floored_and_clamped() -> None:
    levels = np.array([-3.0, -0.1, 0.0, 0.999, 1.0, 127.5, 254.999, 255.0, 255.9, 400.0])
    assert quantize(levels).tolist() == [0, 0, 0, 0, 1, 127, 254, 255, 255, 255]


def test_the_digest_of_a_grey_image_is_of_its_one_channel() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    raw = b"nftgan-pixels-1" + bytes([0, 0, 0, 3, 0, 0, 0, 2]) + bytes(range(6))
    assert pixel_digest(grey) == hashlib.sha256(raw).hexdigest()


def test_the_pixel_hash_binds_the_number_of_channels() -> None:
    image = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    raw = b"nftgan-pixels-1" + bytes([0, 0, 0, 3, 0, 0, 0, 2]) + bytes(range(24))
    assert pixel_hash(image) == "sha256:" + hashlib.sha256(raw).hexdigest()
    opaque = image.copy()
    opaque[..., 3] = 255
    # Width, height and the number of bytes say how many channels there are.
    others = [image.reshape(2, 4, 3), image.reshape(4, 2, 3), image[..., :3], opaque]
    assert len({pixel_hash(one) for one in [image, *others]}) == 5
