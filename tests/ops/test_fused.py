"""The native pass against the PyTorch definition."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.ops import filtered_lrelu, fused, kernels
from nftgan.ops.filtered_lrelu import reference
from nftgan.ops.filters import design_lowpass

needs_kernel = pytest.mark.skipif(kernels.library() is None, reason="no C++ compiler here")


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    assert found.shape == expected.shape
    scale = expected.abs().max().clamp(min=1)
    assert (found - expected).abs().max() <= tolerance * scale


GEOMETRY: dict[str, Any] = {
    "size": st.tuples(st.integers(1, 40), st.integers(1, 40)),
    "up": st.sampled_from([1, 2, 4]),
    "down": st.sampled_from([1, 2, 3]),
    "padding": st.tuples(*[st.integers(-6, 26)] * 4),
    "clamp": st.sampled_from([None, 0.5]),
}


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(
    **GEOMETRY,
    taps=st.tuples(st.sampled_from([1, 4, 7, 12, 24]), st.sampled_from([1, 5, 12])),
    seed=st.integers(0, 99),
)
def test_value_gradient_and_second_derivative_equal_the_definition(
    size: tuple[int, int],
    up: int,
    down: int,
    taps: tuple[int, int],
    padding: tuple[int, int, int, int],
    clamp: float | None,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(2, 3, *size, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    fu, fd = (torch.randn(n) / n for n in taps)
    arguments = (fu, fd, b, up, down, padding, math.sqrt(2), 0.2, clamp)
    planned = fused.plan(x, fu, fd, up, down, padding, math.sqrt(2), 0.2, clamp)
    if planned is None:  # nothing is left after cropping
        return
    expected, found = reference(x, *arguments), filtered_lrelu(x, *arguments)
    close(found, expected, 2e-6)
    v = torch.randn_like(expected, requires_grad=True)
    u = torch.randn_like(x)
    results = []
    for y in (expected, found):
        gx, gb = torch.autograd.grad((y * v).sum(), (x, b), create_graph=True)
        (gv,) = torch.autograd.grad((gx * u).sum(), v)
        results.append((gx, gb, gv))
    (gx, gb, gv), (other_gx, other_gb, other_gv) = results
    close(other_gx, gx, 6e-6)
    close(other_gv, gv, 6e-6)
    # A bias's gradient is the sum of whole planes: its rounding goes with its terms, not with what
    # is left of them.
    rounding = 4 * torch.finfo(torch.float32).eps * gx.abs().sum((0, 2, 3)).max()
    allowed = torch.maximum(6e-6 * gb.abs().max().clamp(min=1), rounding)
    assert (other_gb - gb).abs().max() <= allowed


@needs_kernel
def test_the_answer_does_not_depend_on_the_number_of_threads() -> None:
    torch.manual_seed(0)
    x, f = torch.randn(3, 5, 30, 30), torch.rand(12)
    before = torch.get_num_threads()
    try:
        answers = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            answers.append(filtered_lrelu(x, f, f, None, 2, 2, (9, 8, 9, 8)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


@needs_kernel
@settings(max_examples=40, deadline=None)
@given(
    **GEOMETRY,
    taps=st.tuples(st.sampled_from([1, 4, 12, 24]), st.sampled_from([1, 5, 12])),
)
def test_float64_equals_the_definition_to_the_last_digits(
    size: tuple[int, int],
    up: int,
    down: int,
    taps: tuple[int, int],
    padding: tuple[int, int, int, int],
    clamp: float | None,
) -> None:
    random = torch.Generator().manual_seed(sum(size))
    x = torch.randn(1, 3, *size, dtype=torch.float64, generator=random)
    b = torch.randn(3, dtype=torch.float64, generator=random)
    fu, fd = (torch.randn(n, generator=random) / n for n in taps)
    arguments = (fu, fd, b, up, down, padding, math.sqrt(2), 0.2, clamp)
    with mock.patch.object(fused, "DOUBLE_FROM", 0):
        if fused.plan(x, fu, fd, up, down, padding, math.sqrt(2), 0.2, clamp) is None:
            return  # nothing is left after cropping
        close(filtered_lrelu(x, *arguments), reference(x, *arguments), 1e-14)


def test_a_little_float64_takes_the_definition() -> None:
    x = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    assert fused.plan(x, torch.ones(4), torch.ones(4), 2, 2, (3, 3, 3, 3), 1.0, 0.2, None) is None


def test_without_a_compiler_one_line_says_so_and_pytorch_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NFTGAN_KERNEL_CACHE", str(tmp_path / "cache" / "kernels"))
    monkeypatch.setenv("CXX", str(tmp_path / "no-such-compiler"))
    kernels.library.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            y = filtered_lrelu(torch.ones(1, 1, 4, 4), torch.ones(2), None, None, 2, 1, 1)
    finally:
        monkeypatch.undo()
        kernels.library.cache_clear()
    assert y.shape == (1, 1, 9, 9)
    assert len(caplog.records) == 1
    assert list(tmp_path.rglob("*.so")) == []


@needs_kernel
def test_a_killed_build_leaves_nothing_that_the_next_one_trips_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_KERNEL_CACHE", str(tmp_path / "cache" / "kernels"))
    litter = tmp_path / "cache" / "kernels" / "tmpdead"
    litter.mkdir(parents=True)
    (litter / "filtered_lrelu.cpp").write_text("half")
    kernels.library.cache_clear()
    try:
        assert kernels.library() is not None
    finally:
        monkeypatch.undo()
        kernels.library.cache_clear()


def radial(taps: int) -> torch.Tensor:
    """One of StyleGAN3-R's filters: the same in all directions, and so no product of two."""
    f = design_lowpass(taps, cutoff=16, half_width=6, rate=64, radial=True)
    assert f is not None and f.ndim == 2
    return f


@needs_kernel
@pytest.mark.parametrize(("taps", "up", "down"), [(12, 2, 2), (12, 4, 2), (6, 2, 1), (12, 1, 2)])
def test_filters_that_are_no_product_are_done_as_a_sum_of_products(
    taps: int, up: int, down: int
) -> None:
    torch.manual_seed(0)
    fu, fd = torch.rand(6 * up) / 6, radial(taps)
    found = fused.separable_decomposition(fd)
    assert found is not None and found.x.shape[0] > 1
    torch.testing.assert_close(found.y.T @ found.x, fd, rtol=0, atol=3e-7)
    x = torch.randn(2, 3, 20, 23, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    arguments = (fu, fd, b, up, down, (9, 8, 10, 7), math.sqrt(2), 0.2, 0.9)
    assert fused.plan(x, *arguments[:2], *arguments[3:]) is not None
    expected, found_y = reference(x, *arguments), filtered_lrelu(x, *arguments)
    close(found_y, expected, 2e-6)
    v, u = torch.randn_like(expected).requires_grad_(), torch.randn_like(x)
    results = []
    for y in (expected, found_y):
        gx, gb = torch.autograd.grad((y * v).sum(), (x, b), create_graph=True)
        (gv,) = torch.autograd.grad((gx * u).sum(), v)
        results.append((gx, gb, gv))
    for one, other in zip(*results, strict=True):
        close(other, one, 3e-6)


def test_a_filter_of_high_rank_is_left_to_pytorch() -> None:
    assert fused.separable_decomposition(torch.randn(12, 12)) is None  # rank twelve
    assert fused.separable_decomposition(torch.ones(3, 4)) is None
