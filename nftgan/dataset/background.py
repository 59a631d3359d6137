"""Which plain colour suits transparent art as its background: the one farthest from its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median_low

import numpy as np

from nftgan.alpha import RGB, SHOWS
from nftgan.dataset.decode import Rejected, decode
from nftgan.dataset.parallel import ordered_map, worker_count
from nftgan.dataset.scan import Readable
from nftgan.oklab import UNIT, oklab
from nftgan.words import counted

PLAIN: dict[str, RGB] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "lightskyblue": (135, 206, 250),
    "palegreen": (152, 251, 152),
    "khaki": (240, 230, 140),
    "lightpink": (255, 182, 193),
    "midnightblue": (25, 25, 112),
}
"""What `--background auto` chooses from, by CSS name; of equals the first."""
_PROBES = 24  # images that settle it
_MUCH = 20  # an image is transparent art where one pixel of so many or more shows nothing
_TENTH = 10  # the edge's pixels nearest to the background decide: one in so many
_LOST = UNIT // 12  # distance in OKLab (0.083), below which an edge is hardly seen
_MANY = 4  # the outline of one image in so many is lost: worth a word


@dataclass(frozen=True)
class Edge:
    """Of one image, how far its edge is from colours: squared distances in OKLab's whole units."""

    plain: tuple[int, ...]  # from each of PLAIN
    chosen: int  # from the background that was asked for


def found_background(
    paths: Sequence[Readable], asked: RGB | None, workers: int | None
) -> tuple[RGB, list[str]]:
    """The background of a set, and what there is to say of it.

    A few of `paths`, the files that may be transparent, settle it. asked: None for the one that
    suits. workers: processes; None for one per processor.
    """
    probes = paths[:: max(1, -(-len(paths) // _PROBES))]
    count = worker_count(len(probes)) if workers is None else workers
    background = PLAIN["white"] if asked is None else asked
    found = ordered_map(partial(edge_of, background=background), probes, count) if probes else []
    edges = [one for one in found if isinstance(one, Edge)]
    name = suiting(edges)
    if asked is None:
        said = f"background: {name}, the plain colour farthest from the edges of transparent art"
        return PLAIN[name], [said] if edges else []
    unseen = lost(edges)
    if not unseen or PLAIN[name] == background:
        return background, []
    said = (
        f"of {counted(len(edges), 'transparent image')} that were looked at, {unseen}"
        f" {'has' if unseen == 1 else 'have'} edges of nearly the background's colour, where the"
        f" outline vanishes: --background auto takes {name}"
    )
    return background, [said]


def edge_of(path: Readable, background: RGB) -> Edge | None:
    """The edge of the image at `path`; None where little of it is transparent, or none is read."""
    try:
        image = np.asarray(decode(path.read_bytes(), None).raster)
    except (Rejected, OSError, MemoryError):
        return None
    pixels = edge_pixels(image)
    if not len(pixels):
        return None
    lab = oklab(pixels)
    return Edge(tuple(_near(lab, one) for one in PLAIN.values()), _near(lab, background))


def edge_pixels(image: np.ndarray) -> np.ndarray:
    """uint8 [N, 3] of the pixels of RGBA uint8 [H, W, 4] that show and touch one that does not.

    Empty for an image of which less than a twentieth is transparent.
    """
    shown = image[..., 3] >= SHOWS
    if np.count_nonzero(~shown) * _MUCH < shown.size:
        return np.empty((0, 3), np.uint8)
    around = np.pad(shown, 1, mode="edge")  # what is cut off by the frame is no edge
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    result: np.ndarray = image[shown & ~inner][:, :3]
    return result


def suiting(edges: list[Edge]) -> str:
    """The name in PLAIN whose distance from the edges is largest: the median of the images.

    "white" where no image has any.
    """
    if not edges:
        return "white"
    scores = [median_low(edge.plain[number] for edge in edges) for number in range(len(PLAIN))]
    return list(PLAIN)[scores.index(max(scores))]


def lost(edges: list[Edge]) -> int:
    """On how many of these images the outline is hardly seen; 0 where that is no habit of the set.

    That is where a tenth of the edge is closer to the background than 0.083 in OKLab.
    """
    count = sum(edge.chosen < _LOST**2 for edge in edges)
    return count if count * _MANY >= len(edges) else 0


def _near(lab: np.ndarray, colour: RGB) -> int:
    """int, squared: a tenth of lab [N, 3] is nearer to `colour`."""
    away = ((lab - oklab(np.array(colour, np.uint8))) ** 2).sum(axis=1)
    return int(np.sort(away)[len(away) // _TENTH])
