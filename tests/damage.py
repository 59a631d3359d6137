"""Random wounds for bytes that a program is to read."""

from __future__ import annotations

import random

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
