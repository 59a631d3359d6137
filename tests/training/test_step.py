"""Whole steps move every weight as published, and wait for nothing."""

import numpy as np
import pytest
import torch

from nftgan.training import phases
from nftgan.training.batches import Batch
from nftgan.training.phases import StepContext
from nftgan.training.state import TrainState, fresh_state
from nftgan.training.step import train_step
from tests.training.golden import CASES, Golden


@pytest.fixture
def golden(request):
    return Golden(request.param)


@pytest.mark.parametrize("golden", CASES, indirect=True)
def test_two_whole_steps_move_every_weight_as_published(golden):
    for step in range(2):
        train_step(
            golden.state,
            golden.batch(step),
            lambda phase, step=step: golden.draw(phase, step),
            None,
            noise_mode="const",
        )
        golden.state.metric_sums.clear()
    for network in ("G", "D"):
        moved = dict(golden.networks()[network].named_parameters())
        for name, norm in golden.scalars[f"after2/{network}_delta_norms"].items():
            found = float((moved[name].detach() - golden.start[network][name]).norm())
            assert found == pytest.approx(norm, rel=1e-4), name
    z = torch.from_numpy(golden.data["z"][0, 0])
    with torch.no_grad():
        images = golden.state.g_ema(z, noise_mode="const")
    np.testing.assert_allclose(images.numpy(), golden.data["f64/after2/G_ema_img"], atol=1e-5)


def test_relativistic_training_pairs_and_penalises_both_kinds(configure):
    config = configure(loss="relativistic", batch=4, aug="none")
    state = fresh_state(config)
    images = np.random.default_rng(0).standard_normal((4, 3, 16, 16), np.float32)
    train_step(
        state,
        Batch(torch.from_numpy(images), None),
        lambda phase: phases.sample_latents(config, phase, 0, None, torch.device("cpu")),
        None,
    )
    means = state.metric_sums.means()
    assert {"Loss/r1", "Loss/r2", "Loss/D", "Loss/G"} <= set(means)
    assert means["Loss/r2"] > 0


def test_measurements_are_handed_over_once_a_step_and_read_when_they_are_needed(
    configure, monkeypatch
):
    config = configure(batch=4, micro_batch=2, aug="none")
    state, waits = fresh_state(config), []
    hand_over = StepContext.hand_over
    monkeypatch.setattr(
        StepContext,
        "hand_over",
        lambda run: (waits.append(len(run.pending_metrics)), hand_over(run)),
    )
    monkeypatch.setattr(TrainState, "settle", lambda state: waits.append("settled"))
    images = torch.zeros(4, 3, 16, 16)
    train_step(
        state,
        Batch(images, None),
        lambda phase: phases.sample_latents(config, phase, 0, None, torch.device("cpu")),
        None,
    )
    # Two losses or scores of G, three of D, one of R1, for each of two micro-batches.
    assert waits == [4 + 6 + 2, "settled"]
    monkeypatch.undo()
    state.settle()
    assert state.metric_sums.counts["Loss/D"] == 4
    assert not state.pending and state.ada.sign_count == 4
