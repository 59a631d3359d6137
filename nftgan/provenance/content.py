"""Content by its CID: ipfs:// links resolved through stores and gateways, every block checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from nftgan.errors import CheckFailed

MAX_JSON_BYTES = 4 << 20
MAX_IMAGE_BYTES = 256 << 20
MAX_MODEL_BYTES = 4 << 30

Reader = Callable[[str, str, int], bytes]
"""(cid, path below it, most bytes) → the file's bytes, each block checked against its CID."""

_IPFS_URI = re.compile(r"ipfs://([A-Za-z0-9]+)((?:/[^/?#]+)*)/?")


def parse_ipfs_uri(uri: str) -> tuple[str, str]:
    """(CID, path) of an ipfs:// link; CheckFailed when it is not one."""
    match = _IPFS_URI.fullmatch(uri)
    if match is None or ".." in PurePosixPath(match[2]).parts:
        raise CheckFailed(f"{uri[:200]!r} is not an ipfs:// link")
    return match[1], match[2].strip("/")


class Content:
    """What ipfs:// links point to, from the first of several places that has it.

    A place that is missing a block, or serves a wrong one, is passed over; when all are,
    CheckFailed says what each of them answered.
    """

    def __init__(self, readers: Sequence[tuple[str, Reader]]) -> None:
        self._readers = tuple(readers)

    def read(self, uri: str, most_bytes: int) -> bytes:
        """The bytes behind `uri`, proven by their CID. Raises CheckFailed."""
        cid, path = parse_ipfs_uri(uri)
        answers = []
        for name, reader in self._readers:
            try:
                return reader(cid, path, most_bytes)
            except Exception as exc:
                answers.append(f"{name}: {getattr(exc, 'message', exc)}")
        raise CheckFailed(f"{uri} cannot be had ({'; '.join(answers) or 'no place to ask'})")
