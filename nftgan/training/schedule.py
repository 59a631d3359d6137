"""Numbers of a run that follow from others: EMA decay, blur, lazy Adam, automatic gamma."""

from __future__ import annotations

import math

from nftgan.networks.families import training_rules


def auto_gamma(cfg: str, resolution: int, batch: int) -> float:
    """The R1 weight to start from: four times higher when the side doubles.

    StyleGAN2-ADA's automatic rule is 0.0002 res^2 / batch; the StyleGAN3 authors' recommended
    starts (0.5 at 128, 2 at 256, 8 at 512, 32 at 1024, batch 32) are 0.001 res^2 / batch.
    """
    return float(f"{training_rules(cfg).gamma * resolution**2 / batch:.4g}")


def ema_beta(batch: int, half_life_images: float, images: int, rampup: float) -> float:
    """Decay of the generator's moving average for one step of `batch` images.

    The half-life is at most `rampup` of the images seen so far, so early averages forget the noise;
    a `rampup` of 0 switches that off.
    """
    half_life = min(half_life_images, images * rampup) if rampup else half_life_images
    return float(0.5 ** (batch / max(half_life, 1e-8)))


def lazy_adam(rate: float, interval: int | None) -> tuple[float, tuple[float, float]]:
    """Learning rate and betas when a regulariser runs every `interval` steps in a step of its own.

    Both shrink by interval / (interval + 1), so the pair of steps moves as far as one would
    (Karras et al. 2020, appendix B). None: no regulariser.
    """
    share = interval / (interval + 1) if interval else 1.0
    return rate * share, (0.0, 0.99**share)


def blur_sigma(start: float, fade_images: int, images: int) -> float:
    """Blur of what D sees after `images`: `start` pixels, falling linearly to nothing."""
    if start <= 0 or fade_images <= 0:
        return 0.0
    return start * max(1 - images / fade_images, 0.0)


def blur_taps(sigma: float) -> list[float]:
    """Taps 2^-(t/sigma)^2, |t| <= floor(3 sigma), of sum 1; a single 1 for no blur."""
    radius = math.floor(3 * sigma)
    if radius <= 0:
        return [1.0]
    taps = [2.0 ** -((t / sigma) ** 2) for t in range(-radius, radius + 1)]
    total = sum(taps)
    return [tap / total for tap in taps]
