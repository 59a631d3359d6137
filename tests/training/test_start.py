"""The first stage of a run, as an autoencoder: what learns when, and what a kill costs."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open

from nftgan.dataset.archive import Dataset
from nftgan.networks.model_file import load_networks
from nftgan.training import start
from nftgan.training.augment import Augment
from nftgan.training.data_loader import DataLoader
from nftgan.training.loop import train
from nftgan.training.outputs import read_statistics
from nftgan.training.phases import StepContext
from nftgan.training.state import fresh_state
from nftgan.training.step import run_phase
from tests.training.conftest import smallest

STAGE = {"start": "autoencoder:0.02", "kimg": 0.032, "tick": 0.004, "state_seconds": 0.0}
"""With four images a step: four as a decoder, one of D alone, three against each other."""


def run(config, folder, until=None):
    for tick in train(config, run_dir=folder):
        if tick.images == until:
            return  # a death: nothing is saved after it


def statistics(folder):
    timed = ("seconds", "seconds_per_kimg")
    lines = read_statistics(folder / "stats.jsonl")
    return [{key: one for key, one in line.items() if key not in timed} for line in lines]


@pytest.fixture(scope="module")
def whole(facts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run(smallest(facts, **STAGE), folder)
    return folder


def parameters_of(state):
    return {
        name: torch.cat([one.detach().flatten() for one in network.parameters()])
        for name, network in (("G", state.generator), ("D", state.discriminator))
    }


def test_the_decoder_learns_first_then_d_alone_then_both(configure, art):
    config = configure(**STAGE, aug_p=1.0)
    state, loader = fresh_state(config), DataLoader(config, Dataset.open(art))
    found = []
    while state.images < config.total_images:
        before, named = parameters_of(state), start.stage(config, state.images)
        start.next_step(
            state,
            loader.batch(state.images),
            lambda phase: loader.latents(phase, state.step),
            Augment(config.augpipe),
        )
        after = parameters_of(state)
        found.append((named, "".join(n for n in "GD" if not before[n].equal(after[n]))))
    loader.close()
    stages = [("autoencoder", "G")] * 4 + [("discriminator alone", "D")] + [("", "GD")] * 3
    assert found == stages


def test_no_image_of_the_stage_is_altered(configure, art, monkeypatch):
    config = configure(**STAGE, aug_p=1.0)
    state, loader = fresh_state(config), DataLoader(config, Dataset.open(art))
    asked = []
    monkeypatch.setattr(Augment, "sample", lambda *_: asked.append(state.images))
    while state.images < config.total_images:
        start.next_step(
            state,
            loader.batch(state.images),
            lambda phase: loader.latents(phase, state.step),
            Augment(config.augpipe),
        )
    loader.close()
    assert min(asked) == config.start_images


def test_a_decoder_learns_to_draw_the_art_again(configure, art):
    config = configure(start="autoencoder:2", kimg=4, batch=8, micro_batch=8, mirror=True)
    state, loader = fresh_state(config), DataLoader(config, Dataset.open(art))
    for _ in range(40):
        start.next_step(
            state,
            loader.batch(state.images),
            lambda phase: loader.latents(phase, state.step),
            None,
        )
        if state.step in (2, 40):
            loss = state.metric_sums.means()["Loss/reconstruction"]
            state.metric_sums.clear()
            if state.step == 2:
                first = loss
    loader.close()
    assert loss < 0.97 * first  # these networks have eight channels


@pytest.mark.parametrize(
    "changes",
    [
        {"cfg": "stylegan2"},
        {"cfg": "stylegan3-r"},
        {"conditional": True, "mirror": True, "aug": "ada", "loss": "relativistic"},
    ],
)
def test_every_kind_of_stage_resumes_exactly(changes, configure, tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    config = configure(**STAGE | {"tick": 0.008, "metrics": ()} | changes)
    run(config, straight)
    for until in (8, 24, None):
        run(config, broken, until)
    assert load_networks(straight).identity == load_networks(broken).identity
    assert statistics(straight) == statistics(broken)


@pytest.mark.parametrize("until", [12, 16])
def test_a_death_anywhere_in_the_stage_loses_nothing(until, configure, tmp_path, whole):
    folder = tmp_path / "run"
    run(configure(**STAGE), folder, until)
    run(configure(**STAGE), folder)
    assert load_networks(folder).identity == load_networks(whole).identity
    assert statistics(folder) == statistics(whole)


def test_the_state_has_the_encoder_and_its_moments_for_as_long_as_they_are_needed(
    configure, tmp_path
):
    kept = {}
    for tick in train(configure(**STAGE), run_dir=tmp_path):
        newest = max(tmp_path.glob("state-*.safetensors"))
        with safe_open(newest, "pt") as state:
            kept[tick.images] = {name.partition(".")[0] for name in state.keys()}  # noqa: SIM118
    assert {"E", "adam_E", "adam_decoder"} <= kept[12]
    assert not {"E", "adam_E", "adam_decoder"} & kept[20]


def test_line_log_and_statistics_name_the_stage(whole):
    log = (whole / "log.txt").read_text()
    assert "0.008 of 0.032 kimg, autoencoder," in log
    assert "0.02 of 0.032 kimg, discriminator alone," in log
    lines = {line["images"]: line for line in read_statistics(whole / "stats.jsonl")}
    assert "Loss/G" not in lines[16] and "Loss/G" in lines[24]
    assert lines[16]["Loss/reconstruction"] > 0 and lines[16]["Loss/KL"] > 0
    assert "Loss/reconstruction" not in lines[20] and "Loss/D" in lines[20]
    assert load_networks(whole).info["training"]["start"] == "autoencoder:0.02"


@pytest.mark.parametrize("micro_batch", [2, 4])
def test_gradients_do_not_depend_on_how_a_batch_is_split(configure, art, micro_batch):
    found = []
    for size in (8, micro_batch):
        config = configure(**STAGE | {"batch": 8, "micro_batch": size, "conditional": True})
        state, loader = fresh_state(config), DataLoader(config, Dataset.open(art))
        ctx = StepContext(state, None, 0.0, None, "const")
        run_phase(start.DECODER, ctx, loader.latents(start.DECODER, 0), loader.batch(0))
        loader.close()
        groups = state.autoencoder.adam.param_groups
        found.append([p.grad for group in groups for p in group["params"] if p.grad is not None])
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        # The running averages that scale each layer move between the parts, by a few in 10,000.
        assert float((one - other).abs().max()) <= 5e-3 * float(one.abs().max()) + 1e-5


def test_without_the_option_there_is_no_stage(configure):
    config = configure()
    assert start.stage(config, 0) == "" and start.start_phases(config) == {}
    assert fresh_state(config).autoencoder is None


def test_shares_of_the_stage_are_one(configure):
    shares = start.start_phases(configure(**STAGE))
    named = {phase.name: share * phase.interval for phase, share in shares.items()}
    assert named["Autoencoder"] + named["Dmain"] == pytest.approx(1)
    assert named["Dreg"] == pytest.approx(named["Dmain"])
