"""A phase's gradients do not depend on how its batch is split, nor on how much memory there is."""

import dataclasses

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.training import gradients, phases
from nftgan.training.batches import Batch
from nftgan.training.phases import StepContext
from nftgan.training.state import fresh_state
from nftgan.training.step import run_phase, train_step
from tests.training.golden import Golden


def small_step(configure, micro_batch, **changes):
    config = configure(batch=8, micro_batch=micro_batch, aug="none", **changes)
    state = fresh_state(config)
    rng = np.random.default_rng(0)
    batch = Batch(torch.from_numpy(rng.standard_normal((8, 3, 16, 16), np.float32)), None)
    run = StepContext(state, None, 0.0, rng, "const")
    found = {}
    for phase in phases.phases(config):
        draw = phases.sample_latents(config, phase, 0, None, torch.device("cpu"))
        run_phase(phase, run, draw, batch)
        (group,) = state.optimiser(phase.trains).param_groups
        found[phase.name] = [
            parameter.grad.clone() for parameter in group["params"] if parameter.grad is not None
        ]
        state = fresh_state(config)
        run = StepContext(state, None, 0.0, rng, "const")
    return found


@pytest.mark.parametrize("micro_batch", [2, 4])
def test_gradients_do_not_depend_on_how_a_batch_is_split(configure, micro_batch):
    whole, split = small_step(configure, 8), small_step(configure, micro_batch)
    assert set(whole) == {"Gmain", "Dmain", "Dreg"}
    for name in whole:
        for one, other in zip(whole[name], split[name], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_bad_gradients_become_large_numbers_instead_of_spreading():
    network = torch.nn.Linear(3, 1, bias=False)
    network.weight.grad = torch.tensor([[float("nan"), float("inf"), -float("inf")]])
    gradients._tame(gradients._gathered_gradients(network.parameters()))
    assert network.weight.grad.tolist() == [[0.0, 1e5, -1e5]]


class Scarce:
    """A discriminator in a machine that has memory for `room` images at once."""

    def __init__(self, network, room):
        self.network, self.room, self.sizes = network, room, []

    def __call__(self, images, labels):
        self.sizes.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(images, labels)


def a_step_with_room_for(configure, monkeypatch, room):
    config = configure(batch=8, micro_batch=8, aug="fixed", aug_p=0.7)
    state = fresh_state(config)
    scarce = Scarce(state.discriminator.forward, room)
    monkeypatch.setattr(state.discriminator, "forward", scarce)
    images = np.random.default_rng(0).standard_normal((8, 3, 16, 16), np.float32)
    train_step(
        state,
        Batch(torch.from_numpy(images), None),
        lambda phase: phases.sample_latents(config, phase, 0, None, torch.device("cpu")),
        phases.Augment(config.augpipe),
    )
    return state, scarce.sizes


def test_when_memory_runs_out_the_step_is_done_with_fewer_images_at_once(configure, monkeypatch):
    plenty, sizes = a_step_with_room_for(configure, monkeypatch, 8)
    assert set(sizes) == {8}
    scarce, sizes = a_step_with_room_for(configure, monkeypatch, 4)
    assert sizes[0] == 8 and set(sizes[1:]) == {4}
    assert scarce.micro_batch == 4
    one, other = plenty.tensors(), scarce.tensors()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-3, atol=2e-3, msg=name)
    assert scarce.metric_sums.counts == plenty.metric_sums.counts


def test_without_memory_for_the_fewest_images_there_is_one_sentence(configure, monkeypatch):
    with pytest.raises(UsageError, match="not enough memory for 2 images"):
        a_step_with_room_for(configure, monkeypatch, 1)


def test_a_lazy_phase_weighs_its_gradients_by_its_interval():
    golden = Golden("t32")
    regularisation = next(p for p in phases.phases(golden.config) if p.name == "Dreg")
    norms = []
    for interval in (1, 16):
        phase = dataclasses.replace(regularisation, interval=interval)
        run = StepContext(golden.state, None, 0.0, np.random.default_rng(0), "const")
        golden.state.discriminator.requires_grad_(True)
        draw = golden.draw(phase, 0)
        assert gradients._gradients(
            phase, run, draw, golden.batch(0), golden.state.discriminator_adam
        )
        norms.append(
            [p.grad.clone() for p in golden.state.discriminator.parameters() if p.grad is not None]
        )
    assert any(g.abs().max() > 0 for g in norms[0])
    for once, lazily in zip(*norms, strict=True):
        torch.testing.assert_close(lazily, 16 * once)
