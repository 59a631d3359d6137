"""What a network is, without its weights: frozen configs that become JSON and come back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nftgan.config import from_mapping
from nftgan.errors import UsageError
from nftgan.networks.families import GeneratorConfig, family_named


@dataclass(frozen=True)
class StyleGAN3Config(GeneratorConfig):
    """Alias-free generator (Karras et al. 2021): translation (-t) or rotation (-r) equivariant."""

    kind: str = "stylegan3-t"  # or stylegan3-r
    mapping_layers: int = 2
    num_layers: int = 14  # without input and ToRGB
    num_critical: int = 2  # last layers at the critical sampling rate
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10  # extra pixels around the image, at each layer's rate
    output_scale: float = 0.25
    conv_kernel: int = 3  # -r: 1
    filter_size: int = 6  # taps per sample, low-pass
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False  # -r: True
    conv_clamp: float | None = 256.0
    magnitude_ema_beta: float = 0.999


@dataclass(frozen=True)
class StyleGAN2Config(GeneratorConfig):
    """Generator with skip connections (Karras et al. 2020)."""

    kind: str = "stylegan2"
    conv_clamp: float | None = 256.0
    use_noise: bool = True


@dataclass(frozen=True)
class StyleGAN1Config(GeneratorConfig):
    """Generator with adaptive instance normalisation (Karras et al. 2019)."""

    kind: str = "stylegan1"
    num_fp16_res: int = 0  # it has no layers in half precision
    fade: float = 0.0  # share of the image of half the side: growing stopped between the two


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Residual discriminator of StyleGAN2, used with every generator here."""

    img_resolution: int
    kind: str = "stylegan2-d"
    img_channels: int = 3
    c_dim: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    num_fp16_res: int = 4  # on a GPU only
    conv_clamp: float | None = 256.0
    architecture: str = "resnet"
    cmap_dim: int | None = None  # None: the channels at 4 pixels
    freeze_layers: int = 0  # FreezeD (Mo et al. 2020)
    mbstd_group_size: int | None = 4  # None: the whole batch
    mbstd_num_channels: int = 1
    mapping_layers: int = 8


NetworkConfig = GeneratorConfig | DiscriminatorConfig
DISCRIMINATOR = "stylegan2-d"
_OWN = (StyleGAN1Config, StyleGAN2Config, StyleGAN3Config, DiscriminatorConfig)


def stylegan3_r(img_resolution: int, **changes: Any) -> StyleGAN3Config:
    """The rotation-equivariant defaults: 1x1 convolutions, radial filters, twice the channels."""
    return StyleGAN3Config(
        **{
            "img_resolution": img_resolution,
            "kind": "stylegan3-r",
            "channel_base": 65536,
            "channel_max": 1024,
            "conv_kernel": 1,
            "use_radial_filters": True,
            **changes,
        }
    )


def to_json(config: NetworkConfig) -> dict[str, Any]:
    """Plain data that `from_json` turns back into an equal config."""
    return dataclasses.asdict(config)


def from_json(document: Mapping[str, Any]) -> NetworkConfig:
    """The config that `document` describes.

    Raises MissingPlugin for an unknown kind, UsageError for an unknown key and for values outside
    what a network can be.
    """
    kind = document.get("kind")
    if not isinstance(kind, str):
        raise UsageError(f"unknown network kind {kind!r:.80}")
    wanted: type[NetworkConfig] = DiscriminatorConfig
    if kind != DISCRIMINATOR:
        wanted = family_named(kind).config
    config: NetworkConfig = from_mapping(wanted, document, "architecture")
    check(config)
    return config


def check(config: NetworkConfig) -> None:
    """Raises UsageError when no network of this shape can be built."""
    resolution = config.img_resolution
    if not 4 <= resolution <= 4096 or resolution & (resolution - 1):
        raise UsageError(f"a resolution of {resolution} is not a power of two from 4 to 4096")
    limits = {
        "z_dim": 4096,
        "w_dim": 4096,
        "c_dim": 100_000,
        "img_channels": 4,
        "mapping_layers": 32,
        "channel_base": 1 << 20,
        "channel_max": 8192,
        "num_layers": 64,
        "margin_size": 64,
        "filter_size": 32,
        "cmap_dim": 8192,
    }
    for name, most in limits.items():
        value = getattr(config, name, None)
        least = 0 if name in {"c_dim", "margin_size"} else 1
        if value is not None and not least <= value <= most:
            raise UsageError(f"{name} = {value} is not between {least} and {most}")
    if isinstance(config, _OWN) and config.channel_base < _least_base(config):
        raise UsageError(
            f"channel_base = {config.channel_base} leaves no channel at {resolution} pixels",
            hint=f"it is {_least_base(config)} or more there",
        )
    if isinstance(config, StyleGAN3Config) and config.num_critical >= config.num_layers:
        raise UsageError(f"num_layers = {config.num_layers} must exceed num_critical")


def _least_base(config: NetworkConfig) -> int:
    """Of which one channel is left at the full size: base / side, in a StyleGAN3 rounded."""
    side = config.img_resolution
    return side // 2 + 1 if isinstance(config, StyleGAN3Config) else side
