"""train: a data set becomes a model, in a run folder that the same command finds again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import read_json
from nftgan.networks.sources import RUN_OPTIONS
from nftgan.progress import SILENT, Progress
from nftgan.training.advice import advice
from nftgan.training.config import DatasetFacts, OptionInUse, TrainConfig, resolve_options
from nftgan.training.distributed import init_distributed
from nftgan.training.loop import train
from nftgan.training.outputs import STATS_FILE, read_statistics
from nftgan.training.report import write_report
from nftgan.training.tick import Tick
from nftgan.workflows.scoring import scorer
from nftgan.workflows.sources import parent_source
from nftgan.workflows.training_art import note_art


@dataclass(frozen=True)
class TrainPlan:
    """What will run, where, and whether it goes on with an earlier session."""

    config: TrainConfig
    run_dir: Path
    continues: bool
    options: tuple[OptionInUse, ...] = field(default=(), compare=False)


def plan_training(
    dataset: Path, runs: Path, *, preset: str | None, resume: str | None, **options: Any
) -> TrainPlan:
    """The complete configuration and its folder: the run that had the same, else a new one.

    Raises UsageError for a data set, a preset or an option that cannot be used.
    """
    source = None if resume is None else str(parent_source(resume, dataset))
    resolved = resolve_options(DatasetFacts.of(dataset), preset=preset, resume=source, **options)
    config, used = resolved.config, resolved.in_use()
    note_art(dataset, config.dataset.fingerprint)
    described = f"{config.cfg}-{config.dataset.name}-batch{config.batch}-gamma{config.gamma:.3g}"
    highest = -1
    for folder in sorted(runs.glob("[0-9][0-9][0-9][0-9][0-9]-*"), reverse=True):
        highest = max(highest, int(folder.name[:5]))
        if (folder / RUN_OPTIONS).is_file() and _is_same(folder / RUN_OPTIONS, config):
            return TrainPlan(config, folder, True, used)
        if folder.name[6:] == described and not (folder / RUN_OPTIONS).exists():
            return TrainPlan(config, folder, False, used)  # killed before it had begun
    return TrainPlan(config, runs / f"{highest + 1:05d}-{described}", False, used)


def _is_same(options: Path, config: TrainConfig) -> bool:
    try:
        return TrainConfig.from_json(read_json(options)).decisive() == config.decisive()
    except UsageError:
        return False  # written by another version: it is not continued, and not touched


def run_training(plan: TrainPlan, *, progress: Progress = SILENT) -> Iterator[Tick]:
    """Train until the end; every tick's files are on disk when it is yielded.

    Started by torchrun, or by `--gpus`, the processes train as one group: each makes this call, and
    the main process's plan says in which folder.
    """
    with init_distributed(plan.config.device) as distributed:
        run_dir = Path(distributed.broadcast_str(str(plan.run_dir)))
        score = scorer(plan.config, run_dir)
        if any(
            distributed.all_reduce_any(score is None)
        ):  # not for one alone: the others would wait for it
            score = None
        for tick in train(
            plan.config, run_dir=run_dir, progress=progress, distributed=distributed, score=score
        ):
            if tick.snapshot and distributed.is_main:
                write_report(run_dir)
            yield tick


def run_advice(run_dir: Path) -> str | None:
    """Whether to go on, stop or go back, by the scores so far; None when they say nothing yet."""
    path = run_dir / STATS_FILE
    return advice(read_statistics(path)) if path.exists() else None


def tick_line(tick: Tick) -> str:
    """One line of a log: where the run is, how fast, how sure the discriminator is."""
    losses = ", ".join(f"{name} {value:.3f}" for name, value in sorted(tick.statistics.items()))
    return (
        f"kimg {tick.kimg:g}/{tick.total_images / 1000:g}, {tick.seconds_per_kimg:.1f} s/kimg,"
        f" p {tick.augment_p:.2f}" + (f", {losses}" if losses else "")
    )
