"""The Merkle tree of a collection's pieces: one root on chain proves every seed and image.

A leaf is keccak256(keccak256(abi.encode(uint256 id, uint32 seed, bytes32 pixelHash))). Leaves are
sorted, stored at the end of an array in falling order, and each parent hashes its two children in
sorted order: the layout of OpenZeppelin's StandardMerkleTree, whose proofs any sorted-pair
verifier in Solidity accepts. The double hash keeps an inner node from passing as a leaf.
"""

from __future__ import annotations

from eth_hash.auto import keccak

from nftgan.chain.merkle import MerkleTree, hash_pair, merkle_proof, merkle_root, verify_proof
from nftgan.errors import UsageError
from nftgan.seeds import MAX_SEED

__all__ = [
    "MerkleTree",
    "hash_bytes",
    "hash_pair",
    "leaf",
    "merkle_proof",
    "merkle_root",
    "verify_proof",
]

PREFIX = "sha256:"


def hash_bytes(pixel_hash: str) -> bytes:
    """The 32 bytes of "sha256:…" or of 64 hex digits, with or without 0x; else UsageError."""
    digits = pixel_hash.removeprefix(PREFIX).removeprefix("0x")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(digits) != 64:
        raise UsageError(f"{pixel_hash!r} is not a SHA-256 hash", hint="64 hex digits")
    return raw


def leaf(token_id: int, seed: int, pixel_hash: str) -> bytes:
    """The 32-byte leaf of one piece. Raises UsageError for a number that the contract cannot hold.

    pixel_hash: "sha256:…" or hex.
    """
    if not 0 <= token_id < 2**256:
        raise UsageError(f"token id {token_id} does not fit in uint256")
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed {seed} does not fit in uint32")
    encoded = token_id.to_bytes(32, "big") + seed.to_bytes(32, "big") + hash_bytes(pixel_hash)
    return keccak(keccak(encoded))
