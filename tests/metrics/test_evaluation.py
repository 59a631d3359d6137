"""The whole judgement on art that ships: real art passes, copies, repeats and blur are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nftgan.metrics
from nftgan.cli.ui import plain
from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import Split, split_dataset
from nftgan.dataset.shipped import unpack
from nftgan.errors import UsageError
from nftgan.metrics.evaluation import METRICS, Evaluation, Evaluator, MetricResult, parse_metrics
from nftgan.metrics.features import Extractor
from nftgan.metrics.reference import Reference, references

WITHOUT_EQ = tuple(name for name in METRICS if name != "eq")


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("art")
    unpack("open-peeps", folder)
    for path in sorted(folder.glob("*.png"))[160:]:
        path.unlink()
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def sides(art: Dataset) -> tuple[Reference, Reference]:
    """80 images to learn from, 40 held out; 40 more play the fakes of a perfect generator."""
    order = np.random.default_rng(0).permutation(len(art))
    train, held = references(art, Split(order[:80], order[80:120]))
    assert held is not None
    return train, held


@pytest.fixture(scope="module")
def unseen(art: Dataset) -> np.ndarray:
    order = np.random.default_rng(0).permutation(len(art))
    return art.images(order[120:])


@pytest.fixture(scope="module")
def evaluator(sides: tuple[Reference, Reference]) -> Evaluator:
    return Evaluator(*sides, metrics=WITHOUT_EQ)


def batches(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), 10):
        yield images[start : start + 10]


@pytest.fixture(scope="module")
def perfect(evaluator: Evaluator, unseen: np.ndarray) -> Evaluation:
    return evaluator(batches(unseen))


def test_art_itself_reaches_the_floor_in_every_figure(perfect: Evaluation) -> None:
    assert perfect.held_out and (perfect.fakes, perfect.against, perfect.reals) == (40, 40, 80)
    assert list(perfect.figures) == [
        "kid", "swd", "precision", "recall", "coverage", "spread", "kinds", "copies"
    ]  # fmt: skip
    for name, figure in perfect.figures.items():
        assert figure.error is not None and figure.real_baseline is not None
        assert figure.real_baseline_error is not None and figure.description
        both = np.hypot(figure.error, figure.real_baseline_error)
        assert abs(figure.value - figure.real_baseline) < 3.5 * both, name


def test_copies_are_found_in_every_orientation(
    evaluator: Evaluator, sides: tuple[Reference, Reference]
) -> None:
    originals = sides[0].read(range(24))
    turned = np.stack(
        [np.rot90(o, n % 4, axes=(1, 2))[..., :: 1 - 2 * (n % 2)] for n, o in enumerate(originals)]
    )
    darker = (turned * 0.85).astype(np.uint8)
    found = evaluator(batches(darker)).copies
    assert found is not None
    assert found.copies == 24 and found.close.value == 1
    assert found.held_copies == 0 and found.held.value < 0.1
    names = {pair.fake: pair.name for pair in found.pairs}
    assert all(pair.copy for pair in found.pairs) and len(names) == 16
    assert all(name == sides[0].names[fake] for fake, name in names.items())


def test_a_generator_of_few_images_is_seen(
    evaluator: Evaluator, unseen: np.ndarray, perfect: Evaluation
) -> None:
    found = evaluator(batches(np.repeat(unseen[:4], 10, axis=0))).figures
    assert found["kinds"].value < 4.01 < perfect.figures["kinds"].value / 2
    for name in ("recall", "coverage"):
        figure = found[name]
        assert figure.real_baseline is not None and figure.value < figure.real_baseline / 2
    kid = found["kid"]
    assert kid.error is not None and kid.value > perfect.figures["kid"].value + 3 * kid.error


def test_noise_is_no_art(evaluator: Evaluator, unseen: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 256, unseen.shape).astype(np.uint8)
    found = evaluator(batches(noise)).figures
    assert found["precision"].value == found["coverage"].value == found["copies"].value == 0
    for name in ("kid", "swd"):
        figure = found[name]
        assert figure.real_baseline is not None and figure.real_baseline_error is not None
        assert figure.value > figure.real_baseline + 20 * figure.real_baseline_error


def test_without_held_out_art_halves_are_compared(
    sides: tuple[Reference, Reference], unseen: np.ndarray
) -> None:
    found = nftgan.metrics.evaluate(batches(unseen), sides[0], metrics=("kid", "copies"))
    assert not found.held_out and found.against == 40
    kid = found.figures["kid"]
    assert kid.error is not None and abs(kid.value) < 4 * kid.error
    assert found.copies is not None and found.copies.copies == 0


def test_features_are_kept_by_data_set_and_broken_files_are_made_again(
    art: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _first(art, tmp_path / "art", 12)
    split = split_dataset(small, 0.0)
    looked: list[int] = []
    original = Extractor.__call__

    def counting(self: Extractor, images: np.ndarray) -> np.ndarray:
        looked.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Extractor, "__call__", counting)
    run = tmp_path / "run"
    first, held = references(small, split, cache=run)
    assert sum(looked) == 24 and held is None  # upright and mirrored
    again, _ = references(small, split, cache=run)
    assert sum(looked) == 24
    np.testing.assert_array_equal(first.features, again.features)
    (kept,) = run.iterdir()
    kept.write_bytes(kept.read_bytes()[:5000])
    mended, _ = references(small, split, cache=run)
    assert sum(looked) == 48
    np.testing.assert_array_equal(first.mirrored, mended.mirrored)
    references(_first(art, tmp_path / "other", 11), split_dataset(small, 0.0).__class__(
        np.arange(11), np.empty(0, dtype=np.int64)), cache=run)  # fmt: skip
    assert len(list(run.iterdir())) == 2


def test_features_that_cannot_be_kept_are_there_all_the_same(art: Dataset, tmp_path: Path) -> None:
    small = _first(art, tmp_path / "art", 9)
    (tmp_path / "home").write_text("a file where the folder should be")
    reals, _ = references(small, split_dataset(small, 0.0), cache=tmp_path / "home" / "features")
    assert len(reals.features) == 9


def _first(art: Dataset, folder: Path, count: int) -> Dataset:
    folder.mkdir()
    for name in art.names[:count]:
        (folder / name).write_bytes((art.path / name).read_bytes())
    return Dataset.open(folder)


def test_names_of_metrics_are_checked() -> None:
    assert parse_metrics("copies, kid") == ("kid", "copies")
    assert parse_metrics("all") == METRICS
    for wrong in ("fidd", "", "kid,nothing"):
        with pytest.raises(UsageError, match="no metric is called"):
            parse_metrics(wrong)


def test_too_few_images_are_refused(sides: tuple[Reference, Reference], unseen: np.ndarray) -> None:
    with pytest.raises(UsageError, match="too few to judge by"):
        Evaluator(sides[0], sides[1].take(np.arange(7)))
    with pytest.raises(UsageError, match="3 fakes are too few"):
        Evaluator(*sides, metrics=("kid",))([unseen[:3]])


def test_a_results_names_in_json_are_those_of_its_first_version() -> None:
    result = MetricResult(1.0, 0.1, 2.0, 0.2, "lower", "what it is")
    assert plain(result) == {
        "value": 1.0,
        "error": 0.1,
        "floor": 2.0,
        "floor_error": 0.2,
        "better": "lower",
        "words": "what it is",
    }
