"""Merkle trees with sorted pairs, laid out as OpenZeppelin's StandardMerkleTree."""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

from nftgan.errors import UsageError


def hash_pair(a: bytes, b: bytes) -> bytes:
    """The parent of two nodes; their order does not matter."""
    return keccak(a + b if a < b else b + a)


class MerkleTree:
    """All nodes over `leaves` (32 bytes each, in token order); O(n) to build, O(log n) a proof."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise UsageError("a Merkle tree needs at least one piece")
        if any(len(one) != 32 for one in leaves):
            raise UsageError("a Merkle leaf is 32 bytes long")
        count = len(leaves)
        order = sorted(range(count), key=lambda i: (leaves[i], i))
        self._nodes = [b""] * (2 * count - 1)
        self._place = [0] * count
        for rank, index in enumerate(order):
            place = len(self._nodes) - 1 - rank
            self._nodes[place] = leaves[index]
            self._place[index] = place
        for place in range(count - 2, -1, -1):
            self._nodes[place] = hash_pair(self._nodes[2 * place + 1], self._nodes[2 * place + 2])

    @property
    def root(self) -> bytes:
        return self._nodes[0]

    def proof(self, index: int) -> list[bytes]:
        """The siblings from leaf `index` up to below the root."""
        if not 0 <= index < len(self._place):
            raise UsageError(f"there is no piece {index} among {len(self._place)}")
        place = self._place[index]
        siblings = []
        while place > 0:
            siblings.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return siblings


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The 32-byte root over `leaves`; it does not depend on their order."""
    return MerkleTree(leaves).root


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof of `leaves[index]`; build one MerkleTree when many are wanted."""
    return MerkleTree(leaves).proof(index)


def verify_proof(root: bytes, one: bytes, proof: Sequence[bytes]) -> bool:
    """Whether leaf `one` lies under `root`, exactly as the contract decides it."""
    node = one
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node == root
