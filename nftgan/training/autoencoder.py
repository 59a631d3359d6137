"""A generator as the decoder of a variational autoencoder (Kingma and Welling 2014).

A generator trained from noise on a processor needs hours before its images differ from each other.
As a decoder it draws blurred but diverse images after minutes, and its latent is the standard
normal that a generator expects.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nftgan.networks.builders import seeded
from nftgan.networks.protocols import Generator

DECODER_RATE, ENCODER_RATE = 3e-3, 1e-3
LAST_RATE = 0.1
"""Share of the rates at the end, to which they fall linearly."""
WARM_UP = 1 / 7
"""Share of the stage in which the divergence gains its weight: at once, it would empty latents."""
BETAS = (0.9, 0.99)


class Encoder(nn.Module):
    """Images [N, C, side, side] in [-1, 1], with labels [N, c_dim] where there are classes → mean
    and log variance of the latent, each [N, z_dim]. side: a power of two from 8 up.
    """

    def __init__(
        self, side: int, z_dim: int, *, channels: int = 3, c_dim: int = 0, width: int = 48
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
        before = width
        while side > 4:
            after = width if before == width and side >= 32 else 2 * width
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
            before, side = after, side // 2
        layers.append(nn.Flatten())
        self._trunk = len(layers)
        head = [nn.Linear(before * 16 + c_dim, 256), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, *head, nn.Linear(256, 2 * z_dim))

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        features = self.net[: self._trunk](x)
        if c is not None:
            features = torch.cat([features, c], dim=1)
        mean, log_variance = self.net[self._trunk :](features).chunk(2, 1)
        return mean, log_variance.clamp(-8, 4)


@dataclass
class Autoencoder:
    """What a generator needs to be a decoder: an encoder, and an optimiser of both."""

    encoder: Encoder
    adam: torch.optim.Adam  # groups: the decoder, the encoder

    def set_rates(self, progress: float) -> None:
        """The learning rates after the share `progress` of the stage."""
        share = max(LAST_RATE, 1 - progress)
        for group, rate in zip(self.adam.param_groups, (DECODER_RATE, ENCODER_RATE), strict=True):
            group["lr"] = rate * share


def autoencoder(generator: Generator, encoder: Encoder) -> Autoencoder:
    """Both with an optimiser of their parameters, at the first rates."""
    groups = [{"params": list(one.parameters())} for one in (generator, encoder)]
    made = Autoencoder(encoder, torch.optim.Adam(groups, DECODER_RATE, betas=BETAS))
    made.set_rates(0.0)
    return made


def build_encoder(
    side: int, z_dim: int, *, channels: int = 3, c_dim: int = 0, seed: int
) -> Encoder:
    """An encoder on the CPU whose weights `seed` decides."""
    with seeded(seed):
        return Encoder(side, z_dim, channels=channels, c_dim=c_dim)


def encode(
    encoder: Encoder, images: Tensor, labels: Tensor | None, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """A latent [N, z_dim] drawn for each image by standard normal `noise`, and its divergence [N].

    The divergence is that of Kullback and Leibler from the standard normal, in nats an image.
    """
    mean, log_variance = encoder(images, labels)
    z = mean + noise * (log_variance / 2).exp()
    return z, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def distance(made: Tensor, images: Tensor) -> Tensor:
    """Half absolute, half squared difference, summed over each image: two [N, C, H, W] → [N]."""
    difference = made - images
    return (difference.abs() + difference.square()).sum([1, 2, 3]) / 2


def divergence_weight(side: int) -> float:
    """Weight of the divergence beside the distance: 4 at 32 pixels, as much a pixel at every side.

    A weight that does not grow with the image leaves few nats to small art: grey averages.
    """
    return 4 * (side / 32) ** 2


def warm_up(progress: float) -> float:
    """Factor of that weight after the share `progress` of the stage: from 0 to 1."""
    return min(1.0, progress / WARM_UP)
