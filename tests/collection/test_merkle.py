"""The Merkle tree against OpenZeppelin's published example and a slow second implementation."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from nftgan.collection.merkle import (
    MerkleTree,
    hash_bytes,
    leaf,
    merkle_proof,
    merkle_root,
    verify_proof,
)
from nftgan.errors import UsageError

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


def slow_root(leaves: list[bytes]) -> bytes:
    """The same tree by pairing from the end of a queue, without an index formula."""
    queue = sorted(leaves, reverse=True)
    while len(queue) > 1:
        # The array is filled from its end, so the two last nodes always meet next.
        right, left = queue.pop(), queue.pop()
        queue.insert(0, keccak(min(left, right) + max(left, right)))
    return queue[0]


def test_the_root_equals_openzeppelins_published_example() -> None:
    rows = [("0x" + "11" * 20, 5 * 10**18), ("0x" + "22" * 20, 25 * 10**17)]
    leaves = [keccak(keccak(encode(["address", "uint256"], row))) for row in rows]
    expected = "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"
    assert merkle_root(leaves).hex() == expected


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_a_leaf_is_the_double_hash_of_the_abi_encoding(
    token: int, seed: int, digest: bytes
) -> None:
    encoded = encode(["uint256", "uint32", "bytes32"], [token, seed, digest])
    assert leaf(token, seed, "sha256:" + digest.hex()) == keccak(keccak(encoded))
    assert leaf(token, seed, "0x" + digest.hex()) == keccak(keccak(encoded))


@given(LEAVES)
def test_the_root_equals_a_slow_second_implementation(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == slow_root(leaves)


@given(LEAVES, st.randoms())
def test_the_root_does_not_depend_on_the_order(leaves: list[bytes], random: object) -> None:
    shuffled = list(leaves)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merkle_root(shuffled) == merkle_root(leaves)


@given(LEAVES)
def test_every_proof_holds_and_no_changed_one_does(leaves: list[bytes]) -> None:
    tree = MerkleTree(leaves)
    for index, one in enumerate(leaves):
        proof = tree.proof(index)
        assert len(proof) <= len(leaves).bit_length()
        assert verify_proof(tree.root, one, proof)
        wrong = bytes([one[0] ^ 1]) + one[1:]
        assert not verify_proof(tree.root, wrong, proof)
        if proof:
            assert not verify_proof(tree.root, one, proof[:-1])


def test_a_single_leaf_is_its_own_root_with_an_empty_proof() -> None:
    one = leaf(0, 7, "ab" * 32)
    assert merkle_root([one]) == one
    assert merkle_proof([one], 0) == []


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 31, "zz" * 32, "ab" * 33, "a b" * 16])
def test_text_that_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a SHA-256 hash"):
        hash_bytes(text)


def test_numbers_that_the_contract_cannot_hold_are_refused() -> None:
    with pytest.raises(UsageError, match="uint32"):
        leaf(0, 2**32, "ab" * 32)
    with pytest.raises(UsageError, match="uint256"):
        leaf(-1, 0, "ab" * 32)
    with pytest.raises(UsageError, match="at least one"):
        merkle_root([])
    with pytest.raises(UsageError, match="no piece 1"):
        merkle_proof([b"a" * 32], 1)
