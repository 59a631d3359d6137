"""A run whose batch, rates or gamma are changed in its middle is the run that was planned so."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from nftgan import files
from nftgan.errors import UsageError
from nftgan.networks.model_file import load_networks
from nftgan.training.config import OPTIONS_FILE, TrainConfig
from nftgan.training.continued import as_options, go_on, options_in_use, with_record
from nftgan.training.loop import train
from nftgan.training.options import OPTIONS
from tests.training.conftest import smallest

CHANGES = {"batch": 8, "gamma": 3.0, "glr": 0.001, "dlr": 0.0015, "ema_kimg": 1.0, "aug_cap": 0.6}


def run(config, folder, until=None):
    for tick in train(config, run_dir=folder):
        if tick.images == until:
            return  # a death: nothing is saved after it


def record_of(folder):
    return TrainConfig.from_json(files.read_json(folder / OPTIONS_FILE))


@pytest.fixture(scope="module")
def planned(facts, tmp_path_factory):
    """The changed run as if its change had been known from the start, and its configuration."""
    folder = tmp_path_factory.mktemp("runs") / "planned"
    config = go_on(smallest(facts, aug="ada"), facts, CHANGES, images=8, by="ann")
    run(config, folder)
    return folder, config


def assert_the_same(one, other):
    assert load_networks(one).identity == load_networks(other).identity
    (ours, theirs) = (load_file(folder / "state-000000024.safetensors") for folder in (one, other))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    (a, b) = (files.read_json(folder / "state-000000024.json") for folder in (one, other))
    assert a["counters"]["ada"] == b["counters"]["ada"]


def test_a_change_and_then_a_death_end_as_the_change_without_one(facts, planned, tmp_path):
    whole, wanted = planned
    run(smallest(facts, aug="ada"), tmp_path, until=8)
    first = load_file(tmp_path / "state-000000008.safetensors")
    changed = go_on(record_of(tmp_path), facts, CHANGES, images=8, by="ann")
    assert changed == wanted
    run(changed, tmp_path, until=16)
    again = go_on(record_of(tmp_path), facts, CHANGES, images=16, by="bob")
    assert again == changed  # the same command again is no second change
    run(again, tmp_path)
    assert_the_same(tmp_path, whole)
    assert any(name.startswith("adam_G.exp_avg") for name in first)  # there was something to keep
    assert "changed at 0.008 kimg by ann: " in (tmp_path / "log.txt").read_text()
    info = load_networks(tmp_path).info
    (told,) = info["training"]["changes"]
    assert told["kimg"] == 0.008
    assert told["batch"] == [4, 8]
    assert "by" not in told  # a published model names no one
    last = files.read_json(tmp_path / "state-000000024.json")
    assert last["counters"]["step"] == 4  # two of 4 images, two of 8
    assert "by ann" in (tmp_path / "log.txt").read_text()


def test_a_state_from_before_the_change_repeats_its_steps_as_they_were(facts, planned, tmp_path):
    whole, changed = planned
    run(smallest(facts, aug="ada"), tmp_path, until=0)
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("state-000000000.*")}
    run(changed, tmp_path, until=16)
    for path in tmp_path.glob("state-*"):
        path.unlink()
    for name, data in kept.items():
        (tmp_path / name).write_bytes(data)
    run(record_of(tmp_path), tmp_path)
    assert_the_same(tmp_path, whole)


def test_a_recorded_change_is_not_forgotten(facts, planned, tmp_path):
    folder = shutil.copytree(planned[0], tmp_path / "run")
    with pytest.raises(UsageError, match="what was changed in its middle"):
        run(smallest(facts, aug="ada"), folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 3}, "seed is 0 in this run, and cannot become 3"),
        ({"cbase": 512}, "cbase is 64 in this run, and cannot become 512"),
        ({"cfg": "stylegan2"}, "cfg is stylegan3-t in this run"),
        ({"mirror": True}, "mirror is False in this run"),
        ({"conditional": True}, "cond is False in this run"),
        ({"preset": "small"}, "preset is tiny in this run"),
        ({"start": "autoencoder"}, "start is not set in this run, and cannot become autoencoder"),
        ({"batch": 7}, "batch 7 is not a multiple of 2"),
        ({"batch": 0}, "batch must be above zero"),
        ({"glr": float("nan")}, "glr must be above zero"),
    ],
)
def test_what_would_be_another_run_is_refused_in_words(options, words, facts):
    with pytest.raises(UsageError, match=words):
        go_on(smallest(facts), facts, options, images=8, by="")


def test_what_is_not_given_stays_as_the_run_has_it(facts):
    record = smallest(facts, mirror=True, snap=3, tensorboard=True)
    same = {name: value for name, value in as_options(record).items() if name != "resume"}
    assert go_on(record, facts, same, images=8, by="") == record
    longer = go_on(record, facts, {"kimg": 1, "micro_batch": 2}, images=8, by="")
    assert (longer.total_images, longer.micro_batch, longer.snap) == (1000, 2, 3)
    assert longer.changes == ()
    assert longer.decisive() == record.decisive()


def test_every_option_of_a_run_is_told_with_who_decided_it(facts):
    told = {one.name: one for one in options_in_use(smallest(facts), {"gamma": 2.0, "seed": 0})}
    assert set(told) == set(OPTIONS)
    assert told["gamma"].decided_by == "given"
    assert told["cbase"].decided_by == "the run's record"
    assert told["kimg"].value == 0.024


def test_the_first_command_goes_on_with_the_changed_run(planned, facts):
    _, changed = planned
    longer = with_record(changed, smallest(facts, aug="ada", kimg=1))
    assert (longer.batch, longer.total_images) == (8, 1000)
    assert longer.original().decisive() == smallest(facts, aug="ada").decisive()
