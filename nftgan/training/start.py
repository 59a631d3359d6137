"""The first stage of a run with `--start autoencoder`: G as a decoder, then D alone on its images.

A discriminator that has seen nothing would push a good decoder at random; so the last part of the
stage leaves G as it is, and lets D learn to judge it. No image is altered in the stage: neither
part can learn the art by heart as D does later.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from nftgan.training import autoencoder
from nftgan.training.augment import Augment
from nftgan.training.batches import Batch, LatentBatch
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.phases import Phase, StepContext, phases
from nftgan.training.randomness import RngStream
from nftgan.training.recording import Recordings
from nftgan.training.state import AUTOENCODER, DISCRIMINATOR, TrainState
from nftgan.training.step import train_step

DECODER_SHARE = 0.8
"""Of the stage's images; the rest are D's alone."""


def reconstruction(ctx: StepContext, latents: LatentBatch, batch: Batch) -> Tensor:
    """G draws the art again from what the encoder makes of it: losses [N], summed over pixels."""
    assert ctx.state.autoencoder is not None
    config = ctx.state.config
    z, divergence = autoencoder.encode(
        ctx.state.autoencoder.encoder, batch.images, batch.labels, latents.z
    )
    ws = ctx.state.generator.mapping(z, batch.labels, update_emas=True)
    apart = autoencoder.distance(ctx.generate(ws, update_emas=True), batch.images)
    ctx.log("Loss/reconstruction", apart / batch.images[0].numel())
    ctx.log("Loss/KL", divergence)
    weight = autoencoder.divergence_weight(config.dataset.resolution)
    return apart + divergence * (weight * autoencoder.warm_up(_progress(ctx.state)))


DECODER = Phase("Autoencoder", RngStream.AUTOENCODER, 1, AUTOENCODER, reconstruction)


def stage(config: TrainConfig, images: int) -> str:
    """What a step after so many images learns, in words; empty where all is as without a start."""
    if images >= config.start_images:
        return ""
    return "autoencoder" if images < _decoded(config) else "discriminator alone"


def stage_phases(config: TrainConfig, images: int) -> tuple[Phase, ...]:
    """The phases of such a step."""
    if images < _decoded(config):
        return (DECODER,)
    return tuple(phase for phase in phases(config) if phase.trains == DISCRIMINATOR)


def start_phases(config: TrainConfig) -> dict[Phase, float]:
    """Every phase of the stage with the share of its steps that run it; empty without a stage."""
    if not config.start_images:
        return {}
    alone = [phase for phase in phases(config) if phase.trains == DISCRIMINATOR]
    left = 1 - DECODER_SHARE
    return {DECODER: DECODER_SHARE} | {phase: left / phase.interval for phase in alone}


def next_step(
    state: TrainState,
    batch: Batch,
    latents: Callable[[Phase], LatentBatch],
    augment: Augment | None,
    *,
    distributed: Distributed = SINGLE_PROCESS,
    recordings: Recordings | None = None,
) -> None:
    """A step of the stage, or `train_step` after it; the last one drops what only it needs.

    The stage is not recorded: how its losses are weighed changes with every step.
    """
    config = state.config
    if state.images >= config.start_images:
        train_step(state, batch, latents, augment, distributed=distributed, recordings=recordings)
        return
    if state.autoencoder is not None:
        state.autoencoder.set_rates(_progress(state))
    chosen = stage_phases(config, state.images)
    train_step(state, batch, latents, None, distributed=distributed, chosen=chosen)
    if state.images >= config.start_images:
        state.autoencoder = None


def _decoded(config: TrainConfig) -> float:
    return config.start_images * DECODER_SHARE


def _progress(state: TrainState) -> float:
    return state.images / _decoded(state.config)
