"""The tensors that a network must have, by name and shape, worked out without building it.

A file is compared with this table before anything is allocated for it, so that a forged
architecture costs nothing.
"""

from __future__ import annotations

import math

from nftgan.errors import UsageError
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    NetworkConfig,
    StyleGAN1Config,
    StyleGAN2Config,
    StyleGAN3Config,
    check,
)
from nftgan.networks.families import Shapes, of_family

BLUR = (4, 4)  # [1, 3, 3, 1] as an outer product

_RANGES = {
    "num_fp16_res": (0, 32),
    "num_critical": (0, 64),
    "lrelu_upsampling": (1, 8),
    "conv_kernel": (1, 7),
    "first_cutoff": (1e-3, 4096),
    "first_stopband": (1e-3, 8192),
    "last_stopband_rel": (1e-3, 16),
    "output_scale": (0, 1e6),
    "conv_clamp": (0, 1e9),
    "fade": (0, 1),
    "magnitude_ema_beta": (0, 1),
    "freeze_layers": (0, 1000),
    "mbstd_group_size": (1, 4096),
    "mbstd_num_channels": (0, 64),
}


def expected_shapes(config: NetworkConfig) -> Shapes:
    """State-dict name → shape of the network that `config` describes.

    Raises UsageError for values outside what a network can be.
    """
    check(config)
    for name, (least, most) in _RANGES.items():
        value = getattr(config, name, None)
        if value is not None and not least <= value <= most:
            raise UsageError(f"{name} = {value} is not between {least} and {most}")
    if isinstance(config, DiscriminatorConfig):
        return _discriminator(config)
    shapes: Shapes = of_family(config, "shapes")
    return shapes


