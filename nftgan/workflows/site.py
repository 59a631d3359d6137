"""site: a folder of plain files that shows a collection and draws its pieces again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from nftgan.collection.live_link import DRAWN_KINDS
from nftgan.collection.manifest import Manifest, load_manifest
from nftgan.errors import CheckFailed, MissingStepError, UsageError
from nftgan.ipfs.cid import DAG_PB, Cid
from nftgan.ipfs.importer import Importer, Tree
from nftgan.networks.model_file import read_model
from nftgan.png import read_png
from nftgan.progress import SILENT, Progress
from nftgan.project import Project
from nftgan.site.folder import check_free, write_site
from nftgan.site.offers import Offer
from nftgan.site.pages import MODEL, Sources, files, lineage
from nftgan.site.server import SiteServer
from nftgan.workflows.pin import collection_tree
from nftgan.workflows.publishing import deployments
from nftgan.workflows.sources import project_model


@dataclass(frozen=True)
class SiteResult:
    """The folder, and what is in it."""

    path: Path
    bytes: int
    pieces: int
    has_model: bool  # False: withheld, so nothing can be drawn again
    foreign: str = ""  # the kind of networks that no page can run, so that only `verify` can


def site(
    project: Project,
    output: Path,
    *,
    disk: bool = True,
    offer: Offer | None = None,
    in_place: bool = False,
    progress: Progress = SILENT,
) -> SiteResult:
    """Write the site; the same collection gives the same bytes.

    disk: with a copy of each file for a page that is opened from disk. offer: the sale that it
    sells in, with nothing but its drop page while that is blind and not revealed. in_place: the
    site lies directly in the collection's folder and refers to the files there; opened from disk it
    shows the gallery and draws nothing. Raises MissingStepError before `metadata`, CheckFailed for
    images or metadata that are not those with the recorded CIDs, UsageError for a folder that holds
    other things.
    """
    manifest = load_manifest(project)
    if not manifest.rendered:
        raise MissingStepError(f"{project.name} has not been rendered yet", hint="nftgan render")
    if manifest.cids.metadata is None:
        raise MissingStepError(f"{project.name} has no metadata yet", hint="nftgan metadata")
    check_free(output)
    _check_outside(project, output)
    sources = replace(_sources(project, manifest), offer=offer, in_place=in_place)
    if in_place:
        _check_in_place(project, output, sources.model)
        disk = False
    every = list(files(manifest, sources, disk=disk))
    with progress.task("writing", len(every), "files") as task:
        size = write_site(output, every, task.advance)
    return SiteResult(
        output, size, len(manifest.pieces), sources.model is not None, sources.foreign
    )


def serve(folder: Path, port: int = 0, *, in_place: bool = False) -> SiteServer:
    """A loopback server of a site; in_place: with what it refers to in the folder above, and no
    more of that. Raises UsageError when the port is taken."""
    if not in_place:
        return SiteServer(folder, port)
    folder = folder.absolute()
    return SiteServer(folder.parent, port, (folder.name, "images", "metadata", MODEL))


def _check_in_place(project: Project, output: Path, model: Path | None) -> None:
    if output.absolute().parent.resolve() != project.root.resolve():
        raise UsageError(
            f"{output} does not lie directly in {project.root}",
            hint=f"-o {project.root / 'site'}, or leave out --in-place",
        )
    if model is not None and model.resolve() != (project.root / MODEL).resolve():
        raise UsageError(
            f"the model lies at {model}, not in {project.root}", hint="leave out --in-place"
        )


def _check_outside(project: Project, output: Path) -> None:
    """Raises UsageError where publishing would take the site for a part of the collection."""
    root = output.absolute().resolve()
    for folder in (project.images, project.metadata, project.deployments, project.sales):
        if root == folder.resolve() or folder.resolve() in root.parents:
            raise UsageError(f"{output} lies in the collection's {folder.name}", hint="choose -o")


def _sources(project: Project, manifest: Manifest) -> Sources:
    tree = collection_tree(project, manifest)
    nodes: dict[Cid, bytes] = {}

    def keep(cid: Cid, data: bytes) -> None:
        if cid.codec == DAG_PB:
            nodes[cid] = data

    metadata = Importer(keep).add_tree(cast("Tree", tree["metadata"])).cid
    images = Importer().add_tree(cast("Tree", tree["images"])).cid
    for name, cid, promised in (
        ("images", images, manifest.cids.images),
        ("metadata", metadata, manifest.cids.metadata),
    ):
        if str(cid) != promised:
            raise CheckFailed(
                f"the folder {name} of {project.name} changed since its CID was computed",
                hint="nftgan render, then nftgan metadata",
            )
    folder = [nodes.pop(metadata), *nodes.values()]
    model = project_model(project) if manifest.cids.model is not None else None
    meta: Mapping[str, Any] = read_model(model).info if model is not None else {}
    kind = str(meta["architecture"]["kind"]) if meta else ""
    return Sources(
        project.images,
        project.metadata,
        model,
        folder,
        lineage(manifest, meta),
        [
            (str(one.get("chain", "")), str(one["collection"]), int(one.get("block", 0)))
            for one in deployments(project)
        ],
        foreign="" if kind in DRAWN_KINDS else kind,
        transparent=read_png(project.images / "0.png").shape[2] == 4,
    )
