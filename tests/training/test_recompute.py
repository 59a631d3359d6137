"""Activations computed again in the backward pass: the same numbers from less memory."""

import dataclasses

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from nftgan.networks import layers
from nftgan.networks.builders import build_generator
from nftgan.networks.model_file import load_networks
from nftgan.ops import native_activation
from nftgan.training import phases
from nftgan.training.augment import Augment
from nftgan.training.config import TrainConfig
from nftgan.training.data_loader import DataLoader
from nftgan.training.loop import train
from nftgan.training.outputs import read_statistics
from nftgan.training.state import fresh_state
from nftgan.training.step import train_step

KINDS = [
    {"cfg": "stylegan3-t"},
    {"cfg": "stylegan3-r"},
    {"cfg": "stylegan2"},
    {"cfg": "stylegan3-t", "loss": "relativistic", "freezed": 4},
    # From 48 channels on Winograd's kernels convolve.
    {"cfg": "stylegan3-t", "cbase": 1024, "cmax": 48, "d_cbase": 1024, "d_cmax": 48},
]


@pytest.fixture
def dataset(art):
    from nftgan.dataset.archive import Dataset

    return Dataset.open(art)


def steps(config, dataset, count=3):
    """The state after `count` steps, of which the first has every penalty."""
    loader, state = DataLoader(config, dataset), fresh_state(config)
    for _ in range(count):
        train_step(
            state,
            loader.batch(state.images),
            lambda phase: loader.latents(phase, state.step),
            Augment(config.augpipe),
        )
    return state


def both(config):
    return [dataclasses.replace(config, recompute=value) for value in (False, True)]


@pytest.mark.parametrize("changes", KINDS)
def test_steps_end_with_the_same_bits(changes, configure, dataset):
    kept, again = (steps(config, dataset) for config in both(configure(**changes)))
    ours, theirs = again.tensors(), kept.tensors()
    assert set(ours) == set(theirs)
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert again.metric_sums == kept.metric_sums
    assert "Loss/r1" in kept.metric_sums.sums
    assert ("Loss/path_length" in kept.metric_sums.sums) == (changes["cfg"] == "stylegan2")


def kept_bytes(config, dataset, name):
    """Bytes that autograd keeps for the backward pass of a phase's loss."""
    state, loader = fresh_state(config), DataLoader(config, dataset)
    phase = next(phase for phase in phases.phases(config) if phase.name == name)
    (group,) = state.optimiser(phase.trains).param_groups
    for parameter in group["params"]:
        parameter.requires_grad_(True)
    run = phases.StepContext(state, None, 0.0, phases.rng_for(0, 0, phase.rng_stream))
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        phase.loss(run, loader.latents(phase, 0), loader.batch(0))
    return sum(kept.values())


@pytest.mark.parametrize("cfg", ["stylegan3-t", "stylegan3-r", "stylegan2"])
@pytest.mark.parametrize("name", ["Gmain", "Dmain"])
def test_less_is_kept_for_the_backward_pass(cfg, name, configure, dataset, monkeypatch):
    # Beside PyTorch's own activations, which keep more than the native one.
    monkeypatch.setattr(native_activation, "usable", lambda *_: False)
    sizes = {"cbase": 256, "cmax": 16, "d_cbase": 256, "d_cmax": 16}
    plain, again = both(configure(cfg=cfg, **sizes))
    assert kept_bytes(again, dataset, name) < 0.6 * kept_bytes(plain, dataset, name)


@pytest.mark.parametrize("cfg", ["stylegan3-t", "stylegan2"])
def test_what_a_pass_updates_is_updated_once_and_noise_drawn_once(cfg, configure):
    config = configure(cfg=cfg).generator
    z = torch.randn(4, config.z_dim, generator=torch.Generator().manual_seed(1))
    found = []
    for again in (False, True):
        generator = build_generator(config, seed=0)
        for name, parameter in generator.named_parameters():
            if name.endswith("noise_strength"):
                torch.nn.init.constant_(parameter, 0.5)
        generator.synthesis.recompute = again
        noise = torch.Generator().manual_seed(2)
        images = generator(z, update_emas=True, noise_mode="random", generator=noise)
        with torch.no_grad():  # a second pass moves everything on before the first one's gradients
            generator(z * 3, update_emas=True, noise_mode="random", generator=noise)
        images.square().sum().backward()
        found.append(
            {
                **{name: parameter.grad for name, parameter in generator.named_parameters()},
                **dict(generator.named_buffers()),
                "drawn": noise.get_state(),
            }
        )
    plain, recomputed = found
    different = [name for name in plain if not torch.equal(plain[name], recomputed[name])]
    assert different == []


def test_nothing_is_computed_twice_where_no_gradient_is_asked_for(configure, monkeypatch):
    state = fresh_state(configure(recompute=True))
    assert state.generator.synthesis.recompute and state.discriminator.recompute

    def never(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr(layers, "checkpoint", never)
    z = torch.zeros(4, state.generator.z_dim)
    with torch.no_grad():
        state.discriminator(state.generator(z))
    with pytest.raises(AssertionError):
        state.generator(z)


def trained(config, folder, ticks=None):
    for number, _ in enumerate(train(config, run_dir=folder), 1):
        if number == ticks:
            break
    return load_networks(folder).identity


@pytest.mark.parametrize("cfg", ["stylegan3-t", "stylegan3-r", "stylegan2"])
def test_a_run_makes_the_same_model_and_may_change_its_mind(cfg, configure, tmp_path):
    plain, again = both(configure(cfg=cfg))
    expected = trained(plain, tmp_path / "plain")
    assert trained(again, tmp_path / "again") == expected
    trained(again, tmp_path / "mixed", ticks=2)
    assert trained(plain, tmp_path / "mixed") == expected
    penalties = [
        [line["Loss/r1"] for line in read_statistics(tmp_path / name / "stats.jsonl")]
        for name in ("plain", "mixed")
    ]
    assert penalties[0] == penalties[1]


def test_the_options_of_an_older_run_are_read(configure):
    document = configure().to_json()
    assert document.pop("recompute") is False
    assert TrainConfig.from_json(document) == configure()
