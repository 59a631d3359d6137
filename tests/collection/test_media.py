"""files/NAME in nftgan.toml is a link to the pinned folder, and the file has to be there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nftgan.collection.media import filled, link, require_files, website
from nftgan.config import CollectionSection
from nftgan.errors import MissingStepError, UsageError
from tests.collection.test_metadata import FILES_CID, manifest


def test_id_and_seed_are_filled_in_and_nothing_else() -> None:
    assert filled("a/{id}/{seed}/{ID}{{id}}", token=3, seed=9) == "a/3/9/{ID}{3}"


def test_a_url_stays_and_a_file_becomes_a_link() -> None:
    full = manifest()
    assert link("https://a.example/files/x.mp4", full) == "https://a.example/files/x.mp4"
    with pytest.raises(MissingStepError):
        link("files/x.mp4", full)
    full = replace(full, cids=replace(full.cids, files=FILES_CID))
    assert link("files/a/x.mp4", full) == f"ipfs://{FILES_CID}/a/x.mp4"


def test_the_website_of_a_collection_is_the_host_where_each_token_has_a_page() -> None:
    assert website(CollectionSection(external_url="https://a.example/c/")) == "https://a.example/c/"
    each = CollectionSection(external_url="https://a.example:8443/c/{id}?x={seed}")
    assert website(each) == "https://a.example:8443"


def test_a_file_that_is_missing_is_named_before_it_is_linked_to() -> None:
    full = manifest(animation_url="files/{id}.mp4", banner_image="files/b.png")
    names = {"b.png", "0.mp4", "1.mp4", "2.mp4", "3.mp4"}
    require_files(full, names)
    with pytest.raises(UsageError, match=r"animation_url of token 2 names files/2\.mp4"):
        require_files(full, names - {"2.mp4"})
    with pytest.raises(UsageError, match=r"banner_image names files/b\.png"):
        require_files(full, names - {"b.png"})
    require_files(manifest(animation_url="ipfs://x/{id}.mp4"), set())
