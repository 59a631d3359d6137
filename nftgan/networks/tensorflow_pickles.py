"""Networks of the TensorFlow StyleGAN2 programs: layouts turned into the published torch ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.networks.architecture import NetworkConfig, from_json
from nftgan.networks.identity import to_array
from nftgan.networks.model_data import check_plain
from nftgan.networks.pickles import Stub, describe, reject
from nftgan.networks.torch_storage import ArrayStub

OLDEST_VERSION = 4
MAX_VARIABLES = 10_000
Arrays = dict[str, np.ndarray]

_BLUR = (np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64).astype(np.float32)
_FIXED: dict[str, Any] = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "mapping_lrmul": 0.01,
    "normalize_latents": True,
    "resample_kernel": [1, 3, 3, 1],
    "use_noise": True,
}


class NetworkStub(Stub):
    """A dnnlib.tflib Network as data: keyword arguments, variables, components."""

    def __init__(self) -> None:
        self.kwargs: dict[str, Any] = {}
        self.own: Arrays = {}
        self.components: dict[str, NetworkStub] = {}

    def set_state(self, state: Any) -> None:
        if type(state) is not dict or type(state.get("version")) is not int:
            raise reject("a TensorFlow network without a version")
        if state["version"] < OLDEST_VERSION:
            raise UsageError(
                f"a TensorFlow network of version {state['version']}",
                hint="StyleGAN1 and older cannot be converted",
            )
        kwargs, components = state.get("static_kwargs"), state.get("components")
        variables = state.get("variables")
        if type(kwargs) is not dict or type(components) is not dict or type(variables) is not list:
            raise reject("a TensorFlow network without arguments, components or variables")
        self.kwargs = kwargs
        for name, part in components.items():
            # A component is complete before its owner, so that there can be no circle.
            if type(name) is not str or not isinstance(part, NetworkStub) or part.components:
                raise reject(f"a component {describe(name)} that is {describe(part)}")
            self.components[name] = part
        self.own = {}
        for name, value in variables:
            if type(value) is float:  # a variable without dimensions comes as a NumPy number
                array = np.array(value, np.float32)
            elif isinstance(value, ArrayStub):
                array = value.array
            else:
                raise reject(f"a variable {describe(name)} that is {describe(value)}")
            if type(name) is not str:
                raise reject(f"a variable called {describe(name)}")
            self.own[name] = array

    def variables(self) -> Arrays:
        """All variables; a component's begin with its name."""
        found = dict(self.own)
        for prefix, part in self.components.items():
            found |= {f"{prefix}/{name}": value for name, value in part.own.items()}
        if len(found) > MAX_VARIABLES:
            raise reject(f"{len(found)} variables")
        return found


def convert(
    generator: NetworkStub, discriminator: NetworkStub
) -> tuple[NetworkConfig, Arrays, NetworkConfig, Arrays]:
    """Configs and state dicts of Gs and D.

    Raises UsageError for StyleGAN1, the older configs A to D and unknown options.
    """
    variables, discriminator_variables = generator.variables(), discriminator.variables()
    if "synthesis/4x4/Conv/mod_weight" not in variables:
        raise UsageError("its generator is not of StyleGAN2", hint="StyleGAN1 cannot be converted")
    tensors, discriminator_tensors = _generator(variables), _discriminator(discriminator_variables)
    kwargs = {**generator.kwargs, **_part(generator, "mapping"), **_part(generator, "synthesis")}
    config = _config("stylegan2", kwargs, tensors, architecture="skip")
    discriminator_config = _config(
        "stylegan2-d", discriminator.kwargs, discriminator_tensors, architecture="resnet"
    )
    return config, tensors, discriminator_config, discriminator_tensors


def _part(network: NetworkStub, name: str) -> dict[str, Any]:
    part = network.components.get(name)
    return {} if part is None else part.kwargs


def _config(
    kind: str, given: Mapping[str, Any], tensors: Arrays, *, architecture: str
) -> NetworkConfig:
    for name, wanted in {**_FIXED, "architecture": architecture}.items():
        value = given.get(name, wanted)
        if type(value) is list and all(type(item) in (int, float) for item in value):
            value = [*value]
        elif type(value) not in (str, int, float, bool):
            value = None
        if value != wanted and not (name == "resample_kernel" and given.get(name) is None):
            raise UsageError(f"its option {name} is {describe(value)}, which cannot be converted")

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


def _kernel(array: np.ndarray, *, turned: bool = False) -> np.ndarray:
    """HWIO → OIHW; up-sampling kernels are also turned by half a circle."""
    if array.ndim != 4:
        raise reject(f"a kernel of {array.ndim} dimensions")
    if turned:
        array = array[::-1, ::-1]
    return to_array(array.transpose(3, 2, 0, 1))


def _dense(array: np.ndarray) -> np.ndarray:
    return to_array(array.T)


class _Source:
    """Variables by name; every one has to be used or known to be without effect."""

    def __init__(self, variables: Arrays) -> None:
        self.variables = dict(variables)

    def take(self, name: str) -> np.ndarray:
        if name not in self.variables:
            raise UsageError(f"it lacks the variable {name}")
        return self.variables.pop(name)

    def has(self, name: str) -> bool:
        return name in self.variables

    def finish(self) -> None:
        left = sorted(n for n in self.variables if n.rpartition("/")[2] not in ("lod", "pl_mean"))
        if left:
            raise UsageError(f"its variable {describe(left[0])} cannot be converted")


def _dense_pair(source: _Source, name: str, target: str) -> Arrays:
    return {
        f"{target}.weight": _dense(source.take(f"{name}/weight")),
        f"{target}.bias": to_array(source.take(f"{name}/bias")),
    }


def _mapping(source: _Source, embed: str, layer: str) -> Arrays:
    tensors: Arrays = {}
    if source.has(f"{embed}/weight"):
        tensors |= _dense_pair(source, embed, "mapping.embed")
    i = 0
    while source.has(f"{layer}{i}/weight"):
        tensors |= _dense_pair(source, f"{layer}{i}", f"mapping.fc{i}")
        i += 1
    return tensors


def _modulated(source: _Source, name: str, target: str, *, turned: bool) -> Arrays:
    return {
        f"{target}.weight": _kernel(source.take(f"{name}/weight"), turned=turned),
        f"{target}.bias": to_array(source.take(f"{name}/bias")),
        f"{target}.affine.weight": _dense(source.take(f"{name}/mod_weight")),
        # stored around 0 there, around 1 here
        f"{target}.affine.bias": to_array(source.take(f"{name}/mod_bias")) + np.float32(1),
    }


def _generator(variables: Arrays) -> Arrays:
    source = _Source(variables)
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
    source.finish()
    return tensors


def _discriminator(variables: Arrays) -> Arrays:
    source = _Source(variables)
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
    source.finish()
    return tensors


def _convolution(source: _Source, name: str, target: str) -> Arrays:
    tensors = {
        f"{target}.weight": _kernel(source.take(f"{name}/weight")),
        f"{target}.resample_filter": _BLUR,
    }
    if source.has(f"{name}/bias"):
        tensors[f"{target}.bias"] = to_array(source.take(f"{name}/bias"))
    return tensors
