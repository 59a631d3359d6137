"""What a run leaves in its folder at each tick: statistics, log, sample grids, networks."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

import nftgan
from nftgan import files
from nftgan.alpha import over_board, straight
from nftgan.networks import model_file
from nftgan.networks.sampling import latents, to_uint8
from nftgan.training import board, watchdog
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.data_loader import DataLoader
from nftgan.training.state import TrainState
from nftgan.training.tick import Tick

STATS_FILE = "stats.jsonl"
LOG_FILE = "log.txt"
BROKEN = "the networks hold NaN or infinity: this snapshot has no network file (lower --glr, --dlr)"
_NETWORK = re.compile(r"network-\d{6,}\.safetensors")  # what a snapshot calls its file


class RunWriter:
    """Writes the files of one run; each is whole or absent, and written again after a resume."""

    def __init__(self, config: TrainConfig, run_dir: Path, loader: DataLoader) -> None:
        self._config = config
        self._dir = run_dir
        self._loader = loader
        self._columns, self._rows = grid_size(config.dataset.resolution)

        self._art = np.zeros((0, 1, 1, 1), np.uint8)
        self._art_diversity = 1.0
        self._board = board.open_board(run_dir) if config.tensorboard else None

    def begin(self, state: TrainState, *, continued: bool) -> None:
        """Files of the start; after a resume, statistics past the restored state are dropped."""
        path = self._dir / STATS_FILE
        if path.exists():
            kept = [line for line in read_statistics(path) if line["images"] <= state.images]
            files.write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        dataset = self._loader.dataset
        count = min(self._columns * self._rows, len(self._loader.shown))
        spread = np.linspace(0, len(self._loader.shown) - 1, count).astype(np.int64)  # all classes
        art = dataset.images(self._loader.shown[spread])
        self._art, self._art_diversity = art, watchdog.diversity(art)
        if not continued:
            self._write_grid("reals.png", art)
        verb = "continued" if continued else "started"
        self.log(f"{verb} at {state.images / 1000:g} kimg by nftgan {nftgan.__version__}")

    def write(self, tick: Tick, state: TrainState, scores: Mapping[str, float]) -> Tick:
        """All that is due at `tick`; returns it with its scores and what the sheet showed added."""
        sheet = None
        if tick.snapshot:
            name = f"{tick.images // 1000:06d}"
            sheet = generate_samples(self._loader, state, range(self._columns * self._rows))
            self._write_grid(f"fakes{name}.png", sheet)
            tick = self._judged(tick, sheet, state, scores)
        broken = tick.snapshot and not is_finite(state)
        if broken:
            tick = replace(tick, diverged=True, warnings=(*tick.warnings, BROKEN))
        if tick.images:
            line = {
                "images": tick.images,
                "augment_p": tick.augment_p,
                "seconds": round(tick.seconds, 1),
                "seconds_per_kimg": round(tick.seconds_per_kimg, 3),
                "warnings": list(tick.warnings),
                **{name: _finite(value) for name, value in tick.statistics.items()},
            }
            files.append_line(self._dir / STATS_FILE, json.dumps(line))
        if self._board is not None:
            self._board.write(tick, grid(sheet, self._columns) if sheet is not None else None)
        self.log(describe(tick))
        for warning in tick.warnings:
            self.log(f"warning: {warning}")
        # Last: a network that holds NaN is refused, and what led there must be known by then.
        if tick.snapshot and not broken:
            save_network(state, self._dir / f"network-{name}.safetensors")
            thin_networks(self._dir, self._config.keep)
        return tick

    def _judged(
        self,
        tick: Tick,
        sheet: npt.NDArray[np.uint8],
        state: TrainState,
        scores: Mapping[str, float],
    ) -> Tick:
        """`tick` with its scores and what a look at the networks tells: do the images differ,
        does a pattern run through, does D judge by memory.
        """
        share = watchdog.diversity(sheet) / max(self._art_diversity, 1e-3)
        statistics = tick.statistics | {"Variety": share}
        found = [watchdog.collapse_warning(share)]
        if len(sheet) == len(self._art):
            peak = watchdog.pattern_peak(sheet, self._art)
            statistics["Pattern"] = peak
            found.append(watchdog.pattern_warning(peak))
        if tick.images and len(self._loader.held) and not tick.stage:
            memory = self._overfitting(state, sheet)
            statistics["Overfitting"] = memory
            if tick.images > len(self._loader.shown):
                found.append(watchdog.overfitting_warning(memory, self._config.aug))
        statistics |= scores
        found.append(watchdog.copies_warning(scores.get("Copies", 0.0)))
        if tick.stage:  # a blurred sheet is what the stage gives: nothing of it is a warning
            found, share = [], 1.0
        said = tuple(text for text in found if text) if tick.images else ()
        return replace(
            tick,
            statistics=statistics,
            warnings=tick.warnings + said,
            diverged=tick.diverged or bool(tick.images and share < watchdog.LOST),
        )

    def _overfitting(self, state: TrainState, sheet: npt.NDArray[np.uint8]) -> float:
        """r_v from D's logits on as many shown, held out and generated images, none augmented."""
        count = min(len(sheet), len(self._loader.held), len(self._loader.shown))
        fakes = torch.from_numpy(sheet[:count]).to(state.device).to(torch.float32) / 127.5 - 1
        means = []
        for indices in (self._loader.shown[:count], self._loader.held[:count], None):
            images = fakes if indices is None else self._loader.images_at(indices)
            labels = (
                self._loader.sample_conditions(range(count))
                if indices is None
                else self._loader.conditions(indices)
            )
            means.append(self._mean_logit(state, images, labels))
        return watchdog.overfitting_heuristic(*means)

    def _mean_logit(self, state: TrainState, images: Tensor, labels: Tensor | None) -> float:
        group = self._config.discriminator.mbstd_group_size or 1
        size = max(self._config.micro_batch // group, 1) * group
        total, whole = 0.0, max(len(images) // group, 1) * group
        with torch.no_grad():
            for first in range(0, whole, size):
                part = slice(first, min(first + size, whole))
                chosen = None if labels is None else labels[part]
                total += float(state.discriminator(images[part], chosen).sum())
        return total / whole

    def _write_grid(self, name: str, images: npt.NDArray[np.uint8]) -> None:
        buffer = io.BytesIO()
        Image.fromarray(grid(images, self._columns)).save(buffer, "PNG")
        files.write_bytes(self._dir / name, buffer.getvalue())

    def log(self, line: str) -> None:
        """Append to log.txt."""
        files.append_line(self._dir / LOG_FILE, line)


def generate_samples(
    loader: DataLoader, state: TrainState, seeds: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Images [N, C, H, W] of these seeds by the averaged generator, with labels as the art has."""
    z_dim, size = state.config.generator.z_dim, state.config.micro_batch
    z = torch.from_numpy(latents(seeds, z_dim).astype(np.float32)).to(state.device)
    made = []
    with torch.no_grad():
        for first in range(0, len(seeds), size):
            part = slice(first, first + size)
            labels = loader.sample_conditions(seeds[part])
            made.append(state.g_ema(z[part], labels, noise_mode="const"))
    return to_uint8(torch.cat(made)).cpu().numpy()


def is_finite(state: TrainState) -> bool:
    """Whether a network of `state` could be published."""
    return all(
        bool(torch.isfinite(value).all())
        for network in (state.g_ema, state.discriminator)
        for value in network.state_dict().values()
        if value.is_floating_point()
    )


def thin_networks(run_dir: Path, keep: int) -> None:
    """Remove networks until `keep` are left, spread evenly over the run; never the newest two, the
    first, or the one with the best score.
    """
    found = sorted(
        path for path in run_dir.glob("network-*.safetensors") if _NETWORK.fullmatch(path.name)
    )  # a person's copies beside them are not ours to count or remove
    best = best_network(run_dir)
    while len(found) > max(keep, 3):
        candidates = [n for n in range(1, len(found) - 2) if found[n] != best]
        if not candidates:
            return
        at = [int(path.stem.rpartition("-")[2]) for path in found]
        dull = min(candidates, key=lambda n: at[n + 1] - at[n - 1])
        found.pop(dull).unlink(missing_ok=True)


def best_network(run_dir: Path) -> Path | None:
    """The network of the lowest KID that this run measured; None when none was."""
    path = run_dir / STATS_FILE
    scored = [
        (line["KID"], line["images"])
        for line in (read_statistics(path) if path.exists() else [])
        if isinstance(line.get("KID"), float)
    ]
    for _, images in sorted(scored):
        network = network_path(run_dir, images)
        if network.exists():
            return network
    return None


def network_path(run_dir: Path, images: int) -> Path:
    """Where the network of a snapshot after so many images lies."""
    return run_dir / f"network-{images // 1000:06d}.safetensors"


def grid_size(resolution: int) -> tuple[int, int]:
    """Columns and rows of a sample sheet: 96 small images, down to 8 large ones."""
    columns = min(max(1024 // resolution, 4), 12)
    return columns, min(max(1024 // resolution, 2), 8)


def grid(images: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """One sheet [rows * H, columns * W, 3] of images [N, C, H, W]; missing ones are black.

    Of premultiplied RGBA over a checkerboard.
    """
    if images.shape[1] == 4:
        shown = [over_board(straight(image.transpose(1, 2, 0))) for image in images]
        images = np.stack(shown).transpose(0, 3, 1, 2)
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, channels, height, width), np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(rows, columns, channels, height, width)
    sheet = sheet.transpose(0, 3, 1, 4, 2)  # [rows, H, columns, W, C]
    sheet = sheet.reshape(rows * height, columns * width, channels)
    return np.repeat(sheet, 3, axis=2) if channels == 1 else sheet


def save_network(state: TrainState, path: Path) -> str:
    """The averaged generator and D as a model file; returns its identity."""
    config = state.config
    parent = None
    if config.parent is not None:
        parent = {
            "identity": config.parent.identity,
            "licence": config.parent.licence,
            # The name alone: a model is published, and its bytes must not tell of a computer.
            "source": config.parent.source.rsplit("/", 1)[-1],
        }
    meta: dict[str, Any] = {
        "conditioning": {
            "classes": config.generator.c_dim,
            "names": _class_names(config),
            # Of vectors instead of classes: what each of their numbers means.
            "conditions": list(config.dataset.conditions) if config.generator.c_dim else [],
        },
        "training": {
            "kimg": state.images / 1000,
            "cfg": config.cfg,
            "batch": config.batch,
            "gamma": config.gamma,
            "mirror": config.mirror,
            "aug": config.aug,
            "augpipe": config.augpipe,
            "augment_p": state.ada.p,
            "glr": config.glr,
            "dlr": config.dlr,
            "seed": config.seed,
            **({"start": config.start} if config.start else {}),
            **_changes(config),
        },
        "parent": parent,
        "dataset": {
            "fingerprint": config.dataset.fingerprint,
            "name": config.dataset.name,
            "images": config.dataset.images,
            "holdout": config.holdout,
            "holdout_rule": config.holdout_rule,
            **noted_art(config.dataset),
        },
        "version": nftgan.__version__,
        "licence": config.parent.licence if config.parent else "",
    }
    return model_file.save_model(
        path, generator=state.g_ema, discriminator=state.discriminator, meta=meta
    )


def _changes(config: TrainConfig) -> dict[str, Any]:
    """What was changed in the middle of the run; not by whom, as a model is published."""
    made = [
        {"kimg": one.images / 1000, **{name: [old, new] for name, old, new in one.values}}
        for one in config.changes
    ]
    return {"changes": made} if made else {}


def noted_art(art: DatasetFacts) -> dict[str, Any]:
    """What a model file says of its art, as `nftgan.noted_art` reads it."""
    if not art.pixel_grid:
        return {"pixel_art": None, "flat_art": True} if art.flat_art else {"pixel_art": None}
    known = {"grid": art.pixel_grid, "colours": art.pixel_colours}
    return {"pixel_art": {**known, "art_colours": art.art_colours} if art.art_colours else known}


def _class_names(config: TrainConfig) -> list[str]:
    return list(config.dataset.classes) if config.generator.c_dim else []


def describe(tick: Tick) -> str:
    """One line for the log and the terminal."""
    parts = [f"{tick.kimg:g} of {tick.total_images / 1000:g} kimg"]
    if tick.stage:
        parts.append(tick.stage)
    if tick.images:
        parts.append(f"{tick.seconds_per_kimg:.1f} s/kimg")
        parts.append(f"{tick.seconds / 60:.1f} min")
        parts.extend(f"{name} {value:.3f}" for name, value in tick.statistics.items())
    if tick.augment_p:
        parts.append(f"augment {tick.augment_p:.3f}")
    return ", ".join(parts)


def read_statistics(path: Path) -> list[dict[str, Any]]:
    """The lines of a stats.jsonl; one that a kill cut short is left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)  # noqa: TID251 - a loss may be NaN
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("images"), int):
            lines.append(line)
    return lines


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
