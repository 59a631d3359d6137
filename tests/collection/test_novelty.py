"""The novelty guard: planted copies of real art are caught, other pieces of the artist pass."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.collection.features import features
from nftgan.collection.novelty import NoveltyGuard, calibrate
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.shipped import unpack

TRAINING = 160


@pytest.fixture(scope="module", params=["pixel-art", "open-peeps"])
def art(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """uint8 [256, S, S, 3] of one shipped set."""
    folder = tmp_path_factory.mktemp("art")
    unpack(request.param, folder)
    paths = sorted(folder.glob("*.png"))[:256]
    return np.stack([np.array(Image.open(path).convert("RGB")) for path in paths])


@pytest.fixture(scope="module")
def guard(art: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> NoveltyGuard:
    path = tmp_path_factory.mktemp("set") / "dataset.zip"
    write_dataset(path, art[:TRAINING])
    return NoveltyGuard(Dataset.open(path))


def judged(guard: NoveltyGuard, image: np.ndarray) -> str | None:
    image = np.ascontiguousarray(image)
    return guard.judge(image, features(image))[0]


def jpeg(image: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=60)
    return np.array(Image.open(buffer))


def grainy(image: np.ndarray) -> np.ndarray:
    grain = np.random.RandomState(0).randint(-8, 9, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def blurred(image: np.ndarray) -> np.ndarray:
    wide = np.pad(image.astype(int), ((1, 1), (1, 1), (0, 0)), mode="edge")
    soft = (wide[1:-1, :-2] + 2 * wide[1:-1, 1:-1] + wide[1:-1, 2:] + 2) // 4
    return soft.astype(np.uint8)


def cut(image: np.ndarray, share: float, left: float, top: float) -> np.ndarray:
    """A window of `share` of a side less, enlarged to the whole size."""
    side = image.shape[0]
    rest = 1 - share
    box = (side * share * left, side * share * top)
    box = (*box, box[0] + side * rest, box[1] + side * rest)
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC, box))


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "equal": lambda x: x,
    "mirrored": lambda x: x[:, ::-1],
    "jpeg": jpeg,
    "grainy": grainy,
    "mirrored and grainy": lambda x: grainy(x[:, ::-1]),
    "darker": lambda x: (x * 0.85).astype(np.uint8),
    "enlarged": lambda x: x.repeat(2, axis=0).repeat(2, axis=1),
    "blurred": blurred,
    "5 % cut off": lambda x: cut(x, 0.05, 0.5, 0.5),
    "10 % cut off": lambda x: cut(x, 0.1, 0.5, 0.5),
    "10 % cut off at a corner": lambda x: cut(x, 0.1, 1, 0),
    "mirrored and cut": lambda x: cut(x, 0.08, 0, 0.7)[:, ::-1],
}
# At 16 pixels these repaint most of the image.
NEEDS_PIXELS = {"jpeg", "blurred", *(how for how in COPIES if "cut" in how)}


@pytest.mark.parametrize("how", COPIES)
def test_planted_copies_of_training_art_are_caught(
    art: np.ndarray, guard: NoveltyGuard, how: str
) -> None:
    if how in NEEDS_PIXELS and art.shape[1] < 32:
        pytest.skip("such a change is no copy of so small an image")
    reasons = [judged(guard, COPIES[how](image)) for image in art[:40]]
    assert sum(reason is not None for reason in reasons) >= 37
    if "cut" in how:
        found = [f"img{k:08d}.png" in (reason or "") for k, reason in enumerate(reasons)]
        assert sum(found) >= 37
    assert all("training image 00000/img" in reason for reason in reasons if reason)


def test_a_mirrored_copy_names_the_image_it_mirrors(art: np.ndarray, guard: NoveltyGuard) -> None:
    reason = judged(guard, grainy(art[7][:, ::-1]))
    assert reason is not None and "mirrored" in reason and "img00000007.png" in reason


def test_other_pieces_by_the_same_artist_pass(art: np.ndarray, guard: NoveltyGuard) -> None:
    refused = [judged(guard, image) for image in art[TRAINING:]]
    assert sum(reason is not None for reason in refused) <= 0.05 * len(refused)


def test_the_neighbour_is_reported_in_usual_distances(art: np.ndarray, guard: NoveltyGuard) -> None:
    reason, neighbour = guard.judge(art[200], features(art[200]))
    assert reason is None and 0.3 < neighbour.ratio < 5
    assert neighbour.name in {f"00000/img{i:08d}.png" for i in range(TRAINING)}


def test_a_grey_training_set_can_be_compared(tmp_path: Path) -> None:
    grey = np.random.RandomState(0).randint(0, 256, (5, 16, 16)).astype(np.uint8)
    write_dataset(tmp_path / "grey.zip", grey)
    guard = NoveltyGuard(Dataset.open(tmp_path / "grey.zip"))
    assert judged(guard, grey[2][..., None].repeat(3, axis=2)) is not None


def test_the_threshold_is_a_quantile_or_a_third_of_the_median() -> None:
    def apart(gaps: list[float]) -> np.ndarray:
        rows = np.zeros((2 * len(gaps), 672))
        for i, gap in enumerate(gaps):
            rows[2 * i : 2 * i + 2, 0] = 10_000 * i, 10_000 * i + gap
        return rows

    unit = 1 / np.sqrt(672)
    scale = calibrate(apart([90.0] * 10))
    assert scale.median == pytest.approx(90 * unit) and scale.threshold == scale.median
    scale = calibrate(apart([3.0, *[90.0] * 10]))
    assert scale.threshold == pytest.approx(30 * unit)
    assert calibrate(np.zeros((4, 672))).threshold == 0
    assert calibrate(np.zeros((1, 672))).threshold == 0
