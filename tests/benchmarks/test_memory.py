"""What autograd keeps is counted, and compared with what the allocator gave out."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("memory")


def test_what_is_kept_is_counted_once_until_it_is_let_go(memory: ModuleType) -> None:
    weight = torch.randn(8, 4, 3, 3, requires_grad=True)
    x = torch.randn(2, 4, 16, 16)
    with memory.saved(weight) as kept:
        y = F.conv2d(x, weight, padding=1)  # keeps x; the weight is owned
        assert kept.now == x.numel() * 4
        z = torch.relu(y) * torch.relu(y).detach()
        assert kept.now == (x.numel() + 3 * 2 * 8 * 256) * 4 - 2 * 8 * 256 * 4
        z.sum().backward()
        del y, z
    assert kept.now == 0
    assert kept.most == (x.numel() + 2 * 2 * 8 * 256) * 4


def test_a_step_allocates_what_was_counted_and_little_more(memory: ModuleType) -> None:
    row = memory.count("stylegan3-t", small=True)
    assert row["networks"] + row["adam"] + row["gradients"] + row["kept"] == row["counted"]
    assert row["counted"] <= row["allocated"] * 1.05
    assert row["allocated"] < 3 * row["counted"]
