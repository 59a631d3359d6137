"""Texts under images: readable, never over the image, never wider than it."""

from __future__ import annotations

import numpy as np
import pytest

from nftgan.synthesis.captions import LETTER, captioned

BLACK = np.zeros((128, 128, 3), np.uint8)


def test_a_caption_stands_under_the_image_in_the_middle_and_changes_no_pixel_of_it() -> None:
    (found,) = captioned([BLACK], ["42"])
    assert found.dtype == np.uint8 and found.shape[1:] == (128, 3)
    assert (found[:128] == 0).all()
    strip = found[128:]
    assert LETTER <= len(strip) <= 2 * LETTER and strip.max() == 255
    columns = np.flatnonzero((strip < 255).any(axis=(0, 2)))
    assert abs((columns[0] + columns[-1]) / 2 - 63.5) <= 2


def test_each_number_looks_another_and_the_same_one_alike() -> None:
    strips = [one[128:].tobytes() for one in captioned([BLACK] * 11, [*"0123456789", "7"])]
    assert len(set(strips)) == 10 and strips[7] == strips[10]


def test_letters_grow_with_large_images() -> None:
    def height(side: int) -> int:
        (found,) = captioned([np.zeros((side, side, 3), np.uint8)], ["8"])
        rows = np.flatnonzero((found[side:] < 255).any(axis=(1, 2)))
        return int(rows[-1] - rows[0] + 1)

    assert height(64) == height(128) == height(256)
    assert height(1024) == 4 * height(128)


@pytest.mark.parametrize("text", ["", "portrait-of-my-grandmother-in-the-garden", "Grüße-猫"])
def test_any_text_fits(text: str) -> None:
    (found,) = captioned([BLACK[:, :40]], [text])
    assert found.shape[1] == 40 and (found[:128] == 0).all()
