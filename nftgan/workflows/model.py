"""model info, import, export and blend: look into a model file, take one in, hand one out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.metrics.likeness import KEY
from nftgan.networks.blend import blend
from nftgan.networks.fetch import fetch_model
from nftgan.networks.model_file import ModelFile, build_networks, open_model, write_model
from nftgan.networks.sources import model_source
from nftgan.progress import SILENT, Progress
from nftgan.workflows.results import result

# float32 and float16 hold a model for nftgan, generator the averaged generator alone.
EXPORT_FORMATS = ("float32", "float16", "generator")


@dataclass(frozen=True)
class ModelImportResult:
    """A model written as .safetensors."""

    output: Path
    identity: str
    licence: str
    notice: str  # what the licence means for a collection; empty: nothing to say
    size_bytes: int


@dataclass(frozen=True)
class ModelExportResult:
    """A model written in another form; its identity is that of the numbers it now holds."""

    output: Path
    format: str
    identity: str
    size_bytes: int


@dataclass(frozen=True)
class BlendResult:
    """A model of two: what it is called, and which layers it has of the second."""

    output: Path
    identity: str
    layers: tuple[str, ...]
    size_bytes: int


def model_info(source: str | Path, *, progress: Progress = SILENT) -> dict[str, Any]:
    """Architecture, identity, lineage, licence and training of a model, as plain JSON data.

    source: a .safetensors, a published .pkl, a run folder, a URL with #sha256=, or `base`.
    Raises UsageError when it is none of these.
    """
    model = _open(source, progress)
    config = model.generator_config
    info = model.info
    if isinstance(art := info["dataset"], dict):  # 224 numbers are for comparing, not for reading
        info["dataset"] = {key: value for key, value in art.items() if key != KEY}
    return {
        **info,
        "source": str(source),
        "kind": config.kind,
        "resolution": config.img_resolution,
        "channels": config.img_channels,
        "classes": config.c_dim,
    }


def model_import(
    source: str | Path, output: Path, *, progress: Progress = SILENT
) -> ModelImportResult:
    """Write a published checkpoint (or any model) to `output`, with its licence notice.

    The networks are built once, so that a file is only written when it can be used.
    """
    _check_output(output)
    model = _open(source, progress)
    build_networks(model)
    identity = write_model(output, model)
    notice = str((model.meta.get("parent") or {}).get("notice") or "")
    if notice:
        progress.warn(notice)
    licence = str(model.meta.get("licence") or "")
    return ModelImportResult(output, identity, licence, notice, output.stat().st_size)


def model_export(
    source: str | Path, output: Path, format: str = "float32", *, progress: Progress = SILENT
) -> ModelExportResult:
    """Write a model to `output` in another form: float32, float16 (half the bytes, rounded
    weights and so another identity) or generator (float32 without the discriminator).
    """
    if format not in EXPORT_FORMATS:
        raise UsageError(
            f"a model is not exported as {format!r}", hint=f"choose {', '.join(EXPORT_FORMATS)}"
        )
    _check_output(output)
    model = _open(source, progress)
    if format == "generator":
        model = replace(model, discriminator_config=None, discriminator=None)
    if format == "float16" and not _is_half(model):
        # The exact model stays known as where the rounded one comes from, its notice with it.
        parent = {
            **(model.meta.get("parent") or {}),
            "identity": model.identity,
            "licence": model.meta.get("licence"),
            "source": Path(str(source)).name,
        }
        model = replace(model, meta={**model.meta, "parent": parent})
    dtype = "float16" if format == "float16" else "float32"
    identity = write_model(output, model, dtype=dtype)
    return ModelExportResult(output, format, identity, output.stat().st_size)


def blend_models(
    low: str | Path, high: str | Path, output: Path, at: str, *, progress: Progress = SILENT
) -> BlendResult:
    """Write the model with the layers of `low`, from `at` on those of `high`; see `blend`.

    The same models give the same file. Raises UsageError for two that cannot be blended.
    """
    _check_output(output)
    first, second = _open(low, progress), _open(high, progress)
    blended = blend(first, second, at)
    build_networks(blended)
    for model in (first, second):
        if notice := str((model.meta.get("parent") or {}).get("notice") or ""):
            progress.warn(notice)
    with result(output, progress):
        identity = write_model(output, blended)
    layers = tuple(blended.meta["parent"]["blended"]["layers"])
    return BlendResult(output, identity, layers, output.stat().st_size)


def _open(source: str | Path, progress: Progress) -> ModelFile:
    found = model_source(source)
    if isinstance(found, str) and found.startswith(("https://", "http://")):
        found = fetch_model(found, progress=progress)
    return open_model(found)


def _is_half(model: ModelFile) -> bool:
    return any(array.dtype.itemsize == 2 for array in model.generator.values())


def _check_output(output: Path) -> None:
    if output.suffix != ".safetensors":
        raise UsageError(f"{output} does not end in .safetensors", hint="-o model.safetensors")
