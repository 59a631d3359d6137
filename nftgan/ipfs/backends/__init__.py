"""Places that keep blocks, behind one interface: plan, put, status, read back, unpin."""

from __future__ import annotations

import time
from pathlib import Path

from nftgan import plugins
from nftgan.errors import NftganError, UsageError
from nftgan.ipfs.backends.access import read_token
from nftgan.ipfs.backends.base import Backend, Limits, Setup, UploadJournal, Wait

__all__ = ["Backend", "Limits", "Setup", "UploadJournal", "open_backend", "read_token"]

GROUP = "nftgan.pin_targets"
_TAKES_ADDRESS = {
    "embedded": False,
    "kubo": True,
    "pinata": False,
    "filebase": False,
    "4everland": False,
    "psa": False,
}
_FUNCTIONS = {"4everland": "everland"}

plugins.register(
    GROUP,
    {name: f"nftgan.ipfs.backends.targets:{_FUNCTIONS.get(name, name)}" for name in _TAKES_ADDRESS},
)


def open_backend(
    target: str,
    *,
    store: Path,
    url: str | None = None,
    wait: Wait = time.sleep,
    plans_only: bool = False,
) -> Backend:
    """The target called `target`; `store` is the embedded store's folder, `url` the node's.

    kubo=URL names a node too, so that there may be several; targets of plugins take what stands
    after the = as they like.

    Addresses, tokens and sizes come from the environment, see docs/ipfs.md. Nothing is sent yet.
    plans_only: for a look at its limits alone, which needs no token.
    Raises UsageError, or CredentialError when a token is missing.
    """
    target, _, address = target.partition("=")
    known = plugins.parts(GROUP)
    if target not in known:
        raise UsageError(
            f"unknown place to pin to: {target!r}", hint=f"choose one of {', '.join(known)}"
        )
    if address and not _TAKES_ADDRESS.get(target, True):
        raise UsageError(f"{target} takes no address", hint="only kubo=URL does")
    part = known[target]
    factory = part.load()
    setup = Setup(store, address or url or None, wait, plans_only)
    if part.is_core:
        opened: Backend = factory(setup)
        return opened
    try:
        opened = factory(setup)
    except NftganError:
        raise
    except Exception as exc:
        raise part.broken(exc) from exc
    missing = [
        name
        for name in ("name", "limits", "put", "is_pinned", "get", "unpin", "close")
        if not hasattr(opened, name)
    ]
    if missing:
        raise part.broken(f"what it opens has no {missing[0]}")
    return opened
