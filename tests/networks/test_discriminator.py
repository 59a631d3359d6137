"""The discriminator: groups, classes, frozen layers, gradient penalty."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nftgan.networks import build_discriminator
from nftgan.networks.architecture import DiscriminatorConfig
from nftgan.networks.discriminator import minibatch_std
from tests.networks import small


def images(count: int, side: int = 16) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(3).uniform(-1, 1, (count, 3, side, side))).float()


@pytest.mark.parametrize("name", ["d", "d-orig"])
@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_every_image_gets_one_logit(name: str, count: int) -> None:
    assert small.discriminator(name)(images(count)).shape == (count, 1)


def test_the_deviation_map_is_that_of_the_samples_group() -> None:
    x = torch.randn(8, 5, 4, 4, dtype=torch.float64)
    y = minibatch_std(x, 4, 1)
    assert torch.equal(y[:, :5], x)
    for n in range(8):
        group = x[n % 2 :: 2]  # sample n is in group n mod N/G
        expected = group.var(dim=0, unbiased=False).add(1e-8).sqrt().mean()
        torch.testing.assert_close(y[n, 5], expected.expand(4, 4))
    whole = minibatch_std(x, None, 1)
    expected = x.var(dim=0, unbiased=False).add(1e-8).sqrt().mean()
    torch.testing.assert_close(whole[:, 5], expected.expand(8, 4, 4))


def test_a_class_changes_the_verdict() -> None:
    D = small.discriminator("d-classes")
    x = images(1, 8).repeat(3, 1, 1, 1)
    logits = D(x, torch.eye(3)).flatten()
    assert len({round(float(logit), 6) for logit in logits}) == 3


@pytest.mark.parametrize(("freeze", "frozen_blocks"), [(0, 0), (4, 1), (7, 2), (10, 3)])
def test_freezing_turns_the_outer_layers_into_buffers(freeze: int, frozen_blocks: int) -> None:
    config = DiscriminatorConfig(64, channel_base=64, channel_max=4, freeze_layers=freeze)
    D, free = build_discriminator(config), dataclasses.replace(config, freeze_layers=0)
    assert set(D.state_dict()) == set(build_discriminator(free).state_dict())
    frozen = {name.split(".")[0] for name, _ in D.named_buffers() if name.endswith("weight")}
    assert frozen == {f"b{64 >> i}" for i in range(frozen_blocks)}
    trainable = {name.split(".")[0] for name, _ in D.named_parameters()}
    assert not frozen & trainable


@pytest.mark.parametrize("name", ["d", "d-classes", "d-orig"])
def test_the_gradient_penalty_has_the_right_gradient(name: str) -> None:
    """Against finite differences in float64."""
    D = small.discriminator(name).double()
    side = D.img_resolution
    x = images(2, side).double().requires_grad_()
    c = torch.eye(3)[:2].double() if D.c_dim else None

    def penalty(x: torch.Tensor) -> torch.Tensor:
        (gradient,) = torch.autograd.grad(D(x, c).sum(), x, create_graph=True)
        return gradient.square().sum()

    (gradient,) = torch.autograd.grad(penalty(x), x)
    direction = torch.from_numpy(np.random.RandomState(4).randn(*x.shape))
    step = 1e-7 * direction
    numeric = float(penalty(x + step).detach() - penalty(x - step).detach()) / 2e-7
    assert float((gradient * direction).sum()) == pytest.approx(numeric, rel=1e-3, abs=1e-8)


def test_a_float64_discriminator_answers_in_float64() -> None:
    D, x = small.discriminator(), images(4)
    exact = D.double()(x.double())
    assert exact.dtype == torch.float64
    np.testing.assert_allclose(small.discriminator()(x), exact, rtol=1e-4, atol=1e-5)
