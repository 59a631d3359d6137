"""Gateways serve a published block that hashes to its name: `NFTGAN_LIVE_GATEWAYS`."""

from __future__ import annotations

import pytest

from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.reader import FileReader
from nftgan.ipfs.remote import RemoteGateway
from tests.live.switches import switch, words

HELLO = b"hello world"
"""Pinned by many for years: bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e."""


@pytest.mark.parametrize("gateway", words("GATEWAYS") or ["none"])
def test_a_published_file_is_read_and_hashed(gateway: str) -> None:
    switch("GATEWAYS")
    cid = Cid.of(HELLO, RAW)
    assert str(cid) == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    assert FileReader(RemoteGateway(gateway)).read(cid, 100) == HELLO
