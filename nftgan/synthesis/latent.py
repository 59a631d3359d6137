"""A latent that stands by itself: the styles w of one image, kept instead of a seed.

Where the styles are the same for all layers, as those of `nftgan project`, one row is kept. The
values are float32: what was found in another precision is rounded once, here, and counts as
rounded from then on. So there is one way to write a latent down, and one hash.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import sha256_hex

MARK = b"nftgan-latent-1"
MAX_NUMBERS = 18 * 512
"""Of one latent: those of the largest published model. More would not fit into a token's metadata,
whose size is bounded."""
MAX_VALUE = 1e6
"""Styles of a trained model are of the order of 1."""
MAX_LATENTS = 100
"""In one collection: each token's metadata holds the hashes of all."""


@dataclass(frozen=True, eq=False)
class Latent:
    """The styles of one image; raises UsageError for values that no image can have.

    rows: float32 [1, w_dim] where all layers share their styles, else [num_ws, w_dim]. Anything
    of such a shape is taken and rounded; equal rows become one.
    """

    rows: np.ndarray

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows)
        if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind not in "fiu":
            raise UsageError(
                f"a latent is a table of numbers [layers, w_dim], not {rows.dtype}"
                f" {list(rows.shape)}"
            )
        with np.errstate(over="ignore"):  # of a wider float; then it is infinite, and refused
            rows = rows.astype(np.float64)  # the smallest int64 has no absolute value
        if not np.isfinite(rows).all() or np.abs(rows).max() > MAX_VALUE:
            raise UsageError("the latent holds a value that no image has: it is damaged")
        # + 0.0 turns the negative zero, which means the same, into the positive one.
        rows = rows.astype(np.float32) + np.float32(0)
        if (rows == rows[:1]).all():
            rows = rows[:1]
        if rows.size > MAX_NUMBERS:
            raise UsageError(
                f"the latent has {rows.size:,} numbers, at most {MAX_NUMBERS:,} are kept"
            )
        rows = np.ascontiguousarray(rows)
        rows.flags.writeable = False
        object.__setattr__(self, "rows", rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Latent) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"<Latent {list(self.rows.shape)} {self.hash[:19]}…>"

    @property
    def _bytes(self) -> bytes:
        return self.rows.astype("<f4").tobytes()

    @cached_property
    def hash(self) -> str:
        """ "sha256:…" of `MARK`, layers and width (uint32, big-endian), and the values.

        Values are little-endian float32 in order of layers.
        """
        return "sha256:" + sha256_hex(MARK + struct.pack(">II", *self.rows.shape) + self._bytes)

    @property
    def number(self) -> int:
        """What stands for this latent where a piece has its seed: the hash's first four bytes."""
        return number_of(self.hash)

    def ws(self, num_ws: int, w_dim: int) -> np.ndarray:
        """float32 [num_ws, w_dim] for a generator; UsageError where it takes other latents."""
        layers, width = self.rows.shape
        if width != w_dim or layers not in (1, num_ws):
            raise UsageError(
                f"the latent is [{layers}, {width}], the model takes [{num_ws}, {w_dim}]",
                hint="name the model that it was projected with",
            )
        wide: np.ndarray = np.broadcast_to(self.rows, (num_ws, w_dim))
        return wide

    def to_json(self) -> dict[str, Any]:
        """Plain data that `from_json` turns back into an equal latent."""
        layers, width = self.rows.shape
        text = base64.b64encode(self._bytes).decode("ascii")
        return {"layers": layers, "width": width, "values": text}

    @classmethod
    def from_json(cls, document: Any, where: str = "latent") -> Latent:
        """The latent in `document`; UsageError for a wrong key and for another way to write it."""
        if not isinstance(document, Mapping) or set(document) != {"layers", "width", "values"}:
            raise UsageError(f"{where} must hold layers, width and values")
        layers, width, text = (document[key] for key in ("layers", "width", "values"))
        if not all(type(side) is int and 0 < side <= MAX_NUMBERS for side in (layers, width)):
            raise UsageError(f"{where}: layers and width must be numbers above 0")
        numbers = layers * width
        size = 4 * ((4 * numbers + 2) // 3)
        if numbers > MAX_NUMBERS or not isinstance(text, str) or len(text) != size:
            raise UsageError(f"{where}: the values are not the {layers} x {width} that it names")
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise UsageError(f"{where}: the values are not base64") from None
        if len(raw) != 4 * numbers:
            raise UsageError(f"{where}: the values are not the {layers} x {width} that it names")
        try:
            latent = cls(np.frombuffer(raw, "<f4").reshape(layers, width))
        except UsageError as exc:
            raise UsageError(f"{where}: {exc.message}", hint=exc.hint) from exc
        if latent.to_json() != dict(document):
            raise UsageError(f"{where} is not written in the one canonical way")
        return latent


@dataclass(frozen=True)
class NamedLatent:
    """A latent as a recipe names it: its hash, and its values where they are known."""

    hash: str  # "sha256:…"
    latent: Latent | None = field(default=None, compare=False, repr=False)

    @property
    def number(self) -> int:
        """As `Latent.number`."""
        return number_of(self.hash)


def number_of(digest: str) -> int:
    """What stands for the latent with the hash "sha256:…" where a piece has its seed."""
    return int(digest.removeprefix("sha256:")[:8], 16)
