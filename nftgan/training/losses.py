"""The losses alone: non-saturating logistic, relativistic pairing, R1 and path length."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nftgan import plugins
from nftgan.ops import inputs_only

PATH_DECAY = 0.01


def generator_loss(fake_logits: Tensor) -> Tensor:
    """softplus(-D(G(z))) per sample (Goodfellow et al. 2014, non-saturating): [N, 1] -> [N]."""
    return F.softplus(-fake_logits).flatten()


def discriminator_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """softplus(D(fake)) + softplus(-D(real)) per sample: two [N, 1] -> [N]."""
    return (F.softplus(fake_logits) + F.softplus(-real_logits)).flatten()


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """softplus(-(D(better) - D(worse))) per pair: two [N, 1] -> [N].

    The discriminator's loss with (real, fake), the generator's with (fake, real): each image is
    judged beside one of the other kind (Jolicoeur-Martineau 2018; RpGAN in Huang et al. 2024,
    "The GAN is dead; long live the GAN!", eq. 2).
    """
    return F.softplus(worse - better).flatten()


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Squared norm of dD/dimage per sample (Mescheder et al. 2018, eq. 9), without gamma / 2.

    `images` [N, C, H, W] must require gradients and be what `logits` came from, before any blur
    or augmentation; the result [N] can be differentiated again. On real images it is R1, on
    fakes R2.
    """
    with inputs_only():
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def path_length_penalty(
    images: Tensor, ws: Tensor, noise: Tensor, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """How far each |J_w^T y| is from their running mean (Karras et al. 2020, eq. 4).

    images [N, C, H, W] from ws [N, L, w_dim]; noise [N, C, H, W] ~ N(0, 1); mean [] is the running
    mean before this batch. Returns the penalties [N] (weight 1) and the new running mean [].
    """
    scaled = noise / (images.shape[2] * images.shape[3]) ** 0.5
    with inputs_only():
        (gradient,) = torch.autograd.grad((images * scaled).sum(), ws, create_graph=True)
    lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
    new_mean = mean.lerp(lengths.mean(), PATH_DECAY)
    return (lengths - new_mean).square(), new_mean.detach()


@dataclass(frozen=True)
class Loss:
    """What `--loss` names: how G and D are judged by logits [N, 1]; each gives [N], one a sample.

    generator: of fakes, and of reals where the loss `pairs`, else None. discriminator: of fakes and
    reals. pairs: each image is judged beside one of the other kind: then only differences of logits
    mean something, and D is kept flat around fakes as well.
    """

    generator: Callable[[Tensor, Tensor | None], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    pairs: bool = False


def _relativistic_of_generator(fake_logits: Tensor, real_logits: Tensor | None) -> Tensor:
    assert real_logits is not None
    return relativistic_loss(fake_logits, real_logits)


LOGISTIC = Loss(lambda fakes, reals: generator_loss(fakes), discriminator_loss)
RELATIVISTIC = Loss(
    _relativistic_of_generator, lambda fakes, reals: relativistic_loss(reals, fakes), pairs=True
)


@functools.cache
def loss_named(name: str) -> Loss:
    """The loss of this name, the core's or a plugin's. Raises PluginError for a broken one."""
    part = plugins.parts("nftgan.losses")[name]
    found = part.load()
    if not isinstance(found, Loss):
        raise part.broken("a loss is a Loss of nftgan.training.losses")
    return found
