"""What is uploaded, read from disk while it goes: a part of a file, framed or bare."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from nftgan.files import os_error

PIECE_BYTES = 1 << 20


class Body:
    """`before`, bytes [start, end) of a file, `after`; its length is known before it is read."""

    def __init__(
        self,
        path: Path,
        start: int,
        end: int,
        *,
        before: bytes = b"",
        after: bytes = b"",
        sent: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`sent` is told the position in the file after each piece."""
        self._path, self._at, self._end = path, start, end
        self._before, self._after = before, after
        self._size = len(before) + end - start + len(after)
        self._sent = sent

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next piece, at most `size` bytes, nothing at the end. Raises UsageError."""
        most = PIECE_BYTES if size < 0 else min(size, PIECE_BYTES)
        if self._before:
            piece, self._before = self._before[:most], self._before[most:]
            return piece
        if self._at < self._end:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._at)
                    piece = file.read(min(most, self._end - self._at))
            except OSError as exc:
                raise os_error(exc, self._path) from exc
            self._at = self._at + len(piece) if piece else self._end
            self._sent(self._at)
            return piece
        piece, self._after = self._after[:most], self._after[most:]
        return piece


def form(
    path: Path, size: int, fields: Mapping[str, str], sent: Callable[[int], None]
) -> tuple[Callable[[], Body], str]:
    """A multipart form of some fields and the file; how to make it, and its content type."""
    boundary = secrets.token_hex(16)
    before = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    before += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="collection.car"'
        "\r\nContent-Type: application/vnd.ipld.car\r\n\r\n"
    ).encode()
    after = f"\r\n--{boundary}--\r\n".encode()

    def make() -> Body:
        return Body(path, 0, size, before=before, after=after, sent=sent)

    return make, f"multipart/form-data; boundary={boundary}"
