"""What the parts of the GPU report share: the time left, timing, networks and runs to measure."""

from __future__ import annotations

import dataclasses
import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

Row = dict[str, Any]
KINDS = ("stylegan3-t", "stylegan3-r", "stylegan2")


@dataclass(frozen=True)
class Bench:
    """Where and how large to measure, and until when (`time.monotonic`)."""

    device_name: str
    tiny: bool
    until: float

    @property
    def device(self) -> torch.device:
        return torch.device(self.device_name)

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def left(self) -> float:
        return self.until - time.monotonic()

    def synchronize(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, way: Callable[[], Any], *, most: float = 0.6) -> float:
        """Of one call: the median of five rounds of as many calls as fit into `most` seconds."""
        way()
        way()
        self.synchronize()
        start = time.perf_counter()
        way()
        self.synchronize()
        one = max(time.perf_counter() - start, 1e-6)
        count = min(max(int(most / 5 / one), 1), 50)
        rounds = []
        for _ in range(1 if one > most else 5):
            start = time.perf_counter()
            for _ in range(count):
                way()
            self.synchronize()
            rounds.append((time.perf_counter() - start) / count)
        return statistics.median(rounds)

    def reset_memory(self) -> None:
        if self.on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def memory_mb(self) -> float:
        """The largest that tensors took since `reset_memory`; 0 on a processor."""
        return torch.cuda.max_memory_allocated(self.device) / 2**20 if self.on_gpu else 0.0


@contextmanager
def noted(found: list[Row], what: str) -> Iterator[None]:
    """An exception inside becomes a row of `found`: what is after it is still measured."""
    try:
        yield
    except Exception as exc:  # whatever it is, the report goes on
        last = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        found.append({"what": what, "error": f"{type(exc).__name__}: {str(exc)[:300]} ({where})"})
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def generator_config(kind: str, size: int, tiny: bool) -> Any:
    """The published shape at `size` px, or something small of the same kind."""
    from nftgan.networks.architecture import StyleGAN2Config, StyleGAN3Config

    base, most = (64, 8) if tiny else (16384 if size <= 256 else 32768, 512)
    if kind == "stylegan2":
        return StyleGAN2Config(
            img_resolution=size, channel_base=base, channel_max=most, num_fp16_res=4
        )
    radial = kind == "stylegan3-r"
    return StyleGAN3Config(
        size,
        kind=kind,
        channel_base=base * (2 if radial else 1),
        channel_max=most * (2 if radial else 1),
        conv_kernel=1 if radial else 3,
        use_radial_filters=radial,
        num_layers=4 if tiny else 14,
        margin_size=2 if tiny else 10,
    )


def built_generator(bench: Bench, kind: str, size: int) -> Any:
    from nftgan.networks import build_generator

    G = build_generator(generator_config(kind, size, bench.tiny), seed=0)
    return G.to(bench.device).eval().requires_grad_(False)


def layers(bench: Bench, kind: str, size: int) -> Iterator[tuple[str, Any, int, int]]:
    """(name, layer, input side before the convolution, output side) of a StyleGAN3."""
    from nftgan.networks import build_generator

    synthesis = build_generator(generator_config(kind, size, bench.tiny), seed=0).synthesis
    side = synthesis.input.size
    for name in synthesis.layer_names:
        out = int(name.split("_")[1])
        yield name, getattr(synthesis, name).to(bench.device), side, out
        side = out


def noise_set(folder: Path, side: int, count: int = 64) -> Path:
    """A data set of `count` random pictures."""
    from nftgan.dataset.pack import write_dataset

    path = folder / f"noise-{side}.zip"
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    write_dataset(path, pixels, labels=None)
    return path


RUNS: dict[str, dict[str, Any]] = {
    "stylegan3-t": {"cfg": "stylegan3-t", "preset": "256", "augpipe": "bgc"},
    "stylegan3-r": {"cfg": "stylegan3-r", "preset": "256", "augpipe": "bgc"},
    "stylegan2": {"cfg": "stylegan2", "preset": "256", "augpipe": "bgc"},
    "small": {"cfg": "stylegan3-t", "preset": "small"},
    "tiny": {"cfg": "stylegan3-t", "preset": "tiny"},
}
TINY: dict[str, Any] = {
    "preset": "tiny",
    "batch": 4,
    "micro_batch": 4,
    "mbstd_group": 2,
    "cbase": 64,
    "cmax": 8,
    "d_cbase": 64,
    "d_cmax": 8,
    "z_dim": 8,
    "w_dim": 8,
    "num_layers": 3,
    "margin_size": 1,
    "map_depth": 1,
}


def run_options(bench: Bench, name: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Side of the pictures and the options of training run `name`, as `nftgan train` takes them."""
    from nftgan.training.presets import PRESETS

    options = dict(RUNS[name])
    if bench.tiny:
        options |= TINY
    options |= {"device": bench.device_name, "aug_p": 0.2, "metrics": (), "holdout": 0.0} | more
    return 16 if bench.tiny else PRESETS[options["preset"]].resolution, options


@dataclass
class Step:
    """A state to step, as in training."""

    state: Any
    loader: Any
    augment: Any
    recordings: Any = None

    def run(self, number: int) -> None:
        from nftgan.training.step import train_step

        self.state.step = number
        batch = self.loader.batch(self.state.images)
        train_step(
            self.state,
            batch,
            lambda phase: self.loader.latents(phase, number),
            self.augment,
            recordings=self.recordings,
        )


def step_of(
    bench: Bench, name: str, folder: Path, *, place: str | None = None, **more: Any
) -> Step:
    """Training run `name` before its first step, on `place`, by default the bench's device."""
    from nftgan.dataset.archive import Dataset
    from nftgan.training.augment import Augment
    from nftgan.training.config import DatasetFacts
    from nftgan.training.data_loader import DataLoader
    from nftgan.training.resolving import resolve
    from nftgan.training.state import fresh_state

    side, options = run_options(bench, name, **more)
    path = noise_set(folder, side)
    config = resolve(DatasetFacts.of(path), **options)
    config = dataclasses.replace(config, aug="fixed")
    if place is not None:  # as a GPU would be told
        networks = {
            one: dataclasses.replace(getattr(config, one), num_fp16_res=4)
            for one in ("generator", "discriminator")
        }
        config = dataclasses.replace(config, device=place, **networks)
    return Step(
        fresh_state(config), DataLoader(config, Dataset.open(path)), Augment(config.augpipe)
    )
