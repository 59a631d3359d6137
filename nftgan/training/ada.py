"""Adaptive augmentation: how often to augment, from how sure the discriminator is of the art."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ADJUST_EVERY_STEPS = 4


@dataclass
class AdaController:
    """The augmentation probability p and what has been seen since it was last adjusted.

    r = mean sign(D(real)) near 1 means that D knows its few images by heart; p rises while r is
    above `target` and falls below (Karras et al. 2020, eq. 1). p never leaves [0, cap]: beyond
    about 0.8 the augmentations leak into what the generator draws.
    """

    p: float
    target: float
    cap: float
    ramp_images: int  # images in which p may move by 1
    adaptive: bool
    sign_sum: float = 0.0
    sign_count: int = 0
    last_sign: float = 0.0

    def observe(self, sign_sum: float, count: int) -> None:
        """Add the signs of D's logits on `count` real images."""
        self.sign_sum += sign_sum
        self.sign_count += count

    def adjust(self, step: int, batch: int) -> None:
        """After step `step`: move p every fourth step."""
        if step % ADJUST_EVERY_STEPS or not self.sign_count:
            return
        self.last_sign = self.sign_sum / self.sign_count
        self.sign_sum, self.sign_count = 0.0, 0
        if self.adaptive:
            difference = self.last_sign - self.target
            direction = (difference > 0) - (difference < 0)
            moved = self.p + direction * batch * ADJUST_EVERY_STEPS / self.ramp_images
            self.p = min(max(moved, 0.0), self.cap)

    def state(self) -> dict[str, Any]:
        return {
            "p": self.p,
            "sign_sum": self.sign_sum,
            "sign_count": self.sign_count,
            "last_sign": self.last_sign,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.p = float(state["p"])
        self.sign_sum = float(state["sign_sum"])
        self.sign_count = int(state["sign_count"])
        self.last_sign = float(state["last_sign"])
