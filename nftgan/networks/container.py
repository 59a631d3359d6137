"""Safetensors files, read and written by NumPy: every byte of a file is accounted for.

Layout: header length (uint64, little-endian), header (JSON), raw little-endian tensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import atomic_path, canonical_json, parse_json, translated_os_errors

MAX_HEADER_BYTES = 4 << 20
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 8
MAX_SIDE = 1 << 40
DTYPES: dict[str, np.dtype] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies, in bytes from the end of the header."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file says about itself; the tensors fill the file from `data_start` exactly."""

    metadata: dict[str, str]
    entries: dict[str, Entry]
    data_start: int


def read_header(file: BinaryIO) -> Header:
    """The header of a safetensors file, every offset checked against the file's length.

    Raises UsageError for anything that is not a whole and exact file of float16 and float32.
    """
    size = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MAX_HEADER_BYTES) or length < 2:
        raise _broken("its header does not fit")
    metadata, entries = _parsed_header(file.read(length))
    position = 0
    for entry in sorted(entries.values(), key=lambda e: (e.begin, e.end)):
        if entry.begin != position:
            raise _broken("its tensors overlap or leave gaps")
        position = entry.end
    if position != size - 8 - length:
        raise _broken(f"it should have {position} bytes of tensors")
    return Header(metadata, entries, 8 + length)


def header_size(start: bytes) -> int:
    """The size of the whole file by its first bytes; 0: more of them are needed.

    Raises UsageError when they are not those of a safetensors file.
    """
    if len(start) < 8:
        return 0
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise _broken("its header does not fit")
    if len(start) < 8 + length:
        return 0
    _, entries = _parsed_header(start[8 : 8 + length])
    return 8 + length + max((entry.end for entry in entries.values()), default=0)


def read_tensor(file: BinaryIO, header: Header, key: str) -> np.ndarray:
    """One tensor as stored."""
    entry = header.entries[key]
    file.seek(header.data_start + entry.begin)
    data = file.read(entry.end - entry.begin)
    if len(data) != entry.end - entry.begin:
        raise _broken("it became shorter while it was read")
    return np.frombuffer(data, entry.dtype).reshape(entry.shape)


def write_container(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write atomically; the same tensors and metadata give the same bytes.

    tensors: C-contiguous little-endian float16 or float32.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    # float32 first, so that every tensor lies at a multiple of its own size
    order = sorted(tensors, key=lambda key: (-tensors[key].dtype.itemsize, key))
    for key in order:
        array = tensors[key]
        end = position + array.nbytes
        header[key] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = canonical_json(header)
    text += b" " * (-len(text) % 8)
    with atomic_path(path) as temporary, translated_os_errors(path), temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for key in order:
            file.write(tensors[key].data)


def _parsed_header(data: bytes) -> tuple[dict[str, str], dict[str, Entry]]:
    try:
        document = parse_json(data)
    except ValueError as exc:
        raise _broken("its header is not JSON") from exc
    if not isinstance(document, dict) or len(document) > MAX_TENSORS:
        raise _broken("its header is not a table of tensors")
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _broken("its metadata is not a table of texts")
    return metadata, {key: _entry(key, value) for key, value in document.items()}


def _entry(key: str, value: Any) -> Entry:
    title = ascii(key[:80])
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _broken(f"the entry {title} is incomplete")
    dtype = DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise _broken(f"{title} is not float16 or float32")
    shape, offsets = value["shape"], value["data_offsets"]
    if not _whole_numbers(shape) or not _whole_numbers(offsets) or len(offsets) != 2:
        raise _broken(f"the shape or place of {title} is wrong")
    if len(shape) > MAX_DIMENSIONS:
        raise _broken(f"{title} has {len(shape)} dimensions")
    begin, end = offsets
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise _broken(f"{title} has {end - begin} bytes for the shape {shape}")
    return Entry(dtype, tuple(shape), begin, end)


def _whole_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < MAX_SIDE for value in values
    )


def _broken(reason: str) -> UsageError:
    return UsageError(f"not a whole safetensors file: {reason}", hint="download or save it again")
