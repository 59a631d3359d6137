"""One training step as a list of phases: each adds up gradients and steps its optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nftgan.networks.architecture import StyleGAN3Config
from nftgan.training import losses, schedule
from nftgan.training.augment import Augment
from nftgan.training.config import TrainConfig
from nftgan.training.randomness import Purpose, stream
from nftgan.training.state import TrainState, average_parameters


@dataclass(frozen=True)
class Batch:
    """The real pictures of one step: images [N, C, H, W] in [-1, 1], labels [N, c_dim] or None."""

    images: Tensor
    labels: Tensor | None


@dataclass(frozen=True)
class Draw:
    """The random inputs of one phase for the whole batch, drawn before it is split.

    z, z_mix: [N, z_dim]; labels: [N, c_dim] or None; mix_from: first layer that takes its style
    from z_mix, or None; path_noise: [N, C, H, W] for the path-length phase.
    """

    z: Tensor
    labels: Tensor | None
    z_mix: Tensor | None = None
    mix_from: int | None = None
    path_noise: Tensor | None = None

    def __getitem__(self, part: Tensor) -> Draw:
        def take(value: Tensor | None) -> Tensor | None:
            return None if value is None else value[part]

        return Draw(
            self.z[part], take(self.labels), take(self.z_mix), self.mix_from, take(self.path_noise)
        )


@dataclass(frozen=True)
class Phase:
    """A loss of one network that runs every `interval` steps, weighted by the interval."""

    name: str
    purpose: Purpose
    interval: int
    trains_generator: bool
    loss: Callable[[PhaseRun, Draw, Batch], Tensor]  # -> per-sample losses


@dataclass
class PhaseRun:
    """What a loss may use: the state, what augments, and the step's own random stream."""

    state: TrainState
    augment: Augment | None
    blur: float  # sigma in pixels
    rng: np.random.Generator
    noise_mode: str = "random"  # StyleGAN2's noise inputs

    def discriminate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Logits [N, 1] of blurred and augmented `images`."""
        images = blurred(images, self.blur)
        if self.augment is not None:
            images = self.augment(images, self.state.ada.p, self.rng)
        logits: Tensor = self.state.discriminator(images, labels)
        return logits

    def styles(self, draw: Draw, *, update_emas: bool = False) -> Tensor:
        """ws [N, num_ws, w_dim], mixed from a second latent where the draw says so."""
        mapping = self.state.generator.mapping
        ws: Tensor = mapping(draw.z, draw.labels, update_emas=update_emas)  # type: ignore[operator]
        if draw.mix_from is not None:
            second: Tensor = mapping(draw.z_mix, draw.labels)  # type: ignore[operator]
            ws = torch.cat([ws[:, : draw.mix_from], second[:, draw.mix_from :]], dim=1)
        return ws

    def fakes(self, ws: Tensor, *, update_emas: bool = False) -> Tensor:
        images: Tensor = self.state.generator.synthesis(  # type: ignore[operator]
            ws, update_emas=update_emas, noise_mode=self.noise_mode
        )
        return images

    def measure(self, name: str, values: Tensor) -> None:
        self.state.totals.add(name, float(values.detach().sum()), values.numel())


def generator_main(run: PhaseRun, draw: Draw, batch: Batch) -> Tensor:
    """G wants D to take its pictures for real ones."""
    logits = run.discriminate(run.fakes(run.styles(draw)), draw.labels)
    loss = losses.generator_loss(logits)
    run.measure("Loss/G", loss)
    run.measure("Scores/fake", logits)
    return loss


def generator_path(run: PhaseRun, draw: Draw, batch: Batch) -> Tensor:
    """G shall move the picture equally far for equal moves in W; on half a batch."""
    assert draw.path_noise is not None
    half = draw[torch.arange(max(draw.z.shape[0] // 2, 1))]
    assert half.path_noise is not None
    ws = run.styles(half)
    images = run.fakes(ws)
    penalty, mean = losses.path_length_penalty(images, ws, half.path_noise, run.state.path_mean)
    run.state.path_mean.copy_(mean)
    run.measure("Loss/path_length", penalty)
    return penalty * run.state.config.pl_weight


def discriminator_main(run: PhaseRun, draw: Draw, batch: Batch) -> Tensor:
    """D wants to tell G's pictures from real ones; this pass also moves G's running averages."""
    with torch.no_grad():
        fakes = run.fakes(run.styles(draw, update_emas=True), update_emas=True)
    fake_logits = run.discriminate(fakes, draw.labels)
    real_logits = run.discriminate(batch.images, batch.labels)
    loss = losses.discriminator_loss(fake_logits, real_logits)
    signs = real_logits.detach().sign()
    run.state.ada.observe(float(signs.sum()), signs.numel())
    run.measure("Loss/D", loss)
    run.measure("Scores/real", real_logits)
    run.measure("Signs/real", signs)
    return loss


def discriminator_r1(run: PhaseRun, draw: Draw, batch: Batch) -> Tensor:
    """D shall be flat around real pictures."""
    reals = batch.images.detach().requires_grad_(True)
    penalty = losses.r1_penalty(run.discriminate(reals, batch.labels), reals)
    run.measure("Loss/r1", penalty)
    return penalty * (run.state.config.gamma / 2)


def phases(config: TrainConfig) -> tuple[Phase, ...]:
    """The phases of a step in order; G first, so that D always answers the newest G."""
    found = [Phase("Gmain", Purpose.G_MAIN, 1, True, generator_main)]
    if config.pl_weight:
        found.append(Phase("Greg", Purpose.G_REG, config.pl_interval, True, generator_path))
    found.append(Phase("Dmain", Purpose.D_MAIN, 1, False, discriminator_main))
    if config.gamma:
        found.append(Phase("Dreg", Purpose.D_REG, config.r1_interval, False, discriminator_r1))
    return tuple(found)


def run_phase(phase: Phase, run: PhaseRun, draw: Draw, batch: Batch) -> None:
    """Add up the phase's gradients over the micro-batches and take one optimiser step.

    The gradient is that of the mean over the whole batch, however the batch is split.
    """
    state = run.state
    network = state.generator if phase.trains_generator else state.discriminator
    adam = state.generator_adam if phase.trains_generator else state.discriminator_adam
    network.requires_grad_(True)
    adam.zero_grad(set_to_none=True)
    count = batch.images.shape[0]
    for part in micro_batches(state.config, count):
        piece = Batch(batch.images[part], None if batch.labels is None else batch.labels[part])
        loss = phase.loss(run, draw[part], piece)
        (loss.mean() * (phase.interval * len(part) / count)).backward()
    network.requires_grad_(False)
    _tame_gradients(network)
    adam.step()


def micro_batches(config: TrainConfig, count: int) -> Iterator[Tensor]:
    """Indices of each micro-batch. Whole groups of the minibatch deviation stay together.

    Sample n belongs to group n mod (count / group), so a micro-batch takes every sample of some
    groups; D then sees the same groups as it would in one piece.
    """
    group = min(config.discriminator.mbstd_group_size or count, count)
    groups = max(count // group, 1)
    per_part = max(min(config.micro_batch, count) // group, 1)
    samples = torch.arange(count)
    for first in range(0, groups, per_part):
        place = samples % groups
        yield samples[(place >= first) & (place < first + per_part)]


def _tame_gradients(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.grad is not None:
            torch.nan_to_num(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=parameter.grad)


def draw_for(
    config: TrainConfig, phase: Phase, step: int, labels: Tensor | None, device: torch.device
) -> Draw:
    """The phase's random inputs at `step`; `labels` are those of random items of the data set."""
    rng = stream(config.seed, step, phase.purpose)
    count = config.batch
    shape = (count, config.generator.z_dim)

    def normal(*size: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal(size, dtype=np.float32)).to(device)

    z = normal(*shape)
    mix_from = z_mix = None
    if config.style_mixing:
        layers = num_ws(config)
        cut = int(rng.integers(1, layers))
        if rng.random() < config.style_mixing and layers > 1:
            mix_from, z_mix = cut, normal(*shape)
    noise = None
    if phase.purpose is Purpose.G_REG:
        side = config.dataset.resolution
        noise = normal(count, config.dataset.channels, side, side)
    return Draw(z, labels, z_mix, mix_from, noise)


def num_ws(config: TrainConfig) -> int:
    """Styles that the generator takes."""
    if isinstance(config.generator, StyleGAN3Config):
        return config.generator.num_layers + 2
    return 2 * config.generator.img_resolution.bit_length() - 4


def train_step(
    state: TrainState,
    batch: Batch,
    draws: Callable[[Phase], Draw],
    augment: Augment | None,
    *,
    noise_mode: str = "random",
) -> None:
    """All phases that are due, then the moving average, then p."""
    config = state.config
    sigma = schedule.blur_sigma(config.blur_sigma, config.blur_fade_images, state.images)
    rng = stream(config.seed, state.step, Purpose.AUGMENT)
    run = PhaseRun(state, augment, sigma, rng, noise_mode)
    for phase in phases(config):
        if state.step % phase.interval == 0:
            # StyleGAN2's noise comes from torch's own stream, so that it too follows from the step.
            torch.manual_seed(
                int(stream(config.seed, state.step, phase.purpose, 1).integers(2**63))
            )
            run_phase(phase, run, draws(phase), batch)
    beta = schedule.ema_beta(config.batch, config.ema_images, state.images, config.ema_rampup)
    average_parameters(state, beta)
    state.images += config.batch
    state.step += 1
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