def compare_shapes(expected: Shapes, found: Shapes, what: str) -> None:
    """Raises UsageError that names the first tensor that is missing, misshapen or unknown."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise UsageError(f"{what} lacks the tensor {name}")
        if name not in expected:
            raise UsageError(f"{what} has the tensor {name[:80]!a}, which it should not have")
        if expected[name] != found[name]:
            raise UsageError(
                f"{what}: {name} has the shape {list(found[name])} instead of "
                f"{list(expected[name])}"
            )


def _dense(prefix: str, inner: int, out: int) -> Shapes:
    return {f"{prefix}.weight": (out, inner), f"{prefix}.bias": (out,)}


def _mapping(z_dim: int, c_dim: int, w_dim: int, layers: int, *, average: bool) -> Shapes:
    shapes = _dense("mapping.embed", c_dim, w_dim) if c_dim else {}
    width = z_dim + (w_dim if c_dim else 0)
    for i in range(layers):
        shapes |= _dense(f"mapping.fc{i}", width, w_dim)
        width = w_dim
    return shapes | ({"mapping.w_avg": (w_dim,)} if average else {})


def stylegan3_shapes(config: StyleGAN3Config) -> Shapes:
    """Those of a StyleGAN3 generator."""
    resolution, n = config.img_resolution, config.num_layers
    last_cutoff = resolution / 2
    last_stopband = last_cutoff * config.last_stopband_rel
    sizes, channels, rates = [], [], []
    for i in range(n + 1):  # Karras et al. 2021, 3.2: cutoffs and rates in geometric progression
        exponent = min(i / (n - config.num_critical), 1)
        cutoff = config.first_cutoff * (last_cutoff / config.first_cutoff) ** exponent
        stopband = config.first_stopband * (last_stopband / config.first_stopband) ** exponent
        rate = 2.0 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        if rate < 1:
            raise UsageError(f"layer {i} would have {rate} samples a side")
        rates.append(rate)
        sizes.append(resolution if i >= n - 1 else int(rate) + 2 * config.margin_size)
        # round() rounds half to even, as rint does
        channels.append(round(min(config.channel_base / 2 / cutoff, config.channel_max)))
    channels[n] = config.img_channels
    shapes = _mapping(config.z_dim, config.c_dim, config.w_dim, config.mapping_layers, average=True)
    first = channels[0]
    shapes |= {
        "synthesis.input.weight": (first, first),
        "synthesis.input.transform": (3, 3),
        "synthesis.input.freqs": (first, 2),
        "synthesis.input.phases": (first,),
        **_dense("synthesis.input.affine", config.w_dim, 4),
    }
    for i in range(n + 1):
        before = max(i - 1, 0)
        k = 1 if i == n else config.conv_kernel
        prefix = f"synthesis.L{i}_{sizes[i]}_{channels[i]}"
        shapes |= {
            f"{prefix}.weight": (channels[i], channels[before], k, k),
            f"{prefix}.bias": (channels[i],),
            f"{prefix}.magnitude_ema": (),
            **_dense(f"{prefix}.affine", config.w_dim, channels[before]),
        }
        if i == n:
            continue
        inner_rate = max(rates[before], rates[i]) * config.lrelu_upsampling
        up, down = int(inner_rate / rates[before]), int(inner_rate / rates[i])
        up_taps, down_taps = config.filter_size * up, config.filter_size * down
        if up > 1 and up_taps > 1:
            shapes[f"{prefix}.up_filter"] = (up_taps,)
        if down > 1 and down_taps > 1:
            radial = config.use_radial_filters and i < n - config.num_critical
            shapes[f"{prefix}.down_filter"] = (down_taps,) * (2 if radial else 1)
    return shapes


def stylegan2_shapes(config: StyleGAN2Config) -> Shapes:
    """Those of a StyleGAN2 generator."""
    shapes = _mapping(config.z_dim, config.c_dim, config.w_dim, config.mapping_layers, average=True)
    inner, resolution = 0, 4
    while resolution <= config.img_resolution:
        out = _channels(config, resolution)
        block = f"synthesis.b{resolution}"
        shapes[f"{block}.resample_filter"] = BLUR
        layers = [("conv1", out)]
        if inner:
            layers.append(("conv0", inner))
        else:
            shapes[f"{block}.const"] = (out, 4, 4)
        for layer, width in layers:
            prefix = f"{block}.{layer}"
            shapes |= {
                f"{prefix}.weight": (out, width, 3, 3),
                f"{prefix}.bias": (out,),
                f"{prefix}.resample_filter": BLUR,
                **_dense(f"{prefix}.affine", config.w_dim, width),
            }
            if config.use_noise:
                shapes[f"{prefix}.noise_const"] = (resolution, resolution)
                shapes[f"{prefix}.noise_strength"] = ()
        shapes |= {
            f"{block}.torgb.weight": (config.img_channels, out, 1, 1),
            f"{block}.torgb.bias": (config.img_channels,),
            **_dense(f"{block}.torgb.affine", config.w_dim, out),
        }
        inner, resolution = out, resolution * 2
    return shapes


def makes_image(config: StyleGAN1Config, resolution: int) -> bool:
    """Whether a StyleGAN1 turns its features of `resolution` pixels into colours."""
    side = config.img_resolution
    return resolution == side or (config.fade > 0 and 2 * resolution == side)


def stylegan1_shapes(config: StyleGAN1Config) -> Shapes:
    """Those of a generator of the original StyleGAN. Classes have no bias and stand beside z."""
    if config.fade and config.img_resolution == 4:
        raise UsageError(f"fade = {config.fade}, but before 4 pixels there is no resolution")
    shapes: Shapes = {"mapping.embed.weight": (config.z_dim, config.c_dim)} if config.c_dim else {}
    inputs = config.z_dim * (2 if config.c_dim else 1)
    shapes |= _mapping(inputs, 0, config.w_dim, config.mapping_layers, average=True)
    inner, resolution = 0, 4
    while resolution <= config.img_resolution:
        out = _channels(config, resolution)
        block = f"synthesis.b{resolution}"
        if not inner:
            shapes[f"{block}.const"] = (out, 4, 4)
        for layer, width in (("layer0", inner), ("layer1", out)):
            prefix = f"{block}.{layer}"
            if width:
                shapes[f"{prefix}.weight"] = (out, width, 3, 3)
            shapes |= {
                f"{prefix}.bias": (out,),
                f"{prefix}.noise_const": (resolution, resolution),
                f"{prefix}.noise_strength": (out,),
                **_dense(f"{prefix}.affine", config.w_dim, 2 * out),
            }
        if makes_image(config, resolution):
            shapes[f"{block}.torgb.weight"] = (config.img_channels, out, 1, 1)
            shapes[f"{block}.torgb.bias"] = (config.img_channels,)
        inner, resolution = out, resolution * 2
    return shapes


def _discriminator(config: DiscriminatorConfig) -> Shapes:
    if config.architecture not in ("resnet", "orig"):
        raise UsageError(f"a discriminator of architecture {config.architecture!r} is not known")
    shapes: Shapes = {}
    resolution = config.img_resolution
    while resolution > 4:
        width, out = _channels(config, resolution), _channels(config, resolution // 2)
        block = f"b{resolution}"
        shapes[f"{block}.resample_filter"] = BLUR
        layers = {"conv0": (width, width, 3), "conv1": (out, width, 3)}
        if resolution == config.img_resolution:
            layers["fromrgb"] = (width, config.img_channels, 1)
        if config.architecture == "resnet":
            layers["skip"] = (out, width, 1)
        for layer, (rows, columns, k) in layers.items():
            shapes[f"{block}.{layer}.weight"] = (rows, columns, k, k)
            shapes[f"{block}.{layer}.resample_filter"] = BLUR
            if layer != "skip":
                shapes[f"{block}.{layer}.bias"] = (rows,)
        resolution //= 2
    width = _channels(config, 4)
    cmap_dim = (width if config.cmap_dim is None else config.cmap_dim) if config.c_dim else 0
    if cmap_dim:
        shapes |= _mapping(0, config.c_dim, cmap_dim, config.mapping_layers, average=False)
    return shapes | {
        "b4.conv.weight": (width, width + config.mbstd_num_channels, 3, 3),
        "b4.conv.bias": (width,),
        "b4.conv.resample_filter": BLUR,
        **_dense("b4.fc", width * 16, width),
        **_dense("b4.out", width, cmap_dim or 1),
    }


def _channels(
    config: StyleGAN1Config | StyleGAN2Config | DiscriminatorConfig, resolution: int
) -> int:
    return min(config.channel_base // resolution, config.channel_max)
