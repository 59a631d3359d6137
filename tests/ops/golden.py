"""Golden numbers of the ops, computed in float64 by the published reference programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).parent.parent / "golden"


class Golden:
    """One file of cases: arrays named case/name, and each case's parameters."""

    def __init__(self, name: str) -> None:
        self.arrays = np.load(FOLDER / f"{name}.npz")
        self.parameters: dict[str, dict[str, Any]] = json.loads(str(self.arrays["meta_json"]))

    def tensor(self, case: str, name: str) -> torch.Tensor | None:
        key = f"{case}/{name}"
        return torch.from_numpy(self.arrays[key]) if key in self.arrays.files else None

    def variable(self, case: str, name: str) -> torch.Tensor:
        found = self.tensor(case, name)
        assert found is not None
        return found.clone().requires_grad_()


def check(found: torch.Tensor, expected: torch.Tensor | None, tolerance: float) -> None:
    """Equal within `tolerance` of the largest expected magnitude (or of 1)."""
    assert expected is not None
    assert found.shape == expected.shape
    scale = max(1.0, float(expected.abs().max()))
    assert float((found.detach() - expected).abs().max()) <= tolerance * scale
