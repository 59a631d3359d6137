import dataclasses
import json

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.model_file import load_networks
from nftgan.training import phases
from nftgan.training.batches import Batch, LatentBatch
from nftgan.training.config import DatasetFacts, resolve
from nftgan.training.phases import StepContext, run_phase, train_step
from nftgan.training.state import TrainState, fresh_state
from tests import reference

CASES = ("t32", "sg2_32")
SLOTS = {"Gmain": 0, "Greg": 1, "Dmain": 1, "Dreg": 2}


class Golden:
    """A published network, its training numbers, and our state around the same weights."""

    def __init__(self, name):
        self.data = reference.numbers(f"train_{name}")
        self.meta = json.loads(str(self.data["meta_json"]))
        self.scalars = self.meta["scalars_f64"]
        model = load_networks(reference.checkpoint(name))
        facts = DatasetFacts("", "golden", "", 8, 32, 3, 0)
        loss = self.meta["loss"]
        config = resolve(
            facts,
            preset="tiny",
            batch=4,
            cfg=model.generator.config.kind,
            glr=self.meta["glr"],
            dlr=self.meta["dlr"],
            gamma=loss["r1_gamma"],
            aug="none",
            ema_kimg=self.meta["ema_kimg"],
        )
        self.config = dataclasses.replace(
            config,
            generator=model.generator.config,
            discriminator=model.discriminator.config,
            ema_rampup=0.0,
            style_mixing=0.0,
        )
        assert config.pl_weight == loss["pl_weight"]
        self.state = fresh_state(self.config)
        self.state.generator.load_state_dict(model.generator.state_dict())
        self.state.g_ema.load_state_dict(model.generator.state_dict())
        self.state.discriminator.load_state_dict(model.discriminator.state_dict())
        for network in (self.state.generator, self.state.g_ema, self.state.discriminator):
            network.double()
        self.state.path_mean = self.state.path_mean.double()
        self.start = {
            name: {key: value.clone() for key, value in network.named_parameters()}
            for name, network in self.networks().items()
        }

    def networks(self):
        return {
            "G": self.state.generator,
            "D": self.state.discriminator,
            "G_ema": self.state.g_ema,
        }

    def batch(self, step):
        reals = torch.from_numpy(self.data["reals_u8"][step]).double() / 127.5 - 1
        return Batch(reals, None)

    def draw(self, phase, step):
        z = torch.from_numpy(self.data["z"][step, SLOTS[phase.name]])
        noise = torch.from_numpy(self.data["pl_noise"])
        if len(noise) < len(z):
            noise = torch.cat([noise, torch.zeros_like(noise)])
        return LatentBatch(z, None, path_noise=noise)

    def run(self, name):
        phase = next(phase for phase in phases.phases(self.config) if phase.name == name)
        once = dataclasses.replace(phase, interval=1)
        run = StepContext(self.state, None, 0.0, np.random.default_rng(0), "const")
        run_phase(once, run, self.draw(phase, 0), self.batch(0))
        run.hand_over()
        self.state.settle()

    def mean(self, key):
        return self.data[f"f64/{key}"].mean()


@pytest.fixture
def golden(request):
    return Golden(request.param)


def gradient_norms(network):
    return {
        name: float(parameter.grad.norm())
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("golden", CASES, indirect=True)
@pytest.mark.parametrize("name", ["Gmain", "Greg", "Dmain", "Dreg"])
def test_each_phase_has_the_published_losses_and_gradients(golden, name):
    if f"{name}/grad_norms" not in golden.scalars:
        pytest.skip("this network has no such phase")
    golden.run(name)
    means = golden.state.metric_sums.means()
    for key, ours in {
        "Gmain/Loss/G/loss": "Loss/G",
        "Greg/Loss/pl_penalty": "Loss/path_length",
        "Dmain/Loss/D/loss": "Loss/D",
        "Dmain/Loss/scores/real": "Scores/real",
        "Dreg/Loss/r1_penalty": "Loss/r1",
    }.items():
        if key.startswith(name):
            assert means[ours] == pytest.approx(golden.mean(key), rel=1e-7)
    network = golden.state.generator if name[0] == "G" else golden.state.discriminator
    found = gradient_norms(network)
    for parameter, norm in golden.scalars[f"{name}/grad_norms"].items():
        assert found[parameter] == pytest.approx(norm, rel=1e-5, abs=1e-12), parameter
    for key in golden.data:
        if key.startswith(f"f64/{name}/grad/"):
            parameter = dict(network.named_parameters())[key.removeprefix(f"f64/{name}/grad/")]
            expected = golden.data[key]
            np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("golden", CASES, indirect=True)
def test_the_generators_running_averages_move_in_the_discriminators_phase_alone(golden):
    before = {name: value.clone() for name, value in golden.state.generator.named_buffers()}
    golden.run("Gmain")
    after = dict(golden.state.generator.named_buffers())
    assert all(torch.equal(before[name], after[name]) for name in before)


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


@pytest.mark.parametrize("golden", CASES, indirect=True)
def test_logits_under_blur(golden):
    reals = golden.batch(0).images
    for sigma in (10.0, 3.4, 0.2):
        with torch.no_grad():
            logits = golden.state.discriminator(phases.blurred(reals, sigma))
        expected = golden.data[f"f64/blur_logits/sigma{sigma}"]
        np.testing.assert_allclose(logits.numpy(), expected, atol=1e-6)


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
    phases._tame(phases._gathered_gradients(network.parameters()))
    assert network.weight.grad.tolist() == [[0.0, 1e5, -1e5]]


def test_the_number_of_styles_is_that_of_the_network(configure):
    for cfg in ("stylegan3-t", "stylegan2"):
        config = configure(cfg=cfg)
        assert phases.num_ws(config) == fresh_state(config).generator.num_ws


def test_style_mixing_takes_the_later_layers_from_the_second_latent(configure):
    config = configure(cfg="stylegan2")
    state = fresh_state(config)
    run = StepContext(state, None, 0.0, np.random.default_rng(0))
    z, z_mix = torch.randn(2, 4, 8)
    ws = run.map_latents(LatentBatch(z, None, z_mix, 2))
    torch.testing.assert_close(ws[:, :2], state.generator.mapping(z)[:, :2])
    torch.testing.assert_close(ws[:, 2:], state.generator.mapping(z_mix)[:, 2:])


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


def test_a_lazy_phase_weighs_its_gradients_by_its_interval():
    golden = Golden("t32")
    regularisation = next(p for p in phases.phases(golden.config) if p.name == "Dreg")
    gradients = []
    for interval in (1, 16):
        phase = dataclasses.replace(regularisation, interval=interval)
        run = StepContext(golden.state, None, 0.0, np.random.default_rng(0), "const")
        golden.state.discriminator.requires_grad_(True)
        draw = golden.draw(phase, 0)
        assert phases._gradients(phase, run, draw, golden.batch(0), golden.state.discriminator_adam)
        gradients.append(
            [p.grad.clone() for p in golden.state.discriminator.parameters() if p.grad is not None]
        )
    assert any(g.abs().max() > 0 for g in gradients[0])
    for once, lazily in zip(*gradients, strict=True):
        torch.testing.assert_close(lazily, 16 * once)
