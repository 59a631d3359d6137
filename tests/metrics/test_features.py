"""The features that judge images: what goes in, what comes out, and that they see as an eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from nftgan.dataset.shipped import unpack
from nftgan.errors import UsageError
from nftgan.metrics.features import Extractor, prepared
from nftgan.metrics.kid import kid


def peeps(folder: Path, count: int = 160) -> np.ndarray:
    """uint8 [N, 3, 64, 64] of the art that ships."""
    unpack("open-peeps", folder)
    files = sorted(folder.glob("*.png"))[:count]
    return np.stack([np.asarray(Image.open(f)).transpose(2, 0, 1) for f in files])


def test_the_order_of_bad_images_is_that_of_the_eye(tmp_path: Path) -> None:
    art = peeps(tmp_path)
    order = np.random.default_rng(0).permutation(len(art))
    some, others = art[order[:80]], art[order[80:]]
    blurred = np.stack(
        [
            np.asarray(Image.fromarray(a.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(1.5)))
            for a in some
        ]
    ).transpose(0, 3, 1, 2)
    noise = np.random.default_rng(1).integers(0, 256, some.shape).astype(np.uint8)
    extract = Extractor()
    held = extract(others)
    same, repeated, soft, worst = (
        kid(extract(p), held) for p in (some, some[:6].repeat(12, axis=0), blurred, noise)
    )
    assert abs(same.value) < 3 * same.error
    assert same.value < repeated.value < soft.value / 4 < soft.value < worst.value / 4
    assert repeated.value > 3 * repeated.error


def test_features_have_length_one_and_do_not_depend_on_the_batch() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32)).astype(np.uint8)
    rows = Extractor(batch=2)(images)
    assert rows.shape == (5, 224) and rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(rows, Extractor(batch=5)(images), atol=1e-5)
    parts = list(Extractor().each([images[:3], images[3:]]))
    np.testing.assert_allclose(np.concatenate(parts), rows, atol=1e-5)


def test_features_are_mean_and_deviation_of_the_maps() -> None:
    images = np.random.default_rng(1).integers(0, 256, (1, 3, 128, 128)).astype(np.uint8)
    extract = Extractor()
    (maps,) = extract._network.maps(torch.from_numpy(images).float(), (10,))
    flat = maps[0].reshape(112, -1).double().numpy()
    expected = np.concatenate([flat.mean(axis=1), flat.std(axis=1)])
    np.testing.assert_allclose(extract(images)[0], expected / np.linalg.norm(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("side", "seen"), [(16, 128), (64, 128), (128, 128), (256, 256), (1024, 256)]
)
def test_images_of_every_size_become_one_that_the_network_sees(side: int, seen: int) -> None:
    flat = np.full((1, 3, side, side), 77, np.uint8)
    x = prepared(flat)
    assert x.shape == (1, 3, seen, seen)
    np.testing.assert_allclose(x.numpy(), 77, atol=1e-3)


def test_grey_images_are_images_with_equal_channels() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (2, 1, 32, 32)).astype(np.uint8)
    extract = Extractor()
    np.testing.assert_array_equal(extract(grey), extract(grey.repeat(3, axis=1)))


def test_other_arrays_are_refused() -> None:
    for wrong in (np.zeros((1, 3, 8, 8)), np.zeros((1, 8, 8, 3), np.uint8)):
        with pytest.raises(UsageError, match="must be uint8"):
            Extractor()(wrong)
