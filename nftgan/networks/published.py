"""Published StyleGAN checkpoints (.pkl) read as numbers: from StyleGAN3 back to the first one.

Such a file carries Python source that its own program would run; here it is dropped unread. The
networks are rebuilt from the recorded constructor arguments and every tensor is compared.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import sha256_file, translated_os_errors
from nftgan.networks.architecture import NetworkConfig, from_json
from nftgan.networks.identity import model_identity, to_array
from nftgan.networks.model_data import ModelFile, check_plain, errors_about
from nftgan.networks.pickles import (
    AllowedGlobal,
    Budget,
    Globals,
    RestrictedUnpickler,
    describe,
    reject,
)
from nftgan.networks.shapes import compare_shapes, expected_shapes
from nftgan.networks.tensorflow_networks import NetworkStub
from nftgan.networks.tensorflow_pickles import convert
from nftgan.networks.tensorflow_stylegan1 import convert_stylegan1, is_stylegan1
from nftgan.networks.torch_storage import array_names, tensor_names

NVIDIA_LICENCE = "NVIDIA Source Code License (non-commercial)"
NVIDIA_NOTICE = (
    "A checkpoint in the format of NVIDIA's programs. Their licence allows research and evaluation "
    "only, also for models fine-tuned from it; sell nothing made with it unless the author of "
    "this checkpoint gave you other terms."
)
STYLEGAN1_LICENCE = "CC BY-NC 4.0 (non-commercial)"
STYLEGAN1_NOTICE = (
    "A checkpoint in the format of NVIDIA's StyleGAN program of 2019. The networks published with "
    "it are under CC BY-NC 4.0: not for commercial use; sell nothing made with it unless the "
    "author of this checkpoint gave you other terms."
)
MAX_FILE_BYTES = 8 << 30
MAX_MODULES = 2_000
MAX_TENSORS = 10_000
MAX_DEPTH = 16
PERSISTENCE_VERSION = 6

CLASSES = frozenset(
    {
        "Generator",
        "MappingNetwork",
        "SynthesisNetwork",
        "SynthesisInput",
        "SynthesisLayer",
        "SynthesisBlock",
        "ToRGBLayer",
        "FullyConnectedLayer",
        "Conv2dLayer",
        "Discriminator",
        "DiscriminatorBlock",
        "DiscriminatorEpilogue",
        "MinibatchStdLayer",
        "AugmentPipe",
    }
)
# Options with one supported value; anything else would change the images.
_FIXED: dict[str, Any] = {
    "activation": "lrelu",
    "lr_multiplier": 0.01,
    "resample_filter": [1, 3, 3, 1],
}
# Options without influence on the result, or whose influence shows in the tensors' shapes.
_WITHOUT_EFFECT = frozenset(
    {"class_name", "fused_modconv_default", "w_avg_beta", "embed_features", "layer_features"}
)


@dataclass(frozen=True)
class Record:
    """One pickled module: its class by name and its instance dictionary."""

    class_name: str
    state: dict[str, Any] = field(repr=False)

    def part(self, *names: str) -> Record:
        """The sub-module at a path of names."""
        found: Any = self
        for name in names:
            found = _table(found.state, "_modules").get(name)
            if not isinstance(found, Record):
                raise reject(f"{self.class_name} has no {'.'.join(names)}")
        result: Record = found
        return result


def read_published(path: Path) -> ModelFile:
    """The averaged generator (and discriminator) of a published .pkl, with a licence notice.

    Nothing in the file is run. Raises UsageError for anything that is not such a checkpoint.
    """
    with errors_about(path), translated_os_errors(path):
        size = path.stat().st_size
        if not 0 < size <= MAX_FILE_BYTES:
            raise reject(f"{size} bytes")
        with path.open("rb") as file:
            # Unmapped with the last array that looks into it.
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        model = parse_published(data)
    first = model.generator_config.kind == "stylegan1"
    licence = STYLEGAN1_LICENCE if first else NVIDIA_LICENCE
    parent = {
        "identity": None,
        "licence": licence,
        "notice": STYLEGAN1_NOTICE if first else NVIDIA_NOTICE,
        "source": path.name,
        "file": f"sha256:{sha256_file(path)}",
    }
    meta = {**model.meta, "parent": parent, "licence": licence}
    return ModelFile(
        model.generator_config,
        model.generator,
        model.discriminator_config,
        model.discriminator,
        meta,
        model.identity,
    )


def parse_published(data: memoryview) -> ModelFile:
    """The model in the bytes of a published .pkl. Raises UsageError for anything else."""
    budget = Budget(tensor_bytes=2 * len(data))
    content = RestrictedUnpickler(data, _names(budget), budget).run()
    if type(content) is tuple and len(content) == 3:
        if not all(isinstance(network, NetworkStub) for network in content):
            raise reject("three things that are no networks")
        if is_stylegan1(content[2]):
            # Its discriminator judges another way than that of StyleGAN2, and nothing trains on.
            return _model(*convert_stylegan1(content[2]), None, None, meta={})
        return _model(*convert(content[2], content[1]), meta={})
    if type(content) is not dict or not isinstance(content.get("G_ema"), Record):
        raise reject(f"{describe(content)} without a G_ema")
    generator, discriminator = content["G_ema"], content.get("D")
    if generator.class_name != "Generator":
        raise reject(f"its G_ema is a {generator.class_name}")
    tensors = flatten(generator)
    discriminator_tensors = flatten(discriminator) if isinstance(discriminator, Record) else None
    return _model(
        _generator_config(generator, tensors),
        tensors,
        _discriminator_config(discriminator, discriminator_tensors)
        if isinstance(discriminator, Record) and discriminator_tensors
        else None,
        discriminator_tensors,
        meta={"training": _training(content.get("augment_pipe"))},
    )


def flatten(record: Record) -> dict[str, np.ndarray]:
    """State-dict name → array of all parameters and buffers below `record`."""
    tensors: dict[str, np.ndarray] = {}
    modules = 0

    def visit(module: Record, prefix: str, depth: int) -> None:
        nonlocal modules
        modules += 1
        if depth > MAX_DEPTH or modules > MAX_MODULES:
            raise reject("its modules are nested too deeply or too many")
        for table in ("_parameters", "_buffers"):
            for name, value in _table(module.state, table).items():
                if value is None:
                    continue
                if not isinstance(value, np.ndarray) or len(tensors) >= MAX_TENSORS:
                    raise reject(f"{prefix}{describe(name)} is no tensor, or one too many")
                tensors[prefix + _name(name)] = to_array(value)
        for name, part in _table(module.state, "_modules").items():
            if isinstance(part, Record):
                visit(part, f"{prefix}{_name(name)}.", depth + 1)
            elif part is not None:
                raise reject(f"{prefix}{describe(name)} is no module")

    visit(record, "", 0)
    return tensors


def _names(budget: Budget) -> Globals:
    def record(meta: Any) -> Record:
        if type(meta) is not dict or meta.get("type") != "class":
            raise reject(f"a persistent object of {describe(meta)}")
        name, state = meta.get("class_name"), meta.get("state")
        if meta.get("version") != PERSISTENCE_VERSION:
            raise reject(f"persistence version {describe(meta.get('version'))}")
        if type(name) is not str or name not in CLASSES or type(state) is not dict:
            raise reject(f"a module of class {describe(name)}")
        return Record(name, state)

    def make_set(values: Any = ()) -> set[Any]:
        if type(values) not in (list, tuple) or not all(type(value) is str for value in values):
            raise reject("a set of something else than names")
        budget.spend(len(values))
        return set(values)

    table = AllowedGlobal("dict", call=lambda: {}, new=dict)
    return {
        **array_names(budget),
        **tensor_names(budget),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): AllowedGlobal(
            "object", call=record
        ),
        ("collections", "OrderedDict"): table,
        ("dnnlib.util", "EasyDict"): table,
        ("dnnlib", "EasyDict"): table,
        ("dnnlib.tflib.network", "Network"): AllowedGlobal("Network", new=NetworkStub),
        ("builtins", "set"): AllowedGlobal("set", call=make_set),
    }


def _model(
    config: NetworkConfig,
    tensors: dict[str, np.ndarray],
    discriminator_config: NetworkConfig | None,
    discriminator: dict[str, np.ndarray] | None,
    *,
    meta: dict[str, Any],
) -> ModelFile:
    _compare(config, tensors, "its generator")
    if discriminator_config is not None and discriminator is not None:
        _compare(discriminator_config, discriminator, "its discriminator")
    identity = model_identity(config, tensors)
    return ModelFile(config, tensors, discriminator_config, discriminator, meta, identity)  # type: ignore[arg-type]


def _compare(config: NetworkConfig, tensors: Mapping[str, np.ndarray], what: str) -> None:
    found = {name: array.shape for name, array in tensors.items()}
    compare_shapes(expected_shapes(config), found, what)
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise UsageError(f"{what} is broken: {name} holds NaN or infinity")


def _generator_config(record: Record, tensors: Mapping[str, np.ndarray]) -> NetworkConfig:
    options = _options(record, "mapping_kwargs", "synthesis_kwargs")
    synthesis = record.part("synthesis")
    if "synthesis.input.freqs" in tensors:
        radial = bool(options.get("use_radial_filters"))
        kind = "stylegan3-r" if radial and options.get("conv_kernel") == 1 else "stylegan3-t"
        first = next(
            (name for name in _table(synthesis.state, "_modules") if str(name).startswith("L0_")),
            "L0",
        )
        layer = synthesis.part(first)
    elif "synthesis.b4.const" in tensors:
        kind, layer = "stylegan2", synthesis.part("b4", "conv1")
        style = synthesis.part("b4").state.get("architecture", "skip")
        if style != "skip" or options.pop("architecture", "skip") != "skip":
            raise UsageError(f"a StyleGAN2 generator of architecture {describe(style)}")
    else:
        raise UsageError(
            "its generator is neither of StyleGAN3 nor of StyleGAN2",
            hint="StyleGAN-XL and other families cannot be read",
        )
    fp16 = synthesis.state.get("num_fp16_res", 0)
    return _config(kind, {"num_fp16_res": fp16, **options}, layer, tensors)


def _discriminator_config(record: Record, tensors: Mapping[str, np.ndarray]) -> NetworkConfig:
    options = _options(record, "block_kwargs", "mapping_kwargs", "epilogue_kwargs")
    return _config("stylegan2-d", options, record.part("b4", "conv"), tensors)


def _config(
    kind: str, options: dict[str, Any], layer: Record, tensors: Mapping[str, np.ndarray]
) -> NetworkConfig:
    """The config from recorded options; the clamp, whose default changed, is one layer's own."""
    depth = sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in tensors)
    document = {"kind": kind, "conv_clamp": None, **options}
    if depth:
        document["mapping_layers"] = depth
    if "conv_clamp" in layer.state:
        document["conv_clamp"] = layer.state["conv_clamp"]
    check_plain(document)
    return from_json(document)


