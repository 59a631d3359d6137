"""Published checkpoints: seed N is the image that the published generation scripts give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nftgan
from nftgan.networks.sampling import latents
from nftgan.synthesis.latents import inverse_input_transform
from tests import reference

NAMES = ("t32", "r32", "t32c", "sg2_32")


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest) -> tuple[Any, dict[str, np.ndarray]]:
    model = nftgan.load_model(reference.checkpoint(request.param))
    return model, reference.numbers(request.param)


def labels(numbers: dict[str, np.ndarray]) -> list[int | None]:
    c = numbers["c"]
    return [int(row.argmax()) if row.size else None for row in c]


def test_seeds_give_the_published_latents(case: tuple[Any, dict[str, np.ndarray]]) -> None:
    model, numbers = case
    seeds = numbers["z_seeds"].tolist()
    assert np.array_equal(latents(seeds, model.generator.z_dim), numbers["z"])


def test_seeds_give_the_published_pixels(case: tuple[Any, dict[str, np.ndarray]]) -> None:
    model, numbers = case
    for row, (seed, label) in enumerate(zip(numbers["z_seeds"], labels(numbers), strict=True)):
        published = numbers["u8_psi07"][row].astype(int)
        preview = model.generate([seed], truncation_psi=0.7, class_idx=label)[0]
        canonical = model.render(int(seed), truncation_psi=0.7, class_idx=label)
        for image in (preview, canonical):
            # Float32 may fall on the other side of a step; nothing may be further off.
            assert np.abs(image - published).max() <= 1
            assert (image != published).mean() < 0.002


@pytest.mark.parametrize("which", ["a", "b"])
def test_a_moved_canvas_gives_the_published_image(
    case: tuple[Any, dict[str, np.ndarray]], which: str
) -> None:
    model, numbers = case
    if f"tr_{which}_args" not in numbers:
        assert model.generator.config.kind == "stylegan2"
        return
    x, y, degrees = numbers[f"tr_{which}_args"].tolist()
    inverse = inverse_input_transform((x, y), degrees)
    assert np.allclose(inverse, numbers[f"tr_{which}_inverse"], atol=1e-12)
    seed, label = int(numbers["z_seeds"][0]), labels(numbers)[0]
    image = model.render(seed, translate=(x, y), rotate=degrees, class_idx=label).astype(int)
    levels = numbers[f"img_tr_{which}"][0].transpose(1, 2, 0) * 127.5 + 128
    published = np.floor(np.clip(levels, 0, 255))
    assert np.abs(image - published).max() <= 1
    assert (image != published).mean() < 0.002


def test_the_cutoff_truncates_the_published_layers(
    case: tuple[Any, dict[str, np.ndarray]],
) -> None:
    model, numbers = case
    seed, label = int(numbers["z_seeds"][0]), labels(numbers)[0]
    image = model.render(seed, truncation_psi=0.5, truncation_cutoff=2, class_idx=label).astype(int)
    levels = numbers["img_psi05_cut2"][0].transpose(1, 2, 0) * 127.5 + 128
    assert np.abs(image - np.floor(np.clip(levels, 0, 255))).max() <= 1
