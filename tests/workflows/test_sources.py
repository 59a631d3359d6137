"""What may be named as a model, and which base model fits a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.networks.sources import BASE_SIDES, base_model, model_source
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish
from nftgan.workflows.sources import parent_source


def dataset(path: Path, side: int) -> Path:
    images = np.random.default_rng(side).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    write_dataset(path, list(images), labels=None)
    return path


@pytest.mark.parametrize("side", BASE_SIDES)
def test_base_is_the_model_made_for_the_data_sets_size(side: int, tmp_path: Path) -> None:
    source = parent_source("base", dataset(tmp_path / "art.zip", side))
    model = load_model(source)
    assert source == base_model(side) == model_source(f"base-{side}")
    assert model.resolution == side and model.discriminator is not None
    assert model.info["licence"] == "CC0-1.0"


def test_a_size_without_a_base_model_is_refused_with_what_can_be_done(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no base model is made for 64 pixels") as caught:
        parent_source("base", dataset(tmp_path / "art.zip", 64))
    assert "--resolution 32" in (caught.value.hint or "")
    assert parent_source("base-32", tmp_path / "not-asked.zip") == base_model(32)


def test_the_base_of_pixel_art_shows_its_previews_on_the_grid_in_few_colours() -> None:
    model = load_model(base_model(16))
    finish = model.preview_finish()
    assert finish == model.in_art_colours(Finish(0, 10, 16)) and 100 < len(finish.colours) <= 384
    assert load_model(base_model(32)).preview_finish() is None
    with pytest.raises(UsageError, match="does not say which colours") as caught:
        load_model(base_model(32)).in_art_colours(None)
    assert "--colours all" in (caught.value.hint or "")
