"""A gateway far away may not send us into our own network; one here may send us to itself."""

from __future__ import annotations

import io
import urllib.request
from email.message import Message
from typing import Any

import pytest

from nftgan.errors import ServiceError, UsageError
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.remote import gateway_get

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


class Wire:
    """Stands where the network does: what is asked for, and what comes back."""

    def __init__(self, location: str | None) -> None:
        self.location, self.asked = location, list[str]()

    def __call__(self, handler: Any, request: urllib.request.Request) -> Any:
        self.asked.append(request.full_url)
        headers = Message()
        status, body = 200, b"block"
        if self.location and len(self.asked) == 1:
            headers["Location"], status, body = self.location, 302, b""
        response = urllib.request.addinfourl(Answer(body), headers, request.full_url, status)
        response.msg = "said"
        return response


class Answer(io.BytesIO):
    """A body as http.client gives it."""


def wire(monkeypatch: pytest.MonkeyPatch, location: str | None) -> Wire:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = Wire(location)
    for kind, name in (("HTTPHandler", "http_open"), ("HTTPSHandler", "https_open")):
        monkeypatch.setattr(getattr(urllib.request, kind), name, lambda s, r: made(s, r))
    return made


@pytest.mark.parametrize("location", INSIDE)
def test_a_public_gateway_that_sends_us_inside_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    net = wire(monkeypatch, location)
    with pytest.raises(ServiceError, match="redirects to an address that is not public https"):
        gateway_get("https://gateway.example")(CID)
    assert net.asked == [f"https://gateway.example/ipfs/{CID}?format=raw"]


def test_a_public_gateway_may_send_us_to_another_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = wire(monkeypatch, "https://other.example/block")
    assert gateway_get("https://gateway.example")(CID) == b"block"
    assert net.asked[1:] == ["https://other.example/block"]


@pytest.mark.parametrize("location", ["http://10.0.0.7/x", "https://192.168.1.1/x"])
def test_a_gateway_here_may_send_us_to_itself_and_not_into_the_network(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    wire(monkeypatch, location)
    with pytest.raises(ServiceError, match="not public https"):
        gateway_get("http://127.0.0.1:8080")(CID)
    net = wire(monkeypatch, "http://localhost:8080/own-name")
    assert gateway_get("http://127.0.0.1:8080")(CID) == b"block"
    assert net.asked[1:] == ["http://localhost:8080/own-name"]


def test_a_gateway_beyond_this_machine_is_asked_by_https_alone() -> None:
    with pytest.raises(UsageError, match="without encryption"):
        gateway_get("http://gateway.example")
    with pytest.raises(UsageError, match="is not a gateway"):
        gateway_get("file:///etc/passwd")
