"""ipfs:// links: one form that all readers take alike, and the first place that has the content."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nftgan.errors import CheckFailed, ServiceError
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.reader import MissingBlock
from nftgan.provenance.content import Content, Unavailable, parse_ipfs_uri

CID = Cid.of(b"art", RAW)


@pytest.mark.parametrize(
    ("rest", "path"), [("", ""), ("/", ""), ("/0.json", "0.json"), ("/a/b-c_d.png", "a/b-c_d.png")]
)
def test_a_plain_link_is_its_cid_and_its_path(rest: str, path: str) -> None:
    assert parse_ipfs_uri(f"ipfs://{CID}{rest}") == (CID, path)


@pytest.mark.parametrize(
    "uri",
    [
        f"ipfs://{CID}/%61/0.json",
        f"ipfs://{CID}/./0.json",
        f"ipfs://{CID}/../0.json",
        f"ipfs://{CID}/.hidden",
        f"ipfs://{CID}//0.json",
        f"ipfs://{CID}/0.json\n",
        f"ipfs://{CID}/0.json?x",
        f"ipfs://{CID}/0.json#x",
        f"ipfs://{CID}/\u202e",
        f"ipfs://{str(CID).upper()}/0.json",
        f"IPFS://{CID}/0.json",
        f"https://ipfs.io/ipfs/{CID}",
        "ipfs://f" + CID.to_bytes().hex(),
        f"ipfs://{Cid(1, 0x71, CID.digest)}",
        "ipfs://",
        "",
    ],
)
def test_a_link_that_readers_take_differently_is_refused(uri: str) -> None:
    with pytest.raises(CheckFailed):
        parse_ipfs_uri(uri)


class Place:
    """A place that answers with bytes or an error."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer, self.asked = answer, 0

    def find(self, root: Cid, path: str) -> Cid:
        return root

    def pieces(self, cid: Cid, most_bytes: int) -> Iterator[bytes]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        yield self.answer


def read(*places: Place) -> bytes:
    return Content([(f"place {i}", p) for i, p in enumerate(places)]).read(f"ipfs://{CID}", 100)


def test_the_next_place_is_asked_after_a_failure_and_none_after_an_answer() -> None:
    last = Place(b"other")
    assert read(Place(MissingBlock("not here")), Place(ServiceError("504")), Place(b"art"), last)
    assert last.asked == 0


def test_when_no_place_has_it_nothing_is_said_about_the_content() -> None:
    with pytest.raises(Unavailable, match="place 0: not here; place 1: 504"):
        read(Place(MissingBlock("not here")), Place(ServiceError("504")))
    with pytest.raises(Unavailable, match="no place to ask"):
        read()


def test_what_a_cid_proves_to_be_wrong_is_wrong_though_another_place_is_silent() -> None:
    with pytest.raises(CheckFailed, match="no folder"):
        read(Place(CheckFailed("no folder")), Place(ServiceError("504")))
