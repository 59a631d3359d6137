import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.shipped import SHIPPED_SETS, unpack
from nftgan.errors import UsageError


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            assert image.mode == "RGB"
            digest.update(path.name.encode() + np.array(image).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", SHIPPED_SETS)
def test_a_shipped_set_unpacks_to_distinct_square_images(name: str, tmp_path: Path) -> None:
    count = unpack(name, tmp_path / "art")
    files = sorted((tmp_path / "art").iterdir())
    assert count == len(files) == SHIPPED_SETS[name].images
    side = SHIPPED_SETS[name].side
    pixels = set()
    for path in files:
        with Image.open(path) as image:
            assert image.size == (side, side)
            pixels.add(image.tobytes())
    assert len(pixels) == count


def test_the_tiles_are_cut_row_by_row(tmp_path: Path) -> None:
    unpack("open-peeps", tmp_path)
    atlas_path = Path("nftgan/assets/art/open-peeps-64px-256.webp")
    with Image.open(Path(__file__).parents[2] / atlas_path) as image:
        atlas = np.array(image.convert("RGB"))
    with Image.open(tmp_path / "open-peeps-0017.png") as tile:
        assert np.array_equal(np.array(tile), atlas[64:128, 64:128])


def test_unpacking_again_changes_nothing(tmp_path: Path) -> None:
    unpack("open-peeps", tmp_path / "art")
    first = digest_of(tmp_path / "art")
    unpack("open-peeps", tmp_path / "art")
    assert digest_of(tmp_path / "art") == first


def test_an_unknown_set_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pixelart") as caught:
        unpack("pixelart", tmp_path)
    assert caught.value.hint == "did you mean pixel-art?"
