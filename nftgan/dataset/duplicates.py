"""Find images that are copies of one another: perceptual hash, then a look at the pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from nftgan.dataset.thumbnails import ThumbnailStore

_SIDE = 32  # pixels of the thumbnail that is hashed and compared
_LOW = 8  # lowest frequencies kept in each direction
_MAX_GAIN = 2.0  # a copy may be up to twice as bright or as contrasty
# How far a copy's thumbnail may be off, on average and in its worst place. Copies by JPEG, scaling,
# mirroring or darkening stay below 5 and 45 on six styles of avatars; the most alike pairs of
# different pieces (another hat or eye) begin at 18 and 100.
_RMS_LEVELS = 8.0
_MAX_LEVELS = 56.0

# DCT-II in whole numbers, so that every machine gets the same bits.
_DCT = np.rint(
    2**14 * np.cos(np.pi / _SIDE * np.outer(np.arange(_LOW), np.arange(_SIDE) + 0.5))
).astype(np.int64)  # [8, 32]
_BITS_SET = np.array([bin(value).count("1") for value in range(1 << 16)], dtype=np.uint8)


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of one image."""

    upright: int  # 64-bit pHash
    mirrored: int  # pHash of its mirror image
    thumbnail: np.ndarray  # uint8 [32, 32, 3]


@dataclass(frozen=True, slots=True)
class KeptFingerprint:
    """One whose thumbnail a store holds."""

    upright: int
    mirrored: int
    _store: ThumbnailStore
    _number: int

    @property
    def thumbnail(self) -> np.ndarray:
        return self._store[self._number]


Look = Fingerprint | KeptFingerprint


def fingerprint(image: Image.Image) -> Fingerprint:
    """Of a square RGB image; depends on its pixels alone."""
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L")).astype(np.int64)
    return Fingerprint(_phash(grey), _phash(grey[:, ::-1]), np.asarray(small))


def _phash(grey: np.ndarray) -> int:
    """64 bits: which of the lowest 8x8 DCT coefficients lie above their median."""
    low = (_DCT @ grey @ _DCT.T).reshape(-1)
    low[0] = 0  # the mean brightness says nothing
    return int.from_bytes(np.packbits(low > np.sort(low)[len(low) // 2]).tobytes(), "big")


def bits_apart(hashes: np.ndarray, hash_: int) -> np.ndarray:
    """int64 [N]: in how many of its 64 bits each of the pHashes uint64 [N] differs from one."""
    if hasattr(np, "bitwise_count"):  # NumPy 2: forty times as fast
        apart: np.ndarray = np.bitwise_count(hashes ^ np.uint64(hash_)).astype(np.int64)
        return apart
    words = (hashes ^ np.uint64(hash_)).view(np.uint16).reshape(-1, 4)
    result: np.ndarray = _BITS_SET[words].sum(axis=1, dtype=np.int64)
    return result


def looks_the_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two thumbnails differ by no more than compression, scaling or brightness.

    a, b: uint8 [32, 32, 3].
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    x_mean, y_mean = x.mean(), y.mean()
    x_deviation, y_deviation = x - x_mean, y - y_mean
    variance = float((x_deviation**2).mean())
    gain = float((x_deviation * y_deviation).mean()) / variance if variance else 1.0
    if not 1 / _MAX_GAIN <= gain <= _MAX_GAIN:
        return False
    difference = y_deviation - gain * x_deviation
    # Scaled up for dark copies, so that an image and its dark twin are judged alike.
    difference /= min(1.0, gain)
    return bool(
        np.sqrt((difference**2).mean()) <= _RMS_LEVELS and np.abs(difference).max() <= _MAX_LEVELS
    )


class TwinFinder:
    """Remembers the images kept so far and names the one that a new image copies."""

    def __init__(self, distance: int) -> None:
        """distance: most pHash bits that copies differ in; 0 finds equal pixels, -1 nothing."""
        self._distance = distance
        self._names: list[str] = []
        self._store = ThumbnailStore()
        self._prints: list[KeptFingerprint] = []
        self._hashes = np.empty(1024, dtype=np.uint64)
        self._by_digest: dict[str, str] = {}

    def twin(self, digest: str, print_: Look) -> tuple[str, str] | None:
        """(name of the kept image, what it is of it), or None for a new image."""
        if self._distance >= 0 and digest in self._by_digest:
            return self._by_digest[digest], "the same pixels as"
        if self._distance > 0:
            for hash_, flipped in ((print_.upright, False), (print_.mirrored, True)):
                thumbnail = print_.thumbnail[:, ::-1] if flipped else print_.thumbnail
                for index in self._near(hash_):
                    if looks_the_same(self._prints[index].thumbnail, thumbnail):
                        word = "a mirrored copy of" if flipped else "a near copy of"
                        return self._names[index], word
        return None

    def kept(self, print_: Look) -> KeptFingerprint:
        """The same, as it takes least memory."""
        if isinstance(print_, KeptFingerprint):
            return print_
        number = self._store.add(print_.thumbnail)
        return KeptFingerprint(print_.upright, print_.mirrored, self._store, number)

    def add(self, name: str, digest: str, print_: Look) -> None:
        count = len(self._names)
        if count == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
        self._hashes[count] = print_.upright
        self._names.append(name)
        self._prints.append(self.kept(print_))
        self._by_digest[digest] = name

    def _near(self, hash_: int) -> np.ndarray:
        distances = bits_apart(self._hashes[: len(self._names)], hash_)
        return np.flatnonzero(distances <= self._distance)
