"""The dataset file: a stored zip of square images with labels, read at random."""

from __future__ import annotations

import codecs
import io
import math
import os
import posixpath
import threading
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.alpha import premultiplied
from nftgan.dataset.known import keep_fingerprint, known_fingerprint
from nftgan.dataset.labels import LABELS_MEMBER, class_number, composed, pairs_of, vector_of
from nftgan.dataset.pack import NOTES_MEMBER, fingerprint_of
from nftgan.dataset.png_inflate import plain_pixels, stored_png
from nftgan.dataset.zips import members, open_zip
from nftgan.errors import UsageError
from nftgan.files import os_error, parse_json, sha256_hex
from nftgan.pixels import pixel_digest

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}  # by Pillow's modes
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
LARGE_FILE = 32 << 10  # bytes, from which on compiled routines are worth their start
CACHE_BYTES = 1 << 30  # decoded images are kept in memory up to this size
MAX_IMAGE_BYTES = 256 << 20  # of one member, inflated: an uncompressed 8192-pixel RGB image
MAX_JSON_BYTES = 512 << 20
MAX_RESOLUTION = 8192
MAX_CLASSES = 100_000
PREPARE_HINT = "clean the images first: nftgan prepare FOLDER -o dataset.zip"


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_image(name: str) -> bool:
    return posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES and not _hidden(name)


class _FolderFiles:
    """The files of a folder by relative name with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not _hidden(name)]
            for name in files:
                path = Path(folder, name)
                if path.is_file():
                    found[path.relative_to(self.root).as_posix()] = path.stat().st_size
        return found

    def state(self) -> Iterator[str]:
        for name in sorted(self.sizes()):
            facts = (self.root / name).stat()
            yield f"{name} {facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


class _ZipFiles:
    """The members of a zip; refuses at once what no honest dataset contains."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, zipfile.ZipFile, threading.Lock] | None = None
        self._packed: dict[str, str] = {}  # names that the zip writes with other slashes

    def _open(self) -> tuple[zipfile.ZipFile, threading.Lock]:
        # A forked worker shares the parent's file position, and a lock that a thread of the parent
        # may have held: it must have its own. One name for both, so that no thread sees half.
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            opened = self._opened = os.getpid(), open_zip(self.path), threading.Lock()
        return opened[1:]

    def sizes(self) -> dict[str, int]:
        found = members(self._open()[0], self.path)
        self._packed = {
            name: one.packed_name for name, one in found.items() if name != one.packed_name
        }
        return {name: one.size for name, one in found.items()}

    def state(self) -> Iterator[str]:
        facts = self.path.stat()
        yield f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"
        for one in self._open()[0].infolist():
            yield f"{one.filename} {one.file_size} {one.CRC} {one.header_offset}"

    def read(self, name: str) -> bytes:
        archive, lock = self._open()
        with lock:
            return archive.read(self._packed.get(name, name))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


