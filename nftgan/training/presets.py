"""The presets of training: the size of the networks and of a batch, as one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """The size of the networks and of a batch; everything else has one default for all."""

    resolution: int  # the side it is made for: chosen when a data set has it and no preset is named
    batch: int
    micro_batch: int  # images in memory at once on a 12 GB card, or fewer than `batch` on a CPU
    cbase: int
    cmax: int
    d_cbase: int
    d_cmax: int
    z_dim: int
    w_dim: int
    num_layers: int  # StyleGAN3 only
    margin_size: int  # StyleGAN3 only
    first_cutoff: float  # StyleGAN3 only: cycles per image of the finest input wave
    gamma: float | None  # None: `schedule.auto_gamma`, whose rule is for large networks
    glr: float | None  # None: as the paper has it for the cfg
    dlr: float | None
    ema_kimg: float
    kimg: int
    tick: float  # kimg
    hint: str


# fmt: off
PRESETS: dict[str, Preset] = {
    # batch, micro; G cbase, cmax; D cbase, cmax; z, w; layers, margin, cutoff;
    #     gamma, glr, dlr; ema, kimg, tick
    "tiny": Preset(32, 16, 16, 1024, 48, 1024, 64, 128, 128, 5, 2, 3.7,
                   0.5, 0.0035, 0.0025, 2.5, 200, 1, "CPU, 2 hours"),
    "small": Preset(64, 16, 16, 2048, 64, 2048, 96, 128, 128, 7, 3, 3.7,
                    3.0, 0.0035, 0.0025, 2.5, 400, 1, "CPU, a night"),
    "128": Preset(128, 32, 16, 16384, 512, 16384, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "256": Preset(256, 32, 16, 16384, 512, 16384, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "512": Preset(512, 32, 8, 32768, 512, 32768, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "1024": Preset(1024, 32, 4, 32768, 512, 32768, 512, 512, 512, 14, 10, 2,
                   None, None, None, 10, 5000, 4, "GPU"),
}
# fmt: on


def default_preset(resolution: int, device: str) -> str:
    """The preset for this side; without a GPU only those that a processor can train.

    The networks of `128` and up take 12 to 15 GB and minutes a step on a processor. `tiny` trains
    at any side there: at 256 pixels in 1.7 GB (measured on two cores).
    """
    if device == "cpu" and resolution > PRESETS["small"].resolution:
        return "tiny"
    by_side = {preset.resolution: key for key, preset in PRESETS.items()}
    return by_side[min((side for side in by_side if side >= resolution), default=max(by_side))]
