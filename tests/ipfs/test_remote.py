"""A gateway far away may not send us into our own network; one here may send us to itself."""

from __future__ import annotations

import pytest

from nftgan.errors import ServiceError, UsageError
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.remote import gateway_get
from tests.wire import wire

CID = Cid.of(b"block", RAW)
INSIDE = [
    "https://127.0.0.1/x",
    "https://localhost:5001/x",
    "https://[::1]/x",
    "https://10.0.0.7/x",
    "https://192.168.1.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:127.0.0.1]/x",
    "http://elsewhere.example/x",
    "ftp://elsewhere.example/x",
]


def block_at(gateway: str) -> str:
    return f"{gateway}/ipfs/{CID}?format=raw"


@pytest.mark.parametrize("location", INSIDE)
def test_a_public_gateway_that_sends_us_inside_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    net = wire(monkeypatch, {block_at("https://gateway.example"): location})
    with pytest.raises(ServiceError, match="redirects to an address that is not public https"):
        gateway_get("https://gateway.example")(CID)
    assert net.asked == [f"https://gateway.example/ipfs/{CID}?format=raw"]


def test_a_public_gateway_may_send_us_to_another_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = "https://other.example/block"
    net = wire(monkeypatch, {block_at("https://gateway.example"): there})
    assert gateway_get("https://gateway.example")(CID) == b"block"
    assert net.asked[1:] == ["https://other.example/block"]


@pytest.mark.parametrize("location", ["http://10.0.0.7/x", "https://192.168.1.1/x"])
def test_a_gateway_here_may_send_us_to_itself_and_not_into_the_network(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    wire(monkeypatch, {block_at("http://127.0.0.1:8080"): location})
    with pytest.raises(ServiceError, match="not public https"):
        gateway_get("http://127.0.0.1:8080")(CID)
    own = "http://localhost:8080/own-name"
    net = wire(monkeypatch, {block_at("http://127.0.0.1:8080"): own})
    assert gateway_get("http://127.0.0.1:8080")(CID) == b"block"
    assert net.asked[1:] == ["http://localhost:8080/own-name"]


def test_a_gateway_beyond_this_machine_is_asked_by_https_alone() -> None:
    with pytest.raises(UsageError, match="without encryption"):
        gateway_get("http://gateway.example")
    with pytest.raises(UsageError, match="is not a gateway"):
        gateway_get("file:///etc/passwd")
