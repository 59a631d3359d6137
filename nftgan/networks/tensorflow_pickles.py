"""Networks of the TensorFlow StyleGAN2 programs: layouts turned into the published torch ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.networks.architecture import NetworkConfig, from_json
from nftgan.networks.identity import to_array
from nftgan.networks.model_data import check_plain
from nftgan.networks.pickles import reject
from nftgan.networks.tensorflow_networks import (
    Arrays,
    NetworkStub,
    Source,
    check_arguments,
    dense,
    kernel,
)

OLDEST_VERSION = 4
_UNUSED = re.compile(r"(?:.*/)?(?:lod|pl_mean)")

_BLUR = (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64).astype(np.float32)
_FIXED: dict[str, Any] = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "mapping_lrmul": 0.01,
    "normalize_latents": True,
    "resample_kernel": [1, 3, 3, 1],
    "use_noise": True,
}


def convert(
    generator: NetworkStub, discriminator: NetworkStub
) -> tuple[NetworkConfig, Arrays, NetworkConfig, Arrays]:
    """Configs and state dicts of Gs and D.

    Raises UsageError for the older configs A to D and unknown options.
    """
    variables = generator.variables()
    if "synthesis/4x4/Conv/mod_weight" not in variables:
        raise UsageError(
            "its generator is neither of StyleGAN nor of StyleGAN2",
            hint="StyleGAN2's configs A to D cannot be converted",
        )
    for network in (generator, discriminator):
        if network.version < OLDEST_VERSION:
            raise UsageError(
                f"a TensorFlow network of version {network.version}",
                hint=f"of StyleGAN2, {OLDEST_VERSION} and later can be converted",
            )
    tensors = _generator(variables)
    discriminator_tensors = _discriminator(discriminator.variables())
    config = _config("stylegan2", generator.arguments(), tensors, architecture="skip")
    discriminator_config = _config(
        "stylegan2-d", discriminator.kwargs, discriminator_tensors, architecture="resnet"
    )
    return config, tensors, discriminator_config, discriminator_tensors


def _config(
    kind: str, given: Mapping[str, Any], tensors: Arrays, *, architecture: str
) -> NetworkConfig:
    fixed = {**_FIXED, "architecture": architecture}
    if given.get("resample_kernel") is None:  # which is [1, 3, 3, 1], too
        del fixed["resample_kernel"]
    check_arguments(given, fixed)

    def option(name: str, default: Any) -> Any:
        return given.get(name, default)

    base = option("fmap_base", 16 << 10)
    clamp, fp16 = option("conv_clamp", None), option("num_fp16_res", 0)
    document: dict[str, Any] = {
        "kind": kind,
        "img_resolution": option("resolution", 1024),
        "img_channels": option("num_channels", 3),
        "c_dim": option("label_size", 0),
        "channel_base": base * 2 if type(base) is int else base,
        "channel_max": option("fmap_max", 512),
        "num_fp16_res": fp16,
        "conv_clamp": clamp,
    }
    depth = sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in tensors)
    if depth:
        document["mapping_layers"] = depth
    if kind == "stylegan2":
        document["z_dim"] = option("latent_size", 512)
        document["w_dim"] = option("dlatent_size", 512)
    else:
        document["mbstd_group_size"] = option("mbstd_group_size", 4)
        document["mbstd_num_channels"] = option("mbstd_num_features", 1)
    check_plain(document)
    return from_json(document)


def _dense_pair(source: Source, name: str, target: str) -> Arrays:
    return {
        f"{target}.weight": dense(source.take(f"{name}/weight")),
        f"{target}.bias": to_array(source.take(f"{name}/bias")),
    }


def _mapping(source: Source, embed: str, layer: str) -> Arrays:
    tensors: Arrays = {}
    if source.has(f"{embed}/weight"):
        tensors |= _dense_pair(source, embed, "mapping.embed")
    i = 0
    while source.has(f"{layer}{i}/weight"):
        tensors |= _dense_pair(source, f"{layer}{i}", f"mapping.fc{i}")
        i += 1
    return tensors


def _modulated(source: Source, name: str, target: str, *, turned: bool) -> Arrays:
    return {
        f"{target}.weight": kernel(source.take(f"{name}/weight"), turned=turned),
        f"{target}.bias": to_array(source.take(f"{name}/bias")),
        f"{target}.affine.weight": dense(source.take(f"{name}/mod_weight")),
        # stored around 0 there, around 1 here
        f"{target}.affine.bias": to_array(source.take(f"{name}/mod_bias")) + np.float32(1),
    }


def _generator(variables: Arrays) -> Arrays:
    source = Source(variables)
    tensors = _mapping(source, "mapping/LabelEmbed", "mapping/Dense")
    tensors["mapping.w_avg"] = to_array(source.take("dlatent_avg"))
    const = source.take("synthesis/4x4/Const/const")
    if const.ndim != 4 or len(const) != 1:
        raise reject("a constant input of another shape")
    tensors["synthesis.b4.const"] = to_array(const[0])
    level = 2
    while source.has(f"synthesis/{2**level}x{2**level}/ToRGB/weight"):
        side = f"synthesis/{2**level}x{2**level}"
        block = f"synthesis.b{2**level}"
        layers = [("Conv", "conv1", 0)]
        if level > 2:
            layers = [("Conv0_up", "conv0", 2 * level - 5), ("Conv1", "conv1", 2 * level - 4)]
        for name, target, noise in layers:
            target = f"{block}.{target}"
            tensors |= _modulated(source, f"{side}/{name}", target, turned=name == "Conv0_up")
            pattern = source.take(f"synthesis/noise{noise}")
            if pattern.shape[:2] != (1, 1):
                raise reject("a noise pattern of another shape")
            tensors[f"{target}.noise_const"] = to_array(pattern[0, 0])
            tensors[f"{target}.noise_strength"] = to_array(
                source.take(f"{side}/{name}/noise_strength")
            )
            tensors[f"{target}.resample_filter"] = _BLUR
        tensors |= _modulated(source, f"{side}/ToRGB", f"{block}.torgb", turned=False)
        tensors[f"{block}.resample_filter"] = _BLUR
        level += 1
    source.finish(_UNUSED)
    return tensors


def _discriminator(variables: Arrays) -> Arrays:
    source = Source(variables)
    tensors = _mapping(source, "LabelEmbed", "Mapping")
    parts = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}
    level = 3
    while source.has(f"{2**level}x{2**level}/Conv0/weight"):
        side, block = f"{2**level}x{2**level}", f"b{2**level}"
        tensors[f"{block}.resample_filter"] = _BLUR
        for name, target in parts.items():
            if source.has(f"{side}/{name}/weight"):
                tensors |= _convolution(source, f"{side}/{name}", f"{block}.{target}")
        level += 1
    tensors |= _convolution(source, "4x4/Conv", "b4.conv")
    tensors |= _dense_pair(source, "4x4/Dense0", "b4.fc")
    tensors |= _dense_pair(source, "Output", "b4.out")
    source.finish(_UNUSED)
    return tensors


def _convolution(source: Source, name: str, target: str) -> Arrays:
    tensors = {
        f"{target}.weight": kernel(source.take(f"{name}/weight")),
        f"{target}.resample_filter": _BLUR,
    }
    if source.has(f"{name}/bias"):
        tensors[f"{target}.bias"] = to_array(source.take(f"{name}/bias"))
    return tensors
