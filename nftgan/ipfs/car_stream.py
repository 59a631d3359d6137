"""Blocks of a CAR while it arrives, as a gateway sends one: bounded, and none of them believed."""

from __future__ import annotations

from collections.abc import Iterator

from nftgan.ipfs.cid import Cid, read_varint
from nftgan.ipfs.reader import MAX_BLOCK_BYTES

MAX_HEADER_BYTES = 1 << 16
_LONGEST_CID = 100


def car_blocks(pieces: Iterator[bytes]) -> Iterator[tuple[Cid, bytes]]:
    """Each block with the CID that stands before it, in the order of the stream.

    The header is passed over, and no byte is hashed: a reader compares each block with its CID. A
    section with another kind of CID is left out. Raises ValueError for what is no CAR or is cut;
    what came before that has been given out.
    """
    source = _Buffer(pieces)
    head = source.size(MAX_HEADER_BYTES)
    if head is None:
        raise ValueError("it is empty")
    source.take(head)
    while (size := source.size(MAX_BLOCK_BYTES + _LONGEST_CID)) is not None:
        data = source.take(size)
        try:
            cid, at = Cid.from_bytes(data[:_LONGEST_CID])
        except ValueError:
            continue
        yield cid, data[at:]


class _Buffer:
    """Bytes of a stream, taken in any size; at most one section is held."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, bytearray()

    def _fill(self, size: int) -> bool:
        while len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                return False
            self._held += piece
        return True

    def take(self, size: int) -> bytes:
        if not self._fill(size):
            raise ValueError("it is cut")
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    def size(self, most: int) -> int | None:
        """The length that stands next; None at the end of the stream."""
        if not self._fill(1):
            return None
        prefix = b""
        while not prefix or prefix[-1] > 0x7F:
            if len(prefix) > 8:
                raise ValueError("bad varint")
            prefix += self.take(1)
        number, _ = read_varint(prefix, 0)
        if not 0 < number <= most:
            raise ValueError(f"a section of {number} bytes")
        return number
