"""The gradients of a phase, of the whole batch and all processes, whatever memory there is."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.training import losses, schedule
from nftgan.training.augment import Prepared
from nftgan.training.batches import Batch, LatentBatch, micro_batches
from nftgan.training.phases import Phase, StepContext, num_ws
from nftgan.training.randomness import RngStream
from nftgan.training.state import TrainState

log = logging.getLogger(__name__)

MOVING = (RngStream.D_MAIN, RngStream.G_REG, RngStream.AUTOENCODER)
"""Streams of phases whose forward pass moves G's running averages, or the path length's mean."""


def leave_gradients(phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch) -> None:
    """Leave the phase's gradients, of the whole batch and all processes, in its parameters.

    The gradient is that of the mean over the whole batch, however the batch is split over
    micro-batches and processes. When memory runs out, the phase starts again with half as many
    images at once; UsageError when it does with the fewest.
    """
    state = ctx.state
    adam = state.optimiser(phase.trains)
    parameters = _moved_by(adam)
    moves = phase.rng_stream in MOVING
    averages = running_averages(state) if moves else []
    before = _copies(averages)
    ctx.augment_params = []
    earlier = len(ctx.pending_metrics)
    _require_gradients(parameters, True)
    work = _gradients if ctx.recordings is None or not _stays(ctx) else _same_gradients
    while not work(phase, ctx, latents, batch, adam):
        state.micro_batch = _halved(state)
        _copy(averages, before)
        del ctx.pending_metrics[earlier:]
    _require_gradients(parameters, False)
    gradients = _gathered_gradients(parameters)
    ctx.distributed.all_reduce_sum(gradients)
    if moves:
        ctx.distributed.all_reduce_mean(averages)
    _tame(gradients)


def _copies(values: list[Tensor]) -> list[Tensor]:
    made = [torch.empty_like(value) for value in values]
    _copy(made, values)
    return made


def _copy(values: list[Tensor], earlier: list[Tensor]) -> None:
    """In few launches, however many there are."""
    if values:
        torch._foreach_copy_(values, earlier)


def _stays(ctx: StepContext) -> bool:
    """Whether phases do the same each time, but for numbers in tensors: not while a blur fades, and
    who knows what an augmentation, a loss or a generator of a plugin does.
    """
    known = (
        (ctx.augment is None or not ctx.augment.added)
        and losses.loss_named(ctx.state.config.loss) in (losses.LOGISTIC, losses.RELATIVISTIC)
        and type(ctx.state.generator).__module__.startswith("nftgan.")
    )
    return known and len(schedule.blur_taps(ctx.blur)) == 1


def _gradients(
    phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch, adam: torch.optim.Adam
) -> bool:
    """Leave this process's share of the gradients in the parameters; False: out of memory."""
    adam.zero_grad(set_to_none=True)
    count, parameters = latents.z.shape[0], _moved_by(adam)
    try:
        for part in micro_batches(ctx.state.config, count, ctx.state.micro_batch, ctx.distributed):
            ctx.part, ctx.calls = part, 0
            loss = phase.loss(ctx, latents[part], batch[part])
            loss = loss.mean() * (phase.interval * len(part) / count)
            _add_gradients(parameters, torch.autograd.grad(loss, parameters, allow_unused=True))
    except RuntimeError as exc:
        if not _is_out_of_memory(exc):
            raise
    else:
        return True
    adam.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False


Same = tuple[list[Tensor | None], list[tuple[str, Tensor, int]]]
"""What a phase makes: gradients by parameter, of all micro-batches, and measurements."""
Part = tuple[LatentBatch, Batch, tuple[Prepared | None, ...]]


def _same_gradients(
    phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch, adam: torch.optim.Adam
) -> bool:
    """As `_gradients`, in shapes that no draw changes: replayed once that has been recorded."""
    assert ctx.recordings is not None
    state, count = ctx.state, latents.z.shape[0]
    parameters = _moved_by(adam)
    averages = running_averages(state)
    before = _copies(averages)

    def undo() -> None:
        _copy(averages, before)
        torch.manual_seed(ctx.noise_seed)

    def run(parts: list[Part]) -> Same:
        return _summed(phase, ctx, parts, count, parameters)

    adam.zero_grad(set_to_none=True)
    try:
        ctx.recordings.belong_to(state, state.config)
        parts = list(_parts(phase, ctx, latents, batch))
        gradients, metrics = ctx.recordings.call(phase.name, parts, run, undo)
    except RuntimeError as exc:
        if not _is_out_of_memory(exc):
            raise
        ctx.recordings.give_up("there is not enough memory")
        return False
    ctx.pending_metrics.extend(metrics)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return True


