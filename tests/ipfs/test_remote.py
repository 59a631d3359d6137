"""A gateway far away may not send us into our own network; one here may send us to itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from nftgan.errors import ServiceError, UsageError
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.reader import MissingBlock
from nftgan.ipfs.remote import RemoteGateway
from nftgan.ipfs.store import BlockStore
from tests.ipfs.busy_gateway import BusyGateway
from tests.ipfs.serving import serving
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
        RemoteGateway("https://gateway.example")(CID)
    assert net.asked == [f"https://gateway.example/ipfs/{CID}?format=raw"]


def test_a_public_gateway_may_send_us_to_another_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = "https://other.example/block"
    net = wire(monkeypatch, {block_at("https://gateway.example"): there})
    assert RemoteGateway("https://gateway.example")(CID) == b"block"
    assert net.asked[1:] == ["https://other.example/block"]


@pytest.mark.parametrize("location", ["http://10.0.0.7/x", "https://192.168.1.1/x"])
def test_a_gateway_here_may_send_us_to_itself_and_not_into_the_network(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    wire(monkeypatch, {block_at("http://127.0.0.1:8080"): location})
    with pytest.raises(ServiceError, match="not public https"):
        RemoteGateway("http://127.0.0.1:8080")(CID)
    own = "http://localhost:8080/own-name"
    net = wire(monkeypatch, {block_at("http://127.0.0.1:8080"): own})
    assert RemoteGateway("http://127.0.0.1:8080")(CID) == b"block"
    assert net.asked[1:] == ["http://localhost:8080/own-name"]


def test_a_gateway_beyond_this_machine_is_asked_by_https_alone() -> None:
    with pytest.raises(UsageError, match="without encryption"):
        RemoteGateway("http://gateway.example")
    with pytest.raises(UsageError, match="is not a gateway"):
        RemoteGateway("file:///etc/passwd")


# ---- a gateway that is busy


class Waits(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def busy(store: BlockStore) -> Iterator[BusyGateway]:
    gateway = BusyGateway(store.get)
    with serving(gateway):
        yield gateway


@pytest.mark.parametrize(
    ("fault", "waits"), [("429:7", [7.0]), ("503", [0.5]), ("504", [0.5]), ("cut", [0.5])]
)
def test_a_gateway_that_is_busy_is_asked_again_as_it_wishes(
    store: BlockStore, busy: BusyGateway, fault: str, waits: list[float]
) -> None:
    store.put(CID, b"block")
    busy.fault = lambda number: fault if number == 1 else ""
    slept, notes = Waits(), list[str]()
    assert RemoteGateway(busy.url, wait=slept, note=notes.append)(CID) == b"block"
    assert slept == waits and len(busy.asked) == 2
    assert len(notes) == (1 if waits[0] >= 5 else 0)
    if notes:
        assert notes == [f"127.0.0.1 answers 429 for {CID}: asked again in 7 s"]


def test_a_gateway_that_stays_busy_is_left_after_some_blocks(
    store: BlockStore, busy: BusyGateway
) -> None:
    busy.fault = lambda number: "503"
    gateway = RemoteGateway(busy.url, wait=Waits())
    for _ in range(3):
        with pytest.raises(ServiceError, match="answers 503"):
            gateway(CID)
    assert len(busy.asked) == 15
    with pytest.raises(ServiceError, match="it was given up"):
        gateway(CID)
    assert len(busy.asked) == 15


def test_one_that_wants_an_hour_is_not_waited_for(store: BlockStore, busy: BusyGateway) -> None:
    busy.fault = lambda number: "429:3600"
    slept = Waits()
    with pytest.raises(ServiceError, match="asks to wait 3600 s"):
        RemoteGateway(busy.url, wait=slept)(CID)
    assert slept == [] and len(busy.asked) == 1


def test_a_block_that_is_not_there_says_nothing_against_the_gateway(
    store: BlockStore, busy: BusyGateway
) -> None:
    gateway = RemoteGateway(busy.url, wait=Waits())
    for _ in range(5):
        with pytest.raises(MissingBlock):
            gateway(CID)
    store.put(CID, b"block")
    assert gateway(CID) == b"block"


def test_a_machine_that_is_not_there_is_found_out_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        gateway = RemoteGateway(f"http://127.0.0.1:{taken.getsockname()[1]}", wait=Waits())
        with pytest.raises(ServiceError, match="does not answer"):
            gateway(CID)
        with pytest.raises(ServiceError, match="given up"):
            gateway(CID)
