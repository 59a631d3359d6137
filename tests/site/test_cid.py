"""CIDs in the page are those of the program, and bytes have one or have not."""

from __future__ import annotations

import pytest

from nftgan.ipfs.importer import Importer
from tests.site.asking import Page, base

pytestmark = pytest.mark.node


def test_bytes_are_what_a_cid_names_or_not(page: Page) -> None:
    one = str(Importer().add_bytes(b"piece 3").cid)
    assert page.ask("named", data=base(b"piece 3"), cid=one) is True
    assert page.ask("named", data=base(b"piece 4"), cid=one) is False
    folder = str(Importer().add_tree({"a": b"x"}).cid)
    assert page.ask("named", data=base(b""), cid=folder) is None  # of several blocks
    for wrong in (one[:-1], one.upper(), "Qm" + one, one + "a", ""):
        assert "CID" in str(page.ask("named", data=base(b"piece 3"), cid=wrong))
