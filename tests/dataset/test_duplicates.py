import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from nftgan.dataset.duplicates import TwinFinder, fingerprint
from nftgan.dataset.shipped import unpack


def figure(seed: int, side: int = 256) -> Image.Image:
    """A drawing of a few coloured discs."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    pixels = np.tile(random.integers(0, 256, 3), (side, side, 1))
    for _ in range(8):
        cx, cy, radius = random.uniform([0.1, 0.1, 0.05], [0.9, 0.9, 0.3])
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = random.integers(0, 256, 3)
    return Image.fromarray(pixels.astype(np.uint8))


def as_jpeg(image: Image.Image, quality: int = 35) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def through_96_pixels(image: Image.Image) -> Image.Image:
    small = image.resize((96, 96), Image.Resampling.LANCZOS)
    return small.resize(image.size, Image.Resampling.LANCZOS)


def finder_with(image: Image.Image, distance: int = 6) -> TwinFinder:
    finder = TwinFinder(distance)
    finder.add("first.png", "digest", fingerprint(image))
    return finder


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "jpeg": (as_jpeg, "a near copy of"),
    "scaled": (through_96_pixels, "a near copy of"),
    "darker": (lambda image: ImageEnhance.Brightness(image).enhance(0.7), "a near copy of"),
    "mirrored": (ImageOps.mirror, "a mirrored copy of"),
    "mirrored jpeg": (lambda image: as_jpeg(ImageOps.mirror(image)), "a mirrored copy of"),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found_and_its_twin_named(kind: str) -> None:
    change, word = COPIES[kind]
    for seed in range(20):
        finder = finder_with(figure(seed))
        assert finder.twin("other", fingerprint(change(figure(seed)))) == ("first.png", word)


def test_different_drawings_are_no_twins() -> None:
    finder = TwinFinder(16)
    for seed in range(100):
        print_ = fingerprint(figure(seed))
        assert finder.twin(str(seed), print_) is None
        finder.add(str(seed), str(seed), print_)


def test_one_changed_eye_is_a_different_piece() -> None:
    changed = np.array(figure(3))
    changed[100:116, 60:76] = 255 - changed[100:116, 60:76]
    assert finder_with(figure(3)).twin("other", fingerprint(Image.fromarray(changed))) is None


def test_another_background_of_the_same_brightness_is_a_different_piece() -> None:
    y, x = np.mgrid[:256, :256] / 256
    disc = (x - 0.5) ** 2 + (y - 0.6) ** 2 < 0.3**2

    def on(ground: tuple[int, int, int]) -> Image.Image:
        pixels = np.full((256, 256, 3), ground, np.uint8)
        pixels[disc] = (40, 90, 30)
        return Image.fromarray(pixels)

    finder = finder_with(on((0xB6, 0xE3, 0xF4)))
    assert finder.twin("other", fingerprint(on((0xD1, 0xD4, 0xF9)))) is None
    assert finder.twin("other", fingerprint(as_jpeg(on((0xB6, 0xE3, 0xF4))))) is not None


def test_equal_pixels_are_twins_even_at_distance_zero() -> None:
    finder = finder_with(figure(1), distance=0)
    assert finder.twin("digest", fingerprint(figure(1))) == ("first.png", "the same pixels as")
    assert finder.twin("other", fingerprint(as_jpeg(figure(1)))) is None


def test_at_distance_minus_one_nothing_is_a_twin() -> None:
    assert finder_with(figure(1), distance=-1).twin("digest", fingerprint(figure(1))) is None


@pytest.mark.parametrize("name", ["pixel-art", "open-peeps"])
def test_no_shipped_avatar_is_taken_for_another(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp(name)
    unpack(name, folder)
    finder = TwinFinder(6)
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            print_ = fingerprint(image.convert("RGB"))
        assert finder.twin(path.name, print_) is None
        finder.add(path.name, path.name, print_)


def test_the_list_of_known_images_grows() -> None:
    finder = TwinFinder(6)
    random = np.random.default_rng(0)
    for number in range(1100):
        pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        finder.add(str(number), str(number), fingerprint(Image.fromarray(pixels)))
    last = fingerprint(Image.fromarray(pixels))
    assert finder.twin("other", last) == ("1099", "a near copy of")


def test_an_image_that_was_kept_costs_four_kilobytes() -> None:
    """10,000 images are 40 MB, whatever their size."""
    finder = TwinFinder(6)
    image = figure(1, 512)
    tracemalloc.start()
    try:
        for number in range(200):
            finder.add(f"{number}.png", f"{number:064x}", fingerprint(image))
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 200 * 4096
