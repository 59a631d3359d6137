"""Immutable args: what a collection's contract must fix for ever, by its manifest alone."""

from __future__ import annotations

import dataclasses

from nftgan.chain.accounts import check_address
from nftgan.chain.contract import Collection, CollectionArgs
from nftgan.chain.splitter import packed_shares, splitter_address
from nftgan.collection.manifest import Manifest
from nftgan.errors import CheckFailed


def immutable_args(manifest: Manifest, deployer: str) -> CollectionArgs:
    """The immutable args of the contract that `deployer` makes for this manifest.

    Every CID and pixel hash must be known. Raises UsageError for a royalty receiver that is none.
    """
    royalty, words = manifest.royalties, manifest.collection
    root, cid = manifest.pieces_root, manifest.cids.metadata
    assert root is not None and cid is not None
    receiver = royalty.receiver
    if royalty.shares:
        receiver = splitter_address(packed_shares(royalty.shares))
    return CollectionArgs(
        model=manifest.model.identity,
        recipe=manifest.recipe_hash,
        root=root,
        max_supply=len(manifest.pieces),
        royalty_bps=round(royalty.percent * 100),
        royalty_receiver=check_address(receiver, what="royalty receiver") if receiver else deployer,
        name=words.name,
        symbol=words.symbol,
        base_uri=f"ipfs://{cid}/",
    )


def require_same_collection(collection: Collection, manifest: Manifest) -> CollectionArgs:
    """The contract's immutable args, once they are those of the manifest.

    A record of a deployment may come with a folder from somebody else and name any contract, also
    one of your own: tokens of this collection would stand in it for ever. Raises CheckFailed that
    names what differs; where the manifest leaves the royalty receiver open, that is not compared.
    """
    found = collection.immutable_args()
    if different := differences(collection, immutable_args(manifest, found.royalty_receiver)):
        raise CheckFailed(
            f"the contract {collection.address} is of another collection than collection.json:"
            f" its {', '.join(different)} differ",
            hint="was deployments/ copied from elsewhere? move it away, then nftgan deploy",
        )
    return found


def differences(collection: Collection, wanted: CollectionArgs) -> list[str]:
    """The names of immutable args that are not those wanted; a base URI that was moved too.

    Raises CheckFailed when the contract is not one that our factory made, and ServiceError.
    """
    found = collection.immutable_args()
    different = [
        field.name.replace("_", " ")
        for field in dataclasses.fields(CollectionArgs)
        if getattr(found, field.name) != getattr(wanted, field.name)
    ]
    if "base uri" not in different and collection.base_uri() != wanted.base_uri:
        different.append("base uri, which its owner moved,")
    return different
