"""One image's whole way from file to training square: what the worker processes run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nftgan.dataset.crop import Box, Crop, square
from nftgan.dataset.decode import Rejected, decode, open_header
from nftgan.dataset.duplicates import Fingerprint, fingerprint
from nftgan.dataset.pack import encode_png, pixel_digest
from nftgan.dataset.resize import Resample, resize
from nftgan.dataset.sharpness import is_soft

# A JPEG is decoded at half, a quarter or an eighth of its size while that leaves this many times
# the training size: a photo takes a third of the time and differs by half a level (RMS).
_SPARE = 2


@dataclass(frozen=True)
class Look:
    """A file's bytes and header, before anything is decoded."""

    sha256: str  # hex, of the file
    short_side: int  # pixels


@dataclass(frozen=True)
class Job:
    """What is the same for all images of one run."""

    resolution: int
    crop: Crop
    background: tuple[int, int, int]
    min_side: int  # pixels of the source's short side
    resample: Resample


@dataclass(frozen=True)
class Square:
    """A finished image and how it came about."""

    png: bytes
    digest: str  # `pixel_digest` of the square
    fingerprint: Fingerprint
    size: tuple[int, int]  # of the upright source
    box: Box  # the square cut from it
    notes: tuple[str, ...]


def look(path: Path) -> Look | str:
    """The file's hash and size, or why it is not an image."""
    try:
        data = path.read_bytes()
        with open_header(data) as image:
            return Look(hashlib.sha256(data).hexdigest(), min(image.size))
    except Rejected as exc:
        return str(exc)
    except OSError as exc:
        return f"cannot be read: {(exc.strerror or str(exc)).lower()}"
    except MemoryError:
        return "not enough memory to read it"


def make_square(path: Path, job: Job) -> Square | str:
    """The training square of the file at `path`, or why there is none."""
    try:
        return _make_square(path.read_bytes(), job)
    except Rejected as exc:
        return str(exc)
    except OSError as exc:
        return f"cannot be read: {(exc.strerror or str(exc)).lower()}"
    except MemoryError:
        return "not enough memory to decode it"


def _make_square(data: bytes, job: Job) -> Square:
    decoded = decode(data, job.background, enough=_SPARE * job.resolution)
    width, height = decoded.size
    if min(width, height) < job.min_side:
        raise Rejected(f"{width}x{height}: its short side is under {job.min_side} pixels")
    cut, box = square(decoded.image, job.crop, job.background)
    if cut.getcolors(1) is not None:
        raise Rejected("blank: every pixel has the same colour")
    scale = width / decoded.image.width
    left, top, right, bottom = (round(edge * scale) for edge in box)
    final, note = resize(cut, job.resolution, job.resample)
    notes = [*decoded.notes]
    if note:
        notes.append(note)
    elif is_soft(final):
        notes.append("soft: it looks blurred, or enlarged before")
    pixels = np.asarray(final)
    return Square(
        encode_png(pixels),
        pixel_digest(pixels),
        fingerprint(final),
        (width, height),
        (left, top, right, bottom),
        tuple(notes),
    )
