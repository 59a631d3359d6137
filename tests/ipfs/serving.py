"""A gateway that serves while a test asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nftgan.ipfs.gateway import Gateway


@contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    """The address of the gateway, which answers inside."""
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    try:
        yield gateway.url
    finally:
        gateway.shutdown()
        gateway.server_close()
