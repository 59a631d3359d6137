"""Places that keep blocks, behind one interface: plan, put, status, read back, unpin."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from nftgan.errors import UsageError
from nftgan.ipfs.backends.access import read_token, require_token
from nftgan.ipfs.backends.base import Backend, Limits, UploadJournal

__all__ = ["TARGETS", "Backend", "Limits", "UploadJournal", "open_backend", "read_token"]

TARGETS = {
    "embedded": "the block store in nftgan's own folder; no daemon",
    "kubo": "a Kubo node, or a service that speaks its RPC",
    "pinata": "Pinata: the CAR goes up whole",
    "filebase": "Filebase, by its Kubo-like RPC",
    "psa": "any endpoint of the Pinning Service API; it fetches the blocks by itself",
}

Wait = Callable[[float], None]


def open_backend(
    target: str, *, store: Path, url: str | None = None, wait: Wait = time.sleep
) -> Backend:
    """The target called `target`; `store` is the embedded store's folder, `url` the node's.

    kubo=URL names a node too, so that there may be several.

    Addresses, tokens and sizes come from the environment, see docs/ipfs.md. Nothing is sent yet.
    Raises UsageError, or CredentialError when a token is missing.
    """
    target, _, address = target.partition("=")
    if address and target != "kubo":
        raise UsageError(f"{target} takes no address", hint="only kubo=URL does")
    if target == "embedded":
        from nftgan.ipfs.backends.embedded import EmbeddedBackend

        return EmbeddedBackend(store)
    if target == "kubo":
        from nftgan.ipfs.backends.kubo import KuboBackend

        address = address or url or _setting("NFTGAN_IPFS_API", "http://127.0.0.1:5001")
        return KuboBackend(address, token=read_token(), wait=wait, shard_bytes=_shard_bytes())
    if target == "filebase":
        return _filebase(wait)
    if target == "pinata":
        return _pinata(wait)
    if target == "psa":
        return _psa(wait)
    raise UsageError(
        f"unknown place to pin to: {target!r}", hint=f"choose one of {', '.join(TARGETS)}"
    )


def _filebase(wait: Wait) -> Backend:
    from nftgan.ipfs.backends.kubo import KuboBackend

    variable = "NFTGAN_FILEBASE_TOKEN"
    token = require_token(variable, "Filebase")
    address = _setting("NFTGAN_FILEBASE_URL", "https://rpc.filebase.io")
    return KuboBackend(
        address,
        token=token,
        name=f"filebase ({urlsplit(address).netloc})",
        variable=variable,
        limits=Limits(free_bytes=5_000_000_000, free_files=500, per_minute=6_000),
        one_root_a_pin=True,
        wait=wait,
        shard_bytes=_shard_bytes(),
    )


def _pinata(wait: Wait) -> Backend:
    from nftgan.ipfs.backends.http import Service
    from nftgan.ipfs.backends.pinata import CHUNK_BYTES, FORM_BYTES, PinataBackend
    from nftgan.ipfs.backends.reading import GatewayReader

    variable = "NFTGAN_PINATA_JWT"
    token = require_token(variable, "Pinata")
    limits = PinataBackend.limits
    pace = _number("NFTGAN_PINATA_PER_MINUTE", limits.per_minute or 60)
    uploads = _setting("NFTGAN_PINATA_UPLOAD_URL", "https://uploads.pinata.cloud")
    api = _setting("NFTGAN_PINATA_API_URL", "https://api.pinata.cloud")
    gateway = _setting("NFTGAN_PINATA_GATEWAY", "https://gateway.pinata.cloud")
    key = read_token("NFTGAN_PINATA_GATEWAY_KEY")
    name = f"pinata ({urlsplit(uploads).netloc})"
    timeout = float(_number("NFTGAN_PIN_TIMEOUT", 300))
    # Its gateway allows 200 requests a minute from one address; a key is of a gateway of one's own.
    reader = Service(
        name,
        gateway,
        secret_headers={"x-pinata-gateway-token": key} if key else {},
        variable="NFTGAN_PINATA_GATEWAY_KEY",
        per_minute=None if key or "NFTGAN_PINATA_GATEWAY" in os.environ else 180,
        wait=wait,
    )
    return PinataBackend(
        Service(
            name,
            uploads,
            token=token,
            variable=variable,
            per_minute=pace,
            timeout_seconds=timeout,
            wait=wait,
        ),
        Service(name, api, token=token, variable=variable, per_minute=pace, wait=wait),
        GatewayReader(reader),
        form_bytes=_number("NFTGAN_PINATA_FORM_BYTES", FORM_BYTES),
        chunk_bytes=_number("NFTGAN_PINATA_CHUNK_BYTES", CHUNK_BYTES),
        wait=wait,
    )


def _psa(wait: Wait) -> Backend:
    from nftgan.ipfs.backends.http import Service
    from nftgan.ipfs.backends.psa import PsaBackend
    from nftgan.ipfs.backends.reading import GatewayReader

    variable = "NFTGAN_PSA_TOKEN"
    address = _setting("NFTGAN_PSA_URL", "")
    if not address:
        raise UsageError(
            "the target psa needs the address of a service",
            hint="set NFTGAN_PSA_URL, such as https://api.filebase.io/v1/ipfs",
        )
    gateway = _setting("NFTGAN_PSA_GATEWAY", "")
    if not gateway:
        raise UsageError(
            "the target psa needs a gateway to read back from",
            hint="set NFTGAN_PSA_GATEWAY to the service's own, or https://trustless-gateway.link",
        )
    token = require_token(variable, "the target psa")
    address = address.rstrip("/").removesuffix("/pins")
    name = f"psa ({urlsplit(address).netloc})"
    timeout = float(_number("NFTGAN_PIN_TIMEOUT", 60))
    service = Service(
        name, address, token=token, variable=variable, timeout_seconds=timeout, wait=wait
    )
    origins = [word.strip() for word in _setting("NFTGAN_PSA_ORIGINS", "").split(",")]
    return PsaBackend(
        service,
        GatewayReader(Service(f"{name} by {urlsplit(gateway).netloc}", gateway, wait=wait)),
        origins=[word for word in origins if word],
        patience_seconds=_number("NFTGAN_PSA_WAIT", 600),
        wait=wait,
    )


def _shard_bytes() -> int:
    from nftgan.ipfs.backends.kubo import SHARD_BYTES

    return _number("NFTGAN_SHARD_BYTES", SHARD_BYTES)


def _setting(variable: str, default: str) -> str:
    return os.environ.get(variable, "").strip() or default


def _number(variable: str, default: int) -> int:
    text = _setting(variable, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise UsageError(f"{variable} is not a whole number above 0")
    return int(text)
