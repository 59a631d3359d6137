"""What a training step keeps for its backward passes, counted in bytes, beside what it allocates.

    python benchmarks/memory.py [--run small] [--micro-batch 8] [--json]

The count is what must be there at once: networks, their average, Adam's two moments, gradients, and
the largest sum of tensors that autograd keeps. It is the same on every machine, whatever the memory
of workspaces; what is allocated is the largest sum of all tensors that PyTorch's allocator gave out
on this processor in the same step.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

CPU_EVENT = "[memory]"


class _Kept:
    """A tensor in the place of autograd's own: it says when it is let go."""

    def __init__(self, tensor: Tensor, counted: Saved) -> None:
        # Without its history, which may end in this very node and would never be let go.
        self.tensor, self._counted = tensor.detach(), counted
        counted.add(tensor, 1)

    def __del__(self) -> None:
        self._counted.add(self.tensor, -1)


@dataclass
class Saved:
    """Bytes of the storages that autograd keeps now, and at most; each storage counts once."""

    now: int = 0
    most: int = 0
    owned: set[int] = field(default_factory=set)  # storages of parameters, which stay anyway
    _uses: dict[int, int] = field(default_factory=dict)

    def add(self, tensor: Tensor, uses: int) -> None:
        storage = tensor.untyped_storage()
        place = storage._cdata
        if place in self.owned:
            return
        before = self._uses.get(place, 0)
        self._uses[place] = before + uses
        if before == 0 or before + uses == 0:
            self.now += storage.nbytes() * uses
            self.most = max(self.most, self.now)


@contextmanager
def saved(*parameters: Tensor) -> Iterator[Saved]:
    """Inside, what autograd keeps is counted; `parameters` are not."""
    counted = Saved(owned={one.untyped_storage()._cdata for one in parameters})
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: _Kept(tensor, counted), lambda kept: kept.tensor
    ):
        yield counted


@contextmanager
def allocated() -> Iterator[dict[str, int]]:
    """Afterwards: {"most": bytes of the allocator at most above those at the beginning}."""
    found = {"most": 0}
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        yield found
    results = profile.profiler.kineto_results  # type: ignore[union-attr]
    now = 0
    events = (one for one in results.events() if one.name() == CPU_EVENT)
    for event in sorted(events, key=lambda one: one.start_ns()):
        now += event.nbytes()
        found["most"] = max(found["most"], now)


def count(run: str, *, small: bool = False, **options: Any) -> dict[str, Any]:
    """Bytes of one step of training run `run`, with its penalties, by what they are for."""
    from gpu_parts.common import Bench, step_of

    bench = Bench("cpu", small, float("inf"))
    with tempfile.TemporaryDirectory() as scratch:
        step = step_of(bench, run, Path(scratch), **options)
        step.run(0)  # makes the optimisers' state
        state = step.state
        networks = [state.generator, state.discriminator, state.g_ema]
        sizes = [sum(p.numel() * p.element_size() for p in one.parameters()) for one in networks]
        parameters = [p for one in networks for p in one.parameters()]
        with saved(*parameters) as kept:
            step.run(0)
        row = {
            "run": run,
            "micro_batch": state.micro_batch,
            "networks": sum(sizes),
            "adam": 2 * sum(sizes[:2]),
            "gradients": max(sizes[:2]),
            "kept": kept.most,
        }
        row["counted"] = row["networks"] + row["adam"] + row["gradients"] + row["kept"]
        with allocated() as found:
            step.run(0)
        row["allocated"] = found["most"] + row["networks"] + row["adam"]
        step.loader.close()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="small", help="tiny, small, stylegan3-t, …")
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    options = {} if chosen.micro_batch is None else {"micro_batch": chosen.micro_batch}
    row = count(chosen.run, **options)
    if chosen.json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        large = isinstance(value, int) and name != "micro_batch"
        print(f"{name:12}", f"{value / 2**20:,.1f} MiB" if large else value)


if __name__ == "__main__":
    main()
