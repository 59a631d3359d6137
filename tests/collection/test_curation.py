"""Automatic picks: copies out, good and different ones in, the same picks every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nftgan.collection.curation import auto_pick, likenesses
from nftgan.collection.features import distances, features
from nftgan.collection.inspection import Refusal
from nftgan.collection.quality import BY_LOGIT, BY_PARTS
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN3Config
from nftgan.synthesis.canonical import Rendered
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish, Recipe

TRAINING = 120


class Painter:
    """Stands in for a model: seed N is image N of a list, its score is its number."""

    identity = "sha256:" + "7e" * 32
    discriminator: Any = "present"
    unsafe: tuple[int, ...] = ()  # seeds that another machine could round differently

    def __init__(self, images: Sequence[np.ndarray], scores: Sequence[float]) -> None:
        self.images, self.scores = images, scores
        self.resolution = images[0].shape[0]

    def recipe(self, finish: Finish | None = None) -> Recipe:
        side = finish.size(self.resolution) if finish else self.resolution
        return Recipe(self.identity, (side, side), finish=finish)

    def previews(self, seeds: Sequence[int], recipe: Recipe) -> Any:
        assert recipe.finish is None and recipe.size == (self.resolution, self.resolution)
        return [(seed, self.images[seed]) for seed in seeds]

    def render_checked(self, seed: int, recipe: Recipe) -> Rendered:
        return Rendered(self.images[seed], 0.0 if seed in self.unsafe else 0.01)

    def score(
        self, images: np.ndarray, label: int | None = None, condition: Any = None
    ) -> np.ndarray:
        for number, image in enumerate(self.images):
            if np.array_equal(image, images[0]):
                return np.array([self.scores[number]])
        raise AssertionError("an unknown image is scored")


@pytest.fixture(scope="module")
def art(avatars: np.ndarray) -> np.ndarray:
    return avatars[:240]


@pytest.fixture(scope="module")
def training(art: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("set") / "dataset.zip"
    write_dataset(path, art[:TRAINING])
    return Dataset.open(path)


def pick(painter: Painter, *rest: Any, **more: Any) -> Any:
    return auto_pick(painter, range(len(painter.images)), *rest, **more)  # type: ignore[arg-type]


def test_planted_copies_are_refused_with_their_reason_and_fresh_pieces_stay(
    art: np.ndarray, training: Dataset
) -> None:
    grain = np.random.RandomState(0).randint(-6, 7, art[5].shape)
    planted = [art[3], art[4][:, ::-1], np.clip(art[5] + grain, 0, 255).astype(np.uint8)]
    blank = np.full_like(art[0], 90)
    images = [*planted, blank, *art[200:216]]
    # The copies score best: without the guard they would be the first picks.
    painter = Painter(images, [100.0 - i for i in range(len(images))])
    found = pick(painter, 8, training)
    reasons = {refusal.seed: refusal.reason for refusal in found.refused}
    assert "training image 00000/img00000003.png" in reasons[0]
    assert "mirrored" in reasons[1] and "00000004" in reasons[1]
    assert "training image 00000/img00000005.png" in reasons[2]
    assert reasons[3] == "a blank image"
    assert len(found.picks) == 8 and min(found.seeds) > 3
    assert all(p.neighbour is not None and p.neighbour.ratio > 0.3 for p in found.picks)
    assert set(pick(painter, 8).seeds) & {0, 1, 2}, "without training art copies cannot be known"


def test_copies_stay_where_they_are_allowed_and_are_named(
    art: np.ndarray, training: Dataset
) -> None:
    images = [art[3], *art[200:212]]
    painter = Painter(images, [100.0 - i for i in range(len(images))])
    assert 0 not in pick(painter, 8, training).seeds
    found = pick(painter, 8, training, allow_copies=True, quality_weight=1.0)
    assert "training image 00000/img00000003.png" in {p.seed: p.copy for p in found.picks}[0]
    assert [p.seed for p in found.picks if p.copy] == [0]


def test_picks_by_hand_are_judged_in_their_order(art: np.ndarray, training: Dataset) -> None:
    twin = art[210].copy()
    twin[0, 0] ^= 4
    blank = np.full_like(art[0], 90)
    images = [twin, *art[205:213], art[4][:, ::-1], blank, art[207]]
    painter = Painter(images, [0.0] * len(images))
    painter.discriminator = None
    hand: Any = painter
    found = {one.seed: one.reason for one in likenesses(hand, range(12), training)}
    assert found.pop(9).endswith("training image 00000/img00000004.png")
    assert found == {
        6: "nearly the same image as seed 0",
        10: "a blank image",
        11: "nearly the same image as seed 3",
    }
    assert likenesses(hand, [6, 0]) == ()  # two images alone have no usual distance
    assert likenesses(hand, [9, 10]) == (Refusal(10, "a blank image"),)
    assert likenesses(hand, [1]) == ()


def test_near_copies_of_each_other_are_refused(art: np.ndarray) -> None:
    twin = art[10].copy()
    twin[0, 0] ^= 4
    painter = Painter([art[10], twin, art[10], *art[20:26]], [9, 8, 7, 1, 2, 3, 4, 5, 6])
    found = pick(painter, 7)
    assert [r.seed for r in found.refused] == [1, 2]
    assert all(r.reason == "nearly the same image as seed 0" for r in found.refused)


def test_images_that_the_finish_makes_equal_are_one_image() -> None:
    rng = np.random.RandomState(0)
    cells = rng.randint(0, 4, (5, 4, 4, 3)).astype(np.uint8) * 80
    images = [np.kron(c, np.ones((4, 4, 1), dtype=np.uint8)) for c in cells]
    speck = images[0].copy()
    speck[1, 1] ^= 1  # gone in the average of its cell
    painter = Painter([*images, speck], [1, 2, 3, 4, 5, 0])
    recipe = painter.recipe(Finish(4, 0, 8))
    found = pick(painter, 5, recipe=recipe)
    assert found.seeds == (0, 1, 2, 3, 4)
    with pytest.raises(UsageError, match="only 5 of 6 seeds are acceptable: 1 were refused"):
        pick(painter, 6, recipe=recipe)


def test_quality_alone_takes_the_best_scores(art: np.ndarray) -> None:
    scores = np.random.RandomState(1).permutation(40).astype(float)
    found = pick(Painter(art[:40], scores), 5, quality_weight=1.0)
    assert sorted(scores[list(found.seeds)]) == [35, 36, 37, 38, 39]
    assert found.picks[0].quality == 1.0
    assert [p.quality for p in found.picks] == sorted(
        (p.quality for p in found.picks), reverse=True
    )


def test_torn_pieces_stay_out_where_the_art_is_known_whatever_the_discriminator_says(
    art: np.ndarray, training: Dataset
) -> None:
    # Each second candidate lost an eye, and the discriminator likes just these.
    images = [image.copy() for image in art[120:200]]
    for image in images[::2]:
        image[5:9, 3:7] = image[9, 5]
    painter = Painter(images, [100.0 * (number % 2 == 0) for number in range(80)])
    found = pick(painter, 8, training)
    assert found.judged_by == BY_PARTS and all(seed % 2 for seed in found.seeds)
    blind = pick(painter, 8)
    assert blind.judged_by == BY_LOGIT and not any(seed % 2 for seed in blind.seeds)
    # The mint's enlargement changes no pick.
    large = painter.recipe(Finish(16, 0, 64))
    assert pick(painter, 8, training, recipe=large) == pick(
        painter, 8, training, recipe=painter.recipe(Finish(16, 0, 2))
    )


def test_diversity_spreads_the_picks_and_the_worst_half_stays_out(art: np.ndarray) -> None:
    scores = np.arange(80.0)
    painter = Painter(art[:80], scores)
    rows = np.stack([features(image) for image in art[:80]])

    def spread(seeds: Sequence[int]) -> float:
        chosen = rows[list(seeds)]
        table = distances(chosen, chosen)
        return float(table[~np.eye(len(chosen), dtype=bool)].min())

    diverse = pick(painter, 10, quality_weight=0.0)
    best = pick(painter, 10, quality_weight=1.0)
    assert spread(diverse.seeds) > spread(best.seeds)
    assert min(diverse.seeds) >= 40


def test_without_a_discriminator_only_distance_counts(art: np.ndarray) -> None:
    painter = Painter(art[:12], [0.0] * 12)
    painter.discriminator = None
    found = pick(painter, 4)
    assert len(found.picks) == 4 and all(p.quality is None for p in found.picks)
    assert found.judged_by is None


def test_more_than_there_are_or_none_at_all_is_refused(art: np.ndarray) -> None:
    painter = Painter(art[:3], [1, 2, 3])
    for count in (0, 4):
        with pytest.raises(UsageError, match=f"cannot pick {count} of 3"):
            pick(painter, count)
    with pytest.raises(UsageError, match=r"only 0 of 2 seeds .* blank"):
        pick(Painter([np.zeros_like(art[0])] * 2, [1, 1]), 1)


def test_a_real_model_is_curated_the_same_way_twice(training: Dataset) -> None:
    small: dict[str, Any] = {"channel_base": 128, "channel_max": 8}
    generator = build_generator(
        StyleGAN3Config(16, z_dim=16, w_dim=16, num_layers=6, output_scale=8.0, **small), seed=3
    )
    model = Model(generator, build_discriminator(DiscriminatorConfig(16, **small), seed=4))
    first = auto_pick(model, range(20), 6, training)
    again = auto_pick(model, [*range(19, -1, -1), 5], 6, training)
    assert first == again
    assert len(first.picks) == 6 and list(first.seeds) == sorted(set(first.seeds))


def test_an_image_on_a_rounding_step_is_refused_and_replaced(art: np.ndarray) -> None:
    painter = Painter(list(art[:12]), range(12))
    first = auto_pick(painter, range(12), 3)  # type: ignore[arg-type]
    painter.unsafe = (first.seeds[0],)
    second = auto_pick(painter, range(12), 3)  # type: ignore[arg-type]
    assert len(second.seeds) == 3
    assert first.seeds[0] not in second.seeds
    assert "rounding step" in {r.seed: r.reason for r in second.refused}[first.seeds[0]]
