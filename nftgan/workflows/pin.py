"""pin: the collection's content to one or more places, read back, and one CAR to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.collection.manifest import Manifest
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import read_json, write_json
from nftgan.ipfs.backends import open_backend
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.pinning import PinResult, pack, pin_car
from nftgan.ipfs.store import BlockStore
from nftgan.ipfs.verify import Extent
from nftgan.progress import SILENT, Progress
from nftgan.project import Project, state_home
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.sources import project_model

EMBEDDED = "embedded"
MODEL_NAME = "model.safetensors"


@dataclass(frozen=True)
class Pinned:
    """The root that holds everything, the CAR to keep, and where it was proven to be."""

    root: str
    car: Path
    car_bytes: int
    blocks: int
    targets: tuple[PinResult, ...]


def store_folder() -> Path:
    """Where the embedded store is: one for all collections of a person."""
    return state_home() / "ipfs"


def embedded_store() -> BlockStore:
    return BlockStore(store_folder())


def open_gateway(port: int) -> Gateway:
    """A loopback gateway over the embedded store. Raises UsageError when the port is taken."""
    return Gateway(embedded_store().get, port)


def pin(
    project: Project,
    targets: tuple[str, ...] = (EMBEDDED,),
    *,
    extent: Extent = "all",
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Pinned:
    """Every target holds every block, read back as far as `extent` says; the CAR holds them too.

    Raises MissingStepError before `metadata`, CheckFailed when a file changed since or a target
    serves other bytes. Run again after a kill, it finishes with the same CIDs.
    """
    backends = [open_backend(target, store=store_folder()) for target in targets]
    with project.lock():
        manifest = ready_manifest(project)
        tree = collection_tree(project, manifest)
        if dry_run:
            made = Importer().add_tree(tree)
            return Pinned(str(made.cid), project.car_path, made.total_bytes, 0, ())
        progress.note(f"packing {project.car_path.name}")
        packed = pack(tree, project.car_path)
        check_promises(packed.cids, manifest)
        results = []
        for target, backend in zip(targets, backends, strict=True):
            try:
                result = pin_car(
                    project.car_path,
                    backend,
                    label=project.name,
                    journal_path=project.root / "pin.jsonl",
                    extent=extent,
                    progress=progress,
                )
            finally:
                backend.close()
            results.append(result)
            record = pins(project)
            record[target] = {"root": result.root, "verified": extent != "none"}
            write_json(project.pins_path, record)
    return Pinned(packed.root, packed.path, packed.size_bytes, packed.blocks, tuple(results))


def collection_tree(project: Project, manifest: Manifest) -> Tree:
    """What is published: images, metadata and the model, under one root."""
    names = [str(piece.id) for piece in manifest.pieces]
    return {
        "images": {f"{name}.png": project.images / f"{name}.png" for name in names},
        "metadata": {
            "contract.json": project.contract_json,
            **{f"{name}.json": project.metadata / f"{name}.json" for name in names},
        },
        MODEL_NAME: project_model(project),
    }


def check_promises(cids: Mapping[str, str], manifest: Manifest) -> None:
    """What was packed has the CIDs that the metadata promises. Raises CheckFailed."""
    for name, promised in (
        ("images", manifest.cids.images),
        ("metadata", manifest.cids.metadata),
        (MODEL_NAME, manifest.cids.model),
    ):
        if cids[name] != promised:
            raise CheckFailed(
                f"{name} changed since its CID was computed",
                hint="nftgan render, then nftgan metadata",
            )


def pins(project: Project) -> dict[str, Any]:
    """Target to what is known of its pin."""
    if not project.pins_path.exists():
        return {}
    record = read_json(project.pins_path)
    if not isinstance(record, dict):
        raise UsageError(f"{project.pins_path} is damaged", hint="delete it and run nftgan pin")
    return record
