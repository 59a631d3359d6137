"""The compiler's standard JSON input of each shipped contract: what verifies it at an explorer."""

from __future__ import annotations

import functools
import gzip
import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from nftgan.chain.artifact import artifact
from nftgan.chain.birth import Shared
from nftgan.files import parse_json

_OUTPUT = {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}}


@dataclass(frozen=True)
class Submission:
    """All that an explorer asks about a contract before it compiles it again."""

    address: str
    name: str  # "src/NftganCollection.sol:NftganCollection"
    compiler: str  # "0.8.37+commit.f401782d"
    arguments: str  # ABI-encoded constructor arguments, hexadecimal without 0x; empty: none
    input: dict[str, Any]


def submission(one: Shared) -> Submission:
    """What verifies a shared contract. Raises AssertionError when the package is damaged."""
    built = artifact(one.artifact)
    code = bytes.fromhex(built["bytecode"].removeprefix("0x"))
    assert one.creation_code.startswith(code), one.artifact
    (path,) = (p for p in built["sources"] if p.endswith(f"/{one.artifact}.sol") and _own(p))
    texts = _sources("-".join(path.split("/")[:-1]))
    for place, digest in built["sources"].items():
        assert hashlib.sha256(texts[place].encode()).hexdigest() == digest, place
    return Submission(
        one.address,
        f"{path}:{one.artifact}",
        built["compiler"]["version"],
        one.creation_code[len(code) :].hex(),
        {
            "language": "Solidity",
            "sources": {place: {"content": texts[place]} for place in sorted(built["sources"])},
            "settings": {**built["compiler"]["settings"], "outputSelection": _OUTPUT},
        },
    )


def _own(path: str) -> bool:
    return path.startswith("src/")


@functools.cache
def _sources(folder: str) -> dict[str, str]:
    """Path → text of everything that one run of the compiler read, as contracts/build.mjs ships."""
    file = (
        resources.files("nftgan.chain").joinpath("artifacts").joinpath(f"sources-{folder}.json.gz")
    )
    texts: dict[str, str] = parse_json(gzip.decompress(file.read_bytes()))
    return texts
