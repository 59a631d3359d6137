"""Reading back through a service's gateway: blocks where it gives blocks, else files by path."""

from __future__ import annotations

from collections.abc import Iterator

from nftgan.ipfs.backends.base import NoRawBlocks, ServiceRefused, ServiceTimeout
from nftgan.ipfs.backends.http import Service
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, MissingBlock

RAW_TYPE = "application/vnd.ipld.raw"
IDENTITY_CID = "bafkqaaa"
"""The CID that holds its own, empty content: any gateway can answer for it."""


class GatewayReader:
    """Blocks, and files by path, as a gateway serves them; nothing is checked here."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._trustless: bool | None = None

    def get(self, cid: Cid) -> bytes:
        """One block. Raises MissingBlock, NoRawBlocks or ServiceError."""
        if not self._gives_blocks():
            if cid.codec != RAW:
                raise NoRawBlocks(f"{self._service.name} gives files only")
            return self._read(f"ipfs/{cid}", f"the block {cid}")
        return self._read(f"ipfs/{cid}?format=raw", f"the block {cid}")

    def by_path(self, path: str) -> Iterator[bytes]:
        """The content of a file at ROOT/path, piece by piece. Raises MissingBlock."""
        what = f"the file {path}"
        try:
            yield from self._service.stream(f"ipfs/{path}", what=what)
        except (ServiceRefused, ServiceTimeout) as exc:
            raise MissingBlock(f"{self._service.name} does not have {what}") from exc

    def _gives_blocks(self) -> bool:
        if self._trustless is None:
            try:
                answer = self._service.request(
                    "GET",
                    f"ipfs/{IDENTITY_CID}?format=raw",
                    what="a probe",
                    headers={"Accept": RAW_TYPE},
                    allow=range(300, 500),
                )
            except ServiceTimeout:
                self._trustless = False
            else:
                kind = answer.headers.get("content-type", "")
                self._trustless = answer.status == 200 and kind.startswith(RAW_TYPE)
        return self._trustless

    def _read(self, path: str, what: str) -> bytes:
        try:
            headers = {"Accept": RAW_TYPE} if self._trustless else None
            return self._service.request(
                "GET", path, what=what, headers=headers, most_bytes=MAX_BLOCK_BYTES
            ).data
        except (ServiceRefused, ServiceTimeout) as exc:
            raise MissingBlock(f"{self._service.name} does not have {what}") from exc

    def close(self) -> None:
        """Let go of the connection."""
        self._service.close()


class GatewayReads:
    """The reading half of a backend whose service has a gateway."""

    _gateway: GatewayReader

    def get(self, cid: Cid) -> bytes:
        """A block as the gateway serves it. Raises MissingBlock, NoRawBlocks or ServiceError."""
        return self._gateway.get(cid)

    def by_path(self, path: str) -> Iterator[bytes]:
        """A file as the gateway serves it. Raises MissingBlock or ServiceError."""
        return self._gateway.by_path(path)
