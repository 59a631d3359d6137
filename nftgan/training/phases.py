"""One training step as a list of phases: each adds up gradients and steps its optimiser."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from nftgan.errors import UsageError
from nftgan.networks.families import of_family
from nftgan.ops.device import sent
from nftgan.training import losses, schedule
from nftgan.training.ada import ADJUST_EVERY_STEPS
from nftgan.training.augment import Augment, AugmentParams, Prepared, apply_prepared
from nftgan.training.batches import Batch, LatentBatch, micro_batches
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.randomness import RngStream, rng_for
from nftgan.training.recording import Recordings
from nftgan.training.state import DISCRIMINATOR, GENERATOR, SIGNS, TrainState, update_ema

log = logging.getLogger(__name__)

MOVING = (RngStream.D_MAIN, RngStream.G_REG, RngStream.AUTOENCODER)
"""Streams of phases whose forward pass moves G's running averages, or the path length's mean."""


@dataclass(frozen=True)
class Phase:
    """A loss of one network that runs every `interval` steps, weighted by the interval.

    looks: how many batches D sees in it; reals: whether images of the art are among them.
    """

    name: str
    rng_stream: RngStream
    interval: int
    trains: str  # what its optimiser moves, as `TrainState.optimiser` names it
    loss: Callable[[StepContext, LatentBatch, Batch], Tensor]  # -> per-sample losses
    looks: int = 0
    reals: bool = False


@dataclass
class StepContext:
    """What a loss may use: the state, what augments, and the step's own random stream."""

    state: TrainState
    augment: Augment | None
    blur: float  # sigma in pixels
    rng: np.random.Generator
    noise_mode: str = "random"  # StyleGAN2's noise inputs
    distributed: Distributed = SINGLE_PROCESS
    part: Tensor = field(default_factory=lambda: torch.arange(0))  # the micro-batch being done
    augment_params: list[AugmentParams | None] = field(default_factory=list)  # by call in the phase
    pending_metrics: list[tuple[str, Tensor, int]] = field(default_factory=list)
    calls: int = 0
    recordings: Recordings | None = None
    ready: Sequence[Prepared | None] = ()  # of recorded work: what augments, by call
    noise_seed: int = 0

    def discriminate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Logits [N, 1] of blurred and augmented `images`."""
        images = self._augmented(blurred(images, self.blur))
        return self.state.discriminator(images, labels)

    def _augmented(self, images: Tensor) -> Tensor:
        """What is drawn is drawn for the whole batch, so that no split of it changes the result."""
        if self.augment is None:
            return images
        self.calls += 1
        if self.ready:
            ready = self.ready[self.calls - 1]
            return images if ready is None else apply_prepared(images, ready)
        drawn = self.drawn(self.calls, tuple(images.shape[1:]))
        return images if drawn is None else drawn(images, self.part.numpy())

    def drawn(self, call: int, shape: tuple[int, ...]) -> AugmentParams | None:
        """What augments images of `shape` [C, H, W] of the whole batch in a call of the phase."""
        if self.augment is not None and call > len(self.augment_params):
            whole = (self.state.config.batch, *shape)
            self.augment_params.append(self.augment.sample(whole, self.state.ada.p, self.rng))
        return self.augment_params[call - 1]

    def map_latents(self, latents: LatentBatch, *, update_emas: bool = False) -> Tensor:
        """ws [N, num_ws, w_dim], mixed from a second latent where the draw says so."""
        mapping = self.state.generator.mapping
        ws = mapping(latents.z, latents.labels, update_emas=update_emas)
        if latents.mixed is not None:
            ws = torch.where(latents.mixed, mapping(latents.z_mix, latents.labels), ws)
        elif latents.mix_from is not None:
            second = mapping(latents.z_mix, latents.labels)
            ws = torch.cat([ws[:, : latents.mix_from], second[:, latents.mix_from :]], dim=1)
        return ws

    def generate(self, ws: Tensor, *, update_emas: bool = False) -> Tensor:
        return self.state.generator.synthesis(
            ws, update_emas=update_emas, noise_mode=self.noise_mode
        )

    def log(self, name: str, values: Tensor) -> None:
        """Note the sum of `values`, without waiting for the device to know it."""
        self.pending_metrics.append((name, values.detach().sum(), values.numel()))

    def hand_over(self) -> None:
        """Leave what was measured, in all processes of the team, to the state, without waiting."""
        names = [name for name, _, _ in self.pending_metrics]
        counts = torch.tensor(
            [float(count) for _, _, count in self.pending_metrics], dtype=torch.float64
        )
        sums = torch.stack([total for _, total, _ in self.pending_metrics]).double()
        numbers = torch.cat([sums, sent(counts, sums.device)])
        self.distributed.all_reduce_sum([numbers])
        self.state.pending.append((names, numbers))
        self.pending_metrics.clear()


def generator_main(ctx: StepContext, latents: LatentBatch, batch: Batch) -> Tensor:
    """G wants D to take its images for real ones."""
    logits = ctx.discriminate(ctx.generate(ctx.map_latents(latents)), latents.labels)
    judged, reals = losses.loss_named(ctx.state.config.loss), None
    if judged.pairs:
        with torch.no_grad():
            reals = ctx.discriminate(batch.images, batch.labels)
    loss = judged.generator(logits, reals)
    ctx.log("Loss/G", loss)
    ctx.log("Scores/fake", logits)
    return loss


def generator_path(ctx: StepContext, latents: LatentBatch, batch: Batch) -> Tensor:
    """G shall move the image equally far for equal moves in W; on half a batch."""
    assert latents.path_noise is not None
    half = latents[: max(latents.z.shape[0] // 2, 1)]
    assert half.path_noise is not None
    ws = ctx.map_latents(half)
    images = ctx.generate(ws)
    penalty, mean = losses.path_length_penalty(images, ws, half.path_noise, ctx.state.path_mean)
    ctx.state.path_mean.copy_(mean)
    ctx.log("Loss/path_length", penalty)
    return penalty * ctx.state.config.pl_weight


def discriminator_main(ctx: StepContext, latents: LatentBatch, batch: Batch) -> Tensor:
    """D wants to tell G's images from real ones; this pass also moves G's running averages."""
    with torch.no_grad():
        fakes = ctx.generate(ctx.map_latents(latents, update_emas=True), update_emas=True)
    fake_logits = ctx.discriminate(fakes, latents.labels)
    real_logits = ctx.discriminate(batch.images, batch.labels)
    judged = losses.loss_named(ctx.state.config.loss)
    loss = judged.discriminator(fake_logits, real_logits)
    # Of pairs only the difference of logits means something: how often the art wins its pair.
    signs = (real_logits - fake_logits if judged.pairs else real_logits).detach().sign()
    ctx.log("Loss/D", loss)
    ctx.log("Scores/real", real_logits)
    ctx.log(SIGNS, signs)
    return loss


def discriminator_r1(ctx: StepContext, latents: LatentBatch, batch: Batch) -> Tensor:
    """D shall be flat around real images, and around G's when the loss pairs them."""
    reals = batch.images.detach().requires_grad_(True)
    penalty = losses.r1_penalty(ctx.discriminate(reals, batch.labels), reals)
    ctx.log("Loss/r1", penalty)
    if losses.loss_named(ctx.state.config.loss).pairs:
        with torch.no_grad():
            fakes = ctx.generate(ctx.map_latents(latents))
        fakes.requires_grad_(True)
        second = losses.r1_penalty(ctx.discriminate(fakes, latents.labels), fakes)
        ctx.log("Loss/r2", second)
        penalty = penalty + second
    return penalty * (ctx.state.config.gamma / 2)


