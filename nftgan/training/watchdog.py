"""Signs of a run going wrong, in words that say what to do."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from nftgan.training.config import TrainConfig
from nftgan.training.state import TrainState

MEMORISED = 0.95
"""Mean sign of D's logits on the art above which D knows the images by heart."""


COPIES = 0.05
"""Share of fakes nearer to an image of the training than 99 in 100 held-out images are."""


def copies_warning(share: float) -> str | None:
    """What to do when `share` of the fakes come too near to the art."""
    if share < COPIES:
        return None
    return (
        f"{share:.0%} of the images are near-copies of the art: take an earlier network, or add"
        " images; curate refuses such pieces"
    )


LOST = 0.1
"""The same below which a run is lost: it does not come back from one image by itself."""
COLLAPSED = 0.4
"""Variety of the fakes, as a share of the art's, below which they have become one image."""


def diversity(images: npt.NDArray[np.uint8]) -> float:
    """How little the shapes in images [N, C, H, W] have in common: 0 the same, about 1 unrelated.

    One minus the mean correlation between pairs of small grey versions; colours do not count.
    """
    count, _, height, width = images.shape
    grey = images.astype(np.float64).mean(axis=1)
    step = max(height // 16, 1)
    grey = grey.reshape(count, height // step, step, width // step, step).mean(axis=(2, 4))
    vectors = grey.reshape(count, -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    total = vectors.sum(axis=0)
    return float(1 - (total @ total - count) / max(count * (count - 1), 1))


PATTERN = 16.0
"""Factor of one frequency that is a pattern: two halves of an art set differ by up to 5, fakes of
healthy runs by up to 14 (96 images of 32 pixels)."""


def pattern_peak(fakes: npt.NDArray[np.uint8], art: npt.NDArray[np.uint8]) -> float:
    """How far one frequency of the fakes stands out: about 1 without a pattern, large with one.

    fakes, art: [N, C, H, W] of one size. The mean power spectrum of the fakes is divided by the
    art's, and each frequency by the median of those as coarse as it is: a pattern that all fakes
    share (a grid, a weave, diamonds) is a peak there, whatever scores say.
    """
    ratio = _power(fakes) / _power(art)
    side = ratio.shape[0]
    place = np.fft.fftfreq(side) * side
    radius = np.rint(np.hypot(place[:, None], place[None, :])).astype(int)
    highest = 1.0
    for ring in range(2, side // 2):
        values = ratio[radius == ring]
        highest = max(highest, float(values.max() / np.median(values)))
    return highest


def _power(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Mean power spectrum [S, S] of grey versions under a window, a little above zero."""
    side = images.shape[2]
    grey = images.astype(np.float64).mean(axis=1) / 127.5 - 1
    window = np.hanning(side + 2)[1:-1]
    spectrum = np.fft.fft2(
        (grey - grey.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)
    )
    power = np.asarray((np.abs(spectrum) ** 2).mean(axis=0), np.float64)
    result: npt.NDArray[np.float64] = power + power.mean() * 1e-4
    return result


def pattern_warning(peak: float) -> str | None:
    """What to do when one frequency stands out by the factor `peak`."""
    if peak < PATTERN:
        return None
    return (
        f"a regular pattern runs through the images ({peak:.0f} times its neighbours' power):"
        " look at the sheet; if you see it, go back to an earlier network with twice the --gamma,"
        " or train with --cfg stylegan2"
    )


OVERFIT = 0.6
"""Share of D's lead of the art over the fakes that held-out art does not have, above which D judges
by memory."""


def overfitting_heuristic(art: float, held: float, fakes: float) -> float:
    """r_v of Karras et al. 2020 (ADA, eq. 1) from mean logits: 0, D treats art that it never saw as
    art; 1, as fakes.
    """
    lead = art - fakes
    return (art - held) / lead if lead > 1e-6 else 0.0


def overfitting_warning(share: float, aug: str) -> str | None:
    """What to do when D has learnt the art by heart, as images held out show."""
    if share < OVERFIT:
        return None
    cure = "add images, or stop at the best network" if aug == "ada" else "train with --aug ada"
    return (
        f"the discriminator takes art that it never saw for fakes ({share:.0%} of its lead is"
        f" memory): {cure}"
    )


def collapse_warning(share: float) -> str | None:
    """What to do when the fakes' variety is only `share` of the art's."""
    if share >= COLLAPSED:
        return None
    return (
        f"the images have become alike ({share:.0%} of the art's variety): go back to an earlier"
        " network with --resume, with twice the --gamma"
    )


def warnings(
    config: TrainConfig, state: TrainState, statistics: dict[str, float]
) -> tuple[str, ...]:
    """What deserves attention in the means since the last tick."""
    found = []
    broken = [name for name, value in statistics.items() if not math.isfinite(value)]
    if broken:
        found.append(
            f"the training diverges ({', '.join(broken)} are not finite): stop, and start again"
            " from an earlier network with --resume and a lower --glr and --dlr"
        )
    signs = statistics.get("Signs/real", 0.0)
    past = max(config.dataset.images, config.start_images)
    if signs > MEMORISED and state.images > past:
        cure = {
            "none": "train with --aug ada",
            "fixed": "use --aug ada, or a higher --aug-p",
            "ada": "add images, or stop at the best sheet so far",
        }[config.aug]
        found.append(
            f"the discriminator tells {(1 + signs) / 2:.0%} of the art from fakes: it has begun to"
            f" know the images by heart; {cure}"
        )
    if config.aug == "ada" and state.ada.p >= config.aug_cap:
        found.append(
            f"augmentation is at its cap of {config.aug_cap:g}: there are too few images for this"
            " many kimg, so later sheets may not be better"
        )
    return tuple(found)
