"""The contour filter against its description, followed slowly, and what it is there for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nftgan.pixels import pixel_hash
from nftgan.synthesis.contour import upscale_contour
from nftgan.synthesis.effects import probe_image
from nftgan.synthesis.finish import (
    apply_finish,
    art_pixels,
    art_pixels_after,
    to_grid,
    upscale_cubic,
)
from nftgan.synthesis.recipe import Finish
from tests.synthesis.flat_art import disc, flat_picture, ring
from tests.synthesis.slow_contour import slow_contour

LEVELS = st.sampled_from([0, 8, 40, 60, 128, 200, 216, 255])
SMALL = st.integers(1, 5).flatmap(lambda n: arrays(np.uint8, (n, n, 3), elements=LEVELS))


@settings(deadline=None, max_examples=25)
@given(SMALL, st.integers(2, 4), st.sampled_from([0, 2, 3, 5]))
def test_the_enlargement_follows_its_description(
    image: np.ndarray, factor: int, palette: int
) -> None:
    assert np.array_equal(
        upscale_contour(image, factor, palette), slow_contour(image, factor, palette)
    )


@pytest.mark.parametrize(("factor", "palette"), [(2, 0), (3, 4), (5, 2)])
def test_a_picture_with_details_follows_the_description(factor: int, palette: int) -> None:
    image = flat_picture()
    found = upscale_contour(image, factor, palette)
    assert np.array_equal(found, slow_contour(image, factor, palette))
    smooth = upscale_contour(probe_image()[:12, 8:20], factor, palette)
    assert np.array_equal(smooth, slow_contour(probe_image()[:12, 8:20], factor, palette))


def test_its_bytes_stay_the_same_for_ever() -> None:
    found = pixel_hash(upscale_contour(flat_picture(), 16))
    assert found == "sha256:50ecefec70835092e0a798fbb1a6096b7028f817bfe9d05055d61be29ba17896"


def test_a_disc_comes_back_sharper_than_by_cubic_and_with_its_two_colours() -> None:
    small, large = disc(32, (15.2, 16.7), 9.4), disc(256, (15.2, 16.7), 9.4, scale=8)
    found = upscale_contour(small, 8).astype(int)

    def error(image: np.ndarray) -> float:
        return float(((image.astype(int) - large) ** 2).mean())

    assert error(found) < error(upscale_cubic(small, 8)) / 8
    plain = [(found == colour).all(axis=2) for colour in (large[0, 0], large[128, 128])]
    # A ring as thin as a pixel lies between, 2 pi 75 of 65,536 pixels; twice that is allowed.
    assert (plain[0] | plain[1]).mean() > 1 - 4 * np.pi * 75 / 65536


def test_one_colour_stays_one_and_grain_is_gone() -> None:
    image = np.full((9, 9, 3), 77, dtype=np.uint8)
    assert (upscale_contour(image, 7) == 77).all()
    image[::2, ::3] += 3
    assert len(np.unique(upscale_contour(image, 7).reshape(-1, 3), axis=0)) == 1


def test_an_eye_of_four_pixels_and_a_thin_line_survive() -> None:
    found = upscale_contour(flat_picture(), 16)
    assert (found[6 * 16, 7 * 16] > 240).all() and (found[12 * 16 + 8, 5 * 16] < 20).all()


@pytest.mark.parametrize("width", [0.75, 1.0, 1.5])
def test_a_ring_about_a_pixel_wide_stays_whole(width: float) -> None:
    small = ring(32, 10.3, width)
    small[:4, :4] = (20, 60, 190)  # its colour is a plain one elsewhere
    found = upscale_contour(small, 8).astype(int)
    blue = found[..., 2] > found[..., 0]
    angles = np.arange(720) * np.pi / 360
    reach = np.linspace(9.3 - width, 11.3, 40)[:, None]
    y, x = (128 + 8 * reach * step(angles) for step in (np.sin, np.cos))
    crossed = blue[y.astype(int), x.astype(int)]
    assert crossed.any(axis=0).all()
    # As much of each ray is blue as is of the ring, to a third.
    step_out = (reach[1] - reach[0]).item()
    assert abs(crossed.sum(axis=0).mean() * step_out / width - 1) < 1 / 3


def test_a_band_of_two_pixels_between_the_colours_of_its_sides_is_kept() -> None:
    image = np.full((24, 24, 3), 240, dtype=np.uint8)
    image[12:] = 80
    image[11:13] = 160
    image[16:22, 4:10] = 160  # a plain colour elsewhere
    found = upscale_contour(image, 4)
    assert (found[11 * 4 + 1 : 13 * 4 - 1] == 160).all()
    assert (found[: 11 * 4 - 1] == 240).all() and (found[13 * 4 + 1 : 15 * 4, :] == 80).all()


def test_the_finish_finds_plain_colours_of_the_picture_before_its_palette() -> None:
    image = flat_picture()
    colours = "0a0a0a143cbef0961efafafa"
    finish = Finish(0, 4, 6, "contour", colours=colours)
    done = apply_finish(image, finish)
    listed = np.frombuffer(bytes.fromhex(colours), dtype=np.uint8).reshape(-1, 3)
    plain = (done[:, :, None] == listed).all(axis=3).any(axis=2)
    assert plain.mean() > 0.85 and done.shape == (84, 84, 3)
    assert np.array_equal(
        apply_finish(image, Finish(7, 4, 6, "contour")), upscale_contour(to_grid(image, 7), 6, 4)
    )


@pytest.mark.parametrize("factor", [2, 5, 16])
def test_the_art_pixels_of_an_enlarged_piece_are_known_without_enlarging_it(factor: int) -> None:
    finish = Finish(0, 5, factor, "contour")
    whole = apply_finish(flat_picture(), finish)
    assert np.array_equal(art_pixels_after(flat_picture(), finish), art_pixels(whole, factor))


def test_mosaics_of_bands_do_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = upscale_contour(flat_picture(), 5)
    monkeypatch.setattr("nftgan.synthesis.contour._BAND", 1)
    assert np.array_equal(upscale_contour(flat_picture(), 5), whole)
