"""How many launches a training step takes on a GPU, counted on a processor.

    python benchmarks/launches.py [--run stylegan3-t] [--batch 4] [--json]

The step is the real one with narrow networks of the real depth in two micro-batches: launches
depend on layers, not on channels. What would go to a Triton kernel is counted and left out; every
other operator of PyTorch that moves data counts as one launch. A convolution on a GPU can be two or
three (the layout of its operands is changed). Casts to half precision, on a GPU only, are not seen.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

FREE = (
    *("view", "_unsafe_view", "_reshape_alias", "expand", "permute", "transpose", "t", "slice"),
    *("select", "split", "split_with_sizes", "unbind", "unsqueeze", "squeeze", "alias", "detach"),
    *("as_strided", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
    *("lift_fresh", "is_same_size", "narrow", "chunk", "_local_scalar_dense", "is_pinned"),
    *(
        "set_",
        "resize_",
        "unfold",
        "diagonal",
        "real",
        "_foreach_copy",
        "record_stream",
        "promote_types",
    ),
)
"""Operators that launch nothing: views, and memory that is not written."""


class Launches(TorchDispatchMode):
    """Counts what is dispatched while it is active, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[str] = collections.Counter()
        self.waits = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if name == "_local_scalar_dense":
            self.waits += 1
        if name not in FREE:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@contextmanager
def as_on_a_gpu(launches: Launches) -> Iterator[None]:
    """What a GPU would do is done here, but for Triton's kernels, which are counted."""
    from nftgan.networks import discriminator, layers, stylegan2, stylegan3
    from nftgan.ops import gpu, gpu_planes, gpu_scales
    from nftgan.training import state

    def launch(kernel: Any, *arguments: Any, **constants: Any) -> None:
        launches.counts[f"triton {kernel}"] += 1

    def call(p: Any, x: Tensor, *rest: Any) -> Tensor:
        launches.counts["triton filtered_lrelu"] += 1
        with _disable_current_modes():  # the kernel only takes memory
            return x.new_zeros((*x.shape[:2], p.y.out, p.x.out))

    class Names:
        def __getattr__(self, name: str) -> str:
            return name

    def takes(x: Tensor) -> bool:
        return x.dtype in gpu_planes.DTYPES

    with ExitStack() as stack:
        for where, name, what in (
            (gpu_planes, "takes", takes),
            (gpu_planes, "launch", launch),
            (gpu_planes, "_module", Names),
            (gpu_scales, "_kernels", Names),
            (gpu, "usable", lambda device: True),
            (gpu, "call", call),
            (gpu, "_plans", {}),
            (layers, "takes", takes),
            (discriminator, "takes", takes),
            (stylegan2, "dense", takes),
            (stylegan3, "dense", takes),
            (state, "FUSED_ON", ("cpu", "cuda")),
        ):
            stack.enter_context(mock.patch.object(where, name, what))
        yield


def count(name: str, batch: int, steps: tuple[int, ...]) -> dict[int, Launches]:
    """Launches of each of the `steps` of a run of gpu_parts.common, its channels cut to two."""
    from gpu_parts.common import Bench, step_of

    bench = Bench("cpu", False, float("inf"))
    narrow: dict[str, Any] = {"cbase": 16384, "cmax": 2, "mbstd_group": 2}
    narrow |= {"d_cbase": 16384, "d_cmax": 2, "z_dim": 4, "w_dim": 4}
    narrow |= {"batch": batch, "micro_batch": batch // 2 if name != "small" else batch}
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number in steps:
            counted = Launches()
            with as_on_a_gpu(counted):
                step = step_of(bench, name, Path(scratch), **narrow)
                step.run(number)  # makes the optimisers' state
                counted.counts.clear()
                counted.waits = 0
                with counted:
                    step.run(number)
                step.loader.close()
            found[number] = counted
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="stylegan3-t")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = count(chosen.run, chosen.batch, (1, 16))
    answer = {
        "plain step": found[1].total,
        "with penalties": found[16].total,
        "waits": found[1].waits,
        "by operator": dict(found[1].counts.most_common(40)),
    }
    if chosen.json:
        print(json.dumps(answer))
        return
    for key, value in answer.items():
        print(key, value if not isinstance(value, dict) else "")
        for name, times in value.items() if isinstance(value, dict) else ():
            print(f"    {times:6} {name}")


if __name__ == "__main__":
    main()
