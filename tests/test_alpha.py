"""Straight and premultiplied colours, against Pillow and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import (
    BOARD,
    cleared,
    looked_at,
    over,
    over_board,
    premultiplied,
    seen,
    straight,
)


def every_pair() -> np.ndarray:
    """uint8 [256, 256, 4]: each value of a colour with each alpha."""
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    return np.stack([colour, 255 - colour, colour // 2, alpha], axis=2).astype(np.uint8)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (13, 200, 101)])
def test_an_image_over_a_colour_is_what_pillow_pastes(colour: tuple[int, int, int]) -> None:
    image = Image.fromarray(every_pair())
    canvas = Image.new("RGB", image.size, colour)
    canvas.paste(image.convert("RGB"), mask=image.getchannel("A"))
    assert np.array_equal(over(every_pair(), colour), np.asarray(canvas))


def test_premultiplied_colours_are_those_over_black() -> None:
    image = premultiplied(every_pair())
    assert np.array_equal(image[..., :3], over(every_pair(), (0, 0, 0)))
    assert np.array_equal(image[..., 3], every_pair()[..., 3])


def test_each_premultiplied_pixel_comes_back_from_its_straight_one() -> None:
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    image = np.stack([np.minimum(colour, alpha)] * 3 + [alpha], axis=2).astype(np.uint8)
    assert np.array_equal(premultiplied(straight(image)), image)
    once = straight(image)
    assert np.array_equal(straight(premultiplied(once)), once)  # a file stays as it is


def test_straight_colours_are_rounded_quotients_that_never_leak_or_overflow() -> None:
    image = np.array([[10, 3, 0, 0], [1, 2, 3, 3], [200, 90, 0, 100]], np.uint8)
    # 255 * 1 / 3 = 85; 200 is above its alpha, and becomes full; 255 * 90 / 100 = 229.5
    expected = [[0, 0, 0, 0], [85, 170, 255, 3], [255, 230, 0, 100]]
    assert straight(image).tolist() == expected


def test_an_opaque_image_is_the_same_in_every_way() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = np.dstack([rgb, np.full((8, 8), 255, np.uint8)])
    assert np.array_equal(premultiplied(image), image)
    assert np.array_equal(straight(image), image)
    assert np.array_equal(over(image), rgb)
    assert np.array_equal(over_board(image), rgb)
    assert over(rgb) is rgb and over_board(rgb) is rgb


def test_what_is_transparent_hides_no_colour_and_shows_the_board() -> None:
    image = np.full((4, 4, 4), 77, np.uint8)
    image[:, 2:, 3] = 0
    assert (cleared(image)[:, 2:] == 0).all() and (cleared(image)[:, :2] == 77).all()
    board = over_board(np.zeros((4, 4, 4), np.uint8), cell=2)
    assert (board[:2, :2] == BOARD[0]).all() and (board[:2, 2:] == BOARD[1]).all()
    assert (board[2:, :2] == BOARD[1]).all()


def test_a_file_is_looked_at_as_what_networks_made_of_it() -> None:
    made = np.minimum(every_pair(), every_pair()[..., 3:])  # premultiplied, as a network has it
    shown = seen(made.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
    assert np.array_equal(looked_at(straight(made)), shown)
    assert np.abs(looked_at(every_pair()).astype(int) - over(every_pair())).max() <= 1
    assert np.array_equal(looked_at(made[..., :3]), made[..., :3])
