"""Parts beside the art: what is torn lies far from it, what is whole does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.collection import parts as module
from nftgan.collection.parts import ArtParts, reduced, wholeness
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.synthesis.finish import to_palette, upscale
from nftgan.synthesis.recipe import Finish

SHOWN = 240


@pytest.fixture(scope="module")
def art(avatars: np.ndarray) -> np.ndarray:
    """uint8 [340, 16, 16, 3]"""
    return avatars


@pytest.fixture(scope="module")
def dataset(art: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return packed(art[:SHOWN], tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def known(dataset: Dataset) -> ArtParts:
    return ArtParts(dataset)


def packed(images: np.ndarray, folder: Path) -> Dataset:
    write_dataset(folder / "dataset.zip", images)
    return Dataset.open(folder / "dataset.zip")


def auc(whole: np.ndarray, torn: np.ndarray) -> float:
    """Chance that a whole one has the larger score."""
    return float((whole[:, None] > torn).mean() + (whole[:, None] == torn).mean() / 2)


def without_an_eye(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    torn = image.copy()
    left = 3 if random.integers(2) else 9
    torn[5:9, left : left + 4] = image[9, 5]  # a cheek's colour
    return torn


def with_noise(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    torn = image.copy()
    y, x = random.integers(2, 9, 2)
    torn[y : y + 4, x : x + 4] = random.integers(0, 256, (4, 4, 3))
    return torn


def of_two(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    torn = image.copy()
    torn[:, 8:] = np.roll(image, int(random.integers(2, 5)), axis=0)[:, 8:]  # halves that shifted
    return torn


@pytest.mark.parametrize("fault", [without_an_eye, with_noise, of_two])
def test_planted_faults_rank_below_what_is_whole(
    art: np.ndarray, known: ArtParts, fault: object
) -> None:
    assert callable(fault)
    random = np.random.default_rng(0)
    whole = list(art[SHOWN : SHOWN + 50])
    torn = [fault(image, random) for image in art[SHOWN + 50 : SHOWN + 100]]
    scores = wholeness(known.distances([*whole, *torn]), known.own)
    assert scores is not None
    assert auc(scores[:50], scores[50:]) > 0.9


def test_whole_images_alone_cannot_be_told_apart_by_their_parts(
    art: np.ndarray, known: ArtParts
) -> None:
    assert wholeness(known.distances(list(art[SHOWN:])), known.own) is None
    assert wholeness(known.distances([]), known.own) is None


def test_an_image_has_the_same_distances_alone_and_among_others(
    art: np.ndarray, dataset: Dataset, known: ArtParts
) -> None:
    some = list(art[SHOWN : SHOWN + 70])
    together = known.distances(some)
    alone = np.concatenate([known.distances([image]) for image in (some[0], some[69])])
    assert np.array_equal(together[[0, 69]], alone)
    assert np.array_equal(ArtParts(dataset).distances(some[::-1])[::-1], together)


def test_distances_are_those_of_the_definition(art: np.ndarray, tmp_path: Path) -> None:
    few = ArtParts(packed(art[:9], tmp_path))
    levels = module._levels(np.stack([*art[:9], art[20]])).astype(np.int64)
    place = module._places(16)[50]
    cut = levels[:, place[0], place[1]]
    apart = np.sqrt(((cut[9] - cut[:9]) ** 2).sum(axis=(1, 2, 3)).min() / 36)
    contrast = cut[9].reshape(36, 3).std(axis=0).sum()
    usual = max(few._line[0, 50] + few._line[1, 50] * contrast, 0)
    assert few.distances([art[20]])[0, 50] == pytest.approx(
        (apart + 2) / np.sqrt(usual + 2), abs=6e-4
    )


def test_enlarged_art_is_brought_to_the_grid_of_the_pieces(
    art: np.ndarray, known: ArtParts, tmp_path: Path
) -> None:
    large = np.stack([upscale(image, 4) for image in art[:SHOWN]])
    enlarged = ArtParts(packed(large, tmp_path), Finish(16, 8, 64))
    images = [to_palette(image, 8) for image in art[SHOWN : SHOWN + 5]]
    assert np.array_equal(enlarged.distances(images), known.distances(images))
    assert enlarged.finish == Finish(16)


def test_art_of_another_size_is_brought_to_that_of_the_images(
    art: np.ndarray, known: ArtParts, tmp_path: Path
) -> None:
    large = np.stack([upscale(image, 4) for image in art[:SHOWN]])
    other = ArtParts(packed(large, tmp_path), side=16)
    images = list(art[SHOWN : SHOWN + 3])
    assert np.array_equal(other.distances(images), known.distances(images))


def test_no_more_art_is_compared_than_is_said_and_large_images_are_made_small(
    art: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ART", 10)
    for times, side, places in ((2, 32, 14 * 14), (8, 64, 1)):
        folder = tmp_path / str(times)
        folder.mkdir()
        few = ArtParts(packed(np.stack([upscale(image, times) for image in art[:25]]), folder))
        assert len(few._art) == 10 and few._art.shape[1] == side
        assert few.own.shape == (places,)
        images = [reduced(upscale(image, times)) for image in art[:2]]
        assert images[0].shape == (side, side, 3)
        assert few.distances(images).shape == (2, places)
        assert few.distances([]).shape == (0, places)


def test_too_little_art_tells_nothing(art: np.ndarray, tmp_path: Path) -> None:
    twice = np.concatenate([art[:5], art[:5]])
    few = ArtParts(packed(twice, tmp_path))
    assert not few.known and len(few._art) == 5
