"""An array and Pillow's image of the same pixels are asked and cut alike."""

import numpy as np
from PIL import Image

from nftgan.dataset.raster import as_image, part, size_of

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 4), dtype=np.uint8)


def test_a_view_is_measured_and_cut_as_an_image_is() -> None:
    view = PIXELS[..., :3]  # three samples of four: not side by side
    image = Image.fromarray(np.ascontiguousarray(view))
    assert size_of(view) == size_of(image) == (10, 6)
    box = (3, 1, 8, 6)
    np.testing.assert_array_equal(np.asarray(part(view, box)), np.asarray(part(image, box)))
    np.testing.assert_array_equal(np.asarray(as_image(view)), view)
    assert as_image(image) is image


def test_a_part_of_an_array_is_not_copied() -> None:
    assert np.shares_memory(np.asarray(part(PIXELS[..., :3], (0, 0, 5, 5))), PIXELS)
