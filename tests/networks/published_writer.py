"""Write checkpoints in the published pickle layout from our own networks, for the tests."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import types
from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from nftgan.networks.architecture import DiscriminatorConfig, StyleGAN2Config, to_json

TRAP = "raise SystemExit('the embedded source was run')"
CLASS_NAMES = {
    "StyleGAN3Generator": "Generator",
    "StyleGAN2Generator": "Generator",
    "ConvLayer": "Conv2dLayer",
    "Block": "DiscriminatorBlock",
    "Epilogue": "DiscriminatorEpilogue",
}


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
    raise AssertionError("only a name in these files")


class EasyDict(dict):
    """Stands for the dict subclass of the published files."""


class Persistent:
    """Pickles as the published persistence layer does."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self.meta = meta

    def __reduce__(self) -> Any:
        return _reconstruct_persistent_obj, (self.meta,)


def record(module: nn.Module, kwargs: dict[str, Any] | None = None) -> Persistent:
    """A module as a persistent object, with a source text that must never run."""
    state: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(module._parameters),
        "_buffers": OrderedDict(module._buffers),
        "_non_persistent_buffers_set": {"weight"},
        "_modules": OrderedDict((name, record(part)) for name, part in module.named_children()),
        "_init_args": (),
        "_init_kwargs": EasyDict(kwargs or {}),
    }
    for name in ("clamp", "conv_clamp"):
        if hasattr(module, name):
            state["conv_clamp"] = getattr(module, name)
    name = type(module).__name__
    return Persistent(
        {
            "type": "class",
            "version": 6,
            "module_src": TRAP,
            "class_name": CLASS_NAMES.get(name, name),
            "state": state,
        }
    )


def constructor_arguments(network: Any, *, nested: bool) -> dict[str, Any]:
    """What the published constructors were given; `nested` as in stylegan2-ada-pytorch."""
    options = to_json(network.config)
    options.pop("kind")
    depth = options.pop("mapping_layers")
    if isinstance(network.config, DiscriminatorConfig):
        epilogue = {k: options.pop(k) for k in ("mbstd_group_size", "mbstd_num_channels")}
        block = EasyDict(freeze_layers=options.pop("freeze_layers"))
        return {**options, "epilogue_kwargs": epilogue, "block_kwargs": block, "mapping_kwargs": {}}
    options["mapping_kwargs"] = EasyDict(num_layers=depth)
    if nested and isinstance(network.config, StyleGAN2Config):
        outer = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs")
        inner = EasyDict({k: options.pop(k) for k in list(options) if k not in outer})
        options["synthesis_kwargs"] = inner
    return options


def published_bytes(
    generator: Any, discriminator: Any = None, *, protocol: int = 4, nested: bool = False
) -> bytes:
    """A whole checkpoint with G, D, G_ema and the rest."""
    judge = None
    if discriminator is not None:
        judge = record(discriminator, constructor_arguments(discriminator, nested=nested))
    return dump(
        {
            "G": None,
            "D": judge,
            "G_ema": record(generator, constructor_arguments(generator, nested=nested)),
            "augment_pipe": None,
            "training_set_kwargs": {"path": "/home/somebody/art.zip"},
        },
        protocol=protocol,
    )


def dump(value: Any, *, protocol: int = 4) -> bytes:
    """Pickle `value`, our stand-ins under their published names."""
    names = {
        "torch_utils": {},
        "torch_utils.persistence": {"_reconstruct_persistent_obj": _reconstruct_persistent_obj},
        "dnnlib": {},
        "dnnlib.util": {"EasyDict": EasyDict},
        "dnnlib.tflib": {},
        "dnnlib.tflib.network": {"Network": Network},
    }
    modules = {}
    for module, content in names.items():
        modules[module] = types.ModuleType(module)
        for name, thing in content.items():
            setattr(modules[module], name, thing)
            thing.__module__, thing.__qualname__ = module, name
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        file = io.BytesIO()
        pickle.Pickler(file, protocol=protocol).dump(value)
        return file.getvalue()
    finally:
        for name, module_before in before.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before


class Network:
    """Stands for a network of the TensorFlow programs."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


def seeded(shape: tuple[int, ...], name: str) -> torch.Tensor:
    """Normal numbers that depend on the name alone."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
