"""A CAR that arrives in any pieces gives its blocks; one that is cut gives those before the cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nftgan.ipfs.car import header, section
from nftgan.ipfs.car_stream import car_blocks
from nftgan.ipfs.cid import RAW, Cid, varint

BLOCKS = [(Cid.of(data, RAW), data) for data in (b"", b"one", bytes(70_000))]
CAR = header(BLOCKS[0][0]) + b"".join(section(cid, data) for cid, data in BLOCKS)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[at : at + size] for at in range(0, len(data), size)])


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_the_pieces_in_which_a_car_comes_do_not_matter(size: int) -> None:
    assert list(car_blocks(pieces(CAR, size))) == BLOCKS


def test_what_came_before_the_cut_is_given() -> None:
    found = []
    with pytest.raises(ValueError, match="it is cut"):
        for one in car_blocks(pieces(CAR[:-1], 1000)):
            found.append(one)
    assert found == BLOCKS[:2]


def test_a_section_of_another_hash_is_left_out() -> None:
    blake = b"\x01\x55\x1e\x20" + bytes(32) + b"data"
    strange = header(BLOCKS[0][0]) + varint(len(blake)) + blake + section(*BLOCKS[1])
    assert list(car_blocks(pieces(strange, 64))) == BLOCKS[1:2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<html>Just a moment...</html>", "cut"),
        (varint(1 << 20), "a section of"),
        (header(BLOCKS[0][0]) + varint(1 << 40), "a section of"),
        (header(BLOCKS[0][0]) + b"\xff" * 12, "bad varint"),
    ],
)
def test_what_is_no_car_is_said_and_holds_no_memory(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(car_blocks(pieces(data, 5)))
