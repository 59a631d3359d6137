"""Where the collection is pinned: whether anybody else can fetch it."""

from __future__ import annotations

from nftgan.chain.networks import Chain
from nftgan.collection.manifest import Manifest
from nftgan.errors import NftganError
from nftgan.ipfs.backends import open_backend
from nftgan.project import Project
from nftgan.workflows.pin import store_folder, verified_places

LOCAL_CHAINS = frozenset({"embedded", "anvil"})


def serving_warning(project: Project, manifest: Manifest, chain: Chain) -> str | None:
    """What to say before tokens on a public chain lead to content that only this machine has."""
    if chain.name in LOCAL_CHAINS:
        return None
    places = verified_places(project, manifest)
    if not all(map(is_local, places)):
        return None
    where = f"in {', '.join(places)} on this machine" if places else "nowhere that was read back"
    return (
        f"the content is {where}: on {chain.name} every wallet and market will show empty tokens"
        " until it is pinned where others can fetch it, such as nftgan pin --to pinata"
    )


def is_local(target: str) -> bool:
    """Whether the place is on this machine; a place that cannot be opened is taken for another."""
    try:
        backend = open_backend(target, store=store_folder())
    except NftganError:
        return False
    try:
        return backend.limits.local
    finally:
        backend.close()
