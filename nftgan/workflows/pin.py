"""pin: the collection's content into a store, read back block by block, and one CAR to keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.collection.manifest import Manifest
from nftgan.errors import CheckFailed, UsageError
from nftgan.files import read_json, write_json
from nftgan.ipfs.car import write_car
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.reader import walk
from nftgan.ipfs.store import BlockStore
from nftgan.progress import SILENT, Progress
from nftgan.project import Project, state_home
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.sources import project_model

EMBEDDED = "embedded"


@dataclass(frozen=True)
class PinResult:
    """The root that holds everything, what is below it, and where it was proven to be."""

    root: str
    images: str
    metadata: str
    model: str
    car: Path
    car_bytes: int
    blocks: int
    new_blocks: int
    targets: tuple[str, ...]


def embedded_store() -> BlockStore:
    """The block store of this person, shared by all collections."""
    return BlockStore(state_home() / "ipfs")


def open_gateway(port: int) -> Gateway:
    """A loopback gateway over the embedded store. Raises UsageError when the port is taken."""
    return Gateway(embedded_store().get, port)


def pin(
    project: Project,
    targets: tuple[str, ...] = (EMBEDDED,),
    *,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> PinResult:
    """Every target holds every block, each read back and hashed; the CAR holds them too.

    Raises MissingStepError before `metadata`, CheckFailed when a file changed since or a target
    serves other bytes. Run again after a kill, it finishes with the same CIDs.
    """
    for target in targets:
        if target not in (EMBEDDED, "kubo"):
            raise UsageError(f"unknown target {target!r}", hint="embedded or kubo")
    with project.lock():
        manifest = ready_manifest(project)
        tree = collection_tree(project, manifest)
        if dry_run:
            root = Importer().add_tree(tree).cid
            return _result(project, manifest, root, 0, 0, 0, targets)
        store = embedded_store()
        new = 0

        def put(cid: Cid, data: bytes) -> None:
            nonlocal new
            new += store.put(cid, data)
            task.advance()

        with progress.task("storing", None, "blocks") as task:
            root = Importer(put).add_tree(tree).cid
            store.sync()
        check_folders(tree, manifest)
        store.pin(root, project.name)
        blocks = 0
        with progress.task("reading back", None, "blocks") as task:
            for _ in walk(store.get, root):
                blocks += 1
                task.advance()
        size = write_car(project.car_path, root, walk(store.get, root))
        record = pins(project)
        record[EMBEDDED] = {"root": str(root), "verified": True, "blocks": blocks}
        write_json(project.pins_path, record)
        if "kubo" in targets:
            from nftgan.ipfs.kubo import pin_to_kubo

            api = pin_to_kubo(project.car_path, root, store.get, progress=progress)
            record["kubo"] = {"root": str(root), "verified": True, "blocks": blocks, "api": api}
            write_json(project.pins_path, record)
    return _result(project, manifest, root, size, blocks, new, targets)


def _result(
    project: Project,
    manifest: Manifest,
    root: Cid,
    size: int,
    blocks: int,
    new: int,
    targets: tuple[str, ...],
) -> PinResult:
    cids = manifest.cids
    assert cids.images and cids.metadata and cids.model
    return PinResult(
        str(root),
        cids.images,
        cids.metadata,
        cids.model,
        project.car_path,
        size,
        blocks,
        new,
        targets,
    )


def collection_tree(project: Project, manifest: Manifest) -> Tree:
    """What is published: images, metadata and the model, under one root."""
    names = [str(piece.id) for piece in manifest.pieces]
    return {
        "images": {f"{name}.png": project.images / f"{name}.png" for name in names},
        "metadata": {
            "contract.json": project.contract_json,
            **{f"{name}.json": project.metadata / f"{name}.json" for name in names},
        },
        "model.safetensors": project_model(project),
    }


def check_folders(tree: Tree, manifest: Manifest) -> None:
    """Files on disk still have the CIDs that the manifest promises. Raises CheckFailed."""
    for name, promised in (
        ("images", manifest.cids.images),
        ("metadata", manifest.cids.metadata),
        ("model.safetensors", manifest.cids.model),
    ):
        value: Any = tree[name]
        importer = Importer()
        made = importer.add_path(value) if isinstance(value, Path) else importer.add_tree(value)
        if str(made.cid) != promised:
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
