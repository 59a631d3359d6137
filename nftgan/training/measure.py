"""A few real steps of a run, timed: what a process of its own does for `train --dry-run`.

It reads a configuration as JSON from its input and writes a line of JSON after each round, so that
whoever ends it knows what was found until then. It writes no file.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch

from nftgan.dataset.archive import Dataset
from nftgan.errors import UsageError
from nftgan.networks.sampling import latents as drawn
from nftgan.ops import kernels
from nftgan.training.augment import Augment
from nftgan.training.config import TrainConfig
from nftgan.training.data_loader import DataLoader
from nftgan.training.distributed import SINGLE_PROCESS
from nftgan.training.loop import reproducible
from nftgan.training.phases import StepContext, phases
from nftgan.training.randomness import RngStream, rng_for
from nftgan.training.start import start_phases
from nftgan.training.state import TrainState, fresh_state
from nftgan.training.step import run_phase


@dataclass(frozen=True)
class Measured:
    """What one round found."""

    images: int  # of a step
    step_seconds: float  # of a mean step: penalties by how often they come
    start_seconds: float  # the same of a step of the first stage; 0 without one
    image_seconds: float  # to draw one image for a sheet or a score
    memory_bytes: int  # most that was held at once: of the process, or on the GPU
    state_bytes: int  # of the saved state
    network_bytes: int  # of a published network
    warm: bool  # False: the first steps, which also prepare


def measure(config: TrainConfig) -> Iterator[Measured | None]:
    """Rounds of one step with every penalty: with the fewest images, then with all at once.

    None: the networks are built, and steps begin.
    """
    fewest = min(config.discriminator.mbstd_group_size or 1, config.batch)
    for images in sorted({fewest, config.micro_batch}):
        few: dict[str, Any] = {"batch": images, "micro_batch": images, "changes": ()}
        yield from _rounds(dataclasses.replace(config, **few))


def _rounds(config: TrainConfig) -> Iterator[Measured | None]:
    dataset = Dataset.open(config.dataset.path, cache=False)
    with reproducible(config), closing(DataLoader(config, dataset, SINGLE_PROCESS)) as loader:
        state = fresh_state(config)
        batch = loader.batch(0)
        augment = None if config.aug == "none" else Augment(config.augpipe)
        yield None
        for warm in (False, True):
            seconds = dict.fromkeys((*phases(config), *start_phases(config)), 0.0)
            for phase in seconds:
                rng = rng_for(config.seed, state.step, RngStream.AUGMENT)
                ctx = StepContext(state, augment, 0.0, rng)
                start = _clock(state)
                run_phase(phase, ctx, loader.latents(phase, state.step), batch)
                seconds[phase] = _clock(state) - start
            start = _clock(state)
            z = torch.from_numpy(drawn(range(config.batch), config.generator.z_dim)).float()
            with torch.no_grad():
                labels = loader.sample_conditions(range(config.batch))
                state.g_ema(z.to(state.device), labels, noise_mode="const")
            drawing = (_clock(state) - start) / config.batch
            tensors = state.tensors()
            yield Measured(
                images=config.batch,
                step_seconds=sum(seconds[phase] / phase.interval for phase in phases(config)),
                start_seconds=sum(
                    seconds[phase] * share for phase, share in start_phases(config).items()
                ),
                image_seconds=drawing,
                memory_bytes=_peak(state),
                state_bytes=sum(one.numel() * one.element_size() for one in tensors.values()),
                network_bytes=sum(
                    one.numel() * one.element_size()
                    for name, one in tensors.items()
                    if name.startswith(("G_ema.", "D."))
                ),
                warm=warm,
            )


def _clock(state: TrainState) -> float:
    if state.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak(state: TrainState) -> int:
    if state.device.type == "cuda":
        return int(torch.cuda.max_memory_reserved())
    if sys.platform == "win32":
        return 0  # it does not tell
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """The process: a line for each round; an object with `error` when memory does not suffice."""
    request = json.load(sys.stdin)
    config = TrainConfig.from_json(request["config"])
    if request["memory"] and config.device == "cpu" and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    kernels.library()  # compiled once per machine, which takes longer than a few steps
    try:
        for found in measure(config):
            line = {"started": True} if found is None else dataclasses.asdict(found)
            print(json.dumps(line), flush=True)  # noqa: T201
    except (UsageError, MemoryError, RuntimeError) as exc:
        print(json.dumps({"error": str(exc).splitlines()[0]}), flush=True)  # noqa: T201
