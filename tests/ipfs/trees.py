"""Trees and stores that the tests share."""

from __future__ import annotations

from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.store import BlockStore

BIG = bytes(range(256)) * 12_000  # three chunks and one inner node


def put(store: BlockStore, tree: Tree) -> Cid:
    """Import a tree into a store."""
    return Importer(lambda cid, data: store.put(cid, data) and None).add_tree(tree).cid
