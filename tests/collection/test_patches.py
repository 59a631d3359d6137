"""Patches from anywhere: blots and slivers lie far from all art, hills do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.collection import patches as module
from nftgan.collection.parts import ArtParts, _levels, reduced, wholeness
from nftgan.collection.patches import ArtPatches
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset

SIDE = 64
COLOURS = np.array([[250, 230, 210], [120, 170, 200], [90, 130, 80], [60, 70, 40]])


def hills(seed: int) -> np.ndarray:
    """uint8 [64, 64, 3]: layers of plain colours with wavy borders, four samples a pixel."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 2 * SIDE, : 2 * SIDE] / (2 * SIDE)
    image = np.empty((2 * SIDE, 2 * SIDE, 3))
    image[:] = COLOURS[0]
    for number, height in enumerate((0.3, 0.55, 0.8), 1):
        wave = 0.04 * np.sin(2 * np.pi * (random.uniform(1, 2) * x + random.random()))
        image[y > height + wave + random.uniform(-0.05, 0.05)] = COLOURS[number]
    small = image.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    return np.round(small).astype(np.uint8)


def with_blot(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    torn = image.copy()
    y, x = random.integers(2, SIDE - 8, 2)
    torn[y : y + 2, x : x + 3] = (255, 120, 0)
    return torn


def with_sliver_at_the_border(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    torn = image.copy()
    y = random.integers(2, SIDE - 10)
    torn[y : y + 4, -1:] = (255, 255, 255) if image[y, -1].sum() < 600 else (60, 60, 160)
    return torn


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> ArtParts:
    art = [hills(seed) for seed in range(60)]
    path = tmp_path_factory.mktemp("hills") / "art.zip"
    write_dataset(path, art)
    return ArtParts(Dataset.open(path))


def scores(known: ArtParts, images: list[np.ndarray]) -> np.ndarray:
    found = wholeness(known.distances([reduced(image) for image in images]), known.own)
    assert found is not None
    return found


@pytest.mark.parametrize("fault", [with_blot, with_sliver_at_the_border])
def test_planted_faults_rank_below_what_is_whole(known: ArtParts, fault: object) -> None:
    assert callable(fault)
    random = np.random.default_rng(0)
    whole = [hills(seed) for seed in range(100, 115)]
    torn = [fault(hills(seed), random) for seed in range(200, 215)]
    found = scores(known, [*whole, *torn])
    assert (found[:15, None] > found[None, 15:]).mean() > 0.9


def test_the_mean_colour_is_no_fault_and_the_place_neither(known: ArtParts) -> None:
    art = np.stack([_levels(hills(seed)[None])[0] for seed in range(9)])
    memory = ArtPatches(art)
    other = _levels(hills(9)[None])
    assert np.array_equal(memory.distances(other), memory.distances(other + 5))
    image = hills(100)
    raised = np.concatenate([image[9:], image[-1:].repeat(9, axis=0)])
    torn = with_blot(image, np.random.default_rng(1))
    found = scores(known, [image, raised, torn])
    assert abs(found[0] - found[1]) < (found[0] - found[2]) / 3


def test_distances_are_those_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PATCHES", 100)
    art = np.stack([_levels(hills(seed)[None])[0] for seed in range(9)])
    image = _levels(with_blot(hills(20), np.random.default_rng(2))[None])[0]
    known = ArtPatches(art)
    bank = known._known.numpy().astype(np.int64)
    off = module._patches(image, module._STEP).astype(np.int64)
    away = np.sqrt(((off[:, None] - bank[None]) ** 2).sum(axis=2).min(axis=1) / 36)
    contrast = off.reshape(len(off), 36, 3).std(axis=1).sum(axis=1)
    strange = (away + 2) / np.sqrt(contrast + 2)
    assert known.distances(image[None])[0, 0] == pytest.approx(np.sort(strange)[-10:].mean())


def test_an_image_has_the_same_distance_alone_and_among_others(known: ArtParts) -> None:
    images = [hills(seed) for seed in range(300, 305)]
    together = known.distances(images)
    assert together.shape == (5, 1) and known.own.shape == (1,)
    assert np.array_equal(known.distances(images[4:]), together[4:])


def test_every_pixel_belongs_to_a_patch_and_plain_ones_are_nothing() -> None:
    for side in (33, 48, 64):
        image = np.full((side, side, 3), 60, np.float32)
        assert not module._patches(image, 3).any()
        for place in ((0, 0), (side - 1, side - 1), (side // 2, side - 1)):
            spot = image.copy()
            spot[place] += 40
            assert module._patches(spot, 3).any()


def test_no_more_patches_are_remembered_than_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_PATCHES", 200)
    art = np.stack([_levels(hills(seed)[None])[0] for seed in range(9)])
    bank = ArtPatches(art)._known.numpy()
    assert len(bank) == 200 == len(np.unique(bank, axis=0))


def test_art_without_plain_places_finds_plain_ones_strange(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    wood = [
        (128 + 60 * np.sin((x + 0.3 * y) / 1.5 + random.random() * 6))[..., None].repeat(3, axis=2)
        for _ in range(20)
    ]
    images = [one.astype(np.uint8) for one in wood]
    write_dataset(tmp_path / "art.zip", images[:16])
    known = ArtParts(Dataset.open(tmp_path / "art.zip"))
    plain = np.full((SIDE, SIDE, 3), 128, np.uint8)
    found = scores(known, [*images[16:], plain])
    assert found[:4].min() > found[4]
