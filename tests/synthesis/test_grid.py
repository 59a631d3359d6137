"""A grid shows all its images, large enough to be seen."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import stylegan3

from nftgan.errors import UsageError
from nftgan.synthesis.grid import ImageGrid


def test_a_notebook_sees_every_image_enlarged_in_squares() -> None:
    model = stylegan3()
    grid = model.grid([1, 2, 3, 4, 5], columns=3)
    shown = np.asarray(Image.open(io.BytesIO(grid._repr_png_())))
    assert shown.shape == (2 * 128 + 2, 3 * 128 + 4, 3)
    assert np.array_equal(shown, np.asarray(grid))
    images = model.generate([1, 2, 3, 4, 5])
    assert np.array_equal(shown[:128:8, :128:8], images[0])
    assert np.array_equal(shown[130::8, 130:258:8], images[4])
    assert repr(grid) == "<ImageGrid of 5, 388x258 pixels>"


def test_one_image_and_a_list_make_grids_too(tmp_path: Path) -> None:
    image = np.full((200, 200, 3), 7, dtype=np.uint8)
    assert np.array_equal(ImageGrid(image).image, image)
    ImageGrid([image, image]).save(tmp_path / "two.png")
    assert Image.open(tmp_path / "two.png").size == (402, 200)
    with pytest.raises(UsageError, match="no images"):
        ImageGrid([])
