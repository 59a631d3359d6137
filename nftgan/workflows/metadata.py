"""metadata: traits, rarity, ERC-721 JSON, and every CID before anything leaves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

from nftgan.collection import metadata as documents
from nftgan.collection.added_traits import added_levels, named_traits
from nftgan.collection.manifest import Cids, Manifest, ModelRef, load_manifest
from nftgan.collection.readers import Reading, collection_readings
from nftgan.collection.traits import VERSION, measure
from nftgan.errors import CheckFailed, MissingStepError, UsageError
from nftgan.ipfs.importer import Importer
from nftgan.pixels import pixel_hash
from nftgan.png import read_png
from nftgan.progress import SILENT, Progress, track
from nftgan.project import Project
from nftgan.workflows.files_folder import files_cid
from nftgan.workflows.live_folder import prepare_live
from nftgan.workflows.sources import project_model
from nftgan.workflows.stale_settings import (
    TAKE_OVER,
    is_deployed,
    require_unchanged,
    settings_changed,
)


@dataclass(frozen=True)
class MetadataResult:
    """The CIDs that are now final, and how many files were written anew."""

    folder: Path
    pieces: int
    written: int
    cids: Cids
    pieces_root: str


def metadata(
    project: Project, *, live: bool | None = None, progress: Progress = SILENT
) -> MetadataResult:
    """`metadata/ID.json` and `contract.json` describe exactly what was rendered.

    live: whether markets are given a page that draws each token; None: as it was. Raises
    MissingStepError before `render`, CheckFailed when an image was changed since, UsageError
    when the page is wished for and cannot be.
    """
    with project.lock():
        manifest = load_manifest(project)
        require_unchanged(project, manifest)
        # What is on chain was measured in its own way, and stays as it is.
        version = manifest.traits if is_deployed(project) else VERSION
        finish = manifest.recipe.finish
        enlarged = finish.upscale if finish else 1
        added = named_traits(manifest.collection.traits)
        if added != manifest.added_traits and is_deployed(project):
            before = "; ".join(map(str, manifest.added_traits)) or "no trait of a plugin"
            raise UsageError(
                f"the collection was deployed with {before}, and here is another version",
                hint="install the one that measured it",
            )
        measures, image_cids = [], {}
        for piece in track(manifest.pieces, progress, "measuring", "pieces"):
            path = project.images / f"{piece.id}.png"
            if piece.pixels is None or not path.exists():
                raise MissingStepError(
                    f"piece {piece.id} has not been rendered", hint="nftgan render"
                )
            image = read_png(path)
            if pixel_hash(image) != piece.pixels:
                raise CheckFailed(
                    f"{path} was changed since it was rendered",
                    hint=f"delete {path.name} and run nftgan render",
                )
            levels = added_levels(image, enlarged, added)
            measures.append(replace(measure(image, enlarged, version), added=levels))
            image_cids[piece.id] = str(Importer().add_path(path).cid)
        images = {
            f"{piece.id}.png": project.images / f"{piece.id}.png" for piece in manifest.pieces
        }
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
