"""Signs of a run going wrong, in words that say what to do."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from nftgan.training.config import TrainConfig
from nftgan.training.state import TrainState

MEMORISED = 0.95
"""Mean sign of D's logits on the art above which D knows the pictures by heart."""


COLLAPSED = 0.4
"""Variety of the fakes, as a share of the art's, below which they have become one picture."""


def variety(images: npt.NDArray[np.uint8]) -> float:
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


def collapse_warning(share: float) -> str | None:
    """What to do when the fakes' variety is only `share` of the art's."""
    if share >= COLLAPSED:
        return None
    return (
        f"the pictures have become alike ({share:.0%} of the art's variety): go back to an earlier"
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
    if signs > MEMORISED and state.images > config.dataset.images:
        cure = {
            "none": "train with --aug ada",
            "fixed": "use --aug ada, or a higher --aug-p",
            "ada": "add pictures, or stop at the best sheet so far",
        }[config.aug]
        found.append(
            f"the discriminator tells {(1 + signs) / 2:.0%} of the art from fakes: it has begun to"
            f" know the pictures by heart; {cure}"
        )
    if config.aug == "ada" and state.ada.p >= config.aug_cap:
        found.append(
            f"augmentation is at its cap of {config.aug_cap:g}: there are too few pictures for this"
            " many kimg, so later sheets may not be better"
        )
    return tuple(found)
