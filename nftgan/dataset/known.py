"""What an earlier look at a data set found, kept until its files change.

Every image must be decoded for a fingerprint or a hold-out: minutes for a large set. A zip is known
by its path, size, time, inode and directory (names, sizes, CRCs); a folder by those of its files.
A cache that cannot be read or written costs the time again, and nothing else.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from nftgan.errors import NftganError
from nftgan.files import parse_json, sha256_hex, write_json
from nftgan.project import state_home

VERSION = 1
_this_process: dict[str, dict[str, Any]] = {}  # where the cache cannot be written


def known_fingerprint(state: str) -> str | None:
    """The fingerprint of the data set whose files are in this state."""
    found = _document(state).get("fingerprint")
    return found if isinstance(found, str) and found.startswith("sha256:") else None


def keep_fingerprint(state: str, fingerprint: str) -> None:
    _keep(state, {"fingerprint": fingerprint})


def known_held(state: str, rule: str, images: int) -> np.ndarray | None:
    """int64, ascending: the images that the rule holds out of `images`."""
    found = (_document(state).get("held") or {}).get(rule)
    if not isinstance(found, list) or len(found) >= images:
        return None
    if not all(type(one) is int and 0 <= one < images for one in found):
        return None
    held = np.array(found, dtype=np.int64)
    return held if bool((np.diff(held) > 0).all()) else None


def keep_held(state: str, rule: str, held: np.ndarray) -> None:
    _keep(state, {"held": {**(_document(state).get("held") or {}), rule: held.tolist()}})


def _document(state: str) -> dict[str, Any]:
    if state in _this_process:
        return _this_process[state]
    found: Any = {}
    with contextlib.suppress(OSError, ValueError, NftganError):
        found = parse_json(_path(state).read_bytes())
    if not isinstance(found, dict) or (found.get("nftgan"), found.get("of")) != (VERSION, state):
        return {}
    return found if isinstance(found.get("held", {}), dict) else {}


def _keep(state: str, more: dict[str, Any]) -> None:
    document = {**_document(state), **more, "nftgan": VERSION, "of": state}
    _this_process[state] = document
    with contextlib.suppress(OSError, NftganError):
        _path(state).parent.mkdir(parents=True, exist_ok=True)
        write_json(_path(state), document)
        del _this_process[state]


def _path(state: str) -> Path:
    return state_home() / "cache" / "datasets" / f"{sha256_hex(state.encode())[:32]}.json"
