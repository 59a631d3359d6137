"""Choose by measuring how a run computes on its GPU; kept per card, and written into the run."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from nftgan import files
from nftgan.errors import UsageError
from nftgan.networks import architecture
from nftgan.ops import choices
from nftgan.ops.choices import Choices
from nftgan.project import state_home
from nftgan.training.augment import Augment
from nftgan.training.batches import Batch
from nftgan.training.config import TrainConfig
from nftgan.training.gradients import leave_gradients, running_averages
from nftgan.training.phases import StepContext, phases, sample_latents
from nftgan.training.randomness import RngStream, rng_for
from nftgan.training.recording import CudaRecorder, Recorder, Recordings
from nftgan.training.state import TrainState

log = logging.getLogger(__name__)

CHOICES_FILE = "choices.json"
BUDGET_SECONDS = 25.0
WORTH = 0.98
"""Share of the time until now that another way must beat: less is noise."""
WAYS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("convolution", (choices.DENSE, choices.GROUPED)),
    ("channels_last", (True, False)),
    ("exact", (choices.TF32X3, choices.IEEE)),
)


def tune(
    measure: Callable[[Choices], float],
    steps: Callable[[Choices], float] | None = None,
    *,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Choices, dict[str, float]]:
    """The fastest choices found in the time, one question after the other; what was measured.

    Whether steps are replayed from CUDA graphs is asked last, by the time of `steps`. A way that
    fails, for want of memory or of a kernel, is passed over. The default is measured
    first, and stands when it is all that there was time for.
    """
    start = clock()
    best = Choices()
    found: dict[str, float] = {}
    fastest = _tried(measure, best, found)
    for name, ways in WAYS:
        for way in ways:
            if way == getattr(best, name) or clock() - start > budget_seconds:
                continue
            other = dataclasses.replace(best, **{name: way})
            seconds = _tried(measure, other, found)
            if seconds < WORTH * fastest:
                best, fastest = other, seconds
    if steps is not None and clock() - start <= budget_seconds:
        of_steps: dict[str, float] = {}
        replayed = dataclasses.replace(best, graphs=True)
        if _tried(steps, replayed, of_steps) < WORTH * _tried(steps, best, of_steps):
            best = replayed
        found |= {f"step {key}": seconds for key, seconds in of_steps.items()}
    return best, found


def _tried(measure: Callable[[Choices], float], chosen: Choices, found: dict[str, float]) -> float:
    try:
        seconds = measure(chosen)
    except Exception as exc:  # of memory, CUDA, cuDNN, Triton: another way may do
        log.info("%s cannot be measured: %s", chosen, exc)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return float("inf")
    found[json.dumps(dataclasses.asdict(chosen), sort_keys=True)] = seconds
    return seconds


def pass_seconds(state: TrainState) -> Callable[[Choices], float]:
    """Measures a micro-batch through G and D and back; no weight, average or gradient moves."""
    G, D, device = state.generator, state.discriminator, state.device
    z = torch.randn(state.micro_batch, state.config.generator.z_dim, device=device)
    classes = state.config.generator.c_dim
    c = torch.zeros(state.micro_batch, classes, device=device) if classes else None

    def once() -> None:
        parameters = [p for network in (G, D) for p in network.parameters()]
        G.requires_grad_(True)
        D.requires_grad_(True)
        try:
            loss = F.softplus(D(G(z, c), c)).mean()
            torch.autograd.grad(loss, parameters, allow_unused=True)
        finally:
            G.requires_grad_(False)
            D.requires_grad_(False)

    def measure(chosen: Choices) -> float:
        with choices.using(chosen):
            for _ in range(2):
                once()
            _wait(device)
            start = time.perf_counter()
            for _ in range(3):
                once()
            _wait(device)
        return (time.perf_counter() - start) / 3

    return measure


def step_seconds(
    state: TrainState, recorder: Callable[[torch.device], Recorder] = CudaRecorder
) -> Callable[[Choices], float]:
    """Measures how a step makes its gradients, with its draws; nothing of the state moves.

    Raises RuntimeError where a step cannot be done as it was chosen.
    """
    config, device, given = state.config, state.device, (state.micro_batch, state.ada.p)
    augment = None if config.aug == "none" else Augment(config.augpipe)
    side, classes = config.dataset.resolution, config.generator.c_dim
    main = [phase for phase in phases(config) if phase.interval == 1]

    def measure(chosen: Choices) -> float:
        images = torch.zeros(config.batch, config.dataset.channels, side, side, device=device)
        labels = torch.zeros(config.batch, classes, device=device) if classes else None
        recordings = Recordings(recorder(device), log.info) if chosen.graphs else None
        averages = running_averages(state)
        before = [value.clone() for value in averages]

        def step(number: int) -> None:
            rng = rng_for(config.seed, number, RngStream.AUGMENT)
            ctx = StepContext(state, augment, 0.0, rng, recordings=recordings)
            for phase in main:
                latents = sample_latents(config, phase, number, labels, device)
                leave_gradients(phase, ctx, latents, Batch(images, labels))

        try:
            state.ada.p = max(state.ada.p, 0.2)  # as soon as anything is augmented
            with choices.using(chosen):
                for number in range(2):
                    step(number)
                _wait(device)
                start = time.perf_counter()
                for number in range(3):
                    step(number)
                _wait(device)
            seconds = (time.perf_counter() - start) / 3
            if state.micro_batch != given[0]:
                raise RuntimeError("there is not enough memory")
            if recordings is not None and recordings.reason is not None:
                raise RuntimeError(recordings.reason)
            return seconds
        finally:
            state.micro_batch, state.ada.p = given
            for value, old in zip(averages, before, strict=True):
                value.copy_(old)
            for adam in (state.generator_adam, state.discriminator_adam):
                adam.zero_grad(set_to_none=True)

    return measure


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def choices_for(
    config: TrainConfig,
    state: TrainState,
    run_dir: Path,
    *,
    card: Callable[[torch.device], str] | None = None,
) -> tuple[Choices, str | None]:
    """What this run computes by, and a line that says so; the defaults on a processor.

    First what the run folder holds, so that a resumed run computes as before; then what was found
    earlier on this card for these shapes; else what `tune` finds. Only files that this program
    wrote are believed: what does not fit is measured again.
    """
    if config.device == "cpu" and card is None:
        return Choices(), None
    own = run_dir / CHOICES_FILE
    kept = _read(own)
    if kept is not None:
        return kept, None
    name = card(state.device) if card else torch.cuda.get_device_name(state.device)
    key = files.sha256_hex(
        files.canonical_json(
            {
                "card": name,
                "torch": torch.__version__,
                "generator": architecture.to_json(config.generator),
                "discriminator": architecture.to_json(config.discriminator),
                "micro_batch": state.micro_batch,
                "exact": config.exact,
            }
        )
    )
    cache = state_home() / "gpu-choices" / f"{key}.json"
    chosen, line = _read(cache), f"{name}: ways of computing as measured before"
    if chosen is None:
        start = time.monotonic()
        chosen, found = tune(pass_seconds(state), step_seconds(state))
        last = "channels last" if chosen.channels_last else "channels first"
        passes = (seconds for key, seconds in found.items() if not key.startswith("step "))
        took = min(passes, default=float("nan"))
        graphs = ", steps replayed from CUDA graphs" if chosen.graphs else ""
        line = (
            f"{name}: {chosen.convolution} convolutions, {last}, float32 by {chosen.exact}"
            f"{graphs}; {took * 1000:.0f} ms for {state.micro_batch} images, found in"
            f" {time.monotonic() - start:.0f} s"
        )
        cache.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(cache, dataclasses.asdict(chosen))
    files.write_json(own, dataclasses.asdict(chosen))
    return chosen, line


def _read(path: Path) -> Choices | None:
    if not path.exists():
        return None
    try:
        document = files.read_json(path)
        chosen = Choices(**document)
    except (UsageError, TypeError):
        return None
    fits = all(getattr(chosen, name) in ways for name, ways in WAYS)
    return chosen if fits and isinstance(chosen.graphs, bool) else None
