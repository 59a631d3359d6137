"""Write the dataset file: a stored zip of square PNGs, their labels and where they came from."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.dataset import kernels
from nftgan.dataset.labels import LABELS_MEMBER
from nftgan.files import atomic_path, canonical_json
from nftgan.pixels import pixel_digest
from nftgan.png import png_file

_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}  # of PNG, by channels
NOTES_MEMBER = "nftgan.json"
_RUNS = 8  # of so many bytes one continues a run of four or more, from where runs are worth it
_WORDS = 10_000  # of JSON that are written at once
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time: the same images give the same bytes


def fingerprint_of(digests: Iterable[tuple[str, str]]) -> str:
    """ "sha256:…" over the sorted (name, pixel digest) pairs, as canonical JSON."""
    hashed, between = hashlib.sha256(b"["), b""
    for pair in sorted(digests):  # one by one: the text of all takes much memory
        hashed.update(between + canonical_json(list(pair)))
        between = b","
    hashed.update(b"]")
    return "sha256:" + hashed.hexdigest()


def member_name(index: int) -> str:
    """00000/img00000042.png for 42: a folder holds a thousand images."""
    number = f"{index:08d}"
    return f"{number[:5]}/img{number}.png"


def encode_fast_png(pixels: np.ndarray) -> bytes:
    """uint8 [H, W, 3 or 4] or [H, W] as PNG, quickly made and read: training reads it many times.

    One filter for all rows and no search for repetition beyond runs: half the time of a library's
    fastest setting, and smaller for all but flat art.
    """
    height, width = pixels.shape[:2]
    channels = pixels.size // (height * width)
    flat = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(height, width * channels)
    rows = kernels.png_rows(flat, channels)
    if rows is None:
        rows = _filtered(flat, channels)
    bytes_ = rows.reshape(-1)
    # Looking for runs is a third of the time; grainy art has none.
    alike = bytes_[1:] == bytes_[:-1]
    repeats = np.count_nonzero(alike[2:] & alike[1:-1] & alike[:-2]) > len(bytes_) // _RUNS
    strategy = zlib.Z_RLE if repeats else zlib.Z_HUFFMAN_ONLY
    machine = zlib.compressobj(1, zlib.DEFLATED, 15, 9, strategy)
    data = machine.compress(rows.data) + machine.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    return png_file((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))


def _filtered(flat: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [H, 1 + B]: the rows uint8 [H, B] by one filter of PNG, Sub or Up."""
    left, above = np.zeros_like(flat), np.zeros_like(flat)
    left[:, channels:], above[1:] = flat[:, :-channels], flat[:-1]
    both = [flat - left, flat - above]
    # Differences as signed numbers: the filter that leaves less is the better one.
    size = [np.abs(one.view(np.int8), dtype=np.int16).sum(dtype=np.int64) for one in both]
    number = 1 + int(size[1] < size[0])
    rows = np.empty((len(flat), 1 + flat.shape[1]), np.uint8)
    rows[:, 0], rows[:, 1:] = number, both[number - 1]
    return rows


class DatasetWriter:
    """Takes images one by one; all must have the shape of the first. See `write_dataset`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._digests: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._digests)

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self._digests)

    def add(self, pixels: np.ndarray) -> str:
        """Store uint8 [H, W, 3 or 4] or [H, W]; its member name."""
        return self.add_png(encode_fast_png(pixels), pixel_digest(pixels))

    def add_png(self, png: bytes, digest: str) -> str:
        """Store a PNG whose pixels have the digest `pixel_digest` gives; its member name."""
        name = member_name(len(self._digests))
        self._write(name, png)
        self._digests.append((name, digest))
        return name

    def finish(
        self,
        labels: Sequence[int] | Sequence[Sequence[float]] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the labels (one class or vector for each image, in order) and the notes."""
        entries = None
        if labels is not None:
            names = (name for name, _ in self._digests)
            plain = (list(one) if isinstance(one, Sequence) else int(one) for one in labels)
            entries = [[name, label] for name, label in zip(names, plain, strict=True)]
        self._write(LABELS_MEMBER, json.dumps({"labels": entries}).encode())
        document = {"nftgan": 1, "fingerprint": self.fingerprint, **(notes or {})}
        encoder = json.JSONEncoder(indent=1, sort_keys=True, ensure_ascii=False)
        words = encoder.iterencode(document)  # the text of all takes much memory
        with self._archive.open(_member(NOTES_MEMBER), "w") as member:
            while part := "".join(islice(words, _WORDS)):
                member.write(part.encode())

    def _write(self, name: str, data: bytes) -> None:
        self._archive.writestr(_member(name), data, zipfile.ZIP_STORED)


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # Unix, on every system
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


@contextmanager
def dataset_writer(path: Path) -> Iterator[DatasetWriter]:
    """A writer whose file appears at `path` whole when the block ends, or not at all.

    The same images and notes give the same bytes. The block must call `finish` last.
    """
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        yield DatasetWriter(archive)


def write_dataset(
    path: Path,
    images: Iterable[np.ndarray],
    *,
    labels: Sequence[int] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> str:
    """Pack uint8 images [R, R, 3] (or [R, R]) into `path`; the fingerprint."""
    with dataset_writer(path) as writer:
        for image in images:
            writer.add(image)
        writer.finish(labels, notes)
        return writer.fingerprint
