"""CIDs are read in every common base and refused otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.errors import UsageError
from nftgan.ipfs.cid import DAG_PB, RAW, Cid, base58, read_varint, unbase58, varint

# The CID of the example in the CID specification's human-readable section (cid.ipfs.tech).
SPEC = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


def test_one_cid_in_every_base() -> None:
    cid = Cid.parse(SPEC)
    assert cid.codec == DAG_PB and str(cid) == SPEC
    for text in ("z" + base58(cid.to_bytes()), "f" + cid.to_bytes().hex(), SPEC.upper()):
        assert Cid.parse(text) == cid


@pytest.mark.parametrize(
    "text", ["", "b", "bafy", SPEC[:-2], SPEC + "aa", "Qm" + "0" * 44, "z0", "fzz", "b" * 10**6]
)
def test_what_is_not_a_cid_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a CID"):
        Cid.parse(text)


@given(st.integers(0, 2**63 - 1), st.binary(max_size=3))
def test_varints_come_back(number: int, after: bytes) -> None:
    assert read_varint(varint(number) + after, 0) == (number, len(varint(number)))


@pytest.mark.parametrize("data", [b"\x80\x00", b"\x81\x00", b"\xff\x80\x00"])
def test_a_varint_with_a_byte_too_many_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not minimal"):
        read_varint(data, 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9 + b"\x01"])
def test_a_varint_that_is_cut_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="bad varint"):
        read_varint(data, 0)


@given(st.binary(max_size=60))
def test_base58_comes_back(data: bytes) -> None:
    assert unbase58(base58(data)) == data


@given(st.binary(max_size=60), st.sampled_from([(0, DAG_PB), (1, RAW), (1, DAG_PB)]))
def test_cids_come_back_from_text_and_bytes(data: bytes, kind: tuple[int, int]) -> None:
    cid = Cid.of(data, kind[1], kind[0])
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(cid.to_bytes() + b"after") == (cid, len(cid.to_bytes()))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_a_cid_is_parsed_or_refused(text: str) -> None:
    try:
        cid = Cid.parse(text)
    except UsageError:
        return
    assert Cid.parse(str(cid)) == cid
