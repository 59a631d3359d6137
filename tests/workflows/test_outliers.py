"""A stranger in a set of drawings is found, and so is a mirrored and cropped copy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from nftgan import files
from nftgan.dataset.prepare import prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.dataset.shipped import unpack
from nftgan.workflows.outliers import find_outliers


def test_the_stranger_is_first_and_a_mirrored_crop_is_alike(tmp_path: Path) -> None:
    art = tmp_path / "art"
    unpack("open-peeps", art)
    drawings = sorted(art.glob("*.png"))
    for path in drawings[60:]:
        path.unlink()
    y, x = np.mgrid[:64, :64]
    stripes = np.stack([(x * 8) % 256, (y * 8) % 256, ((x + y) * 6) % 256], axis=2)
    Image.fromarray(stripes.astype(np.uint8)).save(art / "stranger.png")
    original = Image.open(drawings[7]).convert("RGB")
    mirrored = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.crop((1, 1, 63, 63)).resize((64, 64)).save(art / "mirrored.png")
    prepare(art, tmp_path / "set.zip", PrepareOptions(resolution=64))
    found = find_outliers(tmp_path / "set.zip", 10)
    assert found.strangest[0][0] == "stranger.png"
    assert {drawings[7].name, "mirrored.png"} in [{a, b} for a, b, _ in found.alike]
    assert Image.open(found.sheet).size[0] > 128
    assert files.read_json(found.report)["strangest"][0][0] == "stranger.png"
