"""The deterministic deployer: the contract that all chains have at one address, and its code."""

from __future__ import annotations

DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Takes a salt and creation code, and makes the contract by CREATE2 (Arachnid's proxy)."""
DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234"
    "f58015156039578182fd5b8082525050506014600cf3"
)
