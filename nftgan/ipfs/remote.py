"""Blocks from a gateway somewhere else: bounded, checked by the reader, and never from inside."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

from nftgan.addresses import is_inside, is_loopback
from nftgan.errors import ServiceError, UsageError
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, BlockGetter
from nftgan.ipfs.store import MissingBlock

TIMEOUT_SECONDS = 60
BLOCK_SECONDS = 180
"""For a whole block: a gateway that sends a byte a minute does not hold anyone for ever."""
RAW_TYPE = "application/vnd.ipld.raw"


class _NoRedirectInside(urllib.request.HTTPRedirectHandler):
    """A public gateway that sends us to an address of this network is not followed.

    One on this machine may send us to itself: Kubo does, to a name for each CID.
    """

    def __init__(self, *, gateway_is_here: bool) -> None:
        self.gateway_is_here = gateway_is_here

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        parts = urlsplit(newurl)
        host = parts.hostname or ""
        here = is_loopback(host)
        within = self.gateway_is_here and here and parts.scheme in {"http", "https"}
        if not within and (parts.scheme != "https" or is_inside(host)):
            raise ServiceError("a gateway redirects to an address that is not public https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def gateway_get(url: str) -> BlockGetter:
    """Blocks by CID from the trustless gateway at `url`.

    Raises UsageError for plain http beyond this machine. The bytes are not checked here: read
    through `nftgan.ipfs.reader`, which hashes every block.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{url!r} is not a gateway", hint="--gateway https://HOST")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"{host} is asked without encryption", hint="use https")
    here = is_loopback(host)
    opener = urllib.request.build_opener(_NoRedirectInside(gateway_is_here=here))
    if here:  # no proxy may answer for a gateway of this machine
        opener = urllib.request.build_opener(
            _NoRedirectInside(gateway_is_here=True), urllib.request.ProxyHandler({})
        )
    base = url.rstrip("/")

    def get(cid: Cid) -> bytes:
        request = urllib.request.Request(
            f"{base}/ipfs/{cid}?format=raw", headers={"Accept": RAW_TYPE}
        )
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return _whole(response, host)
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code in {404, 410}:
                    raise MissingBlock(f"{host} does not have the block {cid}") from None
            raise ServiceError(f"{host} answers {exc.code} for {cid}") from None
        except OSError as exc:
            raise ServiceError(f"{host} does not answer: {exc}") from None

    return get


def _whole(response: Any, host: str) -> bytes:
    """The body up to one byte more than a block may have, within BLOCK_SECONDS."""
    until = time.monotonic() + BLOCK_SECONDS
    data = bytearray()
    while len(data) <= MAX_BLOCK_BYTES:
        if time.monotonic() > until:
            raise ServiceError(f"{host} is too slow: no block in {BLOCK_SECONDS} s")
        part = response.read1(1 << 16)
        if not part:
            break
        data += part
    return bytes(data)
