"""Art as strangers pack it: every member of a zip or tar is a candidate, or named with a reason.

Nothing that a member is called ever becomes a path: a zip is read where it lies, and what must be
unpacked (a compressed tar, an archive inside another) gets names of our own.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from nftgan.dataset.decode import Rejected
from nftgan.dataset.scan import MAX_FILE_BYTES, SYSTEM_FILES, Candidate, Scan, printable, scan
from nftgan.dataset.tfrecord import tfrecord_file, unpacked
from nftgan.errors import UsageError
from nftgan.files import os_error
from nftgan.terminal import one_line

ARCHIVES = (".zip", ".cbz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNPACK = "unpack it yourself and name the folder"
_SPARE_BYTES = 64 << 20  # of the disk that unpacking leaves free
_CHUNK_BYTES = 1 << 20
_DEFLATE64 = 9  # the method of Windows' Explorer for members of 2 GB, and of some programs for all
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)


@dataclass(frozen=True)
class ZipMember:
    """A file inside a zip, read where it is."""

    archive: Path
    index: int  # in the zip's directory

    def read_bytes(self) -> bytes:
        """Its bytes, checked against their CRC. Raises Rejected for a damaged one."""
        archive = _opened(self.archive, os.getpid())
        info = archive.infolist()[self.index]
        try:
            if info.compress_type == _DEFLATE64:
                return _deflate64(archive, info)
            with archive.open(info) as file:  # never yields more than the size it declares
                return file.read()
        except (Rejected, MemoryError):
            raise
        except NotImplementedError:
            raise Rejected(
                f"packed by a method that is not read (number {info.compress_type}): {UNPACK}"
            ) from None
        except Exception as exc:  # zipfile and zlib raise many kinds for a damaged member
            raise Rejected(f"damaged in the zip: {_reason(exc)}") from exc


@lru_cache(maxsize=8)
def _opened(path: Path, process: int) -> zipfile.ZipFile:
    """The zip, opened once in each process: a forked one would share its parent's place in it."""
    return zipfile.ZipFile(path)


