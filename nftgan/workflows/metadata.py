"""metadata: traits, rarity, ERC-721 JSON, and every CID before anything leaves."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nftgan.collection import metadata as documents
from nftgan.collection.added_traits import named_traits
from nftgan.collection.manifest import Cids, Manifest, ModelRef, load_manifest
from nftgan.collection.readers import Reading, collection_readings
from nftgan.collection.traits import VERSION
from nftgan.errors import MissingStepError, UsageError
from nftgan.files import parse_json
from nftgan.ipfs.importer import Importer
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.workflows.files_folder import files_cid
from nftgan.workflows.live_folder import prepare_live
from nftgan.workflows.measuring import Wanted, measure_pieces, measuring_group, told
from nftgan.workflows.sources import project_model
from nftgan.workflows.stale_settings import (
    TAKE_OVER,
    is_deployed,
    require_unchanged,
    settings_changed,
)

if TYPE_CHECKING:
    from nftgan.training.distributed import Distributed


@dataclass(frozen=True)
class MetadataResult:
    """The CIDs that are now final, and how many files were written anew."""

    folder: Path
    pieces: int
    written: int
    cids: Cids
    pieces_root: str

    def to_json(self) -> str:
        cids = dataclasses.asdict(self.cids)
        return json.dumps([self.pieces, self.written, cids, self.pieces_root])

    @classmethod
    def from_json(cls, project: Project, text: str) -> MetadataResult:
        pieces, written, cids, root = parse_json(text.encode())
        return cls(project.metadata, pieces, written, Cids(**cids), root)


def metadata(
    project: Project, *, live: bool | None = None, progress: Progress = SILENT
) -> MetadataResult:
    """`metadata/ID.json` and `contract.json` describe exactly what was rendered.

    live: whether markets are given a page that draws each token; None: as it was. Started by
    torchrun, or by `--processes`, each process of the group makes this call and measures its share
    of the images; one of them writes. Raises MissingStepError before `render`, CheckFailed when an
    image was changed since, UsageError when the page is wished for and cannot be, PartlyDone when a
    process of the group has died.
    """
    with measuring_group() as group:
        if group is None or group.is_main:
            with project.lock():
                result = _metadata(project, live, group, progress)
            if group is not None:
                group.broadcast_str(result.to_json())
            return result
        measure_pieces(project, told(group, None), group)
        return MetadataResult.from_json(project, group.broadcast_str(""))


def _metadata(
    project: Project, live: bool | None, group: Distributed | None, progress: Progress
) -> MetadataResult:
    """On the one process that decides and writes; the project's lock must be held."""
    manifest = load_manifest(project)
    require_unchanged(project, manifest)
    # What is on chain was measured in its own way, and stays as it is.
    version = manifest.traits if is_deployed(project) else VERSION
    finish = manifest.recipe.finish
    added = named_traits(manifest.collection.traits)
    if added != manifest.added_traits and is_deployed(project):
        before = "; ".join(map(str, manifest.added_traits)) or "no trait of a plugin"
        raise UsageError(
            f"the collection was deployed with {before}, and here is another version",
            hint="install the one that measured it",
        )
    wanted = Wanted(
        tuple((piece.id, piece.pixels) for piece in manifest.pieces),
        finish.upscale if finish else 1,
        version,
        added,
    )
    if group is not None:
        told(group, wanted)
    found = measure_pieces(project, wanted, group, progress)
    measures = [one for one, _ in found]
    image_cids = {piece.id: cid for piece, (_, cid) in zip(manifest.pieces, found, strict=True)}
    images = {f"{piece.id}.png": project.images / f"{piece.id}.png" for piece in manifest.pieces}
    cids = Cids(
        images=str(Importer().add_tree(images).cid),
        model=(
            str(Importer().add_path(project_model(project)).cid)
            if project.config.model.publish
            else None
        ),
    )
    cids = dataclasses.replace(
        cids,
        files=files_cid(project, manifest),
        live=prepare_live(project, manifest, live),
    )
    manifest = dataclasses.replace(
        documents.describe(replace(manifest, traits=version, added_traits=added), measures),
        model=ModelRef(manifest.model.identity, manifest.model.path, cids.model),
        cids=cids,
    )
    manifest = manifest.with_pieces(
        [dataclasses.replace(p, image_cid=image_cids[p.id]) for p in manifest.pieces]
    )
    written = documents.write_metadata(manifest, project.metadata)
    tree = documents.documents(manifest)
    cids = dataclasses.replace(
        cids,
        metadata=str(Importer().add_tree(tree).cid),
        contract=str(Importer().add_bytes(tree[documents.CONTRACT_NAME]).cid),
    )
    manifest = dataclasses.replace(manifest, cids=cids)
    manifest.save(project.manifest_path)
    root = manifest.pieces_root
    assert root is not None
    return MetadataResult(project.metadata, len(manifest.pieces), written, cids, root)


def check_metadata(project: Project) -> tuple[documents.Problem, ...]:
    """What is stale or missing; empty when all is up to date."""
    manifest = load_manifest(project)
    problems = documents.check(manifest, project.metadata)
    if changed := settings_changed(project, manifest):
        edited = documents.Problem("nftgan.toml", f"changed since curate: {', '.join(changed)}")
        problems = (replace(edited, hint=TAKE_OVER), *problems)
    return problems


def readings(project: Project) -> tuple[Reading, ...]:
    """How markets and wallets read the first token and the collection, and what no reader takes.

    Raises MissingStepError before `metadata`.
    """
    manifest = load_manifest(project)
    return collection_readings(
        [documents.token_document(manifest, piece.id) for piece in manifest.pieces],
        documents.contract_document(manifest),
        image_size=manifest.recipe.size,
    )


def ready_manifest(project: Project) -> Manifest:
    """The manifest with every CID known; MissingStepError before `metadata`, also when stale."""
    manifest = load_manifest(project)
    require_unchanged(project, manifest)
    found = documents.check(manifest, project.metadata) if manifest.cids.images else ()
    problems = [problem for problem in found if problem.blocks]
    if manifest.cids.metadata is None or problems:
        what = f"{problems[0].where} {problems[0].what}" if problems else "no metadata yet"
        hint = problems[0].hint if problems else "nftgan metadata"
        raise MissingStepError(f"{project.name}: {what}", hint=hint)
    return manifest
