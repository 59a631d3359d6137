"""A folder that is replaced as a whole: a site is there in full, or what was there before."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nftgan.errors import UsageError
from nftgan.files import read_json, translated_os_errors, write_json
from nftgan.site.pages import MARK

SITE = 1


def check_free(folder: Path) -> None:
    """Raises UsageError unless `folder` is absent, empty, or a site and nothing else."""
    with translated_os_errors(folder):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError(f"{folder} is not a folder", hint="choose another one with -o")
        if not folder.exists():
            return
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    if not there:
        return
    known = set(_own_files(folder / MARK)) if MARK in there else set()
    other = sorted(there - known - {MARK})
    if MARK not in there or other:
        name = (other or sorted(there))[0]
        raise UsageError(
            f"{folder} holds other things, such as {name}", hint="choose another folder with -o"
        )


def _own_files(mark: Path) -> list[str]:
    document = read_json(mark)
    names = document.get("files") if isinstance(document, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{mark} is damaged", hint="choose another folder with -o")
    return names


def write_site(
    folder: Path, files: Iterable[tuple[str, Any]], on_file: Callable[[], None] = lambda: None
) -> int:
    """Write all files and put them in the place of `folder`; their bytes in all.

    The new folder is made beside it first, so a killed run leaves the old one. Raises UsageError
    as `check_free`, or where the disk refuses.
    """
    check_free(folder)
    folder = folder.absolute()
    beside = folder.parent / f".{folder.name}.{secrets.token_hex(6)}.tmp"
    names: list[str] = []
    size = 0
    try:
        with translated_os_errors(folder):
            beside.mkdir(parents=True)
            for name, content in files:
                path = beside / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Path):
                    shutil.copyfile(content, path)
                else:
                    path.write_bytes(content if isinstance(content, bytes) else content())
                size += path.stat().st_size
                names.append(name)
                on_file()
            write_json(beside / MARK, {"nftgan_site": SITE, "files": sorted(names)})
            old = folder.parent / f"{beside.name}.old"
            if folder.exists():
                folder.rename(old)
            try:
                beside.rename(folder)
            except OSError:
                if old.exists():
                    old.rename(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return size
