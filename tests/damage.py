"""Random wounds for bytes and documents that a program is to read."""

from __future__ import annotations

import random
from typing import Any

BITS = [
    b"-1",
    b"1e999",
    b"null",
    b"9" * 40,
    b"NaN",
    b'"\\ud800"',
    b"[" * 500,
    b"{}",
    b"../..",
    b"\0",
]

NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1, 3.0, 8.0, 1e308, 2**31, 2**32, 2**64, 10**400, -0.0),
    *("", " ", "\n", "\0", "x" * 5_000, "\u202e", "\x1b[2J", "é", "𝕏", "\ud800", "%61", "..", "."),
    *("ipfs://", "ipfs://x/1.png", "https://example.com/1.png", "data:,", "sha256:" + "0" * 64),
    *("sha256:" + "7" * 63 + "\n", "0x" + "7" * 64, "f64-1", "f64-2", [], {}, [[]], [{}]),
    *({"nftgan": 1}, [0] * 500, {"a": {"a": {"a": {}}}}, [1e999], ["16", "16"], [16, 16]),
]


def damaged(data: bytes, r: random.Random) -> bytes:
    """`data` with one to three random wounds."""
    out = bytearray(data)
    for _ in range(r.randint(1, 3)):
        at, length = r.randrange(len(out) + 1), r.randint(1, 40)
        kind = r.randrange(7)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << r.randrange(8)
        elif kind == 1:
            del out[at:]
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length] * r.randint(1, 30)
        elif kind == 4:
            out[at:at] = r.randbytes(length)
        elif kind == 5:
            out[at : at + r.randint(0, 8)] = r.choice(BITS)
        else:
            numbers = [i for i in range(min(len(out), 20_000)) if 48 <= out[i] < 58]
            if numbers:
                i = r.choice(numbers)
                out[i : i + 1] = r.choice(BITS)
    return bytes(out)


def twist(value: Any, rng: random.Random) -> None:
    """A nasty value somewhere in a document."""
    while isinstance(value, (dict, list)) and value:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and rng.random() < 0.7:
            value = inner
            continue
        match rng.randrange(4):
            case 0 if isinstance(value, dict):
                value[rng.choice(("image_data", "animation_url", "x", "", "nftgan", "seed"))] = (
                    rng.choice(NASTY)
                )
            case 1:
                del value[key]
            case 2 if isinstance(inner, str):
                at = rng.randrange(len(inner) + 1)
                value[key] = inner[:at] + str(rng.choice(NASTY)) + inner[at:]
            case _:
                value[key] = rng.choice(NASTY)
        return
