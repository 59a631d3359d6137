import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.crop import Crop, square
from nftgan.dataset.decode import Rejected
from tests import reference

WHITE = (255, 255, 255)


def coordinates(width: int, height: int) -> Image.Image:
    """Each pixel says where it is."""
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((40, 30), (5, 0, 35, 30)),
        ((27, 41), (0, 7, 27, 34)),
        ((9, 9), (0, 0, 9, 9)),
        ((30, 10), (10, 0, 20, 10)),
    ],
)
def test_center_takes_the_middle(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    image, got = square(coordinates(*size), Crop.CENTER, WHITE)
    assert got == box
    assert image.getpixel((0, 0)) == (box[0], box[1], 0)
    assert image.size == (box[2] - box[0], box[3] - box[1])


def test_center_crop_and_lanczos_agree_with_published_vectors() -> None:
    data = reference.numbers("dataset_transforms")
    names = [key for key in data if key.startswith("in_")]
    assert len(names) == 3
    for name in names:
        image, _ = square(Image.fromarray(data[name]), Crop.CENTER, WHITE)
        got = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS)).astype(int)
        assert np.array_equal(got, data[f"center-crop_{name[3:]}_16x16"].astype(int))


def test_fit_keeps_everything_and_pads_with_the_background() -> None:
    image, box = square(coordinates(10, 4), Crop.FIT, (9, 8, 7))
    pixels = np.asarray(image)
    assert image.size == (10, 10) and box == (0, -3, 10, 7)
    assert (pixels[:3] == (9, 8, 7)).all() and (pixels[7:] == (9, 8, 7)).all()
    assert np.array_equal(pixels[3:7], np.asarray(coordinates(10, 4)))
    assert square(coordinates(4, 100), Crop.FIT, WHITE)[0].size == (100, 100)


@pytest.mark.parametrize("crop", [Crop.CENTER, Crop.SMART])
def test_a_strip_is_refused_unless_it_is_padded(crop: Crop) -> None:
    with pytest.raises(Rejected, match="31x10 is too narrow"):
        square(Image.new("RGB", (31, 10)), crop, WHITE)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("start", [0, 150, 640, 1000])
def test_smart_finds_the_figure(start: int, upright: bool) -> None:
    pixels = np.full((400, 1200, 3), 200, np.uint8)
    figure = np.random.default_rng(0).integers(0, 256, (300, 200, 3))
    pixels[50:350, start : start + 200] = figure
    if upright:
        pixels = pixels.transpose(1, 0, 2)
    image, box = square(Image.fromarray(pixels), Crop.SMART, WHITE)
    low, high = (box[1], box[3]) if upright else (box[0], box[2])
    assert image.size == (400, 400)
    assert low >= 0 and high <= 1200 and high - low == 400
    slack = 25  # of 200: the crop looks at a reduced image
    assert low <= start + slack and high >= start + 200 - slack


def test_smart_takes_the_middle_of_an_even_image() -> None:
    _, box = square(Image.new("RGB", (90, 30), (5, 5, 5)), Crop.SMART, WHITE)
    assert box == (30, 0, 60, 30)


def test_a_very_long_strip_is_padded_in_little_memory() -> None:
    image, box = square(Image.new("RGB", (30_000, 30), "red"), Crop.FIT, WHITE)
    assert image.size == (7_500, 7_500)  # a quarter; the whole square would be 3.6 GB
    assert box == (0, -14_985, 30_000, 15_015)
    assert image.getpixel((0, 3_749)) == (255, 0, 0)
    assert image.getpixel((0, 3_700)) == WHITE
