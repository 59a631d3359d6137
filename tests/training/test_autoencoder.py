"""Encoder and loss of a generator that is a decoder, against PyTorch's own distributions."""

from __future__ import annotations

import pytest
import torch

from nftgan.training.autoencoder import (
    DECODER_RATE,
    ENCODER_RATE,
    autoencoder,
    build_encoder,
    distance,
    divergence_weight,
    encode,
    warm_up,
)


@pytest.mark.parametrize(("side", "channels", "classes"), [(8, 3, 0), (16, 1, 2), (64, 3, 3)])
def test_an_encoder_tells_mean_and_variance_of_images_of_every_side(
    side: int, channels: int, classes: int
) -> None:
    encoder = build_encoder(side, 5, channels=channels, c_dim=classes, seed=0)
    images = torch.randn(2, channels, side, side)
    labels = torch.eye(classes)[[0, 1]] if classes else None
    mean, log_variance = encoder(images, labels)
    assert mean.shape == log_variance.shape == (2, 5)
    if labels is not None:
        assert not torch.equal(encoder(images, labels.flip(0))[0], mean)


def test_the_weights_follow_from_the_seed_and_other_draws_do_not_notice() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, same, other = (build_encoder(8, 4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(one(x)[0], same(x)[0]) and not torch.equal(one(x)[0], other(x)[0])


def test_latents_and_divergence_are_those_of_the_normal_that_the_encoder_tells() -> None:
    encoder = build_encoder(8, 6, seed=0)
    images, noise = torch.randn(3, 3, 8, 8), torch.randn(3, 6)
    mean, log_variance = encoder(images)
    normal = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros(6), torch.ones(6))
    z, divergence = encode(encoder, images, None, noise)
    torch.testing.assert_close(z, mean + noise * normal.stddev)
    expected = torch.distributions.kl_divergence(normal, standard).sum(1)
    torch.testing.assert_close(divergence, expected)


def test_a_pixel_that_is_off_by_two_counts_three() -> None:
    made = torch.zeros(2, 1, 4, 4)
    made[1, 0, 2, 2] = 2.0  # (2 + 4) / 2
    assert distance(made, torch.zeros(2, 1, 4, 4)).tolist() == [0.0, 3.0]


def test_the_divergence_weighs_as_much_a_pixel_at_every_side_and_comes_in_slowly() -> None:
    assert divergence_weight(32) == 4.0
    assert {divergence_weight(side) / side**2 for side in (8, 16, 64, 256)} == {4 / 32**2}
    assert [warm_up(x) for x in (0.0, 1 / 14, 1 / 7, 1.0)] == pytest.approx([0, 0.5, 1, 1])


def test_rates_fall_to_a_tenth() -> None:
    pair = autoencoder(torch.nn.Linear(2, 2), build_encoder(8, 4, seed=0))  # type: ignore[arg-type]
    found = []
    for progress in (0.0, 0.5, 0.95, 1.0):
        pair.set_rates(progress)
        found.append([group["lr"] for group in pair.adam.param_groups])
    rates = [DECODER_RATE, ENCODER_RATE]
    for got, share in zip(found, (1, 0.5, 0.1, 0.1), strict=True):
        assert got == pytest.approx([rate * share for rate in rates])
