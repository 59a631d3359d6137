"""One matrix per image: known colours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nftgan.training.recolouring import colour_matrices, premultiplied_matrices, recolour

RED = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)[None, :, None, None]


def recoloured(name: str, value: float) -> list[float]:
    matrix = torch.from_numpy(colour_matrices({name: np.array([value])}, 3))
    return recolour(RED, matrix).flatten().tolist()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("brightness", 0.25, [1.25, -0.75, -0.75]),
        ("contrast", 0.5, [0.5, -0.5, -0.5]),
        ("saturation", 0.0, [-1 / 3, -1 / 3, -1 / 3]),
        ("lumaflip", 1.0, [5 / 3, -1 / 3, -1 / 3]),
        ("hue", 2 * math.pi / 3, [-1.0, 1.0, -1.0]),
    ],
)
def test_red_becomes_what_each_operation_says(
    name: str, value: float, expected: list[float]
) -> None:
    assert recoloured(name, value) == pytest.approx(expected)


def test_contrast_comes_after_brightness() -> None:
    values = {"contrast": np.array([2.0]), "brightness": np.array([0.25])}
    matrix = torch.from_numpy(colour_matrices(values, 3))
    assert recolour(RED, matrix).flatten().tolist() == pytest.approx([2.5, -1.5, -1.5])


def test_what_is_transparent_stays_so() -> None:
    matrices = colour_matrices({"brightness": np.array([0.7]), "hue": np.array([1.0])}, 4)
    nothing = torch.full((1, 4, 2, 2), -1.0, dtype=torch.float64)
    changed = recolour(nothing, torch.from_numpy(premultiplied_matrices(matrices)))
    torch.testing.assert_close(changed, nothing)
