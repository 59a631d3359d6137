"""The core's places to pin to, each opened from its settings in the environment."""

from __future__ import annotations

import os
from dataclasses import replace
from urllib.parse import urlsplit

from nftgan.errors import UsageError
from nftgan.ipfs.backends.access import how_to_give, read_token, require_token
from nftgan.ipfs.backends.base import Backend, Limits, Setup


def embedded(setup: Setup) -> Backend:
    """The block store in nftgan's own folder; no daemon."""
    from nftgan.ipfs.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(setup.store)


def kubo(setup: Setup) -> Backend:
    """A Kubo node, or a service that speaks its RPC; `kubo=URL` names one."""
    from nftgan.ipfs.backends.kubo import KuboBackend

    address = setup.address or _setting("NFTGAN_IPFS_API", "http://127.0.0.1:5001")
    return KuboBackend(address, token=read_token(), wait=setup.wait, shard_bytes=_shard_bytes())


def filebase(setup: Setup) -> Backend:
    """Filebase, by its Kubo-like RPC."""
    from nftgan.ipfs.backends.kubo import KuboBackend

    variable = "NFTGAN_FILEBASE_TOKEN"
    token, missing = _token(setup, variable, "Filebase")
    address = _setting("NFTGAN_FILEBASE_URL", "https://rpc.filebase.io")
    return KuboBackend(
        address,
        token=token,
        name=f"filebase ({urlsplit(address).netloc})",
        variable=variable,
        limits=Limits(free_bytes=5_000_000_000, free_files=500, per_minute=6_000, missing=missing),
        one_root_a_pin=True,
        wait=setup.wait,
        shard_bytes=_shard_bytes(),
    )


def pinata(setup: Setup) -> Backend:
    """Pinata: the CAR goes up whole."""
    from nftgan.ipfs.backends.http import Service
    from nftgan.ipfs.backends.pinata import CHUNK_BYTES, FORM_BYTES, PinataBackend
    from nftgan.ipfs.backends.reading import GatewayReader

    variable = "NFTGAN_PINATA_JWT"
    token, missing = _token(setup, variable, "Pinata")
    limits = replace(PinataBackend.limits, missing=missing)
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
        wait=setup.wait,
    )
    return PinataBackend(
        Service(
            name,
            uploads,
            token=token,
            variable=variable,
            per_minute=pace,
            timeout_seconds=timeout,
            wait=setup.wait,
        ),
        Service(name, api, token=token, variable=variable, per_minute=pace, wait=setup.wait),
        GatewayReader(reader),
        form_bytes=_number("NFTGAN_PINATA_FORM_BYTES", FORM_BYTES),
        chunk_bytes=_number("NFTGAN_PINATA_CHUNK_BYTES", CHUNK_BYTES),
        wait=setup.wait,
        limits=limits,
    )


def psa(setup: Setup) -> Backend:
    """Any endpoint of the Pinning Service API; it fetches the blocks by itself."""
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
    return _pinning_service(setup, "psa", address, gateway, "NFTGAN_PSA_TOKEN", "the target psa")


def everland(setup: Setup) -> Backend:
    """4EVERLAND, by the Pinning Service API that it speaks."""
    address = _setting("NFTGAN_4EVERLAND_URL", "https://api.4everland.dev")
    gateway = _setting("NFTGAN_4EVERLAND_GATEWAY", "https://ipfs.4everland.io")
    token = "NFTGAN_4EVERLAND_TOKEN"
    return _pinning_service(setup, "4everland", address, gateway, token, "4EVERLAND", reads=300)


def _pinning_service(
    setup: Setup,
    label: str,
    address: str,
    gateway: str,
    variable: str,
    person: str,
    *,
    reads: int | None = None,
) -> Backend:
    """reads: requests a minute that its gateway allows."""
    from nftgan.ipfs.backends.http import Service
    from nftgan.ipfs.backends.psa import PsaBackend
    from nftgan.ipfs.backends.reading import GatewayReader

    token, missing = _token(setup, variable, person)
    address = address.rstrip("/").removesuffix("/pins")
    name = f"{label} ({urlsplit(address).netloc})"
    timeout = float(_number("NFTGAN_PIN_TIMEOUT", 60))
    service = Service(
        name, address, token=token, variable=variable, timeout_seconds=timeout, wait=setup.wait
    )
    origins = [word.strip() for word in _setting("NFTGAN_PSA_ORIGINS", "").split(",")]
    return PsaBackend(
        service,
        GatewayReader(
            Service(
                f"{name} by {urlsplit(gateway).netloc}",
                gateway,
                per_minute=reads,
                wait=setup.wait,
            )
        ),
        origins=[word for word in origins if word],
        patience_seconds=_number("NFTGAN_PSA_WAIT", 600),
        wait=setup.wait,
        limits=replace(PsaBackend.limits, missing=missing),
    )


def _token(setup: Setup, variable: str, service: str) -> tuple[str | None, str]:
    """The token, and what to say where a plan is made without one. Raises CredentialError."""
    if not setup.plans_only:
        return require_token(variable, service), ""
    token = read_token(variable)
    return token, "" if token else f"before anything is sent: {how_to_give(variable)}"


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
