"""train: a data set becomes a model, in a run folder that the same command finds again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import default_fraction, usable_fraction
from nftgan.errors import UsageError
from nftgan.files import read_json
from nftgan.networks.sources import RUN_OPTIONS, base_named, newest_run
from nftgan.progress import SILENT, Progress
from nftgan.training.advice import advice
from nftgan.training.changes import who
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.continued import go_on, options_in_use, with_record
from nftgan.training.distributed import init_distributed
from nftgan.training.loop import train
from nftgan.training.options import checked
from nftgan.training.outputs import STATS_FILE, read_statistics
from nftgan.training.report import write_report
from nftgan.training.resolving import OptionInUse, resolve_options
from nftgan.training.state import saved_images
from nftgan.training.tick import Tick
from nftgan.words import counted, duration
from nftgan.workflows.bases import parent_source
from nftgan.workflows.scoring import scorer
from nftgan.workflows.training_art import note_art

FEW = 100
"""Images below which a run is told that it will mostly repeat them."""


@dataclass(frozen=True)
class TrainPlan:
    """What will run, where, and whether it goes on with an earlier session."""

    config: TrainConfig
    run_dir: Path
    continues: bool
    options: tuple[OptionInUse, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)  # for a person


def plan_training(
    dataset: Path,
    runs: Path | None,
    *,
    preset: str | None,
    resume: str | None,
    progress: Progress = SILENT,
    **options: Any,
) -> TrainPlan:
    """The complete configuration and its folder: the run that had the same, else a new one.

    resume: a run of `runs` (or `runs` itself, for its newest) that learns from this data set goes
    on, with the options given changed from now on; any other model is what a new run starts from.
    runs: None for the folder of the run that goes on. Raises UsageError for a data set, a preset or
    an option that cannot be used.
    """
    checked({"preset": preset, **options})  # before minutes of reading
    art = Dataset.open(dataset)
    share = usable_fraction(art, options.get("holdout"), progress=progress)
    facts = DatasetFacts.of(art)
    note_art(dataset, facts.fingerprint)
    found = None if resume is None else _run_of(resume, runs, facts)
    if found is not None:
        return _going_on(*found, facts, {"preset": preset, **options})
    if runs is None:
        raise UsageError(
            "where shall the new run go?"
            if resume is None
            else f"{resume} is no run that learns from {dataset}: where shall the new run go?",
            hint="-o RUNS names a folder of runs",
        )
    source, why = (None, "") if resume is None else parent_source(resume, art)
    if options.get("holdout") is None and share != default_fraction(len(art)):
        options["holdout"] = 0.0
    resolved = resolve_options(facts, preset=preset, resume=source, **options)
    config, used = resolved.config, resolved.in_use()
    notes = (why, *resolved.notes) if why else resolved.notes
    _warn_of(art, config, progress)
    described = f"{config.cfg}-{config.dataset.name}-batch{config.batch}-gamma{config.gamma:.3g}"
    highest = -1
    for folder in _newest_first(runs):
        if _is_numbered(folder):
            highest = max(highest, int(folder.name[:5]))
        if (folder / RUN_OPTIONS).is_file() and (record := _record(folder)) is not None:
            # Whom a run holds out is said by the rule that it began with.
            same = replace(config, holdout_rule=record.holdout_rule)
            if record.changes and record.original().decisive() == same.decisive():
                changed = with_record(record, same)
                notes = (*map(str, record.changes),)
                return TrainPlan(changed, folder, True, options_in_use(changed, options), notes)
            if not record.changes and record.decisive() == same.decisive():
                return TrainPlan(same, folder, True, used)
        if folder.name[6:] == described and not (folder / RUN_OPTIONS).exists():
            return TrainPlan(config, folder, False, used, notes)  # killed before it had begun
    return TrainPlan(config, runs / f"{highest + 1:05d}-{described}", False, used, notes)


def _warn_of(art: Dataset, config: TrainConfig, progress: Progress) -> None:
    """Say what this art will make of a run, where that is less than a person may hope for."""
    if len(art) < FEW:
        progress.warn(
            f"only {counted(len(art), 'image')}: the network will mostly repeat them; with some"
            " hundred it finds something new"
        )
    labels = art.labels(range(len(art))) if config.generator.c_dim else None
    if labels is None:
        return
    used, count = len(np.unique(labels)), art.label_count
    if 2 * used <= count:
        progress.warn(
            f"only {used:,} of {count:,} class numbers have images, and the networks get room for"
            " all: nftgan prepare writes the set with numbers from 0"
        )


def _newest_first(runs: Path) -> list[Path]:
    """The folders in `runs`; those that a person named come last, a copy after its original."""
    folders = [one for one in runs.iterdir() if one.is_dir()] if runs.is_dir() else []
    return sorted(folders, key=lambda one: (_is_numbered(one), one.name), reverse=True)


def _is_numbered(folder: Path) -> bool:
    name = folder.name
    return name[:5].isascii() and name[:5].isdecimal() and name[5:6] == "-"


def _record(run: Path) -> TrainConfig | None:
    try:
        return TrainConfig.from_json(read_json(run / RUN_OPTIONS))
    except UsageError:
        return None  # written by another version: it is not continued, and not touched


def _run_of(resume: str, runs: Path | None, facts: DatasetFacts) -> tuple[Path, TrainConfig] | None:
    """The run that `resume` means to go on with; None when it is a model to start from."""
    if base_named(resume) or resume.startswith(("https://", "http://")):
        return None
    named = Path(resume).expanduser()
    if not named.is_dir():
        return None
    run = newest_run(named)
    if runs is not None and run.resolve().parent != runs.expanduser().resolve():
        return None
    record = _record(run)
    if record is None or record.dataset.fingerprint != facts.fingerprint:
        return None
    return run, record


def _going_on(
    run: Path, record: TrainConfig, facts: DatasetFacts, given: dict[str, Any]
) -> TrainPlan:
    at = saved_images(run)
    config = go_on(record, facts, given, images=at, by=who())
    if config.total_images <= at:
        ended = f"this run has ended at {at / 1000:g} kimg; --kimg {at / 500:g} would go on"
        return TrainPlan(config, run, True, options_in_use(config, given), (ended,))
    return TrainPlan(config, run, True, options_in_use(config, given))


def run_training(plan: TrainPlan, *, progress: Progress = SILENT) -> Iterator[Tick]:
    """Train until the end; every tick's files are on disk when it is yielded.

    Started by torchrun, or by `--gpus`, the processes train as one group: each makes this call, and
    the main process's plan says in which folder.
    """
    with init_distributed(plan.config.device) as distributed:
        run_dir = Path(distributed.broadcast_str(str(plan.run_dir)))
        score = scorer(plan.config, run_dir, progress=progress)
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
    """Where the run is, how fast, and how long it goes on so; the rest stands in its log."""
    done = min(tick.images, tick.total_images)  # the last batch may go beyond
    parts = [f"{done / 1000:g} of {tick.total_images / 1000:g} kimg"]
    if tick.stage:
        parts.append(tick.stage)
    if tick.seconds_per_kimg > 0:
        parts.append(f"{tick.seconds_per_kimg:.3g} s/kimg")
        left = (tick.total_images - tick.images) / 1000 * tick.seconds_per_kimg
        if left > 0 and not tick.last:
            parts.append(f"{duration(left)} left")
    return ", ".join(parts)
