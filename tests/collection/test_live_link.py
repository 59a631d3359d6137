"""The link to the page that draws a token says which, and nothing else passes for one."""

from __future__ import annotations

import pytest

from nftgan.collection.live_link import (
    LiveLink,
    known_pages,
    live_link,
    opaque_pages,
    pages_without_contour,
    parse_live_link,
    plain_pages,
)
from nftgan.ipfs.cid import Cid

CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
PIXELS = "sha256:" + "ab" * 32


def test_a_link_says_which_piece_it_draws() -> None:
    for seed in (0, 7, 2**32 - 1):
        link = live_link(CID, seed, PIXELS)
        assert parse_live_link(link) == LiveLink(f"ipfs://{CID}", seed, PIXELS)


@pytest.mark.parametrize(
    "change",
    [
        ("ipfs://", "https://"),
        ("/index.html", "/other.html"),
        ("/index.html", "/../index.html"),
        ("seed=7", "seed=07"),
        ("seed=7", "seed=-7"),
        ("seed=7", "seed=7&seed=8"),
        ("&pixels", "&more=1&pixels"),
        ("abab", "ABab"),
        ("abab", "ab"),
    ],
)
def test_any_other_link_is_not_taken_for_it(change: tuple[str, str]) -> None:
    assert parse_live_link(live_link(CID, 7, PIXELS).replace(*change, 1)) is None


def test_the_known_pages_are_cids() -> None:
    assert plain_pages() < opaque_pages() < pages_without_contour() < known_pages()
    # The page of today draws by every recipe of today.
    for one in known_pages():
        assert str(Cid.parse(one)) == one