def _parts(phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch) -> Iterator[Part]:
    """All that each micro-batch of the phase reads, on the device."""
    config = ctx.state.config
    shape = tuple(batch.images.shape[1:])
    calls = range(1, phase.looks + 1) if ctx.augment is not None else ()
    drawn = [ctx.drawn(call, shape) for call in calls]
    if config.style_mixing:
        latents = latents.of_one_shape(num_ws(config))
    count = latents.z.shape[0]
    for part in micro_batches(config, count, ctx.state.micro_batch, ctx.distributed):
        images = batch[part] if phase.reals else Batch(batch.images[:0], None)
        like, rows = batch.images.new_empty((len(part), *shape)), part.numpy()
        ready = (None if one is None else one.prepared(like, rows, fixed=True) for one in drawn)
        yield latents[part], images, tuple(ready)


def _summed(
    phase: Phase, ctx: StepContext, parts: list[Part], count: int, parameters: list[Tensor]
) -> Same:
    """The work alone: it reads its arguments and the networks, and moves their averages."""
    totals: list[Tensor | None] = [None] * len(parameters)
    earlier, ctx.pending_metrics = ctx.pending_metrics, []
    try:
        for latents, batch, ctx.ready in parts:
            ctx.calls = 0
            share = phase.interval * latents.z.shape[0] / count
            loss = phase.loss(ctx, latents, batch).mean() * share
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            totals = _added(totals, found)
        return totals, ctx.pending_metrics
    finally:
        ctx.pending_metrics, ctx.ready = earlier, ()


def _added(totals: list[Tensor | None], more: tuple[Tensor | None, ...]) -> list[Tensor | None]:
    """Sums, in one launch, of what both have; else what one has."""
    pairs = [(a, b) for a, b in zip(totals, more, strict=True) if a is not None and b is not None]
    sums = iter(torch._foreach_add([a for a, _ in pairs], [b for _, b in pairs]) if pairs else ())
    return [
        next(sums) if a is not None and b is not None else b if a is None else a
        for a, b in zip(totals, more, strict=True)
    ]


def _add_gradients(parameters: list[Tensor], gradients: tuple[Tensor | None, ...]) -> None:
    """As a backward pass leaves them, with one launch for all additions."""
    totals = _added([p.grad for p in parameters], gradients)
    for parameter, total in zip(parameters, totals, strict=True):
        parameter.grad = total


def _is_out_of_memory(exc: RuntimeError) -> bool:
    """CUDA has its own class; a processor's allocator only says so in words."""
    return isinstance(exc, torch.OutOfMemoryError) or "can't allocate memory" in str(exc)


def _halved(state: TrainState) -> int:
    config = state.config
    fewest = min(config.discriminator.mbstd_group_size or config.batch, config.batch)
    now = state.micro_batch
    if now <= fewest:
        raise UsageError(
            f"there is not enough memory for {now} images of {config.dataset.resolution} pixels"
            " at once",
            hint="prepare smaller images, take a smaller --preset, or close other programs",
        )
    log.warning("out of memory with --micro-batch %d: going on with fewer", now)
    return max(now // 2 // fewest, 1) * fewest


def running_averages(state: TrainState) -> list[Tensor]:
    """What a forward pass of training moves: G's averages of w and magnitudes, and path length."""
    found = [
        value
        for name, value in state.generator.named_buffers()
        if name.rpartition(".")[2] in ("w_avg", "magnitude_ema")
    ]
    return [*found, state.path_mean]


def _moved_by(adam: torch.optim.Adam) -> list[Tensor]:
    return [parameter for group in adam.param_groups for parameter in group["params"]]


def _require_gradients(parameters: list[Tensor], wanted: bool) -> None:
    for one in parameters:
        one.requires_grad_(wanted)


def _gathered_gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """All gradients as one flat tensor, of which each parameter's is a view from now on."""
    parameters = [one for one in parameters if one.grad is not None]
    if not parameters:
        return []
    flat = torch.cat([one.grad.reshape(-1) for one in parameters if one.grad is not None])
    parts = flat.split([one.numel() for one in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
    return [flat]


def _tame(gradients: list[Tensor]) -> None:
    """None is infinite or no number; of gathered ones, all in one launch."""
    for flat in gradients:
        torch.nan_to_num(flat, nan=0.0, posinf=1e5, neginf=-1e5, out=flat)