def _options(record: Record, *nested: str) -> dict[str, Any]:
    """The constructor's arguments, the nested ones among them; those of no effect are left out."""
    given = _table(record.state, "_init_kwargs")
    tables = {"": {name: value for name, value in given.items() if name not in nested}}
    tables |= {name: _table(given, name) for name in nested if given.get(name) is not None}
    options: dict[str, Any] = {}
    for where, table in tables.items():
        for name, value in table.items():
            # The depth of the mapping shows in its tensors; its name is also StyleGAN3's own.
            if name in _WITHOUT_EFFECT or (where, name) == ("mapping_kwargs", "num_layers"):
                continue
            if name not in _FIXED:
                options[_name(name)] = value
            elif not _same(value, _FIXED[name]):
                raise UsageError(f"its {where or 'network'} option {name} is not supported")
    return options


def _same(value: Any, wanted: Any) -> bool:
    if type(value) is list and type(wanted) is list:
        plain = len(value) == len(wanted) and all(type(item) in (int, float) for item in value)
        return plain and value == wanted
    return type(value) is type(wanted) and bool(value == wanted)


def _training(pipe: Any) -> dict[str, Any] | None:
    p = flatten(pipe).get("p") if isinstance(pipe, Record) else None
    return None if p is None or p.shape != () else {"augment_p": float(p)}


def _table(state: Mapping[str, Any], name: str) -> dict[Any, Any]:
    table = state.get(name)
    if type(table) is not dict:
        raise reject(f"{name} is {describe(table)}")
    return table


def _name(name: Any) -> str:
    if type(name) is not str or not name.isidentifier() or len(name) > 64:
        raise reject(f"a part is called {describe(name)}")
    return name
