"""dag-pb and UnixFS as protobuf writes them; what readers could read in two ways is refused."""

from __future__ import annotations

import contextlib

import pytest

from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import (
    DIRECTORY,
    FANOUT,
    FILE,
    SHARD,
    Link,
    UnixFs,
    decode_node,
    decode_unixfs,
    encode_node,
    encode_unixfs,
)

EMPTY_FOLDER = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
"""As every implementation names it."""


def cid(text: bytes, codec: int = RAW) -> Cid:
    return Cid.of(text, codec)


LINKS = (Link("0.png", cid(b"a"), 300), Link("", cid(b"b", DAG_PB), 1 << 40))


def test_an_empty_folder_has_the_cid_that_everybody_knows() -> None:
    data = encode_node([], encode_unixfs(UnixFs(DIRECTORY)))
    assert data == b"\x0a\x02\x08\x01"
    assert str(cid(data, DAG_PB)) == EMPTY_FOLDER


def test_what_is_written_is_read_back() -> None:
    node = decode_node(encode_node(LINKS, b"data"))
    assert node.links == LINKS and node.data == b"data"
    for record in (
        UnixFs(DIRECTORY),
        UnixFs(FILE, b"inline", 6),
        UnixFs(FILE, b"", 300, (100, 200)),
        UnixFs(SHARD, b"\1\2", None, (), FANOUT, 0x22),
    ):
        assert decode_unixfs(encode_unixfs(record)) == record


def test_sizes_packed_together_are_the_same_sizes() -> None:
    packed = b"\x08\x02\x18\x2a\x22\x03\x05\x80\x01"  # kind 2, 42 bytes, parts 5 and 128
    assert decode_unixfs(packed) == UnixFs(FILE, b"", 42, (5, 128))


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x01x" + encode_node(LINKS[:1], b"")[:-2],  # data before links
        b"\x0a\x01x\x0a\x01y",  # data twice
        b"\x12\x00",  # a link without CID
        b"\x0a\x05x",  # cut
        b"\x1a\x01x",  # a field that is not one
        b"\x08\x01",  # a number where bytes are
        b"\x0d\x00\x00\x00\x00",  # a wire type that is not used
        b"\x12\x05\x18\x01\x12\x01x",  # a link's size before its name
    ],
    ids=range(8),
)
def test_a_node_that_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode_node(data)


@pytest.mark.parametrize("data", [b"", b"\x08\x02\x08\x01", b"\x08\x02\x18\x01\x18\x02", b"\x4a\0"])
def test_a_record_without_or_with_two_kinds_or_sizes_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode_unixfs(data)


def test_every_cut_of_a_node_is_refused_or_another_node() -> None:
    whole = encode_node(LINKS, b"data")
    for end in range(len(whole)):
        with contextlib.suppress(ValueError):
            assert decode_node(whole[:end]) != decode_node(whole)
