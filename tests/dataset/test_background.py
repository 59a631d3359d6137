"""The plain background that suits transparent art, and outlines that a background would swallow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.background import PLAIN, Edge, edge_of, edge_pixels, lost, suiting
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.oklab import UNIT

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def sticker(outline: tuple[int, int, int], seed: int = 0) -> Image.Image:
    """A disc of noise with an outline of two pixels, on nothing that hides a green."""
    y, x = np.mgrid[:64, :64] - 31.5
    radius = np.hypot(x, y)
    image = np.full((64, 64, 4), (0, 255, 0, 0), np.uint8)
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3))
    image[radius < 26, :3] = noise[radius < 26]
    image[(radius >= 23) & (radius < 26), :3] = outline
    image[radius < 26, 3] = 255
    return Image.fromarray(image)


def folder_of(folder: Path, outline: tuple[int, int, int]) -> Path:
    folder.mkdir()
    for seed in range(3):
        sticker(outline, seed).save(folder / f"{seed}.png")
    return folder


def edge(outline: tuple[int, int, int], folder: Path, background: tuple[int, int, int]) -> Edge:
    sticker(outline).save(folder / "one.png")
    found = edge_of(folder / "one.png", background)
    assert found is not None
    return found


def test_the_edge_is_what_shows_beside_nothing() -> None:
    pixels = edge_pixels(np.asarray(sticker((9, 8, 7))))
    assert 100 < len(pixels) < 300
    assert (pixels == (9, 8, 7)).all()  # neither the noise inside nor the green of nothing


def test_opaque_art_and_art_cut_off_by_the_frame_has_no_edge() -> None:
    assert not len(edge_pixels(np.full((8, 8, 4), 255, np.uint8)))
    few = np.full((64, 64, 4), 255, np.uint8)
    few[30:34, 30:34, 3] = 0  # a hole of 0.4 percent
    assert not len(edge_pixels(few))


@pytest.mark.parametrize(
    ("outline", "suits"), [(BLACK, "white"), (WHITE, "black"), ((20, 20, 110), "white")]
)
def test_the_colour_farthest_from_the_edge_suits(
    outline: tuple[int, int, int], suits: str, tmp_path: Path
) -> None:
    assert suiting([edge(outline, tmp_path, WHITE)]) == suits


def test_art_with_light_and_dark_edges_gets_a_colour_between(tmp_path: Path) -> None:
    image = np.asarray(sticker(WHITE)).copy()
    half = image[:, 32:]
    half[(half == 255).all(axis=2), :3] = 0  # the right half of the outline is black
    Image.fromarray(image).save(tmp_path / "both.png")
    found = edge_of(tmp_path / "both.png", WHITE)
    assert found is not None
    assert suiting([found]) not in ("white", "black")
    assert lost([found]) == 1


def test_distances_are_squared_and_in_whole_units(tmp_path: Path) -> None:
    found = edge(WHITE, tmp_path, BLACK)
    assert found.plain[list(PLAIN).index("white")] == 0
    assert abs(found.chosen - UNIT**2) < 4 * UNIT * 2  # white is 2 units off at most
    assert suiting([]) == "white"


def test_auto_lays_white_outlines_over_black_and_says_so(tmp_path: Path) -> None:
    art = folder_of(tmp_path / "art", WHITE)
    found = prepare(art, tmp_path / "a.zip", PrepareOptions(background="auto"), workers=1)
    said = prepare(art, tmp_path / "b.zip", PrepareOptions(background="black"), workers=1)
    assert found.fingerprint == said.fingerprint  # the pixels are those of black
    assert any(line.startswith("background: black") for line in found.notes)
    assert not any("vanishes" in line for line in said.notes)


def test_white_outlines_on_white_are_spoken_of_and_dark_ones_are_not(tmp_path: Path) -> None:
    lines = prepare(folder_of(tmp_path / "w", WHITE), tmp_path / "w.zip", workers=1).notes
    assert [line for line in lines if "vanishes: --background auto takes black" in line]
    assert "of 3 transparent images that were looked at, 3 have" in " ".join(lines)
    lines = prepare(folder_of(tmp_path / "k", BLACK), tmp_path / "k.zip", workers=1).notes
    assert not any("vanishes" in line for line in lines)


def test_opaque_art_is_white_beside_fit_and_nothing_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    for seed in range(2):
        sticker(BLACK, seed).convert("RGB").save(folder / f"{seed}.png")
    found = prepare(folder, tmp_path / "a.zip", PrepareOptions(background="auto"), workers=1)
    assert not any("background" in line for line in found.notes)
