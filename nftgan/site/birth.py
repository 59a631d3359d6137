"""What a page needs to check a contract's birth as `nftgan.chain.birth` does, without our code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nftgan.chain.artifact import FACTORY, SALE, artifact
from nftgan.chain.birth import (
    SALTS,
    Shared,
    clone_creation_template,
    implementation_address,
    sale_domain_head,
    shared_contracts,
)


def shipped(names: Sequence[str]) -> list[dict[str, Any]]:
    """Of each shipped contract that is cloned: what must stand where, and how clones are made.

    names: artifacts. The last of `contracts` makes the clones. Hex digits have no 0x, addresses do.
    """
    return [
        {
            "name": name,
            "implementation": implementation_address(name),
            "contracts": [_code(shared) for shared in shared_contracts(name)],
            "creation": clone_creation_template(name),
            "salts": SALTS[name],
        }
        for name in names
    ]


def _code(shared: Shared) -> dict[str, Any]:
    """Runtime code by its hash with zeros for immutables, their places, and what they may be.

    domain: of a sale, the beginning of one more value, which also depends on chain and address.
    """
    from eth_hash.auto import keccak

    document = artifact(shared.artifact)
    code = bytes.fromhex(document["deployedBytecode"].removeprefix("0x"))
    head = sale_domain_head() if shared.artifact == SALE else b""
    words = 1 if shared.artifact == FACTORY else 2  # how many addresses its constructor takes
    values = [shared.creation_code[-32 * n or None :][:32] for n in range(1, words + 1)]
    values += [head[at : at + 32] for at in range(32, len(head), 32)]
    places = document.get("immutableReferences", {}).values()
    return {
        "role": shared.role,
        "address": shared.address,
        "bytes": len(code),
        "hash": keccak(code).hex(),
        "immutables": [[one["start"] for one in group] for group in places],
        "values": [value.hex() for value in values] if places else [],
        "domain": head.hex(),
    }
