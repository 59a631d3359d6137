"""Convolutions with resampling and with modulation against the published ones."""

from __future__ import annotations

import pytest
import torch

from nftgan.ops import conv2d_resample, modulated_conv2d
from tests.ops.golden import Golden, check

GOLDEN = Golden("ops_misc")


def cases(prefix: str) -> list[str]:
    return [name for name in GOLDEN.parameters if name.startswith(prefix)]


@pytest.mark.parametrize("case", cases("sg2_conv"))
def test_values_and_gradients_equal_the_published_op(case: str) -> None:
    p = GOLDEN.parameters[case]
    x, w = GOLDEN.variable(case, "x"), GOLDEN.variable(case, "w")
    # The published op convolves when it enlarges (flip_weight false), correlates else; so do we.
    assert p["flip_weight"] == (p["up"] == 1)
    y = conv2d_resample(
        x, w, GOLDEN.tensor(case, "f"), up=p["up"], down=p["down"], groups=p["groups"]
    )
    check(y, GOLDEN.tensor(case, "y"), 1e-6)
    gx, gw = torch.autograd.grad((y * GOLDEN.tensor(case, "v")).sum(), (x, w))
    check(gx, GOLDEN.tensor(case, "gx"), 1e-6)
    check(gw, GOLDEN.tensor(case, "gw"), 1e-6)


@pytest.mark.parametrize("case", cases("sg3_modconv"))
def test_modulated_convolutions_equal_the_published_ones(case: str) -> None:
    """Ours normalises styles per sample, theirs per batch: demodulation cancels it but for 1e-8."""
    p = GOLDEN.parameters[case]
    x, w, s = (GOLDEN.variable(case, name) for name in "xws")
    gain = GOLDEN.tensor(case, "input_gain")
    # The published op takes a gain per sample and channel; our networks need one number.
    scaled = x * gain[:, :, None, None] if gain.ndim == 2 else x * gain
    y = modulated_conv2d(
        scaled,
        w,
        s,
        demodulate=p["demodulate"],
        normalize=p["demodulate"],
        padding=w.shape[-1] - 1,
    )
    check(y, GOLDEN.tensor(case, "y"), 1e-6)
    gradients = torch.autograd.grad(
        (y * GOLDEN.tensor(case, "v")).sum(), (x, w, s), create_graph=True
    )
    for gradient, name in zip(gradients, ("gx", "gw", "gs"), strict=True):
        check(gradient, GOLDEN.tensor(case, name), 1e-6)
    with_u = sum(
        (g * GOLDEN.tensor(case, name)).sum()
        for g, name in zip(gradients, ("ux", "uw", "us"), strict=True)
    )
    for second, name in zip(torch.autograd.grad(with_u, (x, w, s)), "xws", strict=True):
        check(second, GOLDEN.tensor(case, f"gg{name}"), 1e-6)
