"""The held-out side of a data set: a fixed share, the same for ever, mirror images together."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import default_fraction, held_out, split
from nftgan.dataset.pack import write_dataset


def digests(count):
    return [hashlib.sha256(str(n).encode()).digest() for n in range(count)]


@given(st.integers(1, 300), st.floats(0, 0.5))
def test_every_item_is_on_one_side(count, fraction):
    shown, held = split(digests(count), fraction)
    assert sorted([*shown, *held]) == list(range(count))
    assert len(shown)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_about_the_asked_for_share_is_held_out(fraction):
    _, held = split(digests(4000), fraction)
    assert len(held) == pytest.approx(4000 * fraction, abs=4 * (4000 * fraction) ** 0.5)


def test_adding_pictures_moves_none_to_the_other_side():
    few, many = split(digests(300), 0.2)[1], split(digests(900), 0.2)[1]
    assert few.tolist() == [n for n in many if n < 300]


def test_a_picture_and_its_mirror_image_share_a_side(tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    both = [side for picture in pictures for side in (picture, picture[:, ::-1])]
    write_dataset(tmp_path / "set.zip", both, labels=None)
    _, held = held_out(Dataset.open(tmp_path / "set.zip"), 0.3)
    assert len(held)
    assert {n for n in held if n % 2 == 0} == {n - 1 for n in held if n % 2}


def test_small_sets_spare_nothing():
    assert default_fraction(499) == 0
    assert default_fraction(500) == 0.1
