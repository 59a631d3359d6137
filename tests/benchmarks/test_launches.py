"""How many launches a step takes on a GPU is counted on a processor, and held."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

BEFORE = {"plain": 7016, "penalties": 9230}
"""StyleGAN3-T, 256 pixels, two micro-batches: counted before the kernels of resampling, shared
weights, scales and optimisers that take all tensors at once; Adam alone was 735 of them."""


@pytest.mark.slow
def test_a_step_of_256_pixels_launches_no_more_than_it_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    launches = importlib.import_module("launches")
    found = launches.count("stylegan3-t", 4, (1,))[1]
    assert found.waits == 0, "the processor waits for the card inside a step"
    assert found.total <= BEFORE["plain"] / 3
    kernels = ("filtered_lrelu", "resample_tile", "demodulate_tile", "magnitude_tile")
    for name in ("convolution", *(f"triton {kernel}" for kernel in kernels)):
        assert found.counts[name] > 0
    assert found.counts["nan_to_num"] <= 2 and found.counts["_fused_adam_"] <= 2
