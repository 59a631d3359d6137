"""Steps launched one by one and replayed from CUDA graphs: time, memory, and whether they agree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from gpu_parts.common import Bench, Row, noted, step_of

NUMBERS = (16, 1, 2, 3)
"""Of steps: the first has every penalty."""


class Again:
    """On a processor: recorded work is carried out again."""

    def record(self, run: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        from nftgan.training.recording import leaves

        made = run()

        def replay() -> None:
            for old, new in zip(leaves(made), leaves(run()), strict=True):
                old.copy_(new)

        return made, replay


class Never:
    """What is not recorded is done in the same shapes."""

    def record(self, run: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        raise RuntimeError("asked for")


def rows(bench: Bench, name: str) -> Iterator[Row]:
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, noted(found, "graphs"):
        ends = {}
        for kind in ("as usual", "in fixed shapes", "replayed"):
            bench.reset_memory()
            row, ends[kind] = timed(bench, name, kind, Path(scratch))
            yield row
        pairs = zip(ends["replayed"], ends["in fixed shapes"], strict=True)
        largest = max(float((a - b).abs().max()) for a, b in pairs)
        yield {"what": "replayed, in fixed shapes", "weights_differ_by": largest}
    yield from found


def timed(bench: Bench, name: str, kind: str, folder: Path) -> tuple[Row, list[torch.Tensor]]:
    from nftgan.training.recording import CudaRecorder, Recordings

    step, said = step_of(bench, name, folder), list[str]()
    if kind != "as usual":
        plain: Any = Again() if not bench.on_gpu else None
        recorder = Never() if kind != "replayed" else plain or CudaRecorder(bench.device)
        step.recordings = Recordings(recorder, said.append)
    for number in NUMBERS:
        step.run(number)
    end = [one.detach().clone() for one in step.state.generator.parameters()]
    bench.synchronize()
    seconds = bench.seconds(lambda: step.run(1), most=2.0)
    penalties = bench.seconds(lambda: step.run(16), most=1.0)
    step.loader.close()
    row: Row = {"what": kind, "ms": seconds * 1e3, "ms_with_penalties": penalties * 1e3}
    row |= {"s_per_kimg": seconds / step.state.config.batch * 1e3, "memory_mb": bench.memory_mb()}
    failed = kind == "replayed" and said
    return row | ({"error": said[0]} if failed else {}), end
