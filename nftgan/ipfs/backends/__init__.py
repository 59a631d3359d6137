"""Places that keep blocks, behind one interface: plan, put, status, read back, unpin."""

from __future__ import annotations

import os
from pathlib import Path

from nftgan.errors import CredentialError, UsageError
from nftgan.ipfs.backends.base import Backend, Journal

__all__ = ["TARGETS", "Backend", "Journal", "open_backend", "read_token"]

TARGETS = {
    "embedded": "the block store in nftgan's own folder; no daemon",
    "kubo": "a Kubo node, or a service that speaks its RPC",
}


def read_token() -> str | None:
    """The service's token: NFTGAN_IPFS_TOKEN, else the first line of NFTGAN_IPFS_TOKEN_FILE.

    None when neither is set. Raises CredentialError.
    """
    if token := os.environ.get("NFTGAN_IPFS_TOKEN"):
        return token.strip()
    if not (name := os.environ.get("NFTGAN_IPFS_TOKEN_FILE")):
        return None
    try:
        token = Path(name).expanduser().read_text().strip().split("\n")[0]
    except (OSError, UnicodeDecodeError) as exc:
        raise CredentialError(f"the token file {name} cannot be read") from exc
    if not token:
        raise CredentialError(f"the token file {name} is empty")
    return token


def open_backend(target: str, *, store: Path, url: str | None = None) -> Backend:
    """The target called `target`; `store` is the embedded store's folder, `url` the node's.

    Without `url` a Kubo node is asked at NFTGAN_IPFS_API, else on this machine. Nothing is sent
    yet. Raises UsageError or CredentialError.
    """
    if target == "embedded":
        from nftgan.ipfs.backends.embedded import EmbeddedBackend

        return EmbeddedBackend(store)
    if target == "kubo":
        from nftgan.ipfs.backends.kubo import KuboBackend

        address = url or os.environ.get("NFTGAN_IPFS_API") or "http://127.0.0.1:5001"
        return KuboBackend(address, token=read_token())
    raise UsageError(
        f"unknown place to pin to: {target!r}", hint=f"choose one of {', '.join(TARGETS)}"
    )
