import math

import pytest
import torch

from nftgan.training import losses


def test_the_logistic_losses_have_their_closed_form():
    fake, real = torch.tensor([[0.5], [-2.0]]), torch.tensor([[1.0], [0.0]])
    expected = [math.log1p(math.exp(-0.5)), math.log1p(math.exp(2.0))]
    torch.testing.assert_close(losses.generator_loss(fake), torch.tensor(expected))
    expected = [
        math.log1p(math.exp(0.5)) + math.log1p(math.exp(-1.0)),
        math.log1p(math.exp(-2.0)) + math.log(2),
    ]
    torch.testing.assert_close(losses.discriminator_loss(fake, real), torch.tensor(expected))


def test_r1_of_a_quadratic_critic_is_known_and_differentiable():
    weight = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    reals = torch.randn(4, 1, 2, 2, dtype=torch.float64).requires_grad_(True)
    logits = weight * reals.square().sum(dim=(1, 2, 3)).unsqueeze(1) / 2
    penalty = losses.r1_penalty(logits, reals)
    squared = reals.square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(penalty, 9 * squared)
    (gradient,) = torch.autograd.grad(penalty.sum(), weight)
    torch.testing.assert_close(gradient, (6 * squared).sum())


def test_path_lengths_of_a_linear_generator_are_known():
    torch.manual_seed(0)
    matrix = torch.randn(12, 5, dtype=torch.float64, requires_grad=True)
    ws = torch.randn(6, 1, 5, dtype=torch.float64, requires_grad=True)
    images = (ws[:, 0] @ matrix.T).reshape(6, 3, 2, 2)
    noise = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    mean = torch.tensor(0.7, dtype=torch.float64)
    penalty, after = losses.path_length_penalty(images, ws, noise, mean)
    lengths = ((noise.reshape(6, 12) / 2) @ matrix).norm(dim=1)
    expected_mean = 0.7 + 0.01 * (lengths.mean() - 0.7)
    torch.testing.assert_close(after, expected_mean)
    torch.testing.assert_close(penalty, (lengths - expected_mean) ** 2)
    assert not after.requires_grad
    penalty.sum().backward()
    assert matrix.grad is not None


def test_a_relativistic_pair_is_judged_by_its_difference_alone():
    better, worse = torch.tensor([[3.0], [0.0]]), torch.tensor([[1.0], [2.0]])
    found = losses.relativistic_loss(better, worse)
    assert found.tolist() == pytest.approx([math.log1p(math.exp(-2)), math.log1p(math.exp(2))])
    torch.testing.assert_close(found, losses.relativistic_loss(better + 7, worse + 7))


def test_path_lengths_are_the_root_of_the_mean_over_layers():
    torch.manual_seed(0)
    matrices = torch.randn(4, 12, 5, dtype=torch.float64)
    ws = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    images = torch.einsum("nlw,lpw->np", ws, matrices).reshape(3, 3, 2, 2)
    noise = torch.randn(3, 3, 2, 2, dtype=torch.float64)
    zero = torch.tensor(0.0, dtype=torch.float64)
    _, after = losses.path_length_penalty(images, ws, noise, zero)
    per_layer = torch.einsum("np,lpw->nlw", noise.reshape(3, 12) / 2, matrices)  # [N, L, w_dim]
    lengths = per_layer.square().sum(dim=2).mean(dim=1).sqrt()
    torch.testing.assert_close(after, 0.01 * lengths.mean())
