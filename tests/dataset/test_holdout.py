"""Held-out images: chosen by their pixels, stable, without copies among what is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import (
    RULE,
    CannotSplit,
    default_fraction,
    split,
    split_dataset,
    usable_fraction,
)
from nftgan.dataset.orientations import orientations
from nftgan.dataset.pack import write_dataset
from nftgan.dataset.shipped import unpack
from nftgan.dataset.survey import KEY_BY_RULE
from nftgan.errors import UsageError
from nftgan.progress import NullProgress

KEYS = [f"picture {number}" for number in range(4000)]


def test_about_the_fraction_is_held_out_and_nothing_is_lost() -> None:
    train, held = split(KEYS, 0.1)
    assert sorted([*train, *held]) == list(range(len(KEYS)))
    assert abs(len(held) - 400) < 4 * np.sqrt(4000 * 0.1 * 0.9)


def test_the_sides_are_fixed_for_all_time() -> None:
    # A run that is resumed with a later version must find its held-out images where they were.
    assert split(KEYS[:60], 0.1)[1].tolist() == [3, 8, 9, 19, 35, 39, 41, 42, 44, 59]


def blocks(path: Path) -> Path:
    """40 images of 64 pixels, each of 16 plain squares."""
    random = np.random.RandomState(5)  # whose numbers are the same in every version
    coarse = random.randint(0, 256, (40, 4, 4, 3)).astype(np.uint8)
    write_dataset(path, [one.repeat(16, 0).repeat(16, 1) for one in coarse])
    return path


def test_the_sides_of_images_are_fixed_for_all_time_by_each_rule(tmp_path: Path) -> None:
    # Those of rule 1 were found by the version before there were rules.
    art = Dataset.open(blocks(tmp_path / "art.zip"))
    assert split_dataset(art, 0.1, rule=1).held.tolist() == [6, 11, 18, 28, 38]
    assert split_dataset(art, 0.1, rule=2).held.tolist() == [19, 22, 25, 31, 32]
    assert split_dataset(art, 0.1).held.tolist() == [19, 22, 25, 31, 32]


@pytest.mark.parametrize("rule", [0, 3, True, "2", [1]])
def test_a_rule_of_a_later_version_is_refused(tmp_path: Path, rule: Any) -> None:
    art = Dataset.open(blocks(tmp_path / "art.zip"))
    with pytest.raises(UsageError, match="which this version does not know"):
        split_dataset(art, 0.1, rule=rule)


def test_all_turned_and_mirrored_copies_are_on_one_side(tmp_path: Path) -> None:
    art = Dataset.open(blocks(tmp_path / "art.zip"))
    pixels = [art.hwc(index) for index in range(len(art))]
    for turn in orientations(pixels[0]):
        assert KEY_BY_RULE[RULE](turn) == KEY_BY_RULE[RULE](pixels[0])
    write_dataset(tmp_path / "turned.zip", [np.rot90(one, n % 4) for n, one in enumerate(pixels)])
    turned = split_dataset(Dataset.open(tmp_path / "turned.zip"), 0.3)
    assert turned.held.tolist() == split_dataset(art, 0.3).held.tolist() != []


def test_adding_or_reordering_images_moves_none() -> None:
    some = {KEYS[i] for i in split(KEYS[:500], 0.2)[1]}
    more = {KEYS[i] for i in split(KEYS, 0.2)[1]}
    assert some == more & set(KEYS[:500])
    backwards = KEYS[::-1]
    assert {backwards[i] for i in split(backwards, 0.2)[1]} == more


def test_a_larger_fraction_keeps_what_was_held_out() -> None:
    assert set(split(KEYS, 0.1)[1]) < set(split(KEYS, 0.2)[1])
    assert len(split(KEYS, 0)[1]) == 0


@pytest.mark.parametrize("fraction", [-0.1, 1, 7, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(UsageError, match="cannot be held out"):
        split(KEYS, fraction)


def test_a_tenth_is_spared_from_500_images_on() -> None:
    assert [default_fraction(n) for n in (1, 499, 500, 9000)] == [0, 0, 0.1, 0.1]


def test_copies_of_training_art_are_not_held_out(tmp_path: Path) -> None:
    unpack("open-peeps", tmp_path)
    files = sorted(tmp_path.glob("*.png"))[:60]
    for extra in sorted(tmp_path.glob("*.png"))[60:]:
        extra.unlink()
    first = split_dataset(Dataset.open(tmp_path), 0.3)
    assert len(first.held) > 5
    for number, path in enumerate(files):
        image = Image.open(path)
        # Near copies, whose own hash may put them on the other side.
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda v: v * 0.9).save(
            tmp_path / f"x-{number:03d}.png"
        )
    dataset = Dataset.open(tmp_path)
    after = split_dataset(dataset, 0.3)
    sides = {dataset.names[i]: "held" for i in after.held}
    sides.update({dataset.names[i]: "train" for i in after.train})
    assert len(sides) == len(dataset) == 120
    for number, path in enumerate(files):
        assert sides[path.name] == sides[f"x-{number:03d}.png"]
    assert len(after.held) > 5


def test_small_sets_are_learnt_whole_unless_asked(tmp_path: Path) -> None:
    unpack("open-peeps", tmp_path)
    dataset = Dataset.open(tmp_path)
    whole = split_dataset(dataset)
    assert len(whole.train) == 256 and len(whole.held) == 0
    with pytest.raises(UsageError, match="leaves one side empty") as caught:
        split_dataset(dataset, 1e-9)
    assert caught.value.hint is not None and "--holdout 0" in caught.value.hint


def alike(path: Path) -> Path:
    """520 images that are one image, a little lighter each time."""
    ramp = np.add.outer(np.arange(8), np.arange(8))[..., None] * np.ones(3)
    write_dataset(path, [(ramp + n % 100).astype(np.uint8) for n in range(520)])
    return path


def test_a_set_that_cannot_be_split_is_used_whole_unless_a_share_was_asked_for(
    tmp_path: Path,
) -> None:
    class Warned(NullProgress):
        said = ""

        def warn(self, message: str) -> None:
            self.said = message

    art, progress = Dataset.open(alike(tmp_path / "film.zip")), Warned()
    assert usable_fraction(art, None, progress=progress) == 0
    assert "no image of" in progress.said
    with pytest.raises(CannotSplit, match="leaves one side empty") as caught:
        usable_fraction(art, 0.1)
    assert "--holdout 0" in str(caught.value.hint)


def test_one_look_at_the_images_tells_fingerprint_and_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(3).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", list(images))
    art = Dataset.open(tmp_path / "art.zip")
    assert usable_fraction(art, 0.3) == 0.3
    first = split_dataset(art, 0.3)
    again = Dataset.open(tmp_path / "art.zip")
    monkeypatch.setattr(Dataset, "hwc", None)  # nothing is decoded any more
    assert np.array_equal(split_dataset(again, 0.3).held, first.held)
    assert again.fingerprint == again.notes["fingerprint"]
