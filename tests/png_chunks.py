"""PNG files as lists of chunks, for tests that build or bend them (W3C PNG, section 5.3)."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, body: bytes = b"", *, wrong: bool = False) -> bytes:
    """Length, kind, body and CRC; `wrong`: with another CRC."""
    data = kind + body
    return struct.pack(">I", len(body)) + data + struct.pack(">I", zlib.crc32(data) ^ wrong)


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and body of each chunk; no CRC is checked."""
    found, at = [], 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += 12 + size
    return found
