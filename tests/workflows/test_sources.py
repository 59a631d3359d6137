"""What a base model shows of itself."""

from __future__ import annotations

import pytest

from nftgan.errors import UsageError
from nftgan.networks.sources import base_model
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish


def test_the_base_of_pixel_art_shows_its_previews_on_the_grid_in_few_colours() -> None:
    model = load_model(base_model(16))
    finish = model.preview_finish()
    assert finish == model.in_art_colours(Finish(0, 10, 16)) and 100 < len(finish.colours) <= 384
    assert load_model(base_model(32)).preview_finish() is None
    with pytest.raises(UsageError, match="does not say which colours") as caught:
        load_model(base_model(32)).in_art_colours(None)
    assert "--colours all" in (caught.value.hint or "")
