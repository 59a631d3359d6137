"""Each phase has the published losses and gradients."""

import numpy as np
import pytest
import torch

from nftgan.training import phases
from nftgan.training.batches import LatentBatch
from nftgan.training.phases import StepContext
from nftgan.training.state import fresh_state
from tests.training.golden import CASES, Golden


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
def test_logits_under_blur(golden):
    reals = golden.batch(0).images
    for sigma in (10.0, 3.4, 0.2):
        with torch.no_grad():
            logits = golden.state.discriminator(phases.blurred(reals, sigma))
        expected = golden.data[f"f64/blur_logits/sigma{sigma}"]
        np.testing.assert_allclose(logits.numpy(), expected, atol=1e-6)


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
