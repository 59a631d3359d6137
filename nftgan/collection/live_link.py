"""The link to the page that draws a token itself: what `animation_url` says under `--live`.

`ipfs://LIVE/index.html?seed=…&pixels=…`. The folder LIVE is the same for all tokens: the page, the
recipe and the model. Seed and pixel hash stand in the link, so whoever reads it can compare them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nftgan.files import read_json

if TYPE_CHECKING:
    from nftgan.synthesis.recipe import Finish

PAGE, RECIPE = "index.html", "recipe.json"
DRAWN_KINDS = ("stylegan3-t", "stylegan3-r", "stylegan2")
"""Kinds of networks that the page can run."""
PAGES = Path(__file__).with_name("live_pages.json")
_LINK = re.compile(
    r"(ipfs://[A-Za-z0-9]{46,64})/index\.html"
    r"\?seed=(0|[1-9][0-9]{0,9})&pixels=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class LiveLink:
    """folder: "ipfs://CID". pixels: "sha256:…"."""

    folder: str
    seed: int
    pixels: str


def live_link(cid: str, seed: int, pixels: str) -> str:
    """The link to the page of one token; cid: of the folder. pixels: "sha256:…"."""
    return f"ipfs://{cid}/{PAGE}?seed={seed}&pixels={pixels.removeprefix('sha256:')}"


def parse_live_link(url: str) -> LiveLink | None:
    """What a link of that form says; None for any other one."""
    match = _LINK.fullmatch(url)
    return match and LiveLink(match[1], int(match[2]), f"sha256:{match[3]}")


@cache
def known_pages() -> frozenset[str]:
    """The CIDs of the page in every version that was published."""
    return frozenset(read_json(PAGES)["pages"])


def older_pages(
    finish: Finish | None, *, transparent: bool = False
) -> list[tuple[str, frozenset[str]]]:
    """What the finish asks of the page, in words, each with the pages that are older than it.

    transparent: whether the pieces are, which is asked of the page too.
    """
    contour = finish is not None and finish.filter == "contour"
    asked = (
        ("colours of the art", finish is not None and bool(finish.colours), plain_pages),
        ("the filter contour", contour, pages_without_contour),
        ("transparent images", transparent, opaque_pages),
    )
    return [(words, pages()) for words, wanted, pages in asked if wanted]


@cache
def plain_pages() -> frozenset[str]:
    """Those of them that refuse a recipe with the colours of the art, which they are older than."""
    return frozenset(read_json(PAGES)["without_colours"])


@cache
def pages_without_contour() -> frozenset[str]:
    """Those of them that refuse a recipe with the filter contour, or draw by what it was at first.

    No release had that first one: what it drew has other bytes than any token that can be checked.
    """
    return frozenset(read_json(PAGES)["without_contour"])


@cache
def opaque_pages() -> frozenset[str]:
    """Those of them that refuse a model of transparent images, which they are older than."""
    return frozenset(read_json(PAGES)["without_transparency"])
