import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.colour import converted, space_of_png
from nftgan.dataset.png_chunks import PngFacts

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
COLOURS = np.array([[[200, 30, 90], [0, 255, 0], [128, 128, 128], [10, 10, 250]]], np.uint8)


def test_what_means_srgb_needs_no_conversion() -> None:
    for facts in (
        PngFacts(),
        PngFacts(gamma=0.45455),
        PngFacts(gamma=0.45455, white_and_primaries=SRGB),
        PngFacts(gamma=1.0, is_srgb=True),
        PngFacts(gamma=1.0, profile=b"better"),
        PngFacts(cicp=(1, 13, 0, 1), gamma=1.0),
    ):
        assert space_of_png(facts) is None


def test_primaries_are_honoured_and_grey_stays_grey() -> None:
    adobe = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
    space = space_of_png(PngFacts(gamma=0.45455, white_and_primaries=adobe))
    assert space is not None
    got = converted(COLOURS, space).astype(int)
    assert np.abs(got[0, 2] - 128).max() <= 1
    assert got[0, 0, 0] > 200 and got[0, 1].tolist() == [0, 255, 0]  # wider than sRGB: clipped


def test_display_p3_is_converted_as_css_color_4_has_it() -> None:
    space = space_of_png(PngFacts(cicp=(12, 13, 0, 1)))
    assert space is not None and space.matrix is not None
    published = [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]]
    assert np.abs(space.matrix - published).max() < 1e-3
    assert (converted(np.full((1, 1, 3), 255, np.uint8), space) == 255).all()


def test_linear_light_is_srgb_by_its_standard() -> None:
    space = space_of_png(PngFacts(cicp=(1, 8, 0, 1)))
    assert space is not None
    got = converted(np.arange(256, dtype=np.uint8)[None], space)[0]
    light = np.arange(256) / 255
    want = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(got - want).max() <= 0.51


def test_a_16_bit_ramp_keeps_its_dark_steps() -> None:
    space = space_of_png(PngFacts(gamma=1.0))
    assert space is not None
    dark = np.array([[0, 16, 64, 256, 65535]], np.uint16)
    want = np.floor((dark / 65535) ** (1 / 2.2) * 255 + 0.5)
    assert converted(dark, space).tolist() == want.tolist()


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_has_white_at_white_and_says_what_is_lost(transfer: int) -> None:
    facts = PngFacts(cicp=(9, transfer, 0, 1))
    space = space_of_png(facts)
    assert space is not None and "HDR" in facts.notes[0]
    # A page of 203 nits: 58 % of PQ's signal, 75 % of HLG's.
    signal = round(255 * (0.5807 if transfer == 16 else 0.75))
    grey = converted(np.full((1, 1, 3), signal, np.uint8), space)
    assert (np.abs(grey.astype(int) - 255) <= 3).all()
    assert (converted(np.full((1, 1, 3), 255, np.uint8), space) == 255).all()


def test_unknown_and_impossible_spaces_are_noted_and_ignored() -> None:
    for facts in (
        PngFacts(cicp=(200, 13, 0, 1)),
        PngFacts(gamma=1.0, white_and_primaries=(0.3, 0.0, *SRGB[2:])),
    ):
        assert space_of_png(facts) is None and facts.notes


def test_a_large_image_is_converted_in_bands_as_in_one() -> None:
    space = space_of_png(PngFacts(cicp=(12, 13, 0, 1)))
    assert space is not None
    rows = np.random.default_rng(0).integers(0, 256, (600, 4, 3), dtype=np.uint8)
    assert np.array_equal(converted(rows, space)[500:], converted(rows[500:], space))
    assert Image.fromarray(converted(rows, space)).size == (4, 600)
