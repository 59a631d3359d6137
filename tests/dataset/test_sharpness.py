from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nftgan.dataset.sharpness import is_soft
from nftgan.dataset.shipped import unpack

LANCZOS = Image.Resampling.LANCZOS


@pytest.fixture(scope="module")
def avatars(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    folder: Path = tmp_path_factory.mktemp("art")
    unpack("open-peeps", folder)
    images = []
    for path in sorted(folder.iterdir())[::8]:
        with Image.open(path) as image:
            images.append(image.convert("RGB"))
    return images


def test_sharp_drawings_are_not_soft(avatars: list[Image.Image]) -> None:
    assert sum(is_soft(image) for image in avatars) == 0


@pytest.mark.parametrize("method", [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, LANCZOS])
@pytest.mark.parametrize("side", [24, 32])
def test_enlarged_drawings_are_soft(
    avatars: list[Image.Image], side: int, method: Image.Resampling
) -> None:
    enlarged = [image.resize((side, side), LANCZOS).resize((64, 64), method) for image in avatars]
    assert sum(is_soft(image) for image in enlarged) >= 0.95 * len(enlarged)


def test_blurred_drawings_are_soft(avatars: list[Image.Image]) -> None:
    blurred = [image.filter(ImageFilter.GaussianBlur(2)) for image in avatars]
    assert all(is_soft(image) for image in blurred)


def test_pixel_art_and_noise_are_sharp() -> None:
    random = np.random.default_rng(0)
    squares = random.integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    assert not is_soft(Image.fromarray(squares))
    assert not is_soft(Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)))


def test_small_images_are_not_judged() -> None:
    assert not is_soft(Image.linear_gradient("L").convert("RGB").resize((32, 32)))
