"""Pixel hashes of images that were made again: a run that was cut off does not make them twice.

What a model makes of a seed by a recipe never changes, so a note of it stays true; who holds a
token, and what its files say, is always asked anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nftgan.errors import UsageError
from nftgan.files import append_line, canonical_json, parse_json, translated_os_errors
from nftgan.pixels import pixel_hash

if TYPE_CHECKING:
    from nftgan.synthesis.canonical import Rendered

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_TYPES = {
    **dict.fromkeys(("model", "recipe", "pixels", "version"), str),
    **{"seed": int, "safe": bool, "margin": float},
}


@dataclass(frozen=True)
class Made:
    """The image of `seed` by `model` and `recipe` (their hashes), made by this program."""

    model: str
    recipe: str
    seed: int
    pixels: str  # "sha256:…"
    safe: bool  # no pixel lies near a rounding step
    margin: float  # grey levels to the nearest one
    version: str  # of nftgan

    @classmethod
    def from_json(cls, fields: Any) -> Made:
        """The note that `asdict` gave; ValueError for anything that cannot be one.

        Notes of `render` lie in the collection folder, which may be somebody else's.
        """
        if (
            not isinstance(fields, Mapping)
            or {key: type(value) for key, value in fields.items()} != _TYPES
        ):
            raise ValueError("it is no note of an image")
        made = cls(**fields)
        if not all(map(_HASH.fullmatch, (made.model, made.recipe, made.pixels))):
            raise ValueError("it names no hashes")
        return made

    @classmethod
    def of(cls, model: str, recipe: str, seed: int, image: Rendered, version: str) -> Made:
        """The note of an image that was made just now."""
        return cls(
            model,
            recipe,
            seed,
            pixel_hash(image.image),
            bool(image.safe),
            float(image.margin),
            version,
        )


class RenderedNotes:
    """Notes in memory, and in a file of this person's own state folder where there is one."""

    def __init__(self, version: str, path: Path | None = None, others: Sequence[Path] = ()) -> None:
        """Read what the files hold; a line that is cut, or of another version, is left out.

        New notes go to `path`; others: files of processes that shared the work.
        """
        self.version, self.path = version, path
        self._made: dict[tuple[str, str, int], Made] = {}
        for one in (*others, path):
            if one is not None and one.exists():
                with translated_os_errors(one):
                    lines = one.read_bytes().splitlines()
                for line in lines:
                    self._read(line)
        self.earlier = len(self._made)

    def _read(self, line: bytes) -> None:
        try:
            made = Made.from_json(parse_json(line))
        except ValueError:
            return
        if made.version == self.version:
            self._made[made.model, made.recipe, made.seed] = made

    def get(self, model: str, recipe: str, seed: int) -> Made | None:
        return self._made.get((model, recipe, seed))

    def add(self, made: Made) -> None:
        """Remember it. A disk that refuses only means that it is made again."""
        self._made[made.model, made.recipe, made.seed] = made
        if self.path is not None:
            try:
                append_line(self.path, canonical_json(asdict(made)).decode())
            except UsageError:
                self.path = None