class Dataset:
    """Square images of one power-of-two size, by index, with optional classes.

    Open one with `Dataset.open`. `len()` is the number of images. Safe to pickle and to fork, and
    to read in several threads.
    """

    def __init__(
        self,
        path: Path,
        files: _FolderFiles | _ZipFiles,
        names: list[str],
        has_labels: bool,
        notes: dict[str, Any],
        shape: tuple[int, int],
    ) -> None:
        self.path = path
        self.names = names
        """Name of each image inside the dataset, sorted."""
        self.notes = notes
        """What `nftgan prepare` wrote down: sources, rejections, class names; empty for others."""
        self.resolution, self.channels = shape
        self._files = files
        self._has_labels = has_labels
        self._fingerprint: str | None = None
        self._may_cache = True
        self._cache: tuple[np.ndarray, np.ndarray] | None = None  # images, and which are there

    @classmethod
    def open(cls, path: Path | str, *, cache: bool = True) -> Dataset:
        """A zip or a folder, ours or in the layout StyleGAN users have.

        cache: keep decoded images in memory, for those who read them again and again.

        The size of the first image sets `resolution` and `channels`; each other one is checked
        when it is read, and all of them by `fingerprint`. Raises UsageError that names the file.
        """
        path = Path(path)
        files: _FolderFiles | _ZipFiles
        try:
            if path.is_dir():
                files = _FolderFiles(path)
            elif path.exists():
                files = _ZipFiles(path)
            else:
                raise UsageError(f"{path} does not exist", hint=PREPARE_HINT)
            sizes = files.sizes()
        except OSError as exc:
            raise os_error(exc, path) from exc
        names = sorted(name for name in sizes if _is_image(name))
        if not names:
            raise UsageError(f"{path} contains no images", hint=PREPARE_HINT)
        for name in names:
            if sizes[name] > MAX_IMAGE_BYTES:
                raise UsageError(f"{path}: {name} inflates to {sizes[name]:,} bytes")
        for name in (LABELS_MEMBER, NOTES_MEMBER):
            if sizes.get(name, 0) > MAX_JSON_BYTES:
                raise UsageError(f"{path}: {name} inflates to {sizes[name]:,} bytes")
        notes = _read_json(path, files, NOTES_MEMBER) if NOTES_MEMBER in sizes else {}
        first = _decode(path, names[0], _read(path, files, names[0]), None)
        shape = (first.shape[0], first.shape[2] if first.ndim == 3 else 1)
        dataset = cls(path, files, names, LABELS_MEMBER in sizes, notes, shape)
        dataset._may_cache = cache
        return dataset

    def __len__(self) -> int:
        return len(self.names)

    @property
    def name(self) -> str:
        """The file's or folder's name without its ending."""
        return self.path.stem if self.path.is_file() else self.path.name

    @cached_property
    def _labels(self) -> np.ndarray | None:
        """int64 [N], float32 [N, D] or None: read when they are asked for, so that a set whose
        labels are broken can be used without them.
        """
        return _read_labels(self.path, self._files, self.names) if self._has_labels else None

    @property
    def label_count(self) -> int:
        """Number of classes, or of numbers in each image's vector; 0 without labels.

        Raises UsageError for labels that cannot be read.
        """
        if self._labels is None:
            return 0
        return int(self._labels.max()) + 1 if self._labels.ndim == 1 else self._labels.shape[1]

    @property
    def has_vectors(self) -> bool:
        """Whether an image's label is a vector of conditions instead of a class."""
        return self._labels is not None and self._labels.ndim == 2

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in order, where the dataset knows them."""
        names = self.notes.get("classes")
        return tuple(str(name) for name in names) if isinstance(names, list) else ()

    @property
    def condition_names(self) -> tuple[str, ...]:
        """What each number of a vector means; empty for classes and without labels.

        Never raises: labels that cannot be read may be declined.
        """
        try:
            count = self.label_count if self.has_vectors else 0
        except UsageError:
            return ()
        names = self.notes.get("conditions")
        if isinstance(names, list) and len(names) == count:
            return tuple(str(name) for name in names)
        return tuple(map(str, range(count)))

    @property
    def fingerprint(self) -> str:
        """ "sha256:…" of all names and pixels; every image is decoded, once for these files.

        Raises UsageError for the first image that is broken or not like the first one.
        """
        if self._fingerprint is None:
            known = known_fingerprint(self.state)
            if known is None:
                known = fingerprint_of(
                    (name, pixel_digest(self.hwc(index))) for index, name in enumerate(self.names)
                )
                keep_fingerprint(self.state, known)
            self._fingerprint = known
        return self._fingerprint

    @cached_property
    def state(self) -> str:
        """One text that is another when the files change; see `known`."""
        return sha256_hex("\n".join([str(self.path.resolve()), *self._files.state()]).encode())

    def images(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] of the images at `indices`, as networks see them: RGBA premultiplied.

        Raises UsageError that names a broken image.
        """
        shape = (self.channels, self.resolution, self.resolution)
        out = np.empty((len(indices), *shape), dtype=np.uint8)
        for row, index in enumerate(indices):
            out[row] = self._chw(int(index))
        if self.channels == 4:
            out = np.moveaxis(premultiplied(np.moveaxis(out, 1, -1)), -1, 1)
        return np.ascontiguousarray(out)

    def forget_images(self) -> None:
        """Hold no decoded image, now or later: for whoever reads each one once."""
        self._may_cache, self._cache = False, None

    def are_decoded(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Whether the images at `indices` are all in memory."""
        return self._cache is not None and bool(self._cache[1][indices].all())

    def labels(self, indices: Sequence[int] | np.ndarray) -> np.ndarray | None:
        """int64 [N] class indices of the images at `indices`; None without classes."""
        if self._labels is None or self._labels.ndim == 2:
            return None
        return self._labels[np.asarray(indices, dtype=np.int64)]

    def conditions(self, indices: Sequence[int] | np.ndarray) -> np.ndarray | None:
        """float32 [N, label_count], what a network is told of the images at `indices`; None
        without labels. A class is a 1 among zeros.
        """
        if self._labels is None:
            return None
        chosen = self._labels[np.asarray(indices, dtype=np.int64)]
        if chosen.ndim == 2:
            return np.asarray(chosen)
        rows = np.zeros((len(chosen), self.label_count), np.float32)
        rows[np.arange(len(chosen)), chosen] = 1
        return rows

    def _chw(self, index: int) -> np.ndarray:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of a dataset of {len(self)}")
        shape = (self.channels, self.resolution, self.resolution)
        fits = self._may_cache and len(self) * math.prod(shape) <= CACHE_BYTES
        # Of two threads that begin at once one fills what nobody sees: lost work, not wrong pixels.
        kept = self._cache
        if kept is None and fits:
            kept = np.empty((len(self), *shape), dtype=np.uint8), np.zeros(len(self), dtype=bool)
            self._cache = kept
        if kept is not None and kept[1][index]:
            known: np.ndarray = kept[0][index]
            return known
        name = self.names[index]
        data = _read(self.path, self._files, name)
        pixels = _decode(self.path, name, data, (self.resolution, self.channels))
        chw: np.ndarray = pixels.reshape(self.resolution, self.resolution, self.channels).transpose(
            2, 0, 1
        )
        if kept is not None:
            kept[0][index] = chw
            kept[1][index] = True
        return chw

    def hwc(self, index: int) -> np.ndarray:
        """uint8 [H, W, 3], [H, W, 4] with straight colours, or [H, W] of a grey set."""
        pixels = self._chw(index)
        result: np.ndarray = pixels.transpose(1, 2, 0) if self.channels > 1 else pixels[0]
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": None}


def _read(path: Path, files: _FolderFiles | _ZipFiles, name: str) -> bytes:
    try:
        return files.read(name)
    except OSError as exc:
        raise os_error(exc, path / name) from exc
    except Exception as exc:  # zipfile and zlib raise many kinds for a damaged or crafted member
        raise UsageError(
            f"{path}: {name} cannot be read: {exc}",
            hint=f"nftgan prepare {path} -o {path.stem}-prepared.zip uses the images that it can",
        ) from exc


def _read_json(path: Path, files: _FolderFiles | _ZipFiles, name: str) -> dict[str, Any]:
    try:
        value = parse_json(_read(path, files, name).removeprefix(codecs.BOM_UTF8))
    except ValueError as exc:
        raise UsageError(f"{path}: {name} is not valid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {name} must hold one JSON object")
    return value


def _read_labels(
    path: Path, files: _FolderFiles | _ZipFiles, names: list[str]
) -> np.ndarray | None:
    """int64 [N] classes or float32 [N, D] vectors, one for each name; None when there are none."""
    entries = _read_json(path, files, LABELS_MEMBER).get("labels")
    if not entries:
        return None
    where = f"{path}: {LABELS_MEMBER}"
    labels = pairs_of(entries, where)
    for name in names:
        if composed(name) not in labels:
            raise UsageError(
                f"{where}: {name} has no label",
                hint=f"--no-cond trains without labels; nftgan prepare {path} -o"
                f" {path.stem}-labelled.zip leaves out what has none",
            )
    ours = [labels[composed(name)] for name in names]
    numbers = [class_number(label) for label in ours]
    if all(number is not None for number in numbers):
        classes = [number or 0 for number in numbers]
        if max(classes) >= MAX_CLASSES:
            raise UsageError(
                f"{where}: class {max(classes)} is not below {MAX_CLASSES}",
                hint=f"nftgan prepare {path} -o {path.stem}-labelled.zip numbers them anew",
            )
        return np.array(classes, dtype=np.int64)
    vectors = [vector_of(label, name, where) for name, label in zip(names, ours, strict=True)]
    if len({len(vector) for vector in vectors}) != 1:
        raise UsageError(f"{where}: labels are vectors of several lengths")
    return np.array(vectors, dtype=np.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings, in the main thread: what is to be ignored is one list for the whole process, so
    that two threads that change it and put it back would leave it changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _decode(path: Path, name: str, data: bytes, expected: tuple[int, int] | None) -> np.ndarray:
    """uint8 [R, R, 3 or 4] or [R, R]; sizes come from the header, before anything is inflated."""
    where = f"{path}: {name}"
    try:
        with _quiet():
            image = Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
            width, height = image.size
            if image.mode not in CHANNELS:
                raise UsageError(
                    f"{where} is neither RGB, RGBA nor grey ({image.mode})", hint=PREPARE_HINT
                )
            shape = (width, CHANNELS[image.mode])
            if width != height:
                raise UsageError(f"{where} is {width}x{height}, not square", hint=PREPARE_HINT)
            if not (4 <= width <= MAX_RESOLUTION and width & (width - 1) == 0):
                raise UsageError(
                    f"{where} is {width}x{height}: the side must be a power of two"
                    f" from 4 to {MAX_RESOLUTION}",
                    hint=PREPARE_HINT,
                )
            if expected is not None and shape != expected:
                raise UsageError(
                    f"{where} is {shape[0]}x{shape[0]} with {shape[1]} channels, the first image"
                    f" {expected[0]}x{expected[0]} with {expected[1]}",
                    hint=PREPARE_HINT,
                )
            if image.format == "PNG" and len(data) >= LARGE_FILE:
                # The two ways of `prepare` that are faster than Pillow's own.
                plain = plain_pixels(data) if image.mode != "L" else None
                if plain is not None and plain.shape == (width, width, shape[1]):
                    return np.ascontiguousarray(plain)
                if (packed := stored_png(data)) is not data:
                    image = Image.open(io.BytesIO(packed), formats=("PNG",))
            return np.array(image)
    except UsageError:
        raise
    except Exception as exc:  # Pillow's decoders raise many kinds for a damaged file
        raise UsageError(f"{where} is damaged: {exc}") from exc
