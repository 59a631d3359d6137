"""One warp per image: known movements, whatever the margins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nftgan.training.geometry import inverse_matrices, placed, warp


def warped(images: Tensor, values: dict[str, np.ndarray], *, fixed: bool = False) -> Tensor:
    margins, theta = placed(values, images.shape[3], images.shape[2], fixed=fixed)
    return warp(images, torch.from_numpy(theta).to(images.dtype), margins)


def smooth(side: int) -> Tensor:
    """[2, 1, side, side] without details that the low-pass would take."""
    x = torch.linspace(0, 3, side, dtype=torch.float64)
    first = torch.sin(x)[:, None] + torch.cos(2 * x)
    return torch.stack([first, first.T.flip(0)])[:, None]


def test_a_quarter_turn_and_a_mirror_are_those_of_the_array() -> None:
    images = smooth(32)
    turned = warped(images, {"rotate90": np.array([1.0, 3.0])})
    expected = torch.stack([images[0].rot90(1, (1, 2)), images[1].rot90(-1, (1, 2))])
    assert (turned - expected)[:, :, 8:-8, 8:-8].abs().max() < 0.05
    mirrored = warped(images, {"xflip": np.array([1.0, 0.0])})
    expected = torch.stack([images[0].flip(2), images[1]])
    assert (mirrored - expected)[:, :, 8:-8, 8:-8].abs().max() < 0.05


def test_what_is_applied_last_is_the_first_to_be_undone() -> None:
    values = {"xflip": np.array([1.0]), "xint": np.array([[0.25, 0.0]])}
    matrix = inverse_matrices(values, 8, 8)[0]
    assert (matrix @ [3, 1, 1]).tolist() == [-1, 1, 1]  # mirrored, then moved right by two


@pytest.mark.parametrize("angle", [0.3, 2.0])
def test_wider_margins_change_no_pixel(angle: float) -> None:
    values = {"rotate": np.array([angle, -angle]), "scale": np.array([1.2, 0.9])}
    images = smooth(16)
    torch.testing.assert_close(warped(images, values), warped(images, values, fixed=True))
