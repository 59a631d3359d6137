"""The pixel-art finish against its description, followed slowly and literally."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nftgan.alpha import premultiplied, straight
from nftgan.errors import UsageError
from nftgan.synthesis.effects import NamedEffect
from nftgan.synthesis.finish import (
    apply_finish,
    art_pixels,
    art_pixels_after,
    refuse_opaque_steps,
    to_colours,
    to_grid,
    upscale,
    upscale_cubic,
)
from nftgan.synthesis.palette import to_palette
from nftgan.synthesis.recipe import Finish
from tests.synthesis.slow_finish import (
    slow_colours,
    slow_cubic,
    slow_finish_rgba,
    slow_grid,
    slow_oklab,
)

CLEAR = st.integers(1, 6).flatmap(
    lambda n: arrays(np.uint8, (n, n, 4), elements=st.sampled_from([0, 1, 90, 127, 128, 255]))
)
SQUARES = st.integers(1, 9).flatmap(lambda n: arrays(np.uint8, (n, n, 3)))
FEW_LEVELS = st.integers(1, 6).flatmap(
    lambda n: arrays(np.uint8, (n, n, 3), elements=st.sampled_from([0, 1, 2, 90, 91, 255]))
)


@settings(deadline=None, max_examples=40)
@given(SQUARES, st.data())
def test_the_grid_follows_its_description(image: np.ndarray, data: st.DataObject) -> None:
    grid = data.draw(st.integers(1, len(image)))
    assert np.array_equal(to_grid(image, grid), slow_grid(image, grid))


@settings(deadline=None, max_examples=40)
@given(SQUARES | FEW_LEVELS, st.integers(2, 9), st.integers(1, 3))
def test_a_finish_keeps_to_its_palette_and_a_second_palette_changes_nothing(
    image: np.ndarray, limit: int, factor: int
) -> None:
    small = to_palette(image, limit)
    assert len(np.unique(small.reshape(-1, 3), axis=0)) <= limit
    assert np.array_equal(to_palette(small, limit), small)
    done = apply_finish(image, Finish(0, limit, factor))
    assert done.shape == (len(image) * factor, len(image) * factor, 3)
    assert np.array_equal(done[::factor, ::factor], small)


@settings(deadline=None)
@given(SQUARES)
def test_a_grid_as_fine_as_the_image_changes_nothing(image: np.ndarray) -> None:
    assert np.array_equal(to_grid(image, len(image)), image)
    assert np.array_equal(to_grid(upscale(image, 3), len(image)), image)


@settings(deadline=None, max_examples=30)
@given(FEW_LEVELS)
def test_mirroring_the_image_mirrors_the_result(image: np.ndarray) -> None:
    # Colours and their counts decide the palette, not their places.
    done = apply_finish(image, Finish(0, 3, 2))
    assert np.array_equal(apply_finish(image[:, ::-1], Finish(0, 3, 2)), done[:, ::-1])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4).flatmap(lambda n: arrays(np.uint8, (n, n, 3))), st.integers(1, 4))
def test_the_cubic_enlargement_follows_its_description(image: np.ndarray, factor: int) -> None:
    assert np.array_equal(upscale_cubic(image, factor), slow_cubic(image, factor))


def test_the_cubic_enlargement_keeps_flat_colours_and_makes_no_halo_at_its_limits() -> None:
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    image[:, 2:] = 255
    large = upscale_cubic(image, 64)
    assert large.shape == (256, 256, 3)
    assert (large[:, :96] == 0).all() and (large[:, 160:] == 255).all()
    assert (np.diff(large[0, :, 0].astype(int)) >= 0).all()
    assert np.array_equal(apply_finish(image, Finish(0, 0, 64, "cubic")), large)


COLOURS = st.sets(st.integers(0, 2**24 - 1), min_size=2, max_size=12).map(
    lambda found: "".join(f"{one:06x}" for one in sorted(found))
)


@settings(deadline=None, max_examples=25)
@given(SQUARES | FEW_LEVELS, COLOURS)
def test_the_colours_follow_their_description(image: np.ndarray, colours: str) -> None:
    done = to_colours(image, colours)
    assert np.array_equal(done, slow_colours(image, colours))
    listed = {colours[at : at + 6] for at in range(0, len(colours), 6)}
    assert {pixel.tobytes().hex() for pixel in done.reshape(-1, 3)} <= listed
    assert np.array_equal(to_colours(done, colours), done)


@settings(deadline=None, max_examples=25)
@given(SQUARES, COLOURS, st.integers(2, 6))
def test_a_finished_piece_has_few_colours_of_the_art_and_finished_again_is_itself(
    image: np.ndarray, colours: str, palette: int
) -> None:
    finish = Finish(len(image), palette, 2, colours=colours)
    done = apply_finish(image, finish)
    seen = {pixel.tobytes().hex() for pixel in done.reshape(-1, 3)}
    listed = {colours[at : at + 6] for at in range(0, len(colours), 6)}
    assert len(seen) <= palette and seen <= listed
    assert np.array_equal(apply_finish(done, finish), done)


def test_of_two_colours_as_near_the_first_is_taken() -> None:
    # In whole numbers these two have one OKLab value, so both are as near to anything.
    pair = next(
        (f"{one:06x}", f"{one + 1:06x}")
        for one in range(0xFFFF00, 0xFFFFFF)
        if slow_oklab((255, 255, one & 255)) == slow_oklab((255, 255, (one & 255) + 1))
    )
    image = np.array([[[255, 255, int(pair[1][4:], 16)]]], dtype=np.uint8)
    assert to_colours(image, "".join(pair)).tobytes().hex() == pair[0]


LOOKS = [
    Finish(grid=2),
    Finish(palette=2),
    Finish(colours="000000101010ff8000"),
    Finish(grid=3, palette=3, colours="000000ff0000", upscale=2),
    Finish(upscale=3),
    Finish(upscale=2, filter="cubic"),
]


@settings(deadline=None, max_examples=20)
@given(CLEAR, st.sampled_from(LOOKS))
def test_the_finish_of_transparent_images_follows_its_description(
    image: np.ndarray, finish: Finish
) -> None:
    if len(image) < finish.grid:
        return
    done = apply_finish(image, finish)
    assert np.array_equal(done, slow_finish_rgba(image, finish.to_json()))


@settings(deadline=None, max_examples=20)
@given(SQUARES, st.sampled_from(LOOKS))
def test_an_opaque_rgba_image_is_finished_as_its_rgb(image: np.ndarray, finish: Finish) -> None:
    if len(image) < finish.grid:
        return
    whole = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    done = apply_finish(whole, finish)
    assert np.array_equal(done[..., :3], apply_finish(image, finish))
    assert (done[..., 3] == 255).all()


@settings(deadline=None, max_examples=20)
@given(CLEAR, st.sampled_from([*LOOKS, Finish(upscale=5, filter="cubic"), None]))
def test_the_art_pixels_of_a_transparent_image_are_had_without_enlarging_it(
    image: np.ndarray, finish: Finish | None
) -> None:
    image = straight(premultiplied(image))  # as a renderer makes it
    if finish is not None and len(image) < finish.grid:
        return
    small = art_pixels_after(image, finish)
    factor = finish.upscale if finish else 1
    assert np.array_equal(small, art_pixels(apply_finish(image, finish), factor))
    if finish is not None and finish.filter == "nearest":
        assert np.array_equal(small, apply_finish(image, finish.without_enlargement))


def test_the_contour_takes_no_transparent_image() -> None:
    with pytest.raises(UsageError, match="the filter contour takes opaque images"):
        refuse_opaque_steps(Finish(upscale=2, filter="contour"))
    refuse_opaque_steps(Finish(upscale=2, filter="cubic"))
    refuse_opaque_steps(None)


def test_an_effect_of_a_plugin_takes_no_transparent_image() -> None:
    effect = NamedEffect("somebody", "glow", 1, 0)
    with pytest.raises(UsageError, match="the effect glow takes opaque images"):
        apply_finish(np.zeros((2, 2, 4), np.uint8), Finish(effect=effect))
