"""Renderer f64-1: golden pixels, and the same pixels whatever the threads and the batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import stylegan2, stylegan3

from nftgan.pixels import pixel_hash
from nftgan.synthesis.canonical import render, rounding_margin, upcast
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish, Recipe

# Rendered once and fixed: a change here would orphan every collection made before.
GOLDEN = {
    "stylegan3": "sha256:e7dc09dfb7bc555aa917b63faaa73b4db432947051d695ba720a2248f5e0f164",
    "stylegan3-moved": "sha256:20042e9e13cbb35fdae2a343640f98be382389963c7e229a64e30f23fc391973",
    "stylegan3-finished": "sha256:4558aee002fa8d8264ac9d60fec52363065c274401bee775020189c199bec3a9",
    "stylegan2": "sha256:fa1271ec26b549f7a3aa5d6b3b9a3c8c49266487ad156bb40c1704b441640e5a",
}


def fixed_weights(model: Model) -> Model:
    """The model with weights from integers, so that no random generator of torch is involved."""
    with torch.no_grad():
        for number, (name, tensor) in enumerate(sorted(model.generator.named_parameters())):
            k = torch.arange(tensor.numel(), dtype=torch.float64)
            values = ((k * 7919 + number * 104729) % 2003 - 1001) / 578
            if name.endswith("bias"):
                values = values / 10
            if "torgb.weight" in name:
                values = values / 4  # mid-tones, not only black and white
            tensor.copy_(values.reshape(tensor.shape))
        for number, (name, tensor) in enumerate(sorted(model.generator.named_buffers())):
            if name.endswith(("freqs", "phases", "w_avg", "noise_const")):
                k = torch.arange(tensor.numel(), dtype=torch.float64)
                values = ((k * 6007 + number * 1299709) % 1009 - 504) / 504
                tensor.copy_(values.reshape(tensor.shape))
    return Model(model.generator)


def golden_images() -> dict[str, np.ndarray]:
    three, two = fixed_weights(stylegan3(output_scale=0.25)), fixed_weights(stylegan2())
    return {
        "stylegan3": three.render(11, truncation_psi=0.7),
        "stylegan3-moved": three.render(12, translate=(0.25, 0.0), rotate=30, cutoff=4),
        "stylegan3-finished": three.render(13, finish=Finish(8, 6, 4)),
        "stylegan2": two.render(14, truncation_psi=0.8),
    }


def test_seeds_give_the_golden_pixels() -> None:
    images = golden_images()
    middle = [((image > 0) & (image < 255)).mean() for image in images.values()]
    assert min(middle) > 0.3, "images must not be only black and white"
    assert {name: pixel_hash(image) for name, image in images.items()} == GOLDEN


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_pixel(threads: int) -> None:
    code = (
        f"import torch; torch.set_num_threads({threads})\n"
        "import test_canonical as t\n"
        "print(sorted(t.pixel_hash(i) for i in t.golden_images().values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(sorted(GOLDEN.values()))


def test_rendering_again_and_in_another_order_gives_the_same_pixels() -> None:
    model = stylegan3()
    first = [model.render(seed, truncation_psi=0.9) for seed in (1, 2, 3)]
    again = [stylegan3().render(seed, truncation_psi=0.9) for seed in (3, 2, 1)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again[::-1], strict=True))
    assert not np.array_equal(first[0], first[1])


def test_the_preview_differs_by_at_most_one_level() -> None:
    model = stylegan3()
    recipe = model.recipe(truncation_psi=0.7)
    previews = model.generate([5, 6, 7, 8], recipe).astype(int)
    canonical = np.stack([model.render(seed, recipe) for seed in (5, 6, 7, 8)])
    assert np.abs(previews - canonical).max() <= 1


def test_everything_is_float64_and_the_model_itself_stays_float32() -> None:
    model = stylegan3()
    copy = upcast(model.generator)
    assert {t.dtype for t in copy.state_dict().values()} == {torch.float64}
    assert {t.dtype for t in model.generator.state_dict().values()} == {torch.float32}
    with pytest.raises(ValueError, match="float64"):
        render(model.generator, 1, model.recipe())


def test_the_margin_is_the_distance_to_the_nearest_step_that_changes_a_pixel() -> None:
    assert rounding_margin(np.array([0.5, 7.25, 200.5])) == 0.25
    assert rounding_margin(np.array([-50.0, 300.0, 3.5])) == 0.5
    assert rounding_margin(np.array([-0.25])) == 1.25  # below 0 only the step to 1 matters
    assert rounding_margin(np.array([255.125])) == 0.125
    rendered = stylegan3().render_checked(5)
    assert 1e-9 < rendered.margin < 0.1 and rendered.safe


def test_a_grey_model_paints_grey() -> None:
    image = stylegan3(img_channels=1).render(3)
    assert image.shape == (16, 16, 3)
    assert np.array_equal(image[..., 0], image[..., 1])
    assert np.array_equal(image[..., 0], image[..., 2])


def test_a_conditional_model_paints_its_classes() -> None:
    model = stylegan3(c_dim=3)
    assert not np.array_equal(model.render(3, class_idx=0), model.render(3, class_idx=2))


def test_the_finished_size_is_the_recipes() -> None:
    model = stylegan3()
    recipe = model.recipe(finish=Finish(8, 4, 3))
    assert isinstance(recipe, Recipe) and recipe.size == (24, 24)
    image = model.render(9, recipe)
    assert image.shape == (24, 24, 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) <= 4
