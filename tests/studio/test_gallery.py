"""The gallery: images are those of the model, the wanted ones first, each painted once."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.alpha import premultiplied
from nftgan.collection.parts import ArtParts, wholeness
from nftgan.collection.quality import BY_PARTS, ranks
from nftgan.collection.traits import measure, traits
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.studio import cache as caches
from nftgan.studio.gallery import MAX_POOL, Gallery
from nftgan.studio.queue import Rank
from nftgan.studio.screen import image_type
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.studio.browser import until
from tests.synthesis import tiny

Open = Callable[..., Gallery]


class Recorder(Model):
    """Remembers what it painted, and waits where it is told to."""

    def __init__(self, model: Model) -> None:
        super().__init__(model.generator, model.discriminator, model.identity, model.info)
        self.painted: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.waiting = False

    def previews(self, seeds: Sequence[int], *args: Any, **options: Any) -> Any:
        self.waiting = True
        self.go.wait(300)
        self.painted.extend(seeds)
        return super().previews(seeds, *args, **options)


@pytest.fixture
def painter(model: Model) -> Recorder:
    return Recorder(model)


@pytest.fixture
def gallery_of(tmp_path: Path, painter: Recorder) -> Iterator[Open]:
    opened = []

    def start(seeds: Sequence[int], model: Model = painter, **options: Any) -> Gallery:
        finish = options.pop("finish", None)
        recipe = model.recipe(truncation_psi=0.7, finish=finish)
        gallery = Gallery(model, recipe, seeds, cache_folder=tmp_path / "cache", **options)
        gallery.start()
        opened.append(gallery)
        return gallery

    yield start
    painter.go.set()
    for gallery in opened:
        gallery.close()


def painted(gallery: Gallery) -> bool:
    return gallery.counts[0] == gallery.counts[1]


def dark_art(folder: Path) -> Dataset:
    """Twelve images, dark as none that the model makes."""
    random = np.random.default_rng(0)
    art = [np.kron(random.integers(0, 30, (4, 4, 3)), np.ones((4, 4, 1))) for _ in range(12)]
    write_dataset(folder / "art.zip", [one.astype(np.uint8) for one in art])
    return Dataset.open(folder / "art.zip")


def test_images_and_facts_are_those_of_the_preview(gallery_of: Open, model: Model) -> None:
    gallery = gallery_of(range(12))
    until(lambda: painted(gallery))
    expected = model.generate(range(12), trunc=0.7)
    for seed, image in enumerate(expected):
        data = gallery.image(seed)
        assert data is not None and image_type(data) == "image/png"
        shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        assert np.abs(shown - image).max() <= 1  # batches of float32 may differ in the last bit
    table = gallery.table()
    rows = traits([gallery.candidate(seed).measures for seed in table["seeds"]])  # type: ignore[union-attr]
    for number, row in enumerate(rows):
        for attribute in row:
            column = table["columns"][attribute["trait_type"]]
            assert column["values"][column["at"][number]] == attribute["value"]


def test_a_finish_is_shown_without_its_enlargement(gallery_of: Open, model: Model) -> None:
    finish = Finish(grid=8, palette=6, upscale=32)
    gallery = gallery_of(range(2), finish=finish)
    until(lambda: painted(gallery))
    data = gallery.image(1)
    assert data is not None
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    whole = model.generate([1], model.recipe(truncation_psi=0.7, finish=finish))[0]
    assert shown.shape == (8, 8, 3)
    assert np.array_equal(shown, whole[::32, ::32])
    assert gallery.candidate(1).measures.colours == measure(shown).colours  # type: ignore[union-attr]


def test_who_is_looked_at_comes_first(gallery_of: Open, painter: Recorder) -> None:
    painter.go.clear()
    gallery = gallery_of(range(400))
    gallery.want(300)
    gallery.want(310)
    painter.go.set()
    until(lambda: gallery.candidate(300) and gallery.candidate(310))
    assert len(painter.painted) < 200
    gallery.unwant(300)
    gallery.unwant(310)


def test_a_question_is_answered_before_the_rest(gallery_of: Open, painter: Recorder) -> None:
    painter.go.clear()
    gallery = gallery_of(range(400))
    question = gallery.ask(lambda: len(painter.painted))
    painter.go.set()
    assert question.result(20) <= 16
    assert isinstance(gallery.ask(lambda: 1 // 0).exception(20), ZeroDivisionError)


def test_the_large_image_comes_before_drafts_and_tiles_and_nobody_paints_for_nobody(
    gallery_of: Open, painter: Recorder
) -> None:
    painter.go.clear()
    gallery = gallery_of(range(400))
    until(lambda: painter.waiting)  # the first batch is in hand, so everything else waits
    gallery.want(300)
    order: list[str] = []
    drafts = [gallery.ask(lambda: order.append("draft")) for _ in range(3)]
    stage = gallery.ask(partial(gallery.paint, 399), Rank.STAGE)
    slider = gallery.ask(lambda: order.append("slider"), Rank.STAGE)
    assert drafts[1].cancel()
    painter.go.set()
    for answer in (drafts[0], drafts[2], stage, slider):
        answer.result(60)
    assert order == ["slider", "draft", "draft"]
    until(lambda: gallery.candidate(300))
    assert painter.painted.index(399) < painter.painted.index(300)
    gallery.unwant(300)


def test_a_restart_paints_nothing_again(gallery_of: Open, painter: Recorder, model: Model) -> None:
    first = gallery_of(range(20))
    until(lambda: painted(first) and not any(c.logit is None for c in first._known.values()))
    before = {seed: first.image(seed) for seed in range(20)}
    first.close()
    painter.painted.clear()
    again = gallery_of(range(20))
    assert painted(again)
    assert {seed: again.image(seed) for seed in range(20)} == before
    assert sorted(again.rows()[0]) == list(range(20))
    other = gallery_of([3], tiny.stylegan3(output_scale=4.0))
    until(lambda: painted(other))
    assert other.image(3) != before[3]  # another model, another cache
    assert painter.painted == []


def test_a_damaged_cache_costs_only_time(gallery_of: Open, tmp_path: Path) -> None:
    first = gallery_of(range(4))
    until(lambda: painted(first))
    first.close()
    (path,) = (tmp_path / "cache").glob("*.sqlite3")
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    again = gallery_of(range(4))
    until(lambda: painted(again))
    assert again.image(3)


def test_images_that_left_memory_come_from_disk(
    gallery_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "MEMORY_BYTES", 2000)
    gallery = gallery_of(range(20))
    until(lambda: painted(gallery))
    assert len(gallery._cache._memory) < 20
    assert all(gallery.image(seed) for seed in range(20))


def test_old_caches_go_when_there_are_too_many(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.sqlite3" for n in range(4)]
    for age, path in enumerate(paths):
        path.write_bytes(b"x" * 100)
        import os

        os.utime(path, (1000 - age, 1000 - age))
    caches.prune(tmp_path, keep=paths[3], most_bytes=250)
    assert [path.exists() for path in paths] == [True, False, False, True]


def test_training_art_offered_as_a_candidate_is_flagged(
    gallery_of: Open, model: Model, tmp_path: Path
) -> None:
    # Seeds 3 and 9, the latter mirrored, are training images; the other art is noise.
    random = np.random.default_rng(0)
    art = [np.kron(random.integers(0, 256, (4, 4, 3)), np.ones((4, 4, 1))) for _ in range(20)]
    art += [
        model.generate([3], truncation_psi=0.7)[0],
        model.generate([9], truncation_psi=0.7)[0][:, ::-1],
    ]
    path = tmp_path / "art.zip"
    write_dataset(path, [np.ascontiguousarray(a).astype(np.uint8) for a in art])
    gallery = gallery_of(range(12), training=Dataset.open(path))
    until(lambda: gallery.guard and all(gallery.candidate(s).neighbour for s in range(12)))  # type: ignore[union-attr]
    flagged = {seed for seed in range(12) if gallery.candidate(seed).copy}  # type: ignore[union-attr]
    assert {3, 9} <= flagged
    assert set(gallery.table()["refusals"]) == flagged
    neighbour = gallery.candidate(9).neighbour  # type: ignore[union-attr]
    assert neighbour is not None and neighbour.mirrored and neighbour.ratio < 0.1


def test_the_pool_grows_by_the_next_seeds_up_to_its_limit(gallery_of: Open) -> None:
    gallery = gallery_of([5, 90])
    gallery.grow(3)
    assert gallery.pool() == [5, 90, 91, 92, 93]
    gallery.add([5])
    assert gallery.counts[0] == 5
    with pytest.raises(UsageError, match="at most"):
        gallery.add(range(MAX_POOL + 1))
    last = gallery_of([2**32 - 2])
    last.grow(5)
    assert last.pool() == [2**32 - 2, 2**32 - 1]


def test_a_seed_that_was_named_does_not_bend_where_the_pool_goes_on(gallery_of: Open) -> None:
    gallery = gallery_of(range(10))
    gallery.add([123_456], offered=False)
    gallery.grow(3)
    assert gallery.pool() == [*range(10), 123_456, 10, 11, 12]
    gallery.add([14], offered=False)
    assert gallery.coming(3) == [13, 15, 16]


def test_scores_rank_the_candidates_as_the_discriminator_does(
    gallery_of: Open, model: Model
) -> None:
    gallery = gallery_of(range(12))
    until(lambda: all(s is not None for s in gallery.table().get("score", [None])))
    table = gallery.table()
    images = model.generate(table["seeds"], trunc=0.7)
    logits = [float(model.score(image[None])[0]) for image in images]
    ranks = [round(100 * sum(other < own for other in logits) / 11) for own in logits]
    assert table["score"] == ranks


def test_with_the_art_scores_rank_by_parts_as_curate_does(
    gallery_of: Open, model: Model, tmp_path: Path
) -> None:
    training = dark_art(tmp_path)
    gallery = gallery_of(range(8), training=training)
    until(lambda: sum(s is not None for s in gallery.table()["score"]) == 8)
    table = gallery.table()
    parts = ArtParts(training)
    images = list(model.generate(table["seeds"], trunc=0.7))
    whole = wholeness(parts.distances(images), parts.own)
    assert whole is not None
    assert table["score"] == [round(100 * float(one)) for one in ranks(whole)]
    assert table["score_by"] == BY_PARTS


def test_what_contour_enlarges_is_judged_before_it_as_curate_does(
    gallery_of: Open, model: Model, tmp_path: Path
) -> None:
    training = dark_art(tmp_path)
    finish = Finish(upscale=4, filter="contour")
    gallery = gallery_of(range(8), training=training, finish=finish)
    until(lambda: sum(s is not None for s in gallery.table()["score"]) == 8)
    table = gallery.table()
    parts = ArtParts(training, finish, side=model.resolution)
    whole = wholeness(parts.distances(list(model.generate(table["seeds"], trunc=0.7))), parts.own)
    assert whole is not None
    assert table["score"] == [round(100 * float(one)) for one in ranks(whole)]


def test_scores_follow_the_look_back_to_candidates_that_are_stored(
    gallery_of: Open, model: Model, tmp_path: Path
) -> None:
    training = dark_art(tmp_path)
    gallery = gallery_of(range(8), training=training)
    until(lambda: sum(s is not None for s in gallery.table()["score"]) == 8)
    before, first = gallery.table(), gallery.recipe
    gallery.use(model.recipe(truncation_psi=0.7, finish=Finish(8)))
    until(lambda: sum(s is not None for s in gallery.table().get("score", ())) == 8)
    gallery.use(first)  # nothing is painted: parts of the art on the grid of 8 would stay
    until(lambda: sum(s is not None for s in gallery.table().get("score", ())) == 8)
    after = gallery.table()
    by_seed = dict(zip(before["seeds"], before["score"], strict=True))
    assert dict(zip(after["seeds"], after["score"], strict=True)) == by_seed
    assert after["score_by"] == before["score_by"] == BY_PARTS


def test_a_broken_model_is_said_and_not_repeated(gallery_of: Open, model: Model) -> None:
    class Broken(Recorder):
        def previews(self, *args: Any, **options: Any) -> Any:
            self.painted.append(0)
            raise MemoryError("no memory left")

    broken = Broken(model)
    gallery = gallery_of(range(3), broken)
    until(lambda: gallery.failure)
    for _ in range(3):  # its thread has looked for work again and again, and found none
        gallery.ask(lambda: None).result(60)
    assert "no memory left" in str(gallery.failure) and len(broken.painted) == 1


def test_transparent_candidates_are_shown_and_measured_by_what_shows(
    gallery_of: Open, tmp_path: Path
) -> None:
    clear = tiny.stylegan3(img_channels=4)
    images = clear.generate(range(12), trunc=0.7)
    write_dataset(tmp_path / "art.zip", list(images[:8]))
    gallery = gallery_of(range(12), clear, training=Dataset.open(tmp_path / "art.zip"))
    until(lambda: gallery.guard and all(gallery.candidate(s).neighbour for s in range(12)))  # type: ignore[union-attr]
    shown = gallery.image(3)
    assert shown is not None
    with Image.open(io.BytesIO(shown)) as image:
        assert image.mode == "RGBA"
        pixels = np.asarray(image)
    away = premultiplied(pixels).astype(int) - premultiplied(images[3])
    assert np.abs(away).max() <= 1  # batches of float32 may differ in the last bit
    found = gallery.candidate(3)
    assert found is not None and found.measures == measure(pixels)
    assert found.copy is not None and "training image" in found.copy
    fresh = gallery.candidate(10)
    assert fresh is not None and fresh.copy is None and fresh.neighbour is not None
