"""Model files: a generator (and its discriminator) with all that is known about them.

`.safetensors` with the published state-dict names under `G.` and `D.`; the header's one metadata
entry `nftgan` is a JSON document. Reading needs no torch; building the networks does.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nftgan
from nftgan.errors import MissingStepError, NftganError, UsageError
from nftgan.files import canonical_json, parse_json, translated_os_errors
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    NetworkConfig,
    from_json,
    to_json,
)
from nftgan.networks.container import (
    read_header,
    read_tensor,
    write_container,
)
from nftgan.networks.identity import model_identity, to_array
from nftgan.networks.model_data import ModelFile, Tensors, check_plain, errors_about
from nftgan.networks.shapes import compare_shapes, expected_shapes

if TYPE_CHECKING:
    from nftgan.networks.protocols import Discriminator, Generator, Network

__all__ = [
    "LoadedModel",
    "ModelFile",
    "load_networks",
    "model_identity",
    "newest_snapshot",
    "open_model",
    "read_model",
    "save_model",
    "write_model",
]

log = logging.getLogger(__name__)

FORMAT = 1
_OWN_KEYS = ("nftgan", "generator", "discriminator")
_TABLES = ("generator", "discriminator", "conditioning", "training", "parent", "dataset")
# Large tensors that keep their meaning in half precision; filters, averages and biases stay exact.
_HALF_LEAVES = frozenset({"weight", "const", "noise_const"})
_SNAPSHOT = re.compile(r"network-(\d+)\.safetensors")


@dataclass(frozen=True)
class LoadedModel:
    """Networks in evaluation mode, float32, without gradients."""

    generator: Generator
    discriminator: Discriminator | None
    identity: str
    info: dict[str, Any]


def save_model(
    path: Path,
    *,
    generator: Generator,
    discriminator: Discriminator | None = None,
    meta: Mapping[str, Any],
    dtype: str = "float32",
) -> str:
    """Write the networks to `path` atomically and return the generator's identity.

    generator, discriminator: modules with `.config` and `.state_dict()`. dtype "float16" halves
    the file: weights are rounded, and the identity is that of the rounded values, so that
    loading and saving again, in either dtype, leaves it as it is.
    Raises UsageError when a tensor holds NaN or infinity.
    """
    model = ModelFile(
        generator.config,
        dict(generator.state_dict()),
        None if discriminator is None else discriminator.config,
        None if discriminator is None else dict(discriminator.state_dict()),
        dict(meta),
    )
    return write_model(path, model, dtype=dtype)


def write_model(path: Path, model: ModelFile, *, dtype: str = "float32") -> str:
    """Write `model` to `path` atomically and return the generator's identity; see save_model."""
    if dtype not in ("float32", "float16"):
        raise UsageError(f"a model is stored as float32 or float16, not {dtype}")
    if reserved := set(model.meta) & set(_OWN_KEYS):
        raise NftganError(f"the metadata key {min(reserved)} is the model file's own")
    tensors = _stored(model.generator_config, model.generator, "generator", dtype)
    identity = model_identity(model.generator_config, tensors)
    content = {f"G.{name}": array for name, array in tensors.items()}
    d = model.discriminator_config
    if d is not None and model.discriminator is not None:
        d_tensors = _stored(d, model.discriminator, "discriminator", dtype)
        content |= {f"D.{name}": array for name, array in d_tensors.items()}
    document = {
        "version": nftgan.__version__,
        **model.meta,
        "nftgan": FORMAT,
        "generator": to_json(model.generator_config),
        "discriminator": to_json(d) if d is not None else None,
    }
    write_container(path, content, {"nftgan": canonical_json(document).decode()})
    return identity


def read_model(path: Path) -> ModelFile:
    """The model in a .safetensors file, whole and checked, without torch.

    Raises UsageError unless exactly the tensors of its architecture are there and finite.
    """
    with errors_about(path), translated_os_errors(path), path.open("rb") as file:
        header = read_header(file)
        document = _document(header.metadata)
        configs = {"G": document.pop("generator"), "D": document.pop("discriminator")}
        found: dict[str, dict[str, tuple[int, ...]]] = {"G": {}, "D": {}}
        for key, entry in header.entries.items():
            network, _, tensor = key.partition(".")
            if network not in found:
                raise UsageError(f"the tensor {key[:80]!a} belongs to no network")
            found[network][tensor] = entry.shape
        networks: dict[str, Tensors | None] = {}
        for network, what in (("G", "the generator"), ("D", "the discriminator")):
            config = configs[network]
            compare_shapes(expected_shapes(config) if config else {}, found[network], what)
            tensors = {
                tensor: read_tensor(file, header, f"{network}.{tensor}")
                for tensor in found[network]
            }
            _check_finite(tensors, what)
            networks[network] = tensors if config else None
    generator = networks["G"]
    assert generator is not None
    identity = model_identity(configs["G"], generator)
    return ModelFile(configs["G"], generator, configs["D"], networks["D"], document, identity)


def open_model(source: str | Path) -> ModelFile:
    """The model in a .safetensors, a published .pkl, a run folder (its newest good snapshot) or
    behind a URL with `#sha256=`.

    Nothing in the file is ever run. Raises UsageError (MissingStepError for a run without
    snapshots) and, for a URL, ServiceError.
    """
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        from nftgan.networks.fetch import fetch_model

        return open_model(fetch_model(source))
    path = Path(source).expanduser()
    if path.is_dir():
        return newest_snapshot(path)[1]
    with translated_os_errors(path), path.open("rb") as file:
        start = file.read(9)
    # The header's length comes first in .safetensors: its lowest byte may well be a pickle's first.
    ours = start[4:] == b"\0\0\0\0{"
    if start[:1] == b"\x80" and not ours:
        from nftgan.networks.published import read_published

        return read_published(path)
    if start[:4] == b"PK\x03\x04":
        raise UsageError(
            f"{path.name} is a torch archive, not a StyleGAN checkpoint as published",
            hint="use the original .pkl, or a .safetensors model",
        )
    return read_model(path)


