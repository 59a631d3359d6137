"""Small models of every kind for the renderer in the browser, saved as files."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

from nftgan.networks.architecture import GeneratorConfig
from nftgan.networks.model_file import save_model
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.synthesis.filled import filled, kinds

_SPREAD = sorted(n * 0x9E3779 % 2**24 for n in range(64))  # all over the cube
COLOURS = "".join(f"{colour:06x}" for colour in _SPREAD)

LOOKS: list[dict[str, Any]] = [
    {},
    {"trunc": 0.7},
    {"trunc": 0.5, "cutoff": 5, "finish": Finish(8, 6, 3)},
    {"trunc": -0.4, "finish": Finish(0, 12, 1)},
    {"trunc": 0.8, "finish": Finish(0, 0, 5, "cubic")},
    {"trunc": 0.6, "finish": Finish(16, 9, 2, colours=COLOURS)},
    {"trunc": 0.9, "finish": Finish(colours=COLOURS[:60])},
]
FLAT: list[dict[str, Any]] = [
    {"trunc": 0.7, "finish": Finish(0, 6, 4, "contour", colours=COLOURS)},
    {"trunc": 0.9, "finish": Finish(24, 0, 3, "contour")},
]
MOVED: list[dict[str, Any]] = [
    {"translate": (0.15, -0.3), "rotate": 25.0},
    {"translate": (-2.5, 0.0), "rotate": 400.0, "trunc": 1.3, "finish": Finish(24, 0, 2)},
]


def configs(size: int = 32) -> dict[str, GeneratorConfig]:
    """T, R and StyleGAN2, and what can be different about them."""
    t, r, two = kinds(size).values()
    return {
        "T": t,
        "R": r,
        "StyleGAN2": two,
        "classes": dataclasses.replace(t, c_dim=3),
        "grey": dataclasses.replace(r, img_channels=1),
        "plain StyleGAN2": dataclasses.replace(two, use_noise=False, conv_clamp=None, c_dim=2),
        "clamped": dataclasses.replace(t, conv_clamp=1.5),
        "transparent": dataclasses.replace(t, img_channels=4),
        "transparent StyleGAN2": dataclasses.replace(two, img_channels=4),
        "odd": dataclasses.replace(t, channel_max=21, conv_kernel=5, margin_size=3),
    }


def looks(config: GeneratorConfig) -> list[dict[str, Any]]:
    """Recipes that the model can follow; each class has its turn."""
    flat = [] if config.img_channels == 4 else FLAT
    chosen = [*LOOKS, *([] if config.kind == "stylegan2" else MOVED), *flat]
    if not config.c_dim:
        return chosen
    return [{**look, "label": number % config.c_dim} for number, look in enumerate(chosen)]


@cache
def painted(config: GeneratorConfig) -> Model:
    """The model, once a process."""
    return filled(config)


def saved(config: GeneratorConfig, path: Path, **options: Any) -> Path:
    save_model(path, generator=painted(config).generator, meta={}, **options)
    return path
