"""The deployer that proofs of birth rest on is the one that all chains have."""

from __future__ import annotations

from eth_utils import is_checksum_address, keccak

from nftgan.chain.deployer import DEPLOYER, DEPLOYER_CODE


def test_its_address_and_its_code_are_those_that_are_published() -> None:
    """Its code is 69 bytes, whose hash explorers show; the address has a checksum of its own."""
    assert is_checksum_address(DEPLOYER) and len(DEPLOYER_CODE) == 69
    published = "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    assert keccak(DEPLOYER_CODE).hex() == published
