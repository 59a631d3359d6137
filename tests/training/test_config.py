"""The record of a run's choices: what it holds, and what must be equal to go on."""

import dataclasses
import json
import subprocess
import sys

import pytest

from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.noted_art import PixelArt
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.outputs import noted_art
from nftgan.training.resolving import resolve
from tests.training.facts import facts_of


@pytest.mark.parametrize("noted", [[], "16", {"grid": "16", "colours": 9, "art_colours": 5}])
def test_a_data_set_whose_notes_are_nonsense_is_no_pixel_art(art, noted):
    dataset = Dataset.open(art)
    dataset.notes = {"pixel_art": noted}
    found = DatasetFacts.of(dataset)
    assert (found.pixel_grid, found.pixel_colours, found.art_colours) == (0, 0, "")


def test_what_prepare_noted_of_the_art_comes_into_the_model_file(art):
    dataset = Dataset.open(art)
    for notes, known in (
        ({"pixel_art": None, "flat_art": True}, PixelArt(flat=True)),
        ({"pixel_art": {"grid": 8, "colours": 5}}, PixelArt(8, 5)),
        ({}, PixelArt()),
    ):
        dataset.notes = notes
        assert PixelArt.of(noted_art(DatasetFacts.of(dataset))) == known


def test_a_config_survives_json_exactly():
    config = resolve(
        facts_of(64, label_count=2, classes=("cat", "dog")), cfg="stylegan3-r", hours=2.5
    )
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_a_config_with_an_unknown_or_missing_key_is_refused():
    document = resolve(facts_of(32)).to_json()
    with pytest.raises(UsageError, match="not from this version"):
        TrainConfig.from_json(document | {"gama": 1})
    del document["gamma"]
    with pytest.raises(UsageError, match="gamma"):
        TrainConfig.from_json(document)


def test_length_and_machine_may_change_in_a_continued_run_but_nothing_that_decides_a_step():
    one = resolve(facts_of(32))
    moved = dataclasses.replace(
        one.dataset, path="elsewhere.zip", art_colours="000000ffffff", flat_art=True
    )
    other = dataclasses.replace(one, dataset=moved, total_images=1, hours=1.0, threads=3)
    assert one.decisive() == other.decisive()
    for change in ({"gamma": 9.0}, {"seed": 1}, {"batch": 32}, {"mirror": True}):
        assert dataclasses.replace(one, **change).decisive() != one.decisive()


def test_a_record_from_before_there_were_starts_has_none():
    document = resolve(facts_of(32)).to_json()
    del document["start"], document["start_images"]
    assert TrainConfig.from_json(document) == resolve(facts_of(32))


def test_reading_the_presets_does_not_load_torch():
    program = "import sys, nftgan.training.resolving; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
