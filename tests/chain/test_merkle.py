"""Trees of allowlists and pieces: every leaf is proven, and nothing else is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from eth_utils import keccak

from nftgan.chain.merkle import MerkleTree, hash_pair, merkle_proof, merkle_root, verify_proof
from nftgan.errors import UsageError

LEAVES = [keccak(bytes([number])) for number in range(7)]


def test_a_tree_of_three_is_hashed_as_openzeppelin_does() -> None:
    low, middle, high = sorted(LEAVES[:3])
    pair = keccak(low + middle)  # the last two places of the array hold the smallest leaves
    root = keccak(min(pair, high) + max(pair, high))
    assert merkle_root(LEAVES[:3]) == root
    assert merkle_proof([low, middle, high], 0) == [middle, high]
    assert merkle_proof([low, middle, high], 2) == [pair]
    assert merkle_root([LEAVES[0]]) == LEAVES[0] and merkle_proof([LEAVES[0]], 0) == []


def test_a_pair_has_one_parent_in_either_order() -> None:
    for a, b in pairwise(LEAVES):
        assert hash_pair(a, b) == hash_pair(b, a) == keccak(min(a, b) + max(a, b))


@pytest.mark.parametrize("count", range(1, 8))
def test_every_leaf_is_proven_and_no_other_proof_is_accepted(count: int) -> None:
    tree = MerkleTree(LEAVES[:count])
    assert tree.root == merkle_root(LEAVES[:count][::-1])
    for index in range(count):
        proof = tree.proof(index)
        assert verify_proof(tree.root, LEAVES[index], proof)
        assert not verify_proof(tree.root, keccak(b"another"), proof)
        for place, sibling in enumerate(proof):
            forged = bytes([sibling[0] ^ 1]) + sibling[1:]
            assert not verify_proof(
                tree.root, LEAVES[index], [*proof[:place], forged, *proof[place + 1 :]]
            )
        if proof:
            assert not verify_proof(tree.root, LEAVES[index], proof[:-1])


def test_what_is_no_tree_or_no_leaf_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one"):
        MerkleTree([])
    with pytest.raises(UsageError, match="32 bytes"):
        MerkleTree([b"short"])
    for index in (-1, 3):
        with pytest.raises(UsageError, match=f"no piece {index} among 3"):
            MerkleTree(LEAVES[:3]).proof(index)
