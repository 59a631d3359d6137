"""The training loop: an iterator of ticks over a state; whoever writes files consumes the ticks."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from nftgan import files
from nftgan.dataset.archive import Dataset
from nftgan.errors import Cancelled, CheckFailed, PartlyDone, UsageError
from nftgan.networks import model_file
from nftgan.ops import choices
from nftgan.ops.choices import Choices
from nftgan.progress import SILENT, Progress, Task
from nftgan.training import tuner, watchdog
from nftgan.training.augment import Augment
from nftgan.training.config import OPTIONS_FILE, TrainConfig
from nftgan.training.data_loader import DataLoader
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.outputs import RunWriter, best_network, generate_samples, network_path
from nftgan.training.recording import CudaRecorder, Recordings
from nftgan.training.start import next_step, stage
from nftgan.training.state import TrainState, fresh_state, restore, save_state
from nftgan.training.tick import Score, Tick
from nftgan.training.transfer import transfer

SCORED_AT_ONCE = 2000
"""Images of a data set that are looked at for a score before the first step: of more, after it."""


def train(
    config: TrainConfig,
    *,
    run_dir: Path,
    progress: Progress = SILENT,
    distributed: Distributed = SINGLE_PROCESS,
    score: Score | None = None,
) -> Iterator[Tick]:
    """Train in `run_dir` until the end, starting afresh or where the last session stopped.

    Files appear in `run_dir` before the tick that announces them is yielded. Killed at any moment,
    the same call again ends with the same weights as an undisturbed run on the same machine. Every
    process of `distributed` makes the same call; the main process alone writes. All measure
    snapshots by `score`. Raises UsageError when `run_dir` holds another run, Cancelled after Ctrl-C
    (state saved), PartlyDone when another process of the group has died.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with _only_writer(run_dir, distributed), reproducible(config), ExitStack() as ending:
        _check_same_run(config, run_dir)
        dataset = Dataset.open(config.dataset.path)
        first = config.at(0)
        loader = ending.enter_context(closing(DataLoader(first, dataset, distributed)))
        state = fresh_state(first)
        continued = restore(state, run_dir)
        _reconfigure(config, state, loader)
        taken_over = None
        if not continued and config.parent is not None:
            parent = model_file.load_networks(config.parent.source)
            taken_over = str(transfer(state, parent.generator, parent.discriminator))
        distributed.barrier()  # until all have read what the main process is about to replace
        writer = RunWriter(config, run_dir, loader) if distributed.is_main else None
        if writer is not None:
            _begin(config, run_dir, state, writer, continued, taken_over, progress)
        told = partial(_tell, writer, progress)
        chosen, recordings = _ways(config, state, run_dir, distributed, told)
        ending.enter_context(choices.using(chosen))
        with (
            progress.task("training", config.total_images / 1000, "kimg") as task,
            Stop(lambda: progress.note(STOPPING_WORDS)) as stop,
            _cancelled_without_loss(stop),
        ):
            stop.saved(state.images)
            task.update(completed=state.images / 1000)
            for tick in ticks(config, state, loader, run_dir, stop, task, distributed, recordings):
                scores: dict[str, float] = {}
                small = config.dataset.images <= SCORED_AT_ONCE
                if tick.snapshot and score is not None and (tick.images or small):
                    scores = score(partial(generate_samples, loader, state), distributed)
                if writer is not None:
                    tick = writer.write(tick, state, scores)
                    for warning in tick.warnings:
                        progress.warn(warning)
                    if tick.snapshot:
                        save_state(state, run_dir)
                if tick.snapshot:
                    stop.saved(tick.images)
                with stop.deferred():
                    yield tick
                (diverged,) = distributed.all_reduce_any(
                    tick.diverged and config.watchdog == "stop"
                )
                if diverged:
                    raise _lost(run_dir)


def _tell(writer: RunWriter | None, progress: Progress, line: str) -> None:
    if writer is not None:
        writer.log(line)
        progress.note(line)


def _ways(
    config: TrainConfig,
    state: TrainState,
    run_dir: Path,
    distributed: Distributed,
    told: Callable[[str], None],
) -> tuple[Choices, Recordings | None]:
    """What this run computes by, and what records its steps where they are replayed."""
    # Processes of a team would each find something else: they compute by the defaults.
    if distributed.world_size > 1:
        return Choices(), None
    chosen, line = tuner.choices_for(config, state, run_dir)
    if line is not None:
        told(line)
    if not chosen.graphs or state.device.type != "cuda":
        return chosen, None
    return chosen, Recordings(CudaRecorder(state.device), told)


