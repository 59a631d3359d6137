"""The most memory that training or making images takes at once on a GPU, counted on a processor.

    python benchmarks/gpu_memory.py [--run stylegan3-t] [--preset 256] [--micro-batch 16] [--json]
    python benchmarks/gpu_memory.py --image 1024 [--micro-batch 1] [--canonical] [--json]

The step is the real one, with its penalties, on PyTorch's meta device, as in launches.py: what a
GPU would allocate, in the types that it would compute in, is added up while it lives. Not counted
are the driver's context, workspaces of cuDNN and cuBLAS, gaps between blocks of the allocator, and
the recordings of CUDA graphs. --image SIDE: as many images as --micro-batch instead,
of a published network of the kind of --run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

GIB = 2**30


class Living(TorchDispatchMode):
    """Bytes of the meta device's storages that live now, and at most, while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        # Adam has no kernel for tensors without numbers.
        name = func.overloadpacket.__name__
        made = None if name == "_fused_adam_" else func(*args, **kwargs)
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and one.device.type == "meta":
                self._add(one)
        return made

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage._cdata, storage.nbytes()
        if place in self._seen or size == 0:
            return
        self._seen.add(place)
        weakref.finalize(storage, self._gone, place, size)
        self.now += size
        self.most = max(self.most, self.now)

    def _gone(self, place: int, size: int) -> None:
        self._seen.discard(place)
        self.now -= size


def training(run: str, micro_batch: int, batch: int = 32, **options: Any) -> dict[str, Any]:
    """Bytes at most in a step of a run of gpu_parts.common with all its penalties, and at rest."""
    from gpu_parts.common import Bench, step_of
    from launches import Launches, as_on_a_gpu

    bench, living = Bench("cpu", False, float("inf")), Living()
    options |= {"batch": batch, "micro_batch": micro_batch}
    with tempfile.TemporaryDirectory() as scratch, as_on_a_gpu(Launches(), half=True), living:
        step = step_of(bench, run, Path(scratch), place="meta", **options)
        step.run(0)  # makes the optimisers' state, and prepares filters
        rest, living.most = living.now, living.now
        step.run(0)
        step.loader.close()
    return {"run": run, "micro_batch": micro_batch, "at rest": rest, "at most": living.most}


def images(
    side: int, count: int, kind: str = "stylegan3-t", *, canonical: bool = False
) -> dict[str, Any]:
    """Bytes at most while a published network of `side` px makes `count` images.

    canonical: in float64.
    """
    from gpu_parts.common import generator_config
    from launches import Launches, as_on_a_gpu

    from nftgan.networks import build_generator

    living = Living()
    with as_on_a_gpu(Launches(), half=True), living, torch.inference_mode():
        G = build_generator(generator_config(kind, side, False), seed=0).to("meta").eval()
        dtype = torch.float64 if canonical else torch.float32
        G.to(dtype)
        rest, living.most = living.now, living.now
        G(torch.empty(count, G.z_dim, device="meta", dtype=dtype), None)
    return {"run": kind, "images": count, "at rest": rest, "at most": living.most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="stylegan3-t")
    parser.add_argument("--preset", help="its side is that of the images")
    parser.add_argument("--micro-batch", type=int, default=16)
    parser.add_argument("--image", type=int, metavar="SIDE")
    parser.add_argument("--canonical", action="store_true", help="in float64")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.image is None:
        options = {} if chosen.preset is None else {"preset": chosen.preset}
        row = training(chosen.run, chosen.micro_batch, **options)
    else:
        row = images(chosen.image, chosen.micro_batch, chosen.run, canonical=chosen.canonical)
    if chosen.json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        print(f"{name:12}", f"{value / GIB:,.2f} GiB" if name.startswith("at ") else value)


if __name__ == "__main__":
    main()
