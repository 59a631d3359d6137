from __future__ import annotations

import pytest
from rich.text import Text

from nftgan.cli.markup import own_markup


@pytest.mark.parametrize("words", ["path in [model] of it", "extra nftgan[fid]", "[b]", "[/bad]"])
def test_brackets_that_are_none_of_our_tags_are_shown(words: str) -> None:
    assert Text.from_markup(own_markup(words)).plain == words


def test_our_own_tags_work() -> None:
    assert Text.from_markup(own_markup("[bold red]no[/] [model]")).plain == "no [model]"
