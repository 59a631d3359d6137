"""What each kind of reader shows, and what is not seen as it is meant."""

from __future__ import annotations

from typing import Any

import pytest

from nftgan.collection.metadata import contract_document, token_document
from nftgan.collection.readers import Reading, collection_readings
from tests.collection.test_metadata import CID, manifest


def read(attributes: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Reading]:
    full = manifest(external_url="https://example.org")
    tokens = [token_document(full, token) for token in range(4)]
    tokens[0] = {**tokens[0], **changes}
    if attributes is not None:
        tokens[0]["attributes"] = attributes
    found = collection_readings(tokens, contract_document(full), image_size=(1024, 1024))
    return {one.field: one for one in found}


def test_every_field_of_our_documents_has_a_reading() -> None:
    found = read()
    assert {"name", "description", "image", "external_url", "nftgan"} <= set(found)
    assert "trait Background" in found and found["collection: image"].opensea.startswith("logo")
    assert found["nftgan"].opensea == "not read"
    warned = [one.field for one in found.values() if one.warning]
    assert warned == ["collection: banner_image"]


@pytest.mark.parametrize(
    ("url", "shown", "warning"),
    [
        (f"ipfs://{CID}/1.mp4", "film or sound", None),
        (f"ipfs://{CID}/1.MP4", "film or sound", None),
        (f"ipfs://{CID}/1.html?seed=3", "page in a frame", None),
        (f"ipfs://{CID}", "page in a frame, or by its content type", None),
        ("https://a.example/1.webm", "film or sound", "not on IPFS"),
        (f"ipfs://{CID}/walk.gif", "not read", "GIF is no film"),
        (f"ipfs://{CID}/1.exe", "not read", "not among those"),
    ],
)
def test_an_animation_is_shown_by_its_ending(url: str, shown: str, warning: str | None) -> None:
    found = read(animation_url=url)["animation_url"]
    assert found.opensea == shown
    assert (found.warning is None) if warning is None else warning in str(found.warning)


@pytest.mark.parametrize(
    ("attribute", "shown"),
    [
        ({"value": "calm"}, "text, a filter"),
        ({"value": 3}, "level, up to the largest of all"),
        ({"value": 3, "display_type": "number"}, "number"),
        ({"value": 3, "max_value": 9, "display_type": "number"}, "number, of 9"),
        ({"value": 3, "display_type": "boost_number"}, "boost, with a plus"),
        ({"value": 3, "display_type": "boost_percentage"}, "boost in percent"),
        ({"value": 1777593600, "display_type": "date"}, "date, 2026-05-01"),
        ({"value": 1e300, "display_type": "date"}, "date, out of range"),
    ],
)
def test_a_trait_is_shown_by_its_display_type(attribute: dict[str, Any], shown: str) -> None:
    assert read([{"trait_type": "T", **attribute}])["trait T"].opensea == shown


def test_what_is_cut_or_mixed_is_warned_of() -> None:
    assert "cut it" in str(read(name="x" * 90)["name"].warning)
    assert "cut it" in str(read(description="x" * 1001)["description"].warning)
    mixed = [{"trait_type": "Background", "value": 3}]
    assert "text for others" in str(read(mixed)["trait Background"].warning)
    full = manifest()
    tokens = [token_document(full, 0)]
    small = collection_readings(tokens, contract_document(full), image_size=(64, 64))
    assert "blurred" in str(next(one for one in small if one.field == "image").warning)
