"""A PNG without the chunks that no pixel needs, and what the colour chunks say (PNG 3).

Programs write whole workflows, thumbnails and profiles of megabytes into a PNG, and some of it
wrong. Viewers skip what they do not know; a decoder that reads all of it refuses the image.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE_BYTES = 32 << 20
_MAX_TEXT_BYTES = 256 << 10  # of a text that may hold the orientation
_KEPT_TEXTS = (b"Raw profile type exif", b"Raw profile type APP1", b"XML:com.adobe.xmp")
_KEPT = (b"tRNS", b"eXIf")


@dataclass
class PngFacts:
    """What the chunks outside the pixels say; None where they say nothing."""

    depth: int = 8  # bits a sample
    colour_type: int = 2
    frames: int = 1
    profile: bytes | None = None  # ICC
    is_srgb: bool = False
    gamma: float | None = None  # exponent that made the samples: 1 for linear light
    white_and_primaries: tuple[float, ...] | None = None  # x, y of white, red, green, blue
    cicp: tuple[int, int, int, int] | None = None  # ITU-T H.273: primaries, transfer, matrix, range
    notes: list[str] = field(default_factory=list)


def essential_png(data: bytes) -> tuple[bytes, PngFacts]:
    """`data`, a PNG, with the chunks that decide its pixels alone, and the facts.

    A chunk that no pixel needs and whose checksum is wrong is left out, as browsers do. Where the
    order of chunks itself is broken the rest stays as it is, for the decoder to refuse.
    """
    facts = PngFacts()
    kept = [data[:8]]
    place, whole = 8, True
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8]
        end = place + 12 + length
        if end > len(data):
            break
        body = data[place + 8 : end - 4]
        critical = not kind[0] & 32
        if critical:
            kept.append(data[place:end])
            if kind == b"IHDR" and length == 13:
                facts.depth, facts.colour_type = body[8], body[9]
        elif zlib.crc32(data[place + 4 : end - 4]) == struct.unpack_from(">I", data, end - 4)[0]:
            if kind in _KEPT or (kind in (b"tEXt", b"zTXt", b"iTXt") and _is_wanted(kind, body)):
                kept.append(data[place:end])
            else:
                _note(facts, kind, body)
                whole = False
        else:
            whole = False
        place = end
        if kind == b"IEND":
            return (data if whole else b"".join(kept)), facts
    return (data if whole else b"".join(kept) + data[place:]), facts


def _is_wanted(kind: bytes, body: bytes) -> bool:
    """Whether a text may hold the orientation, and inflates to a bounded size."""
    key = body.partition(b"\0")[0]
    if key not in _KEPT_TEXTS or len(body) > _MAX_TEXT_BYTES:
        return False
    if kind == b"iTXt" and body[len(key) + 1 : len(key) + 2] != b"\1":
        return True
    if kind == b"tEXt":
        return True
    packed = body[len(key) + 2 :] if kind == b"zTXt" else body.split(b"\0", 5)[-1]
    return _inflated(packed, _MAX_TEXT_BYTES) is not None


def _note(facts: PngFacts, kind: bytes, body: bytes) -> None:
    if kind == b"iCCP":
        packed = body.partition(b"\0")[2][1:]
        facts.profile = _inflated(packed, MAX_PROFILE_BYTES)
        if facts.profile is None:
            facts.notes.append("its colour profile is unusable and was ignored: it is damaged")
    elif kind == b"sRGB":
        facts.is_srgb = True
    elif kind == b"gAMA" and len(body) == 4:
        value = struct.unpack(">I", body)[0] / 100_000
        facts.gamma = value if 0.1 <= value <= 10 else None
    elif kind == b"cHRM" and len(body) == 32:
        facts.white_and_primaries = tuple(n / 100_000 for n in struct.unpack(">8I", body))
    elif kind == b"cICP" and len(body) == 4:
        facts.cicp = (body[0], body[1], body[2], body[3])
    elif kind == b"acTL" and len(body) == 8:
        facts.frames = max(struct.unpack(">II", body)[0], 1)


def _inflated(packed: bytes, most: int) -> bytes | None:
    """What zlib made `packed` of; None when it is damaged or longer than `most`."""
    machine = zlib.decompressobj()
    try:
        made = machine.decompress(packed, most)
    except zlib.error:
        return None
    return made if machine.eof else None
