"""Content identifiers: CIDv0 and CIDv1 with SHA-256, to bytes and text and back."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from nftgan.errors import UsageError

RAW, DAG_PB = 0x55, 0x70
_SHA256 = b"\x12\x20"  # multihash: sha2-256, 32 bytes
_BEFORE_DIGEST = {(0, DAG_PB): _SHA256}
_BEFORE_DIGEST |= {(1, codec): bytes([1, codec]) + _SHA256 for codec in (RAW, DAG_PB)}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


_ONE_BYTE = [bytes([number]) for number in range(0x80)]


def varint(number: int) -> bytes:
    """Unsigned LEB128, as multiformats and protobuf write it."""
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, next position); ValueError when it is cut, above 63 bits or not minimal."""
    number = shift = 0
    while True:
        if at >= len(data) or shift > 56:
            raise ValueError("bad varint")
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            if byte == 0 and shift:
                raise ValueError("varint is not minimal")
            return number, at
        shift += 7


@dataclass(frozen=True, order=True)
class Cid:
    """A CID: its version, the codec of the block and the SHA-256 of its bytes."""

    version: int
    codec: int
    digest: bytes

    @staticmethod
    def of(data: bytes, codec: int, version: int = 1) -> Cid:
        """The CID of a block."""
        return Cid(version, codec, hashlib.sha256(data).digest())

    @property
    def multihash(self) -> bytes:
        return _SHA256 + self.digest

    def to_bytes(self) -> bytes:
        """The binary form that stands in dag-pb links and CAR sections."""
        before = _BEFORE_DIGEST.get((self.version, self.codec))
        if before is None:
            before = b"\x01" + varint(self.codec) + _SHA256
        return before + self.digest

    def __str__(self) -> str:
        """Base58 for version 0, lower-case base32 for version 1."""
        if self.version == 0:
            return base58(self.multihash)
        return "b" + base64.b32encode(self.to_bytes()).decode().rstrip("=").lower()

    @staticmethod
    def from_bytes(data: bytes, at: int = 0) -> tuple[Cid, int]:
        """(CID, next position) from its binary form; ValueError when it is not one of ours."""
        if data[at : at + 2] == _SHA256:
            return Cid(0, DAG_PB, _digest(data, at + 2)), at + 34
        version, at = read_varint(data, at)
        codec, at = read_varint(data, at)
        if version != 1 or data[at : at + 2] != _SHA256:
            raise ValueError("not a CIDv1 with SHA-256")
        return Cid(1, codec, _digest(data, at + 2)), at + 34

    @staticmethod
    def parse(text: str) -> Cid:
        """The CID that `text` names (base58 v0; base32, base58 or hex v1). Raises UsageError."""
        try:
            if text.startswith("Qm") and len(text) == 46:
                raw = unbase58(text)
            elif text[:1] in {"b", "B"} and len(text) < 200:
                body = text[1:].upper()
                raw = base64.b32decode(body + "=" * (-len(body) % 8))
            elif text[:1] == "z" and len(text) < 200:
                raw = unbase58(text[1:])
            elif text[:1] == "f" and len(text) < 200:
                raw = bytes.fromhex(text[1:])
            else:
                raise ValueError("unknown base")
            cid, end = Cid.from_bytes(raw)
            if end != len(raw):
                raise ValueError("bytes are left over")
        except ValueError as exc:
            raise UsageError(f"{text[:100]!r} is not a CID: {exc}") from exc
        return cid


def _digest(data: bytes, at: int) -> bytes:
    digest = data[at : at + 32]
    if len(digest) != 32:
        raise ValueError("the digest is cut")
    return digest


def base58(data: bytes) -> str:
    """Bitcoin's base58, without checksum."""
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    """The inverse of `base58`; ValueError for another letter."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
