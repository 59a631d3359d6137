"""One image's whole way from file to training square: what the worker processes run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from nftgan.alpha import RGB, over
from nftgan.dataset.art_colours import counted_colours
from nftgan.dataset.crop import Box, Crop, middle, square
from nftgan.dataset.decode import Rejected, decode, open_header
from nftgan.dataset.duplicates import Fingerprint, fingerprint
from nftgan.dataset.flat_art import is_flat
from nftgan.dataset.orientations import coarse_key
from nftgan.dataset.pack import encode_fast_png
from nftgan.dataset.pixel_art import LARGEST_SET, native
from nftgan.dataset.raster import Raster, as_image, part, size_of
from nftgan.dataset.resize import Resample, enlarged, resize
from nftgan.dataset.scan import Readable
from nftgan.dataset.sharpness import is_soft
from nftgan.pixels import pixel_digest

# A JPEG is decoded at half, a quarter or an eighth of its size while that leaves this many times
# the training size: a photo takes a third of the time and differs by half a level (RMS).
_SPARE = 2


@dataclass(frozen=True)
class ImageHeader:
    """A file's bytes and header, before anything is decoded."""

    sha256: str  # hex, of the file
    short_side: int  # pixels
    may_be_transparent: bool = False  # it has alpha, or a colour that means nothing


@dataclass(frozen=True)
class Job:
    """What is the same for all images of one run."""

    resolution: int
    crop: Crop
    background: RGB | None  # None: transparency is kept
    min_side: int  # pixels of the source's short side
    resample: Resample
    pixel_grid: int = 0  # of a set of pixel art: its squares along a side


@dataclass(frozen=True)
class PreparedImage:
    """A finished image and how it came about."""

    png: bytes
    digest: str  # `pixel_digest` of the square
    key: str  # that of `coarse_key`, by which a hold-out knows it
    fingerprint: Fingerprint
    size: tuple[int, int]  # of the upright source
    box: Box  # the square cut from it
    notes: tuple[str, ...]
    colours: Mapping[bytes, int] = field(default_factory=dict)
    """Pixels of each, of an image on the set's grid before it was enlarged; else empty."""
    flat: bool = False  # see `nftgan.dataset.flat_art`


def read_image_header(path: Readable) -> ImageHeader | str:
    """The file's hash and size, or why it is not an image."""
    try:
        data = path.read_bytes()
        with open_header(data) as image:
            clear = image.has_transparency_data
            return ImageHeader(hashlib.sha256(data).hexdigest(), min(image.size), clear)
    except Rejected as exc:
        return str(exc)
    except OSError as exc:
        return f"cannot be read: {(exc.strerror or str(exc)).lower()}"
    except MemoryError:
        return "not enough memory to read it"


def grid_of(path: Readable, job: Job) -> int:
    """Squares along a side of the pixel art at `path`; 0 when it is none, or cannot be read."""
    try:
        decoded = decode(path.read_bytes(), job.background)
        cut, _ = square(decoded.image, job.crop, job.background)
        small = None if cut.getcolors(1) is not None else native(cut)
    except (Rejected, OSError, MemoryError):
        return 0
    return 0 if small is None or small.width > LARGEST_SET else small.width


def prepare_image(path: Readable, job: Job) -> PreparedImage | str:
    """The training square of the file at `path`, or why there is none."""
    try:
        return _prepare_image(path.read_bytes(), job)
    except Rejected as exc:
        return str(exc)
    except OSError as exc:
        return f"cannot be read: {(exc.strerror or str(exc)).lower()}"
    except MemoryError:
        return "not enough memory to decode it"


def _prepare_image(data: bytes, job: Job) -> PreparedImage:
    # A JPEG decoded at half its size would lose the squares of pixel art.
    enough = None if job.pixel_grid else _SPARE * job.resolution
    decoded = decode(data, job.background, enough=enough)
    width, height = decoded.size
    if min(width, height) < job.min_side:
        raise Rejected(f"{width}x{height}: its short side is under {job.min_side} pixels")
    cut, box = _square(decoded.raster, job)
    if _is_blank(cut):
        raise Rejected("blank: every pixel has the same colour")
    scale = width / size_of(decoded.raster)[0]
    left, top, right, bottom = (round(edge * scale) for edge in box)
    small = native(as_image(cut)) if job.pixel_grid else None
    colours: Mapping[bytes, int] = {}
    if small is not None and small.width == job.pixel_grid:
        colours = _colours(np.asarray(small))
        final, note = enlarged(small, job.resolution)
    else:
        final, note = resize(cut, job.resolution, job.resample)
    notes = [*decoded.notes]
    if note:
        notes.append(note)
    pixels = np.asarray(final)
    seen = final if pixels.shape[2] == 3 else Image.fromarray(over(pixels))
    if not note and is_soft(seen):
        notes.append("soft: it looks blurred, or enlarged before")
    return PreparedImage(
        encode_fast_png(pixels),
        pixel_digest(pixels),
        coarse_key(pixels),
        fingerprint(seen),
        (width, height),
        (left, top, right, bottom),
        tuple(notes),
        colours,
        # The contour, which follows from it, takes opaque images.
        job.background is not None and not job.pixel_grid and is_flat(cut),
    )


def _colours(small: np.ndarray) -> Mapping[bytes, int]:
    """Pixels of each colour of uint8 [G, G, 3 or 4], without those that show through."""
    if small.shape[2] == 4:
        small = small[small[..., 3] == 255][:, :3]
    return counted_colours(small)


def _square(raster: Raster, job: Job) -> tuple[Raster, Box]:
    """As `crop.square`; the middle of an array is a view of it."""
    if isinstance(raster, np.ndarray) and job.crop is Crop.CENTER:
        box = middle(*size_of(raster))
        return part(raster, box), box
    return square(as_image(raster), job.crop, job.background)


def _is_blank(raster: Raster) -> bool:
    """Whether every pixel has the same colour; the first row settles it for most art."""
    if isinstance(raster, np.ndarray) and not (raster[0] == raster[0, 0]).all():
        return False
    return as_image(raster).getcolors(1) is not None
