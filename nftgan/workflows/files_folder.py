"""files/: films, pages and pictures that the artist adds, pinned with the collection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nftgan.collection.manifest import Manifest
from nftgan.collection.media import FOLDER, require_files
from nftgan.errors import UsageError
from nftgan.files import translated_os_errors
from nftgan.ipfs.importer import Importer, Tree
from nftgan.junk import is_junk
from nftgan.project import Project

FILES = FOLDER


def files_tree(project: Project) -> Tree:
    """All files below files/, without what desktops leave there. Raises UsageError for a link."""
    return _tree(project.root / FILES)


def _tree(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with translated_os_errors(folder):
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if is_junk(path.name):
                continue
            if path.is_symlink():
                raise UsageError(f"{path} is a symbolic link", hint="put the file itself there")
            if path.is_dir():
                if below := _tree(path):
                    found[path.name] = below
            else:
                found[path.name] = path
    return found


def files_cid(project: Project, manifest: Manifest) -> str | None:
    """The CID of files/; None when nothing is in it.

    Raises UsageError when nftgan.toml names a file that is not there.
    """
    tree = files_tree(project)
    require_files(manifest, set(_names(tree, "")))
    return str(Importer().add_tree(tree).cid) if tree else None


def _names(tree: Any, before: str) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Path):
            yield before + name
        else:
            yield from _names(value, f"{before}{name}/")
