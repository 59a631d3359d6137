"""Seeds, classes, truncation and the moved canvas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import stylegan2, stylegan3

from nftgan.errors import UsageError
from nftgan.synthesis.latents import (
    check_recipe,
    input_transform,
    inverse_input_transform,
    one_hot,
    seeds_to_ws,
    synthesize,
)
from nftgan.synthesis.recipe import Finish, Recipe


def test_classes_must_fit_the_model() -> None:
    assert one_hot(None, 0) is None
    assert np.array_equal(one_hot(1, 3, 2), [[0, 1, 0], [0, 1, 0]])
    for label, c_dim, words in ((None, 3, "names none"), (3, 3, "not one of"), (0, 0, "no class")):
        with pytest.raises(UsageError, match=words):
            one_hot(label, c_dim)


@pytest.mark.parametrize(("x", "y", "degrees"), [(0.2, -0.1, 0), (0, 0, 90), (0.3, 0.7, -33.5)])
def test_the_input_gets_the_inverse_of_the_move(x: float, y: float, degrees: float) -> None:
    a = math.radians(degrees)
    move = [[math.cos(a), math.sin(a), x], [-math.sin(a), math.cos(a), y], [0, 0, 1]]
    assert np.allclose(inverse_input_transform((x, y), degrees), np.linalg.inv(move), atol=1e-14)


def test_no_move_is_exactly_the_identity() -> None:
    assert inverse_input_transform((0.0, 0.0), 0.0).tobytes() == np.eye(3).tobytes()


def test_a_translation_moves_the_image_right_and_down() -> None:
    model = stylegan3(32, margin_size=10)
    still = model.render(1).astype(int)
    moved = model.render(1, translate=(4 / 32, 8 / 32)).astype(int)
    error = np.abs(moved[8:, 4:] - still[:-8, :-4]).mean()
    wrong = np.abs(moved[:-8, :-4] - still[8:, 4:]).mean()
    assert error < 3 < wrong


def test_a_move_is_an_argument_and_leaves_the_network_as_it_is():
    generator = stylegan3().generator
    recipe = Recipe("sha256:" + "0" * 64, (16, 16), translate=(0.5, 0), rotate=20)
    generator.synthesis.input.transform.copy_(torch.eye(3) * 2 - 1)
    before = {name: one.clone() for name, one in generator.state_dict().items()}
    ws = seeds_to_ws(generator, [1], recipe)
    moved = synthesize(generator, ws, recipe)
    assert all(torch.equal(one, before[name]) for name, one in generator.state_dict().items())
    # It is what the published buffer would do, and takes its place.
    generator.synthesis.input.transform.copy_(input_transform(generator, recipe))
    assert torch.equal(moved, generator.synthesis(ws))
    assert not torch.equal(moved, synthesize(generator, ws, replace(recipe, rotate=0.0)))


def test_a_model_without_an_input_takes_no_move():
    generator = stylegan2().generator
    recipe = Recipe("sha256:" + "0" * 64, (16, 16))
    assert input_transform(generator, recipe) is None
    with pytest.raises(UsageError, match="only StyleGAN3"):
        generator.synthesis(seeds_to_ws(generator, [1], recipe), transform=torch.eye(3))


def test_truncation_reaches_only_the_layers_before_the_cutoff() -> None:
    model = stylegan3()
    full = seeds_to_ws(model.generator, [5], model.recipe())
    near = seeds_to_ws(model.generator, [5], model.recipe(truncation_psi=0.5, truncation_cutoff=3))
    w_avg = model.generator.mapping.w_avg
    assert torch.allclose(near[:, :3], w_avg + 0.5 * (full[:, :3] - w_avg))
    assert torch.equal(near[:, 3:], full[:, 3:])


def test_a_recipe_that_the_model_cannot_follow_is_refused() -> None:
    three, two = stylegan3(), stylegan2()
    cases = [
        (three, three.recipe(truncation_cutoff=9), "above the model's 8 layers"),
        (three, three.recipe(finish=Finish(17, 0, 1)), "finer than the model's 16"),
        (three, Recipe(three.identity, (32, 32)), "32x32 images, the model 16x16"),
        (three, three.recipe(class_idx=1), "no class 1"),
        (two, two.recipe(rotate=5), "only StyleGAN3"),
    ]
    for model, recipe, words in cases:
        with pytest.raises(UsageError, match=words):
            check_recipe(model.generator, recipe)
    with pytest.raises(UsageError, match="2 channels"):
        odd = stylegan3(img_channels=2)
        check_recipe(odd.generator, odd.recipe())
