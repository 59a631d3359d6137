"""Samples of another colour space to 8-bit sRGB, by the formulas of the standards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nftgan.dataset.png_chunks import PngFacts

_BAND_ROWS = 256  # at once, so that memory stays small
_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x, y of white, red, green, blue
_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_BT2020 = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
_PRIMARIES = {1: _SRGB, 9: _BT2020, 12: _P3}  # by number of ITU-T H.273
_USUAL_GAMMA = (0.42, 0.48)  # that programs write when they mean sRGB
_SAME_PLACE = 0.01  # chromaticities closer than this are the same primaries
_WHITE_NITS = 203.0  # of a white page in HDR, ITU-R BT.2408

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class ColourSpace:
    """How samples in [0, 1] become linear light, and linear light becomes sRGB."""

    name: str
    to_light: Callable[[Array], Array]
    matrix: Array | None  # [3, 3] from linear RGB to linear sRGB; None: the same primaries
    from_light: Callable[[Array], Array]


def space_of_png(facts: PngFacts) -> ColourSpace | None:
    """The space that the chunks name; None for sRGB and for a PNG with an ICC profile."""
    if facts.cicp is not None:
        return _space_of_cicp(facts)
    if facts.profile is not None or facts.is_srgb or facts.gamma is None:
        return None
    gamma, places = facts.gamma, facts.white_and_primaries
    same = places is None or _is_near(places, _SRGB)
    if _USUAL_GAMMA[0] <= gamma <= _USUAL_GAMMA[1] and same:
        return None
    matrix = None if same or places is None else _to_srgb(places)
    if not same and matrix is None:
        facts.notes.append("its primaries are impossible and were ignored")
        return None
    # A display of 2.2 is what gAMA was made for (PNG, section 13.13), and what browsers take.
    return ColourSpace(
        f"its gamma of {gamma:g}", lambda v: v ** (1 / gamma), matrix, lambda v: v ** (1 / 2.2)
    )


def _space_of_cicp(facts: PngFacts) -> ColourSpace | None:
    assert facts.cicp is not None
    primaries, transfer, mixing, full = facts.cicp
    curve = _TRANSFERS.get(transfer)
    if primaries not in _PRIMARIES or curve is None or mixing != 0 or full != 1:
        facts.notes.append(
            f"its colour space (cICP {primaries}, {transfer}) is not known: taken as sRGB"
        )
        return None
    name, to_light = curve
    places = _PRIMARIES[primaries]
    if places is _SRGB and to_light is srgb_to_light:
        return None
    if transfer in (16, 18):
        facts.notes.append("HDR: what is brighter than white became white")
    matrix = None if places is _SRGB else _to_srgb(places)
    words = {1: "sRGB primaries", 9: "BT.2020", 12: "Display P3"}[primaries]
    return ColourSpace(f"{words}, {name}", to_light, matrix, light_to_srgb)


def converted(
    samples: npt.NDArray[np.unsignedinteger], space: ColourSpace
) -> npt.NDArray[np.uint8]:
    """uint8 sRGB of samples uint8 or uint16, grey [H, W] or RGB [H, W, 3], in `space`."""
    top = np.iinfo(samples.dtype).max
    light = space.to_light(np.arange(top + 1) / top).astype(np.float32)
    if space.matrix is None or samples.ndim == 2:
        table = _eight_bits(space.from_light(np.clip(light, 0, 1)))
        result: npt.NDArray[np.uint8] = table[samples]
        return result
    out = np.empty(samples.shape, np.uint8)
    for first in range(0, len(samples), _BAND_ROWS):
        rows = light[samples[first : first + _BAND_ROWS]] @ space.matrix.T.astype(np.float32)
        out[first : first + _BAND_ROWS] = _eight_bits(space.from_light(np.clip(rows, 0, 1)))
    return out


def _eight_bits(values: Array) -> npt.NDArray[np.uint8]:
    result: npt.NDArray[np.uint8] = np.floor(values * 255 + 0.5).astype(np.uint8)
    return result


def srgb_to_light(v: Array) -> Array:
    """IEC 61966-2-1, [0, 1] to [0, 1]."""
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def light_to_srgb(v: Array) -> Array:
    """IEC 61966-2-1, [0, 1] to [0, 1]."""
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 1e-9) ** (1 / 2.4) - 0.055)


def _pq_to_light(v: Array) -> Array:
    """SMPTE ST 2084, with white at 1."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = np.power(v, 1 / m2)
    return 10_000 / _WHITE_NITS * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg_to_light(v: Array) -> Array:
    """ITU-R BT.2100, with the white of a page (75 % of the signal) at 1; the scene's light."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    light = np.where(v <= 0.5, v * v / 3, (np.exp((v - c) / a) + b) / 12)
    result: Array = light / ((np.exp((0.75 - c) / a) + b) / 12)
    return result


_TRANSFERS: dict[int, tuple[str, Callable[[Array], Array]]] = {
    # Video's curve is meant for a display like sRGB's: taken as sRGB, as browsers do.
    **dict.fromkeys((1, 6, 13, 14, 15), ("sRGB's curve", srgb_to_light)),
    4: ("gamma 2.2", lambda v: v**2.2),
    5: ("gamma 2.8", lambda v: v**2.8),
    8: ("linear", lambda v: v),
    16: ("PQ", _pq_to_light),
    18: ("HLG", _hlg_to_light),
}


def _is_near(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(abs(x - y) <= _SAME_PLACE for x, y in zip(a, b, strict=True))


def _to_xyz(places: tuple[float, ...]) -> Array | None:
    """[3, 3] from linear RGB of these chromaticities to XYZ; None for impossible ones."""
    xy = np.array(places, np.float64).reshape(4, 2)
    if (xy[:, 1] <= 0).any():
        return None
    xyz = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]])
    try:
        return np.asarray(xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0]))
    except np.linalg.LinAlgError:
        return None


def _to_srgb(places: tuple[float, ...]) -> Array | None:
    """[3, 3] from linear RGB of these chromaticities to linear sRGB, white to white."""
    theirs, ours = _to_xyz(places), _to_xyz(_SRGB)
    if theirs is None or ours is None:
        return None
    # White is adapted in the cone space of Bradford.
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    gain = (cones @ ours.sum(1)) / (cones @ theirs.sum(1))
    adapt = np.linalg.solve(cones, gain[:, None] * cones)
    matrix = np.linalg.solve(ours, adapt @ theirs)
    return matrix if np.isfinite(matrix).all() else None
