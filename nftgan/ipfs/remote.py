"""Blocks from a gateway somewhere else: bounded, checked by the reader, and never from inside."""

from __future__ import annotations

from urllib.parse import urlsplit

from nftgan.addresses import encrypted_or_here
from nftgan.errors import ServiceError, UsageError
from nftgan.http import Fault, HttpClient, HttpFault, Response
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, BlockGetter, MissingBlock

TIMEOUT_SECONDS = 60
BLOCK_SECONDS = 180
"""For a whole block: a gateway that sends a byte a minute does not hold anyone for ever."""
REDIRECTS = 5
RAW_TYPE = "application/vnd.ipld.raw"


def gateway_get(url: str) -> BlockGetter:
    """Blocks by CID from the trustless gateway at `url`.

    Raises UsageError for plain http beyond this machine. The bytes are not checked here: read
    through `nftgan.ipfs.reader`, which hashes every block.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{url!r} is not a gateway", hint="--gateway https://HOST")
    if not encrypted_or_here(parts):
        raise UsageError(f"{host} is asked without encryption", hint="use https")
    client = HttpClient(url, timeout=(TIMEOUT_SECONDS, TIMEOUT_SECONDS))
    base = url.rstrip("/")

    def ask(cid: Cid) -> bytes:
        address = f"{base}/ipfs/{cid}?format=raw"
        with client.open("GET", address, headers={"Accept": RAW_TYPE}, redirects=REDIRECTS) as got:
            if got.status in {404, 410}:
                raise MissingBlock(f"{host} does not have the block {cid}")
            if not 200 <= got.status < 300:
                raise ServiceError(f"{host} answers {got.status} for {cid}")
            return _block(got)

    def get(cid: Cid) -> bytes:
        try:
            try:
                return ask(cid)
            except HttpFault as fault:
                if fault.kind is not Fault.BROKEN:
                    raise
                return ask(cid)  # a connection that was kept too long ends so
        except HttpFault as fault:
            if fault.kind is Fault.REDIRECT:
                raise ServiceError(
                    "a gateway redirects to an address that is not public https"
                ) from None
            if fault.kind is Fault.LATE:
                text = f"{host} is too slow: no block in {BLOCK_SECONDS} s"
                raise ServiceError(text) from None
            raise ServiceError(f"{host} does not answer: {fault.reason}") from None

    return get


def _block(response: Response) -> bytes:
    """The body up to one piece more than a block may have: then the reader refuses it."""
    data = bytearray()
    for piece in response.pieces(seconds=BLOCK_SECONDS):
        data += piece
        if len(data) > MAX_BLOCK_BYTES:
            break
    return bytes(data)
