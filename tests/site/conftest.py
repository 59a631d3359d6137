"""One process of Node with the page's modules for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.site.asking import Page
from tests.site.drawing import NO_NODE, NODE


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if NODE is None:
        pytest.skip(NO_NODE)
    made = Page(tmp_path_factory.mktemp("page"))
    yield made
    made.close()