def _lost(run_dir: Path) -> CheckFailed:
    best = best_network(run_dir)
    return CheckFailed(
        f"the training in {run_dir} is lost: its losses are no numbers, or its images all alike",
        hint="start another with "
        + (f"--resume {best}" if best else "--resume and an earlier network")
        + ", twice the --gamma, and half the --glr and --dlr",
    )


def _begin(
    config: TrainConfig,
    run_dir: Path,
    state: TrainState,
    writer: RunWriter,
    continued: bool,
    taken_over: str | None,
    progress: Progress,
) -> None:
    path = run_dir / OPTIONS_FILE
    before = TrainConfig.from_json(files.read_json(path)).changes if path.exists() else ()
    files.write_json(path, config.to_json())
    writer.begin(state, continued=continued)
    if taken_over is not None:
        writer.log(taken_over)
        progress.note(taken_over)
    if continued:
        for change in config.changes:
            if change not in before:
                writer.log(str(change))
                progress.note(str(change))
        progress.note(f"going on at {state.images / 1000:g} of {config.total_images / 1000:g} kimg")
    else:
        save_state(state, run_dir)


@contextmanager
def _only_writer(run_dir: Path, distributed: Distributed) -> Iterator[None]:
    if not distributed.is_main:
        yield
        return
    with files.lock(run_dir / ".lock", what=str(run_dir)):
        files.remove_partial(run_dir)
        yield


def ticks(
    config: TrainConfig,
    state: TrainState,
    loader: DataLoader,
    run_dir: Path,
    stop: Stop,
    task: Task,
    distributed: Distributed = SINGLE_PROCESS,
    recordings: Recordings | None = None,
) -> Iterator[Tick]:
    """Step until the end of the run or of the session; the state is saved as time passes."""
    augment = None if config.aug == "none" else Augment(config.augpipe)
    session = saved = clock = time.monotonic()
    tick_from, tick_clock = state.images, clock

    def save() -> None:
        if distributed.is_main:
            save_state(state, run_dir)
        stop.saved(state.images)

    # A run that was stopped between snapshots and then made shorter has ended without a network.
    over = state.images >= config.total_images
    (unshown,) = distributed.all_reduce_any(
        over and not network_path(run_dir, state.images).exists()
    )
    if state.images == 0 or unshown:
        yield _tick(config, state, 0.0, last=over)
    while state.images < config.total_images:
        _reconfigure(config, state, loader)
        before, batch = state.images, loader.batch(state.images)
        next_step(
            state,
            batch,
            lambda phase: loader.latents(phase, state.step),
            augment,
            distributed=distributed,
            recordings=recordings,
        )
        stop.stepped()
        due = state.images // config.tick_images > before // config.tick_images
        if due:
            state.settle()  # the work of a tick is timed when it is done
        now = time.monotonic()
        state.seconds += now - clock
        clock = now
        done = min(state.images, config.total_images) / 1000
        task.update(completed=done, note=stage(config, state.images))
        over = config.hours is not None and now - session > config.hours * 3600
        over, asked = distributed.all_reduce_any(over, stop.asked)
        last = state.images >= config.total_images or over
        if asked and not last:
            save()
            raise _stopped(stop)
        if last or due:
            pace = (now - tick_clock) / (state.images - tick_from) * 1000
            tick = _tick(config, state, pace, last=last)
            state.metric_sums.clear()  # before the yield: a state saved there starts the next tick
            yield tick
            saved = clock = tick_clock = time.monotonic()
            tick_from = state.images
            if last:
                save()
                return
        elif now - saved > config.state_seconds:
            save()
            saved = clock = time.monotonic()


def _reconfigure(config: TrainConfig, state: TrainState, loader: DataLoader) -> None:
    """What the next step is done by: from before a change, as it was then."""
    now = config.at(state.images)
    if now != state.config:
        state.reconfigure(now)
        loader.reconfigure(now)


