"""The compiled routines of `prepare`: the bytes that Pillow and NumPy give, in a part of the time.

They are compiled once per machine, where a C++ compiler is found and a set is large enough to be
worth that second. Without them everything is the same, only later: each function here answers None,
and its caller takes the other way.
"""

from __future__ import annotations

import ctypes
import functools
import logging

import numpy as np
from PIL import Image

from nftgan.compiler import FAILURES, compiled, reason, switched_off

log = logging.getLogger(__name__)

# Weights are computed in float64: a fused multiplication would round some of them otherwise.
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-std=c++17", "-fPIC")
GAP = 2.0  # `reducing_gap` of Pillow's resize: blocks are averaged down to this many times the size
_WORTH_IMAGES = 100  # that are prepared sooner with compiling than without


def compile_for(images: int) -> None:
    """Have the routines compiled when so many images are worth it; before processes are forked."""
    if images >= _WORTH_IMAGES and library() is None and not switched_off("compiled routines are"):
        try:
            compiled("nftgan.dataset", FLAGS)
        except FAILURES as exc:
            log.info("images are prepared without compiled routines: %s", reason(exc))
            return
        library.cache_clear()
        library()


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled routines, where they are and do what Pillow does."""
    if switched_off("compiled routines are"):
        return None
    try:
        path = compiled("nftgan.dataset", FLAGS, build=False)
        found = ctypes.CDLL(str(path))
    except FAILURES as exc:
        log.debug("no compiled routines: %s", reason(exc))
        return None
    if not _agrees(found):
        log.warning("compiled routines are not used: they differ from Pillow's")
        return None
    return found


def resized(pixels: np.ndarray, side: int, *, gap: float | None = None) -> np.ndarray | None:
    """uint8 [side, side, 3] or [side, side] of a square of the same kind, by Lanczos.

    The bytes are those of Pillow's `resize((side, side), LANCZOS, reducing_gap=gap)`. pixels: uint8
    [S, S, 3] or [S, S], with any strides; S is not `side`.
    """
    found = library()
    return None if found is None else _resized(found, pixels, side, gap)


def unfiltered(rows: bytearray, width: int, samples: int) -> np.ndarray | None:
    """uint8 [H, W, samples]: a view of the rows of a PNG once they are without their filters.

    rows: [H, 1 + W * samples], changed in place; samples: 3 or 4 of 8 bits. None also where a row
    names a filter that does not exist.
    """
    found = library()
    if found is None:
        return None
    flat = np.frombuffer(rows, np.uint8)
    lines = flat.reshape(-1, 1 + width * samples)
    if found.nftgan_unfilter(_place(flat), *map(ctypes.c_int64, (len(lines), width, samples))):
        return None
    return _pixels(lines, samples)


def png_rows(flat: np.ndarray, samples: int) -> np.ndarray | None:
    """uint8 [H, 1 + B]: the rows uint8 [H, B] by PNG's filter Sub or Up, whichever leaves less."""
    found = library()
    if found is None:
        return None
    height, length = flat.shape
    rows = np.empty((height, 1 + length), np.uint8)
    sizes = map(ctypes.c_int64, (height, length, samples))
    found.nftgan_filter(_place(flat), *sizes, _place(rows))
    return rows


def _resized(
    found: ctypes.CDLL, pixels: np.ndarray, side: int, gap: float | None
) -> np.ndarray | None:
    before, samples = len(pixels), 3 if pixels.ndim == 3 else 1
    if pixels.strides[-1] != 1 or min(pixels.strides) < 1:
        pixels = np.ascontiguousarray(pixels)
    out = np.empty((side, side, *pixels.shape[2:]), np.uint8)
    factor = (int(before / side / gap) or 1) if gap else 1
    numbers = (*pixels.strides[:2], samples, before, factor, side)
    done = found.nftgan_resize(_place(pixels), *map(ctypes.c_int64, numbers), _place(out))
    return None if done else out


def _pixels(lines: np.ndarray, samples: int) -> np.ndarray:
    """uint8 [H, W, samples] in [H, 1 + W * samples], without a copy."""
    shape = (len(lines), (lines.shape[1] - 1) // samples, samples)
    view: np.ndarray = np.ndarray(shape, np.uint8, lines, 1, (lines.strides[0], samples, 1))
    return view


def _place(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _agrees(found: ctypes.CDLL) -> bool:
    """Whether a small image is resized as by Pillow, whose version may be another one day."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    for pixels in (noise, noise[:40, :40], np.ascontiguousarray(noise[:70, :70, 0])):
        expected = Image.fromarray(pixels).resize(
            (16, 16), Image.Resampling.LANCZOS, reducing_gap=GAP
        )
        if not np.array_equal(_resized(found, pixels, 16, GAP), np.asarray(expected)):  # type: ignore[arg-type]
            return False
    return True
