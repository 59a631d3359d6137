"""Runs on transparent art: augmentation of premultiplied colours, sheets, learning of the mask."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nftgan
from nftgan.alpha import BOARD, premultiplied, straight
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.networks.model_file import open_model
from nftgan.training import augment
from nftgan.training.config import DatasetFacts, TrainConfig
from nftgan.training.loop import train
from nftgan.training.outputs import grid
from nftgan.training.pipes import PIPES
from tests.training.conftest import smallest


def discs(count: int, *, opaque: bool = False) -> list[np.ndarray]:
    """Straight uint8 [16, 16, 4]: a disc of one colour in one of many places, on nothing."""
    random, found = np.random.default_rng(7), []
    y, x = np.mgrid[:16, :16]
    for _ in range(count):
        image = np.zeros((16, 16, 4), np.uint8)
        cx, cy = random.uniform(4, 12, 2)
        shown = (x - cx) ** 2 + (y - cy) ** 2 < 16
        image[shown] = [*random.integers(64, 256, 3), 255]
        image[..., 3] |= 255 if opaque else 0
        found.append(image)
    return found


def drawn(folder: Path, images: list[np.ndarray]) -> DatasetFacts:
    write_dataset(folder / "art.zip", images)
    return DatasetFacts.of(folder / "art.zip")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little decoder of discs: long enough for a mask that is none by chance."""
    folder = tmp_path_factory.mktemp("discs")
    config: TrainConfig = smallest(  # type: ignore[no-untyped-call]
        drawn(folder, discs(48)),
        kimg=0.64,
        start="autoencoder:0.6",
        batch=16,
        micro_batch=16,
        tick=0.64,
        cfg="stylegan2",
        aug="none",
    )
    assert config.generator.img_channels == config.discriminator.img_channels == 4
    last = list(train(config, run_dir=folder / "run"))[-1]
    assert last.last and not last.diverged
    return folder / "run"


def test_a_colour_change_of_premultiplied_pixels_is_that_of_straight_ones() -> None:
    random = np.random.default_rng(0)
    values = augment.sample_params(random, PIPES["color"], 3, 1.0)
    colour = torch.rand(3, 3, 4, 4, dtype=torch.float64) * 2 - 1
    alpha = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    seen = torch.cat([(colour + 1) * alpha - 1, alpha * 2 - 1], dim=1)
    changed = augment.apply(seen, values)
    expected = (augment.apply(colour, values) + 1) * alpha - 1
    torch.testing.assert_close(changed[:, :3], expected)
    torch.testing.assert_close(changed[:, 3:], seen[:, 3:])


@pytest.mark.parametrize("pipe", ["color", "noise"])
def test_what_is_transparent_stays_so_and_what_is_opaque_is_as_rgb(pipe: str) -> None:
    values = augment.sample_params(np.random.default_rng(1), PIPES[pipe], 2, 1.0)
    noise = torch.randn(2, 4, 8, 8)
    nothing = torch.full((2, 4, 8, 8), -1.0)
    torch.testing.assert_close(augment.apply(nothing, values, noise=noise), nothing)
    rgb = torch.rand(2, 3, 8, 8) * 2 - 1
    whole = torch.cat([rgb, torch.ones(2, 1, 8, 8)], dim=1)
    changed = augment.apply(whole, values, noise=noise)
    torch.testing.assert_close(changed[:, :3], augment.apply(rgb, values, noise=noise[:, :3]))
    assert (changed[:, 3] == 1).all()


def test_a_move_moves_the_mask_with_the_colours() -> None:
    image = torch.full((1, 4, 16, 16), -1.0)
    image[:, :, 6:10, 6:10] = 0.5
    out = augment.apply(image, {"xint": np.array([[0.125, 0.0]])})
    torch.testing.assert_close(out, image.roll(2, 3))


def test_the_pipe_of_four_channels_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    values = augment.sample_params(np.random.default_rng(3), PIPES["bgcfnc"], 1, 1.0)
    noise = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    made = augment.apply(images, values, noise=noise).pow(3).sum()
    (gradient,) = torch.autograd.grad(made, images, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), images)
    assert torch.isfinite(second).all() and second.abs().max() > 0


def test_a_sheet_shows_transparent_art_on_a_checkerboard() -> None:
    image = premultiplied(discs(1)[0]).transpose(2, 0, 1)
    sheet = grid(np.stack([image, image]), 2)
    assert sheet.shape == (16, 32, 3)
    shown = discs(1)[0][..., 3] == 255
    assert np.array_equal(sheet[:, :16][shown], discs(1)[0][shown][:, :3])
    assert {tuple(p) for p in sheet[:, :16][~shown].tolist()} <= set(BOARD)


def test_an_opaque_rgba_set_trains_on_the_colours_of_its_rgb_set(tmp_path: Path) -> None:
    opaque = discs(24, opaque=True)
    facts = drawn(tmp_path, opaque)
    assert facts.channels == 4
    images = Dataset.open(tmp_path / "art.zip").images(range(24))
    assert np.array_equal(images[:, :3], np.stack(opaque).transpose(0, 3, 1, 2)[:, :3])
    assert (images[:, 3] == 255).all()
    config: TrainConfig = smallest(facts, kimg=0.008)  # type: ignore[no-untyped-call]
    last = list(train(config, run_dir=tmp_path / "run"))[-1]
    assert last.last and all(np.isfinite(one) for one in last.statistics.values())
    made = open_model(tmp_path / "run" / "network-000000.safetensors")
    assert made.generator_config.img_channels == 4
    assert made.discriminator_config is not None
    assert dataclasses.asdict(made.discriminator_config)["img_channels"] == 4


def test_a_run_learns_that_the_mask_differs_from_image_to_image(run: Path) -> None:
    model = nftgan.load_model(run)
    images = model.generate(range(16))
    assert images.shape == (16, 16, 16, 4)
    alpha = images[..., 3].astype(float)
    # Not one mask for all (fresh networks give 1.5 or so), and as in the art it shows the middle.
    assert alpha.std(axis=0).mean() > 8
    assert alpha[:, 4:12, 4:12].mean() > alpha[:, ::15, ::15].mean() + 20
    assert (images[images[..., 3] == 0] == 0).all()
    whole = premultiplied(images)
    assert np.array_equal(straight(whole), images)  # nothing is lost on the way to a file


def test_the_sheets_of_a_run_are_rgb(run: Path) -> None:
    for name in ("reals.png", "fakes000000.png"):
        with Image.open(run / name) as sheet:
            assert sheet.mode == "RGB"