def _tick(config: TrainConfig, state: TrainState, pace: float, *, last: bool) -> Tick:
    number = state.images // config.tick_images
    state.settle()
    statistics = state.metric_sums.means()
    return Tick(
        number=number,
        images=state.images,
        total_images=config.total_images,
        statistics=statistics,
        augment_p=state.ada.p,
        seconds=state.seconds,
        seconds_per_kimg=pace,
        snapshot=last or number % config.snap == 0,
        last=last,
        warnings=watchdog.warnings(config, state, statistics),
        stage=stage(config, max(state.images - 1, 0)),
        diverged=not all(math.isfinite(value) for value in statistics.values()),
    )


def _check_same_run(config: TrainConfig, run_dir: Path) -> None:
    path = run_dir / OPTIONS_FILE
    if not path.exists():
        return
    stored = TrainConfig.from_json(files.read_json(path))
    before, now = stored.original().decisive(), config.original().decisive()
    changed = [key for key in now if now[key] != before.get(key)]
    if not changed and config.changes[: len(stored.changes)] != stored.changes:
        changed = ["what was changed in its middle"]
    if changed:
        raise UsageError(
            f"{run_dir} holds another run: {', '.join(changed)} would change",
            hint="repeat its options to continue it, or train into another folder",
        )


@contextmanager
def reproducible(config: TrainConfig) -> Iterator[None]:
    """Deterministic kernels and the chosen thread count; what was set before comes back."""
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    strict = torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    filling = memory.fill_uninitialized_memory
    benchmark = torch.backends.cudnn.benchmark
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        if config.threads:
            torch.set_num_threads(config.threads)
        on_gpu = config.device != "cpu"
        if on_gpu:  # read when PyTorch first multiplies matrices there
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(config.exact or not on_gpu, warn_only=on_gpu)
        torch.backends.cudnn.benchmark = on_gpu and not config.exact
        # Else every result is first filled with NaN: one more pass over all memory.
        memory.fill_uninitialized_memory = False
        with warnings.catch_warnings():
            if config.device != "cpu":
                warnings.filterwarnings("ignore", message=".*deterministic.*")
            # The thread that reads ahead must not change the filters itself.
            warnings.filterwarnings("ignore", module="PIL")
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        memory.fill_uninitialized_memory = filling
        torch.backends.cudnn.benchmark = benchmark
        torch.set_num_threads(threads)
        torch.set_rng_state(random)


@contextmanager
def _cancelled_without_loss(stop: Stop) -> Iterator[None]:
    """Inside, an interruption that loses nothing ends as the one after a step does.

    So does the end of another process where all were asked to stop: one of them had begun the step
    that the others were still before, and it alone would find them gone.
    """
    try:
        yield
    except KeyboardInterrupt:
        if stop.loses_nothing:
            raise _stopped(stop) from None
        raise
    except PartlyDone:
        if stop.asked:
            raise _stopped(stop) from None
        raise


def _stopped(stop: Stop) -> Cancelled:
    return Cancelled(
        f"stopped at {stop.saved_images / 1000:g} kimg; everything is saved",
        hint="the same command goes on from here",
    )


STOPPING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    if hasattr(signal, name)
)
"""A terminal's Ctrl-C, a job's end, a closed ssh, and what Slurm sends before a job's end."""


STOPPING_WORDS = "stopping after this step, and saving; Ctrl-C again stops at once"


class Stop:
    """Turns the first Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 into a wish: the loop ends after its step.

    A second one interrupts at once, and so does the first where nothing was learned since the state
    was saved: in a first step, which may take minutes, or while kernels are built. Processes of a
    team save at the same steps, so they all stop so, and who waits for one that has ended wakes up.
    Outside the main thread signals are left alone. told is called after a first one that has to
    wait.
    """

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self.asked = False
        self.loses_nothing = False
        self.saved_images = 0
        self._told = told
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def saved(self, images: int) -> None:
        """All that was learned from so many is on disk: from now on nothing has to wait."""
        self.saved_images = images
        self.loses_nothing = True

    def stepped(self) -> None:
        """Something was learned that is not on disk."""
        self.loses_nothing = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, where others' code runs, a first signal is a wish in any case."""
        before, self.loses_nothing = self.loses_nothing, False
        yield
        self.loses_nothing = before
        if self.asked and before:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked or self.loses_nothing:
            self.asked = True
            raise KeyboardInterrupt
        self.asked = True
        # In a thread: the signal may have come while this one was writing to the same stream.
        threading.Thread(target=self._told, daemon=True).start()
