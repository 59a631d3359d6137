"""Content by its CID: ipfs:// links resolved through stores and gateways, every block checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from nftgan.collection.metadata import MAX_DOCUMENT_BYTES
from nftgan.errors import CheckFailed, ServiceError, UsageError
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.reader import MissingBlock

MAX_JSON_BYTES = MAX_DOCUMENT_BYTES
MAX_IMAGE_BYTES = 64 << 20
MAX_MODEL_BYTES = 1 << 30

T = TypeVar("T")

_IPFS_URI = re.compile(r"ipfs://([A-Za-z0-9]{46,64})((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)(/?)")
"""Only names that no browser, gateway or library decodes, drops or folds into others: no "%61",
"." or "..". `fullmatch` alone, since "$" also matches before a final line break."""


class Unavailable(ServiceError):
    """No place that was asked has the content, which says nothing about the content."""


class Source(Protocol):
    """A place with blocks; `nftgan.ipfs.reader.FileReader` is one."""

    def fetch(self, cid: Cid, most_bytes: int) -> bool: ...
    def find(self, root: Cid, path: str) -> Cid: ...
    def pieces(self, cid: Cid, most_bytes: int) -> Iterator[bytes]: ...


def parse_ipfs_uri(uri: str) -> tuple[Cid, str]:
    """(CID, path) of an ipfs:// link that every reader understands alike; else CheckFailed."""
    match = _IPFS_URI.fullmatch(uri)
    if match is None:
        raise CheckFailed(f"{uri[:200]!a} is not an ipfs:// link in its plainest form")
    try:
        cid = Cid.parse(match[1])
    except UsageError as exc:
        raise CheckFailed(exc.message) from exc
    if str(cid) != match[1] or cid.codec not in {RAW, DAG_PB}:
        raise CheckFailed(f"{match[1]} is not the usual form of a file's CID")
    return cid, match[2].strip("/")


class Content:
    """What ipfs:// links point to, from the first of several places that has it.

    A place that is missing a block, or serves a wrong one, is passed over. When all are,
    Unavailable says what each of them answered. CheckFailed says that the content itself, proven by
    its CID, is not what it should be: another place cannot help.
    """

    def __init__(self, sources: Sequence[tuple[str, Source]]) -> None:
        self._sources = tuple(sources)

    def read(self, uri: str, most_bytes: int) -> bytes:
        """The bytes behind `uri`, proven by their CID. Raises CheckFailed or Unavailable."""
        root, path = parse_ipfs_uri(uri)
        return self._ask(uri, lambda one: b"".join(one.pieces(one.find(root, path), most_bytes)))

    def find(self, uri: str) -> Cid:
        """The CID of the file itself behind `uri`. Raises CheckFailed or Unavailable."""
        root, path = parse_ipfs_uri(uri)
        return self._ask(uri, lambda one: one.find(root, path))

    def fetch(self, uri: str, most_bytes: int) -> None:
        """Have the folder behind `uri` ready: ten thousand files in one request where that works.

        Says nothing about the content, and raises nothing: what did not come is asked for later.
        """
        try:
            cid = self.find(uri)
        except (CheckFailed, Unavailable):
            return
        for _, source in self._sources:
            try:
                if source.fetch(cid, most_bytes):
                    return
            except (CheckFailed, ServiceError, UsageError, OSError, ValueError):
                continue

    def save(self, uri: str, write: Callable[[Iterator[bytes]], None], most_bytes: int) -> None:
        """Hand the pieces of the file behind `uri` to `write`, again for each place that is tried.

        Raises what `write` raises, CheckFailed or Unavailable.
        """
        root, path = parse_ipfs_uri(uri)
        self._ask(uri, lambda one: write(one.pieces(one.find(root, path), most_bytes)))

    def _ask(self, uri: str, question: Callable[[Source], T]) -> T:
        answers, proven = [], None
        for name, source in self._sources:
            try:
                return question(source)
            except (MissingBlock, ServiceError) as exc:
                answers.append(f"{name}: {exc.message}")
            except CheckFailed as exc:
                answers.append(f"{name}: {exc.message}")
                proven = proven or exc
            except (OSError, ValueError) as exc:
                answers.append(f"{name}: {exc}")
        said = f"{uri} cannot be had ({'; '.join(answers) or 'no place to ask'})"
        if proven is not None:
            raise CheckFailed(said) from proven
        raise Unavailable(said, hint="try another gateway with --gateway")