def _deflate64(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        import inflate64  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise Rejected(f"packed by Deflate64: pip install 'nftgan[formats]', or {UNPACK}") from None
    with Path(str(archive.filename)).open("rb") as file:
        file.seek(info.header_offset)
        head = file.read(30)
        file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
        inflater, made, left = inflate64.Inflater(), bytearray(), info.compress_size
        while left > 0 and len(made) <= info.file_size and (part := file.read(min(left, 1 << 16))):
            made += inflater.inflate(part)
            left -= len(part)
    if len(made) != info.file_size or zlib.crc32(made) != info.CRC:
        raise Rejected("damaged in the zip: its bytes are not those that were packed")
    return bytes(made)


@contextmanager
def art_files(source: Path, *, ignore: frozenset[Path] = frozenset()) -> Iterator[Scan]:
    """What lies in `source`: a folder, a zip, a tar, or StyleGAN's TFRecords.

    ignore: as in `scan`. A member of an archive that is damaged, encrypted, or named to act outside
    is in `rejected`; an archive inside an archive is opened, once. What had to be unpacked is gone
    when the block ends. Raises UsageError for a source that is none of these.
    """
    records = tfrecord_file(source)
    if records is not None:
        with unpacked(records) as folder:
            yield scan(folder, ignore=ignore)
        return
    if not source.is_file():
        yield scan(source, ignore=ignore)
        return
    try:
        with ExitStack() as ending:
            reader = _Reader(ending)
            reader.read(source, "", nested=False)
            yield reader.scan()
    except OSError as exc:
        raise os_error(exc, source) from exc


class _Reader:
    """Collects the members of one archive and of those inside it."""

    def __init__(self, ending: ExitStack) -> None:
        self._ending = ending
        self._folder: Path | None = None  # for what must be unpacked
        self._count = 0
        self._candidates: dict[str, Candidate] = {}
        self._rejected: dict[str, str] = {}

    def scan(self) -> Scan:
        names = list(self._candidates)
        top = {name.partition("/")[0] for name in names if "/" in name}
        wrapped = len(top) == 1 and all("/" in name for name in names)
        return Scan(
            tuple(self._candidates[name] for name in sorted(names)),
            tuple(sorted(self._rejected.items())),
            wrapper=f"{top.pop()}/" if wrapped else "",
        )

    def read(self, path: Path, prefix: str, *, nested: bool) -> None:
        """Take the members of the archive at `path`; UsageError when it is none."""
        if _is_tar(path):  # first: a zip may end a tar, and would be found there
            self._read_tar(path, prefix, nested=nested)
        elif zipfile.is_zipfile(path):
            self._read_zip(path, prefix, nested=nested)
        elif path.name.lower().endswith(ARCHIVES):
            raise UsageError(
                f"{path} is cut short or damaged: it cannot be opened as an archive",
                hint="copy or download it again",
            )
        else:
            raise UsageError(
                f"{path} is a file, not a folder", hint="name the folder that holds the images"
            )

    def _read_zip(self, path: Path, prefix: str, *, nested: bool) -> None:
        try:
            archive = _opened(path, os.getpid())
            members = archive.infolist()
        except OSError:
            raise
        except Exception as exc:  # zipfile raises many kinds for a damaged directory
            raise UsageError(
                f"{path} is not a readable zip: {_reason(exc)}",
                hint="copy or download it again",
            ) from exc
        self._ending.callback(_opened.cache_clear)
        for index, info in enumerate(members):
            name = self._name(info.filename, prefix, is_folder=info.filename.endswith("/"))
            if name is None:
                continue
            if info.flag_bits & 1:
                self._reject(name, f"encrypted: {UNPACK}")
            elif stat.S_ISLNK(info.external_attr >> 16):
                self._reject(name, "a symbolic link")
            elif (problem := _size_problem(info.file_size)) is not None:
                self._reject(name, problem)
            elif not nested and name.lower().endswith(ARCHIVES):
                self._read_inner(name, ZipMember(path, index))
            else:
                self._take(name, ZipMember(path, index))

    def _read_inner(self, name: str, member: ZipMember | Path) -> None:
        try:
            inner = member if isinstance(member, Path) else self._room(member.read_bytes())
            self.read(inner, f"{name}/", nested=True)
        except Rejected as exc:
            self._reject(name, str(exc))
        except UsageError:
            self._reject(name, "an archive that is cut short or damaged")

    def _read_tar(self, path: Path, prefix: str, *, nested: bool) -> None:
        count = 0
        try:
            with tarfile.open(path, "r:*") as archive:
                for info in archive:
                    count += 1
                    name = self._name(info.name, prefix, is_folder=info.isdir())
                    if name is None:
                        continue
                    if (problem := _member_problem(info)) is not None:
                        self._reject(name, problem)
                        if info.isreg() and info.size > MAX_FILE_BYTES:
                            break  # to pass over it would be to inflate it
                        continue
                    target = self._room(archive.extractfile(info), info.size)
                    if not nested and name.lower().endswith(ARCHIVES):
                        self._read_inner(name, target)
                    else:
                        self._take(name, target)
        except Rejected as exc:
            self._reject(prefix.rstrip("/") or printable(path.name), str(exc))
        except (*_BROKEN, OSError) as exc:
            if isinstance(exc, OSError) and exc.errno is not None:  # the disk's, not the data's
                raise
            where = prefix.rstrip("/") or printable(path.name)
            self._reject(where, f"cut short or damaged after {count} members: {_reason(exc)}")

    def _name(self, name: str, prefix: str, *, is_folder: bool) -> str | None:
        """The member's name with forward slashes below `prefix`; None for what is no candidate."""
        shown = printable(name.replace("\\", "/"))
        outside = shown.startswith("/") or re.match(r"[A-Za-z]:", shown)
        parts = [part for part in shown.split("/") if part not in ("", ".")]
        if is_folder or not parts:
            return None
        if outside or ".." in parts:
            self._reject(prefix + shown, "its name points outside the archive")
            return None
        for depth, part in enumerate(parts[:-1], start=1):
            if part.startswith(".") or part == "__MACOSX":
                self._reject(prefix + "/".join(parts[:depth]), "a hidden folder")
                return None
        if parts[-1].startswith(".") or parts[-1].lower() in SYSTEM_FILES:
            self._reject(prefix + "/".join(parts), "a hidden or system file")
            return None
        return prefix + "/".join(parts)

    def _take(self, name: str, place: Path | ZipMember) -> None:
        # As every program that unpacks has it: the last one of a name stays.
        if name in self._candidates:
            self._reject(f"{name} (packed before)", "occurs twice: the last one is used")
        self._candidates[name] = Candidate(place, name)

    def _reject(self, name: str, reason: str) -> None:
        self._rejected[name] = reason

    def _room(self, content: bytes | IO[bytes] | None, size: int = 0) -> Path:
        """A file of our own with `content`; Rejected where the disk has no room for it."""
        if self._folder is None:
            made = tempfile.TemporaryDirectory(prefix="nftgan-", ignore_cleanup_errors=True)
            self._folder = Path(self._ending.enter_context(made))
        size = len(content) if isinstance(content, bytes) else size
        if size + _SPARE_BYTES > shutil.disk_usage(self._folder).free:
            raise Rejected(f"no room in {self._folder.parent} to unpack {size:,} bytes")
        self._count += 1
        path = self._folder / f"{self._count:08d}"
        with path.open("xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            elif content is not None:
                shutil.copyfileobj(content, file, _CHUNK_BYTES)
        return path


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (*_BROKEN, OSError) as exc:  # a compressed one that ends before its first member
        if isinstance(exc, OSError) and exc.errno is not None:
            raise
        return False


def _member_problem(info: tarfile.TarInfo) -> str | None:
    """Why a member of a tar file is not taken; None: it is."""
    if info.issym() or info.islnk():
        return "a symbolic link" if info.issym() else "a hard link"
    return _size_problem(info.size) if info.isreg() else "not a regular file"


def _size_problem(size: int) -> str | None:
    if size == 0:
        return "an empty file"
    if size > MAX_FILE_BYTES:
        return f"a file of {size:,} bytes is too large"
    return None


def _reason(exc: Exception) -> str:
    return one_line(str(exc))[:120] or type(exc).__name__
