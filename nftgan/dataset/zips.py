"""Zip files from strangers: refused at once when crafted, unpacked without touching all else."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nftgan.dataset.scan import MAX_FILE_BYTES
from nftgan.dataset.tfrecord import tfrecord_file, unpacked
from nftgan.errors import UsageError
from nftgan.files import translated_os_errors

_CHUNK_BYTES = 1 << 20


def open_zip(path: Path) -> zipfile.ZipFile:
    """The zip at `path`; UsageError when its directory is damaged or it is none."""
    try:
        return zipfile.ZipFile(path)
    except OSError:
        raise
    except Exception as exc:  # zipfile raises many kinds for a damaged directory
        raise UsageError(f"{path} is not a readable zip: {exc}") from exc


def member_sizes(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """Inflated bytes, as declared, of every file in it by name.

    Raises UsageError for what no honest zip of images contains: names that point outside or
    occur twice, encryption.
    """
    found: dict[str, int] = {}
    for info in archive.infolist():
        name = info.filename
        if not _safe_name(name):
            raise UsageError(f"{path}: the member {name!r} points outside the zip")
        if name.endswith("/"):
            continue
        if name in found:
            raise UsageError(f"{path}: the member {name!r} occurs twice")
        if info.flag_bits & 1:
            raise UsageError(f"{path}: the member {name!r} is encrypted")
        found[name] = info.file_size
    return found


def _safe_name(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not (
        name.startswith("/")
        or "\\" in name
        or "\0" in name
        or ".." in parts
        or (len(parts[0]) == 2 and parts[0][1] == ":")
    )


@contextmanager
def art_folder(source: Path) -> Iterator[Path]:
    """`source` itself when it is a folder, else one with its files that is gone afterwards.

    source: a folder, a zip, or StyleGAN's TFRecords. Raises UsageError for a damaged or encrypted
    zip, for names that point outside, and for more than the disk holds.
    """
    records = tfrecord_file(source)
    if records is not None:
        with unpacked(records) as folder:
            yield folder
        return
    if not (source.is_file() and zipfile.is_zipfile(source)):
        yield source
        return
    with open_zip(source) as archive, tempfile.TemporaryDirectory(prefix="nftgan-") as name:
        folder = Path(name)
        sizes = member_sizes(archive, source)
        needed, free = sum(sizes.values()), shutil.disk_usage(folder).free
        if needed > free or max(sizes.values(), default=0) > MAX_FILE_BYTES:
            raise UsageError(
                f"{source} inflates to {needed:,} bytes; {free:,} are free in {folder.parent}",
                hint="unpack it yourself and name the folder",
            )
        with translated_os_errors(source):
            for member in sizes:
                _extract(archive, member, folder / member, source)
        yield folder


def _extract(archive: zipfile.ZipFile, member: str, target: Path, source: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # A member never yields more than the size it declares; a wrong one fails its checksum.
        with archive.open(member) as packed, target.open("xb") as file:
            shutil.copyfileobj(packed, file, _CHUNK_BYTES)
    except OSError:
        raise
    except Exception as exc:  # zipfile and zlib raise many kinds for a damaged member
        raise UsageError(f"{source}: {member} cannot be read: {exc}") from exc
