"""Links, pipes and bombs in a collection folder, which may come from a stranger.

Nothing is read or written through a link, and no file is larger than its kind can be. A link named
`images` would have `render` write into another folder, one named `.lock` would have a file
elsewhere emptied, and a pipe would hold whoever opens it for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nftgan.errors import UsageError

FOLDERS = frozenset(
    {"images", "metadata", "deployments", "sales", "history", "files", ".rendering"}
)
SUFFIXES = frozenset({".toml", ".json", ".jsonl", ".safetensors", ".car", ".html", ".lock"})
"""Of the files beside them that are read or written."""
LARGE = frozenset({".safetensors", ".car"})
MOST_BYTES = 256 << 20
"""Of any other file: they are read whole, and an archive packs a hole of a terabyte in no space."""
DEEPEST = 4
"""Folders in folders: history/NUMBER/ and one more are ours."""


def refuse_links(root: Path) -> None:
    """Raises UsageError for the first link, pipe or far too large file in a collection."""
    for entry in _entries(root):
        name = entry.name
        if name in FOLDERS:
            _refuse(entry)
            if entry.is_dir(follow_symlinks=False):
                _refuse_below(Path(entry.path), 1)
        elif name == ".lock" or Path(name).suffix.lower() in SUFFIXES:
            _refuse(entry)


def _refuse_below(folder: Path, depth: int) -> None:
    if depth > DEEPEST:
        raise UsageError(f"{folder} is a folder too deep", hint="move it out of the collection")
    for entry in _entries(folder):
        _refuse(entry)
        if entry.is_dir(follow_symlinks=False):
            _refuse_below(Path(entry.path), depth + 1)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"{folder} cannot be looked at: {reason}") from exc


def _refuse(entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        raise UsageError(
            f"{entry.path} is a link: what nftgan reads and writes stays in the collection",
            hint="put what it points to in its place, if you know where it came from",
        )
    if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
        raise UsageError(f"{entry.path} is neither a file nor a folder", hint="move it away")
    large = Path(entry.name).suffix.lower() in LARGE
    if not large and entry.is_file() and entry.stat().st_size > MOST_BYTES:
        raise UsageError(
            f"{entry.path} has more than {MOST_BYTES:,} bytes, which no file of its kind has",
            hint="move it away",
        )
