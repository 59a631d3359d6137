"""The shipped contracts: ABI and bytecode, and the errors that they declare."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from nftgan.files import parse_json

COLLECTION, FACTORY = "NftganCollection", "NftganFactory"
COLLECTION_CODE = "NftganCollectionCode"
"""The collection that keeps its seeds in contract code too."""
SALE = "NftganSale"
SPLITTER = "NftganSplitter"

_STRING_ERROR, _PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")


@functools.cache
def artifact(name: str) -> dict[str, Any]:
    """ABI, bytecode and build settings of a shipped contract."""
    path = resources.files("nftgan.chain").joinpath("artifacts").joinpath(f"{name}.json")
    document: dict[str, Any] = parse_json(path.read_bytes())
    return document


@functools.cache
def _errors() -> dict[bytes, dict[str, Any]]:
    from eth_utils import keccak

    found = {}
    for name in (
        COLLECTION_CODE,
        FACTORY,
        SALE,
        SPLITTER,
    ):  # the variant declares what the collection does
        for entry in artifact(name)["abi"]:
            if entry["type"] == "error":
                types = ",".join(value["type"] for value in entry["inputs"])
                found[keccak(text=f"{entry['name']}({types})")[:4]] = entry
    return found


def decode_revert(data: bytes) -> str:
    """Revert data as "WrongStart(expected 3, got 0)"; its hex when nothing declares it."""
    from eth_abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        if data[:4] == _STRING_ERROR:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == _PANIC:
            return f"panic 0x{decode(['uint256'], data[4:])[0]:02x}"
        entry = _errors().get(data[:4])
        if entry is not None:
            values = decode([value["type"] for value in entry["inputs"]], data[4:])
            named = (f"{i['name']} {v}" for i, v in zip(entry["inputs"], values, strict=True))
            return f"{entry['name']}({', '.join(named)})"
    except (DecodingError, UnicodeDecodeError):
        pass
    return f"error 0x{data[:68].hex()}" if data else "no reason given"
