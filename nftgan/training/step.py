"""One training step: its phases, each of which steps its optimiser, and the moving average."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nftgan.training import schedule
from nftgan.training.ada import ADJUST_EVERY_STEPS
from nftgan.training.augment import Augment
from nftgan.training.batches import Batch, LatentBatch
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.gradients import leave_gradients
from nftgan.training.phases import Phase, StepContext, phases
from nftgan.training.randomness import RngStream, rng_for
from nftgan.training.recording import Recordings
from nftgan.training.state import TrainState, update_ema


def run_phase(phase: Phase, ctx: StepContext, latents: LatentBatch, batch: Batch) -> None:
    """Add up the phase's gradients over the micro-batches and take one optimiser step."""
    leave_gradients(phase, ctx, latents, batch)
    ctx.state.optimiser(phase.trains).step()


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
