"""Networks of the original StyleGAN program: variables turned into the tensors of `stylegan1`.

The image of such a checkpoint is made at the resolution that its growing has reached: variable
`lod` counts the doublings that are still to come, and between two whole numbers the last one is
fading in (Karras et al. 2018, section 3). Layers above it, which were never trained, stay behind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.networks.architecture import NetworkConfig, from_json
from nftgan.networks.identity import to_array
from nftgan.networks.model_data import check_plain
from nftgan.networks.pickles import describe, reject
from nftgan.networks.tensorflow_networks import (
    Arrays,
    NetworkStub,
    Source,
    check_arguments,
    dense,
    kernel,
)

MARK = "synthesis/4x4/Const/StyleMod/weight"
"""A variable that only this generator has."""
FUSED_FROM = 128
"""Pixels from which on the program upsamples and convolves in one step, unless told otherwise."""
MAX_MAPPING_LAYERS = 32

_FIXED: dict[str, Any] = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "mapping_lrmul": 0.01,
    "mapping_use_wscale": True,
    "normalize_latents": True,
    "use_wscale": True,
    "use_styles": True,
    "const_input_layer": True,
    "use_noise": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "fmap_decay": 1.0,
    "blur_filter": [1, 2, 1],
}
# Beside growth, which is told by `lod`: colours of other resolutions, and counters.
_UNUSED = re.compile(r"(?:synthesis/)?lod|synthesis/ToRGB_lod\d+/(?:weight|bias)")
_PREFIX = re.compile(r"(?:.{0,200}_)?(mapping|synthesis)/")


def is_stylegan1(generator: NetworkStub) -> bool:
    return MARK in _variables(generator)


def convert_stylegan1(generator: NetworkStub) -> tuple[NetworkConfig, Arrays]:
    """Config and state dict of Gs.

    Raises UsageError for options under which the images would be others than `stylegan1` draws,
    and for variables that are missing, unknown or said twice.
    """
    variables, given = _variables(generator), generator.arguments()
    check_arguments(given, _FIXED)
    source = Source(variables)
    full = _whole_config(given, variables)
    growing = 0.0 if given.get("structure") == "fixed" else _growing(variables)
    levels = full["img_resolution"].bit_length() - 1
    if not 0 <= growing <= levels - 2:
        raise UsageError(f"its lod is {growing:g}, not between 0 and {levels - 2}")
    missing = math.floor(growing)
    config = from_json(
        {
            **full,
            "img_resolution": full["img_resolution"] >> missing,
            "fade": growing - missing,
        }
    )
    tensors = _mapping(source)
    for level in range(2, levels + 1):
        block = _block(source, level, fused=_is_fused(given, 2**level))
        if level <= levels - missing:
            tensors |= block
    for lod in range(missing, math.ceil(growing) + 1):
        name = f"synthesis/ToRGB_lod{lod}"
        target = f"synthesis.b{2 ** (levels - lod)}.torgb"
        tensors[f"{target}.weight"] = kernel(source.take(f"{name}/weight"))
        tensors[f"{target}.bias"] = to_array(source.take(f"{name}/bias"))
    source.finish(_UNUSED)
    return config, tensors


def _variables(generator: NetworkStub) -> Arrays:
    """All, under `mapping/` and `synthesis/`, also where the owner keeps its components' too.

    Raises UsageError where both have one, with other values.
    """
    found: Arrays = {}
    for name, array in generator.variables().items():
        if owner := _PREFIX.match(name):
            name = f"{owner[1]}/{name[owner.end() :]}"
        if name in found and not np.array_equal(found[name], array):
            raise UsageError(f"its variable {describe(name)} is there twice, with other values")
        found[name] = array
    return found


def _whole_config(given: Mapping[str, Any], variables: Arrays) -> dict[str, Any]:
    """The architecture at its full resolution, checked."""

    def option(name: str, default: Any) -> Any:
        return given.get(name, default)

    base = option("fmap_base", 8 << 10)
    depth = 0
    while depth <= MAX_MAPPING_LAYERS and f"mapping/Dense{depth}/weight" in variables:
        depth += 1
    document: dict[str, Any] = {
        "kind": "stylegan1",
        "img_resolution": option("resolution", 1024),
        "img_channels": option("num_channels", 3),
        "z_dim": option("latent_size", 512),
        "w_dim": option("dlatent_size", 512),
        "c_dim": option("label_size", 0),
        "channel_base": base * 2 if type(base) is int else base,
        "channel_max": option("fmap_max", 512),
        "mapping_layers": depth,
    }
    check_plain(document)
    from_json(document)
    return document


def _growing(variables: Mapping[str, np.ndarray]) -> float:
    """Doublings that are still to come; 0 where nothing says so."""
    said = {float(v) for n, v in variables.items() if n in ("lod", "synthesis/lod") and v.ndim == 0}
    if len(said) > 1:
        raise UsageError(f"its lod is {' and '.join(f'{one:g}' for one in sorted(said))} at once")
    return said.pop() if said else 0.0


def _is_fused(given: Mapping[str, Any], resolution: int) -> bool:
    """Whether the kernel that doubles to `resolution` is kept as a transposed convolution's."""
    choice = given.get("fused_scale", "auto")
    if type(choice) is bool:
        return choice
    if choice != "auto":
        raise UsageError(f"its option fused_scale is {describe(choice)}, which cannot be converted")
    return resolution >= FUSED_FROM


def _mapping(source: Source) -> Arrays:
    tensors = {"mapping.w_avg": to_array(source.take("dlatent_avg"))}
    if source.has("mapping/LabelConcat/weight"):
        tensors["mapping.embed.weight"] = dense(source.take("mapping/LabelConcat/weight"))
    i = 0
    while source.has(f"mapping/Dense{i}/weight"):
        tensors |= _dense_pair(source, f"mapping/Dense{i}", f"mapping.fc{i}")
        i += 1
    return tensors


def _dense_pair(source: Source, name: str, target: str) -> Arrays:
    return {
        f"{target}.weight": dense(source.take(f"{name}/weight")),
        f"{target}.bias": to_array(source.take(f"{name}/bias")),
    }


def _block(source: Source, level: int, *, fused: bool) -> Arrays:
    """The two layers of one resolution, 2**level pixels a side."""
    scope, block = f"synthesis/{2**level}x{2**level}", f"synthesis.b{2**level}"
    tensors: Arrays = {}
    names = ("Conv0_up", "Conv1")
    if level == 2:
        names = ("Const", "Conv")
        const = source.take(f"{scope}/Const/const")
        if const.ndim != 4 or len(const) != 1:
            raise reject("a constant input of another shape")
        tensors[f"{block}.const"] = to_array(const[0])
    for i, layer in enumerate(names):
        name, target = f"{scope}/{layer}", f"{block}.layer{i}"
        if layer != "Const":
            turned = fused and layer == "Conv0_up"
            tensors[f"{target}.weight"] = kernel(source.take(f"{name}/weight"), turned=turned)
        tensors[f"{target}.bias"] = to_array(source.take(f"{name}/bias"))
        tensors[f"{target}.noise_strength"] = to_array(source.take(f"{name}/Noise/weight"))
        pattern = source.take(f"synthesis/noise{2 * level - 4 + i}")
        if pattern.ndim != 4 or pattern.shape[:2] != (1, 1):
            raise reject("a noise pattern of another shape")
        tensors[f"{target}.noise_const"] = to_array(pattern[0, 0])
        tensors |= _dense_pair(source, f"{name}/StyleMod", f"{target}.affine")
    return tensors
