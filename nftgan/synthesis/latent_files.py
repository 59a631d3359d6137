"""Latents as .npz files, the form that StyleGAN tools exchange, read without running anything.

The key "w" holds the styles [1, num_ws, w_dim], as everywhere. Ours also say in "about", a JSON
text, which model and which options they come from, and hold in "target" the image that was asked
for. A file is data from outside: each array's header is read first, and an array is only read
when the file holds as many bytes as that promises. A pickled array is refused.
"""

from __future__ import annotations

import io
import math
import stat
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import canonical_json, parse_json, translated_os_errors, write_bytes
from nftgan.synthesis.latent import Latent

MAX_FILE_BYTES = 64 << 20
MAX_ARRAY_BYTES = 16 << 20
MAX_MEMBERS = 1000
_MEMBER = b"PK\1\2"  # begins each entry of a zip's table of contents
MAX_ABOUT = 10_000  # characters
VERSION = 1
_KEYS = ("w", "about", "target")
_NO_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)


@dataclass(frozen=True)
class LatentFile:
    """What one .npz holds."""

    latent: Latent
    about: Mapping[str, Any] = field(default_factory=dict)  # {} where another tool wrote it
    target: np.ndarray | None = None  # uint8 [R, R, 3 or 4]: the image asked for

    @property
    def model(self) -> str | None:
        """Identity of the model that it belongs to, where the file says so."""
        return self.about.get("model")


def save_latent(
    path: Path,
    ws: np.ndarray,
    about: Mapping[str, Any] | None = None,
    target: np.ndarray | None = None,
) -> None:
    """Write float32 [1, num_ws, w_dim], and what is known of it; the same for the same data."""
    arrays: dict[str, Any] = {"w": ws}
    if about is not None:
        arrays["about"] = canonical_json({"nftgan_latent": VERSION, **about}).decode()
    if target is not None:
        arrays["target"] = target
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_latent(path: Path) -> LatentFile:
    """The latent in `path`. Raises UsageError, one sentence, for whatever is wrong with the file.

    A file of one image only: w is [num_ws, w_dim], or has a first axis of 1.
    """
    with translated_os_errors(path):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device has no end
            raise UsageError(f"{path} is no file", hint="give the .npz that nftgan project wrote")
        if status.st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path} is too large for a latent of one image")
        data = path.read_bytes()
    try:
        arrays = _arrays(data)
        if "w" not in arrays:
            raise UsageError("it holds no array w")
        w = arrays["w"]
        if w.ndim == 3 and w.shape[0] == 1:
            w = w[0]
        if w.ndim != 2:
            raise UsageError(f"w is {list(w.shape)}, and one image's is [1, num_ws, w_dim]")
        return LatentFile(Latent(w), _about(arrays.get("about")), _target(arrays.get("target")))
    except UsageError as exc:
        raise UsageError(
            f"{path} is no latent that can be used: {exc.message}",
            hint="give the .npz that nftgan project wrote",
        ) from exc


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    if data.count(_MEMBER) > MAX_MEMBERS:  # a table of contents is read whole, into much memory
        raise UsageError("it is made of too many files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {}
            for member in archive.infolist():
                key = member.filename.removesuffix(".npy")
                if key not in _KEYS:
                    continue  # of another tool; nothing of it is read
                if key in found:
                    raise UsageError(f"it holds {key} twice")
                if member.file_size > MAX_ARRAY_BYTES:
                    raise UsageError(f"its array {key} is too large")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise UsageError(f"its array {key} is compressed as no .npz is")
                with archive.open(member) as stream:
                    found[key] = _array(stream, key)
            return found
    except _NO_ZIP as exc:
        raise UsageError("it is no whole .npz file") from exc
    except ValueError as exc:
        raise UsageError("one of its arrays is damaged") from exc


def _array(stream: IO[bytes], key: str) -> np.ndarray:
    """The array that `stream` holds; ValueError and UsageError for anything that is none."""
    raw = io.BytesIO(stream.read(MAX_ARRAY_BYTES + 1))
    version = np.lib.format.read_magic(raw)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"format {version}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shape, fortran, dtype = read(raw)
        except (
            Exception
        ) as exc:  # numpy evaluates it as a literal of Python, which fails in any way
            raise ValueError("a header that is none") from exc
    if dtype.hasobject or dtype.kind not in "fiuU":
        raise UsageError(f"its array {key} is {dtype}, which is not read")
    rest = raw.read()
    if dtype.itemsize == 0 or len(rest) != math.prod(shape) * dtype.itemsize:
        raise ValueError("another size than its header says")
    flat = np.frombuffer(rest, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _about(array: np.ndarray | None) -> dict[str, Any]:
    if array is None:
        return {}
    if array.dtype.kind != "U" or array.ndim or array.dtype.itemsize > 4 * MAX_ABOUT:
        raise UsageError("what it says about itself is no short text")
    try:
        document = parse_json(str(array).encode())
    except (ValueError, SystemError):  # the latter for numbers that are no characters
        raise UsageError("what it says about itself is no JSON") from None
    if not isinstance(document, dict) or document.get("nftgan_latent") != VERSION:
        raise UsageError("a newer nftgan wrote it: pip install -U nftgan")
    if not isinstance(document.get("model"), str):
        raise UsageError("it does not say which model it belongs to")
    return cast(dict[str, Any], document)


def _target(array: np.ndarray | None) -> np.ndarray | None:
    if array is None:
        return None
    if (
        array.dtype != np.uint8
        or array.ndim != 3
        or array.shape[2] not in (3, 4)
        or 0 in array.shape
    ):
        raise UsageError(f"its target is {array.dtype} {list(array.shape)}, no image")
    return array
