"""The memory that a GPU would need is counted on a processor; documented figures are held."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def gpu_memory(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu_memory")


def test_storages_count_while_they_live_also_where_autograd_alone_holds_them(
    gpu_memory: ModuleType,
) -> None:
    living = gpu_memory.Living()
    with living:
        x = torch.zeros(1000, device="meta", requires_grad=True)
        assert living.now == 4000
        y = (x * 2).square().square()  # autograd keeps 2x and its square
        assert living.now == 4 * 4000
        view = y[:10]
        del y
        assert living.now == 4 * 4000
        del view
        assert living.now == 0 + 4000
        torch.ones(1000)  # on the processor
        assert (living.now, living.most) == (4000, 4 * 4000)


@pytest.mark.parametrize(
    ("kind", "canonical", "most"),
    [("stylegan3-t", False, 0.6e9), ("stylegan3-t", True, 1.8e9), ("stylegan3-r", True, 2.8e9)],
)
def test_an_image_of_1024_pixels_needs_less_than_4_gb(
    gpu_memory: ModuleType, kind: str, canonical: bool, most: float
) -> None:
    row = gpu_memory.images(1024, 1, kind, canonical=canonical)
    assert 0.08e9 < row["at rest"] < row["at most"] < most


@pytest.mark.slow
def test_256_pixels_train_in_12_gb_with_the_preset_s_micro_batch(gpu_memory: ModuleType) -> None:
    row = gpu_memory.training("stylegan3-t", 16)
    assert 6e9 < row["at most"] < 7e9
