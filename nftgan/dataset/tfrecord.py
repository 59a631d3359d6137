"""TFRecord files of StyleGAN and StyleGAN2-ADA for TensorFlow: their images, read without it."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from nftgan.errors import UsageError
from nftgan.files import translated_os_errors

SUFFIX = ".tfrecords"
MAX_RECORD_BYTES = 256 << 20  # an uncompressed 8192-pixel RGB image
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def tfrecord_file(source: Path) -> Path | None:
    """The file to read when `source` is a TFRecord file, or a folder of them; None otherwise.

    Such a folder holds the same images in each size, NAME-r02 (4 pixels) to NAME-r10 (1024): the
    last one is the largest.
    """
    if source.is_file():
        return source if source.suffix == SUFFIX else None
    found = sorted(source.glob(f"*{SUFFIX}")) if source.is_dir() else []
    return found[-1] if found else None


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the file's images as PNG, in folders by class where labels lie beside it.

    The labels of NAME-r08.tfrecords are NAME-rxx.labels, a NumPy array [N, classes]. Raises
    UsageError that says which record is damaged.
    """
    labels = _labels(path)
    with tempfile.TemporaryDirectory(prefix="nftgan-") as name, translated_os_errors(path):
        folder = Path(name)
        count = 0
        for count, pixels in enumerate(images(path), start=1):
            if labels is not None and count > len(labels):
                break
            place = folder if labels is None else folder / f"class-{labels[count - 1]:04d}"
            place.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(place / f"{path.stem}-{count - 1:08d}.png")
        if labels is not None and count != len(labels):
            raise UsageError(
                f"{path} does not have the {len(labels):,} images that its labels speak of",
                hint="move the .labels file away to use the images without them",
            )
        yield folder


def images(path: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Each record's image, uint8 [H, W, 3] or grey [H, W]; UsageError for a damaged record."""
    with path.open("rb") as file:
        number = 0
        while head := file.read(12):
            where = f"{path}: record {number}"
            if len(head) < 12:
                raise UsageError(f"{where} is cut short")
            (length,) = struct.unpack("<Q", head[:8])
            if length > MAX_RECORD_BYTES:
                raise UsageError(f"{where} claims {length:,} bytes: this is no file of images")
            data = file.read(length)
            if len(data) < length or len(file.read(4)) < 4:
                raise UsageError(f"{where} is cut short")
            try:
                yield _image(memoryview(data))
            except (ValueError, LookupError, OSError) as exc:  # Pillow's are OSErrors
                raise UsageError(f"{where} is not an image of StyleGAN's data sets: {exc}") from exc
            number += 1


def _image(example: memoryview) -> npt.NDArray[np.uint8]:
    """The image of a tf.train.Example with `shape` [C, H, W] and `data`, uint8 or encoded."""
    found: dict[str, memoryview] = {}
    for number, features in _fields(example):
        for inner, entry in _fields(features) if number == 1 else ():
            if inner == 1:
                parts = dict(_fields(entry))
                found[bytes(parts[1]).decode("utf-8", "replace")] = parts[2]
    if "shape" not in found or "data" not in found:
        raise ValueError("it has no shape and data")
    (data,) = [
        value for n, values in _fields(found["data"]) if n == 1 for _, value in _fields(values)
    ]
    shape = _integers(found["shape"])
    if len(shape) != 3 or shape[0] not in (1, 3) or not all(0 < n <= 8192 for n in shape):
        raise ValueError(f"its shape is {shape}")
    if len(data) != shape[0] * shape[1] * shape[2]:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        if image.size != (shape[2], shape[1]):
            raise ValueError(f"its shape is {shape}, its image {image.size}")
        return np.asarray(image.convert("RGB" if shape[0] == 3 else "L"))
    pixels = np.frombuffer(data, np.uint8).reshape(shape).transpose(1, 2, 0)
    return np.ascontiguousarray(pixels[..., 0] if shape[0] == 1 else pixels)


def _integers(feature: memoryview) -> list[int]:
    """The int64 list of a Feature, packed or one field each."""
    values: list[int] = []
    for number, listed in _fields(feature):
        if number != 3:
            continue
        for _, packed in _fields(listed):
            place = 0
            while place < len(packed):
                value, place = _varint(packed, place)
                values.append(value)
    return values


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, bytes) of each field of a protocol buffer; an integer as the bytes of its varint."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            start = place
            _, place = _varint(message, place)
            yield tag >> 3, message[start:place]
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + length > len(message):
            raise ValueError("a field reaches beyond its end")
        yield tag >> 3, message[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _labels(path: Path) -> npt.NDArray[np.int64] | None:
    beside = sorted(path.parent.glob("*.labels"))
    if not beside:
        return None
    try:
        array = np.load(beside[0], allow_pickle=False)
    except (OSError, ValueError) as exc:
        raise UsageError(f"{beside[0]} is not a NumPy array of labels: {exc}") from exc
    if array.ndim != 2 or not array.shape[1]:
        return None  # StyleGAN writes an empty array for a set without labels
    return np.asarray(array.argmax(axis=1), np.int64)