def newest_snapshot(run: Path) -> tuple[Path, ModelFile]:
    """The newest `network-*.safetensors` of a run folder that is whole, and its content.

    Raises MissingStepError when there is none.
    """
    with translated_os_errors(run):
        numbered = [(_SNAPSHOT.fullmatch(path.name), path) for path in run.iterdir()]
    snapshots = sorted((int(match[1]), path) for match, path in numbered if match)
    for _, path in reversed(snapshots):
        try:
            return path, read_model(path)
        except UsageError as exc:
            log.warning("%s is skipped: %s", path.name, exc)
    raise MissingStepError(
        f"{run} holds no finished network-*.safetensors", hint="nftgan train DATASET -o RUNS"
    )


def load_networks(source: str | Path, *, device: str = "cpu") -> LoadedModel:
    """The networks of `source` (see open_model), in evaluation mode on `device`.

    The discriminator is None where the file has none.
    """
    return build_networks(open_model(source), device=device)


def build_networks(model: ModelFile, *, device: str = "cpu") -> LoadedModel:
    """torch modules with the tensors of `model`."""
    from nftgan.networks.builders import build_discriminator, build_generator

    generator = build_generator(model.generator_config, seed=0)
    _check_filters(generator.state_dict(), model.generator)
    _fill(generator, model.generator)
    discriminator = None
    if model.discriminator_config is not None and model.discriminator is not None:
        discriminator = build_discriminator(model.discriminator_config, seed=0)
        _fill(discriminator, model.discriminator)
        discriminator = discriminator.to(device)
    return LoadedModel(generator.to(device), discriminator, model.identity, model.info)


def _check_filters(designed: Mapping[str, Any], stored: Tensors) -> None:
    """The stored filters are those that the architecture's cutoffs lead to."""
    for name, array in stored.items():
        if name.endswith("_filter") and np.abs(array - to_array(designed[name])).max() > 1e-4:
            raise UsageError(
                f"the generator's {name} does not fit its architecture",
                hint="the file was altered, or made by a program with other filters",
            )


def _fill(module: Network, tensors: Tensors) -> None:
    import torch

    # np.array copies: what was read is read-only, and torch wants its own
    state = {name: torch.from_numpy(np.array(a, np.float32)) for name, a in tensors.items()}
    module.load_state_dict(state, strict=True)
    module.eval().requires_grad_(False)


def _stored(config: NetworkConfig, tensors: Mapping[str, Any], what: str, dtype: str) -> Tensors:
    arrays = {name: to_array(tensor) for name, tensor in tensors.items()}
    compare_shapes(
        expected_shapes(config),
        {name: array.shape for name, array in arrays.items()},
        f"the {what}",
    )
    _check_finite(arrays, f"the {what}")
    half = dtype == "float16"
    return {name: _in_dtype(name, array, half=half) for name, array in arrays.items()}


def _in_dtype(name: str, array: np.ndarray, *, half: bool) -> np.ndarray:
    large = name.rpartition(".")[2] in _HALF_LEAVES
    if half and large and np.abs(array).max(initial=0) < 65504:
        return array.astype("<f2", copy=False)
    return array.astype("<f4", copy=False)


def _check_finite(tensors: Tensors, what: str) -> None:
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise UsageError(
                f"{what} is broken: {name} holds NaN or infinity",
                hint="go back to an earlier snapshot; when training, raise gamma",
            )


def _document(metadata: dict[str, str]) -> dict[str, Any]:
    """The header's JSON document, its two configs parsed."""
    if "nftgan" not in metadata:
        raise UsageError(
            "the safetensors are not a model of nftgan", hint="nftgan model import FILE.pkl"
        )
    try:
        document = parse_json(metadata["nftgan"].encode())
    except ValueError as exc:
        raise UsageError("its description is not JSON") from exc
    if not isinstance(document, dict) or not _flat_enough(document):
        raise UsageError("its description is not a table")
    if document.pop("nftgan", None) != FORMAT:
        raise UsageError("its description is of a later format", hint="pip install -U nftgan")
    _check_tables(document)
    for key in ("generator", "discriminator"):
        config = document.get(key)
        if config is not None:
            check_plain(config)
        document[key] = None if config is None else from_json(config)
    g, d = document["generator"], document["discriminator"]
    if g is None or isinstance(g, DiscriminatorConfig):
        raise UsageError("its description names no generator")
    if not isinstance(d, DiscriminatorConfig | None):
        raise UsageError(f"its discriminator is a {d.kind}")
    return document


def _check_tables(document: dict[str, Any]) -> None:
    """What is told of a model, its lineage too, is a table or nothing: many look into it."""
    for key in _TABLES:
        if document.get(key) is not None and not isinstance(document[key], dict):
            raise UsageError(f"its {key} is not described by a table")


def _flat_enough(value: Any, depth: int = 16) -> bool:
    """Nested no deeper than a description ever is, so that whoever walks it may recurse."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_flat_enough(item, depth - 1) for item in inner)
    return True
