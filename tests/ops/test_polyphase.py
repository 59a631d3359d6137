"""Upsampling without zeros against the definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.ops import filtered_lrelu, fused
from nftgan.ops.filtered_lrelu import reference
from nftgan.ops.polyphase import SMALL, upsample_separable
from nftgan.ops.upfirdn import reference as definition


@settings(deadline=None, max_examples=80)
@given(
    up=st.integers(1, 4),
    taps=st.integers(1, 14),
    sides=st.tuples(*[st.one_of(st.integers(5, 12), st.integers(SMALL + 1, SMALL + 9))] * 2),
    padding=st.tuples(*[st.integers(-3, 15)] * 4),
    seed=st.integers(0, 2**20),
)
def test_equals_the_definition_with_its_gradient(
    up: int,
    taps: int,
    sides: tuple[int, int],
    padding: tuple[int, int, int, int],
    seed: int,
) -> None:
    draw = torch.Generator().manual_seed(seed)
    f = torch.randn(taps, generator=draw, dtype=torch.float64)
    x = torch.randn(2, 3, *sides[::-1], generator=draw, dtype=torch.float64).requires_grad_()
    for side, before, after in ((sides[0], *padding[:2]), (sides[1], *padding[2:])):
        if side * up + before + after < taps:
            return
    found = upsample_separable(x, f, up, padding)
    expected = definition(x, f, up, 1, padding, gain=up * up)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    v = torch.randn(found.shape, generator=draw, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad((y * v).sum(), x)[0] for y in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("side", [20, 70])
@pytest.mark.parametrize("filtered", [True, False])
def test_without_kernels_the_activation_is_the_same(
    side: int, filtered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "plan", lambda *_: None)
    x, b = torch.randn(2, 5, side, side), torch.randn(5)
    f = torch.hann_window(14, periodic=False)[1:-1] / 6.5 if filtered else None
    up, pads = (2, (9, 9, 9, 9)) if filtered else (1, (0, 0, 0, 0))
    before = x.clone()
    found = filtered_lrelu(x, f, f, b, up, up, pads, clamp=0.5)
    expected = reference(x, f, f, b, up, up, pads, 2**0.5, 0.2, 0.5)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert torch.equal(x, before)
    x.requires_grad_()
    v = torch.randn_like(expected)
    ours = torch.autograd.grad((filtered_lrelu(x, f, f, b, up, up, pads, clamp=0.5) * v).sum(), x)
    slow = reference(x, f, f, b, up, up, pads, 2**0.5, 0.2, 0.5)
    torch.testing.assert_close(ours, torch.autograd.grad((slow * v).sum(), x), rtol=0, atol=1e-5)
