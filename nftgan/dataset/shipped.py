"""The CC0 art that comes with the package: enough for a first training run."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image

from nftgan.errors import UsageError
from nftgan.files import translated_os_errors


@dataclass(frozen=True)
class ShippedSet:
    """One set of square images, kept as a single lossless atlas read row by row."""

    atlas: str  # file name in nftgan/assets/art
    images: int
    side: int  # pixels
    title: str
    designer: str
    licence: str = "CC0 1.0"


SHIPPED_SETS: dict[str, ShippedSet] = {
    "landscape": ShippedSet("landscape-128px-400.webp", 400, 128, "Landscape", "DiceBear"),
    "pixel-art": ShippedSet("pixel-art-16px-1024.webp", 1024, 16, "Pixel Art", "DiceBear"),
    "open-peeps": ShippedSet("open-peeps-64px-256.webp", 256, 64, "Open Peeps", "Pablo Stanley"),
}


def shipped_set(name: str) -> ShippedSet:
    """The set of that name; UsageError lists the names there are."""
    if name not in SHIPPED_SETS:
        close = difflib.get_close_matches(name, SHIPPED_SETS, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SHIPPED_SETS)}"
        raise UsageError(f"no art named {name!r} comes with nftgan", hint=hint)
    return SHIPPED_SETS[name]


def unpack(name: str, folder: Path) -> int:
    """Write each image of the set as `folder`/NAME-0000.png; how many there are.

    The pixels are those of the atlas. Files of those names are replaced, others are left alone.
    Raises UsageError for an unknown name or a folder that cannot be written.
    """
    art = shipped_set(name)
    with (resources.files("nftgan") / "assets" / "art" / art.atlas).open("rb") as file:
        atlas = Image.open(file, formats=("WEBP",)).convert("RGB")
    with translated_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    columns = atlas.width // art.side
    for index in range(art.images):
        left, top = index % columns * art.side, index // columns * art.side
        tile = atlas.crop((left, top, left + art.side, top + art.side))
        path = folder / f"{name}-{index:04d}.png"
        with translated_os_errors(path):  # running again mends a file that was cut short
            tile.save(path, "PNG")
    return art.images
