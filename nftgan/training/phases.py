"""The phases of a training step, in order: what each wants of its network, and what it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from nftgan.networks.families import of_family
from nftgan.ops.device import sent
from nftgan.training import losses, schedule
from nftgan.training.augment import Augment, AugmentParams, Prepared, apply_prepared
from nftgan.training.batches import Batch, LatentBatch
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.randomness import RngStream, rng_for
from nftgan.training.recording import Recordings
from nftgan.training.state import DISCRIMINATOR, GENERATOR, SIGNS, TrainState


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
