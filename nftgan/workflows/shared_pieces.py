"""Pieces that another collection on this machine has, too: the same seeds of the same model.

Only the folders beside a collection are looked at; no chain is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from nftgan.collection.manifest import Manifest
from nftgan.errors import NftganError
from nftgan.links import refuse_links
from nftgan.project import CONFIG_NAME, Project
from nftgan.seeds import format_seeds
from nftgan.workflows.publishing import deployments

LOOKED_AT = 200
"""Folders beside a collection that are looked into."""
LARGEST = 32 << 20  # bytes of a manifest; one of more takes too long for a remark


def shared_pieces(project: Project, manifest: Manifest) -> str:
    """One sentence that names a collection with some of the same pieces; "" where none is known."""
    for other, theirs in _beside(project):
        common = sorted(set(manifest.seeds) & set(theirs.seeds))
        if theirs.model.identity != manifest.model.identity or not common:
            continue
        chains = ", ".join(_chains(other))
        where = f" (on {chains})" if chains else ""
        same = theirs.recipe.keeping(()).hash == manifest.recipe.keeping(()).hash
        look = "the same images" if same else "the same seeds of the same model, finished otherwise"
        return (
            f"the collection {theirs.collection.name or other.name} in {other.root}{where} has"
            f" {look}: seeds {format_seeds(tuple(common))}"
        )
    return ""


def _beside(project: Project) -> Iterator[tuple[Project, Manifest]]:
    """The collections in the same folder, by name; what cannot be read is passed over."""
    try:
        folders = sorted(project.root.parent.iterdir())[:LOOKED_AT]
    except OSError:
        return
    for folder in folders:
        other = Project(folder)
        try:
            if folder == project.root or not (folder / CONFIG_NAME).is_file():
                continue
            refuse_links(folder)
            if other.manifest_path.stat().st_size > LARGEST:
                continue
            yield other, Manifest.load(other.manifest_path)
        except (NftganError, OSError):
            continue


def _chains(other: Project) -> list[str]:
    try:
        return [str(record["chain"]) for record in deployments(other) if record.get("chain")]
    except (NftganError, OSError):
        return []
