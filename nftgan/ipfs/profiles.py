"""How bytes become a DAG: the parameters that decide a CID (IPIP-0499)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from nftgan.errors import UsageError


@dataclass(frozen=True)
class Profile:
    """One set of importer parameters; equal parameters give equal CIDs everywhere."""

    name: str
    cid_version: int
    raw_leaves: bool
    chunk_bytes: int
    width: int  # links of an inner file node
    shard_by_block: bool  # HAMT above 256 KiB of dag-pb block, else of names and CIDs
    shard_above_bytes: int = 262_144


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("unixfs-v1-2025", 1, True, 1 << 20, 1024, shard_by_block=True),
        Profile("unixfs-v0-2015", 0, False, 1 << 18, 174, shard_by_block=False),
        Profile("kubo-cidv1", 1, True, 1 << 18, 174, shard_by_block=False),
    )
}
DEFAULT_PROFILE = "unixfs-v1-2025"


def profile_named(name: str) -> Profile:
    """The profile called `name`; UsageError with a suggestion when there is none."""
    if name not in PROFILES:
        close = difflib.get_close_matches(name, PROFILES, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(PROFILES)}"
        raise UsageError(f"unknown IPFS profile {name!r}", hint=hint)
    return PROFILES[name]
