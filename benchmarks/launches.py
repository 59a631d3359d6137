"""How many launches, bytes and FLOPs a training step takes on a GPU, counted on a processor.

    python benchmarks/launches.py [--run stylegan3-t] [--batch 32] [--half] [--graphs] [--json]

The step is the real one, of the real size in two micro-batches, on PyTorch's meta device: shapes
without numbers, so that it takes seconds. What would go to a Triton kernel is counted and left out;
every other operator that moves data is one launch. A convolution on a GPU can be two or three
(the layout of its operands is changed). Bytes are those of what an operator reads and writes, each
tensor once, as if nothing stayed in a cache. --half: layers that a GPU computes in float16 are, and
the casts to it count; without, everything is float32, as counted before.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

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


PLANS: dict[Any, Any] = {}
"""Of filtered activations, kept from step to step as on a GPU."""


class Launches(TorchDispatchMode):
    """Counts what is dispatched while it is active, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[str] = collections.Counter()
        self.waits = 0
        self.recording = False  # then nothing counts: it is done once a run
        self.bytes = 0
        self.flops: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if name == "_local_scalar_dense":
            self.waits += 1
        kwargs = kwargs or {}
        # Adam has no kernel for tensors without numbers.
        made = None if name == "_fused_adam_" else func(*args, **kwargs)
        if name not in FREE and not self.recording:
            self.add(name, args, kwargs, made)
            rule = flop_registry.get(func.overloadpacket)
            if rule is not None:
                kind = next(t.dtype for t in tree_leaves(args) if isinstance(t, Tensor))
                self.flops[str(kind).removeprefix("torch.")] += rule(*args, **kwargs, out_val=made)
        return made

    def add(self, name: str, *reads_and_writes: Any) -> None:
        """One launch that touches these tensors, in whatever they are nested."""
        if self.recording:
            return
        tensors = [one for one in tree_leaves(reads_and_writes) if isinstance(one, Tensor)]
        if tensors and all(one.device.type == "cpu" for one in tensors):
            return  # done by the processor
        self.counts[name] += 1
        for one in {id(t): t for t in tensors}.values():
            numbers = min(one.numel(), one.untyped_storage().nbytes() // one.itemsize)
            self.bytes += numbers * one.itemsize

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@contextmanager
def as_on_a_gpu(launches: Launches, *, half: bool = False) -> Iterator[None]:
    """What a GPU would do is done here without numbers; Triton's kernels are counted."""
    from nftgan.networks import discriminator, layers, stylegan2, stylegan3
    from nftgan.ops import fused, gpu, gpu_planes, gpu_scales, gpu_tiles
    from nftgan.training import state, warp

    def launch(kernel: Any, grid: Any, like: Any, *arguments: Any, **constants: Any) -> None:
        launches.add(f"triton {kernel}", arguments)

    def call(p: Any, x: Tensor, b: Any, signs: Any, mode: int, *scales: Any) -> Tensor:
        y = x.new_empty((*x.shape[:2], p.y.out, p.x.out))
        launches.add("triton filtered_lrelu", x, b, signs, y, scales)
        launches.flops["filters"] += len(x) * x.shape[1] * filter_flops(p)
        return y

    def shape_of(x: Tensor, f: Tensor | None, least: float) -> Any:
        taps = 1 if f is None else f.shape[-1]
        rank = 1 if f is None or f.ndim == 1 else 2 if x.element_size() == 2 else 4
        return fused.Filter(x.new_empty(rank, taps), x.new_empty(rank, taps))

    class Names:
        def __getattr__(self, name: str) -> str:
            return name

    def takes(x: Tensor) -> bool:
        return x.dtype in gpu_planes.DTYPES

    kinds = ["cpu", "cuda", "meta"]
    placed = (discriminator, stylegan2, stylegan3, warp)
    with ExitStack() as stack:
        for where, name, what in (
            (gpu_planes, "takes", takes),
            (gpu_tiles, "launch", launch),
            (gpu_tiles, "module", Names),
            (gpu_scales, "_kernels", Names),
            (gpu, "usable", lambda device: True),
            (gpu, "call", call),
            (gpu, "_like", shape_of),
            (gpu, "_plans", PLANS),
            (layers, "takes", takes),
            (discriminator, "takes", takes),
            (stylegan2, "dense", takes),
            (stylegan3, "dense", takes),
            (state, "FUSED_ON", kinds),
            (
                import_module("torch.optim.adam"),
                "_device_dtype_check_for_fused",
                lambda *a, **k: None,
            ),
            (
                import_module("torch.optim.optimizer"),
                "_get_fused_kernels_supported_devices",
                lambda: kinds,
            ),
            *((one, "on_gpu", lambda x: half) for one in placed),
        ):
            stack.enter_context(mock.patch.object(where, name, what))
        yield


class Replayed:
    """Stands in for CUDA graphs: to replay is one launch."""

    def __init__(self) -> None:
        self.launches = Launches()

    def record(self, run: Any) -> tuple[Any, Any]:
        self.launches.recording = True
        made = run()
        self.launches.recording = False
        return made, lambda: self.launches.add("cudaGraphLaunch")


def filter_flops(p: Any) -> int:
    """Of one plane through a filtered activation: what its filters need, two a multiply-add."""
    up, down = p.up_filter, p.down_filter
    taps_up = up.taps / p.x.up
    wide = len(up.x) * taps_up * (p.y.mid * p.x.size + p.y.mid * p.x.mid)
    narrow = len(down.x) * down.taps * (p.y.mid * p.x.out + p.y.out * p.x.out)
    return round(2 * (wide + narrow))


def count(
    name: str,
    batch: int,
    steps: tuple[int, ...],
    *,
    half: bool = False,
    graphs: bool = False,
    **options: Any,
) -> dict[int, Launches]:
    """What each of the `steps` of a run of gpu_parts.common takes, in two micro-batches.

    graphs: of a run whose steps are replayed.
    """
    from gpu_parts.common import Bench, step_of

    from nftgan.training.recording import Recordings

    bench = Bench("cpu", False, float("inf"))
    options |= {"batch": batch, "micro_batch": batch // 2 if name != "small" else batch}
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        with as_on_a_gpu(Launches(), half=half):
            step = step_of(bench, name, Path(scratch), place="meta", **options)
            replayed = Replayed()
            if graphs:
                step.recordings = Recordings(replayed)
            step.run(steps[-1])  # makes the optimisers' state, and prepares filters
        for number in steps:
            found[number] = replayed.launches = Launches()
            with as_on_a_gpu(found[number], half=half), found[number]:
                step.run(number)
        step.loader.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="stylegan3-t")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--graphs", action="store_true", help="steps are replayed")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = count(chosen.run, chosen.batch, (1, 16), half=chosen.half, graphs=chosen.graphs)
    answer: dict[str, Any] = {}
    for kind, one in (("plain step", found[1]), ("with penalties", found[16])):
        answer[kind] = one.total
        answer[f"{kind}, GB"] = round(one.bytes / 1e9, 1)
        answer[f"{kind}, TFLOP"] = {k: round(v / 1e12, 2) for k, v in one.flops.items()}
        answer[f"{kind}, waits"] = one.waits
        answer[f"{kind}, by operator"] = dict(one.counts.most_common(40))
    if chosen.json:
        print(json.dumps(answer))
        return
    for key, value in answer.items():
        print(key, value if not isinstance(value, dict) else "")
        for name, times in value.items() if isinstance(value, dict) else ():
            print(f"    {times:6} {name}")


if __name__ == "__main__":
    main()
