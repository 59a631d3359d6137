"""Signs of a run going wrong, in words that say what to do."""

from __future__ import annotations

import math

from nftgan.training.config import TrainConfig
from nftgan.training.state import TrainState

MEMORISED = 0.95
"""Mean sign of D's logits on the art above which D knows the pictures by heart."""


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