def phases(config: TrainConfig) -> tuple[Phase, ...]:
    """The phases of a step in order; G first, so that D always answers the newest G."""
    pairs = losses.loss_named(config.loss).pairs
    one, both = 1 + pairs, 2
    found = [Phase("Gmain", RngStream.G_MAIN, 1, GENERATOR, generator_main, one, pairs)]
    if config.pl_weight:
        found.append(Phase("Greg", RngStream.G_REG, config.pl_interval, GENERATOR, generator_path))
    found.append(Phase("Dmain", RngStream.D_MAIN, 1, DISCRIMINATOR, discriminator_main, both, True))
    if config.gamma:
        every, loss = config.r1_interval, discriminator_r1
        found.append(Phase("Dreg", RngStream.D_REG, every, DISCRIMINATOR, loss, one, True))
    return tuple(found)


def run_phase(phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch) -> None:
    """Add up the phase's gradients over the micro-batches and take one optimiser step."""
    leave_gradients(phase, ctx, latents, batch)
    ctx.state.optimiser(phase.trains).step()


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


def sample_latents(
    config: TrainConfig, phase: Phase, step: int, labels: Tensor | None, device: torch.device
) -> LatentBatch:
    """The phase's random inputs at `step`; `labels` are those of random items of the data set."""
    rng = rng_for(config.seed, step, phase.rng_stream)
    count = config.batch
    shape = (count, config.generator.z_dim)

    def normal(*size: int) -> Tensor:
        return sent(torch.from_numpy(rng.standard_normal(size, dtype=np.float32)), device)

    z = normal(*shape)
    mix_from = z_mix = None
    if config.style_mixing:
        layers = num_ws(config)
        cut = int(rng.integers(1, layers))
        if rng.random() < config.style_mixing and layers > 1:
            mix_from, z_mix = cut, normal(*shape)
    noise = None
    if phase.rng_stream is RngStream.G_REG:
        side = config.dataset.resolution
        noise = normal(count, config.dataset.channels, side, side)
    return LatentBatch(z, labels, z_mix, mix_from, noise)


