"""Whether a folder is pixel art is settled by a few images, and by all of them the same."""

import itertools

import numpy as np
from PIL import Image

from nftgan.dataset.pixel_art import grid_of_set, may_agree, native


def test_what_is_settled_early_is_settled_right() -> None:
    for images in range(1, 7):
        for grids in itertools.product((0, 16, 24), repeat=images):
            stopped = any(not may_agree(grids[:n], images) for n in range(1, images + 1))
            assert stopped == (grid_of_set(grids) == 0)


def test_a_drawing_is_told_by_a_few_rows_and_compressed_pixel_art_is_still_found() -> None:
    random = np.random.default_rng(0)
    small = random.choice(np.array([[0, 0, 0], [220, 60, 50], [250, 240, 200]]), size=(16, 16))
    big = Image.fromarray(small.astype(np.uint8)).resize((512, 512), Image.Resampling.NEAREST)
    noisy = np.asarray(big).astype(int) + random.integers(-6, 7, (512, 512, 3))
    art = native(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    assert art is not None and art.size == (16, 16)
    y, x = np.mgrid[:512, :512]
    disc = np.where((x - 250) ** 2 + (y - 260) ** 2 < 150**2, 200, 30).astype(np.uint8)
    assert native(Image.fromarray(np.stack([disc, x.astype(np.uint8), disc], 2))) is None
