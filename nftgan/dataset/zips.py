"""Zip files as data sets: refused at once when crafted, read member by member."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from nftgan.errors import UsageError


@dataclass(frozen=True)
class Member:
    """A file in a zip: its name inside, as the zip has it, and its inflated bytes as declared."""

    packed_name: str
    size: int


def open_zip(path: Path) -> zipfile.ZipFile:
    """The zip at `path`; UsageError when its directory is damaged or it is none."""
    try:
        return zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception as exc:  # zipfile raises many kinds for a damaged directory
        raise UsageError(f"{path} is not a readable zip: {exc}") from exc


def members(archive: zipfile.ZipFile, path: Path) -> dict[str, Member]:
    """Every file in it by name with forward slashes; Windows writes the others.

    Raises UsageError for what no honest data set contains: names that point outside or occur
    twice, encryption.
    """
    found: dict[str, Member] = {}
    hint = f"nftgan prepare {path} -o {path.stem}-prepared.zip uses the members that it can"
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        if not _safe_name(name):
            raise UsageError(
                f"{path}: the member {info.filename!r} points outside the zip", hint=hint
            )
        if name.endswith("/"):
            continue
        if name in found:
            raise UsageError(f"{path}: the member {info.filename!r} occurs twice", hint=hint)
        if info.flag_bits & 1:
            raise UsageError(f"{path}: the member {info.filename!r} is encrypted")
        found[name] = Member(info.filename, info.file_size)
    return found


def _safe_name(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not (
        name.startswith("/")
        or "\0" in name
        or ".." in parts
        or (len(parts[0]) == 2 and parts[0][1] == ":")
    )