def num_ws(config: TrainConfig) -> int:
    """Styles that the generator takes."""
    count: int = of_family(config.generator, "num_ws")
    return count


def train_step(
    state: TrainState,
    batch: Batch,
    latents: Callable[[Phase], LatentBatch],
    augment: Augment | None,
    *,
    noise_mode: str = "random",
    distributed: Distributed = SINGLE_PROCESS,
    chosen: tuple[Phase, ...] | None = None,
    recordings: Recordings | None = None,
) -> None:
    """All phases that are due, of those `chosen` or of all, then the moving average, then p.

    recordings: of a run whose steps are replayed where they can be.
    """
    config = state.config
    sigma = schedule.blur_sigma(config.blur_sigma, config.blur_fade_images, state.images)
    rng = rng_for(config.seed, state.step, RngStream.AUGMENT)
    ctx = StepContext(state, augment, sigma, rng, noise_mode, distributed, recordings=recordings)
    for phase in phases(config) if chosen is None else chosen:
        if state.step % phase.interval == 0:
            # StyleGAN2's noise comes from torch's own stream, so that it too follows from the
            # step; each process of a group has its own.
            noise = rng_for(config.seed, state.step, phase.rng_stream, 1 + 2 * distributed.rank)
            ctx.noise_seed = int(noise.integers(2**63))
            torch.manual_seed(ctx.noise_seed)
            run_phase(phase, ctx, latents(phase), batch)
    ctx.hand_over()
    beta = schedule.ema_beta(config.batch, config.ema_images, state.images, config.ema_rampup)
    update_ema(state, beta)
    state.images += config.batch
    state.step += 1
    if state.device.type == "cpu" or state.step % ADJUST_EVERY_STEPS == 0:
        state.settle()
    if chosen is None:
        state.ada.adjust(state.step, config.batch)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Images smoothed along x and y, zeros outside; unchanged for a sigma below 1/3."""
    taps = schedule.blur_taps(sigma)
    if len(taps) == 1:
        return images
    channels = images.shape[1]
    kernel = torch.tensor(taps, dtype=images.dtype, device=images.device)
    across = kernel.expand(channels, 1, 1, -1)
    radius = len(taps) // 2
    images = nn.functional.conv2d(images, across, padding=(0, radius), groups=channels)
    return nn.functional.conv2d(
        images, across.transpose(2, 3), padding=(radius, 0), groups=channels
    )
