"""Models as one uses them: load, preview, render, score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import stylegan2, stylegan3

import nftgan
from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.networks.model_file import save_model
from nftgan.synthesis.generate import contact_sheet, to_pixels
from nftgan.synthesis.model import Model, RecipeOptions


def test_a_saved_model_paints_the_same_images(tmp_path: Path) -> None:
    model = stylegan3()
    path = tmp_path / "art.safetensors"
    identity = save_model(
        path, generator=model.generator, discriminator=model.discriminator, meta={}
    )
    again = nftgan.load_model(path)
    assert again.identity == identity == model.identity
    assert again.info["architecture"]["img_resolution"] == 16
    assert np.array_equal(
        again.render(seed=1, truncation_psi=0.7), model.render(seed=1, truncation_psi=0.7)
    )
    assert np.array_equal(
        again.generate(seeds=[1, 2], truncation_psi=0.7), model.generate([1, 2], truncation_psi=0.7)
    )


def test_previews_are_a_sized_iterable_that_batches_do_not_reorder() -> None:
    model = stylegan3()
    previews = model.previews([9, 3, 5], truncation_psi=0.8, batch=2)
    assert len(previews) == 3
    pairs = list(previews)
    assert [seed for seed, _ in pairs] == [9, 3, 5]
    assert all(image.dtype == np.uint8 and image.shape == (16, 16, 3) for _, image in pairs)
    alone = model.generate([3], truncation_psi=0.8)[0].astype(int)
    assert np.abs(pairs[1][1] - alone).max() <= 1
    assert model.generate([]).shape == (0, 16, 16, 3)


def test_a_recipe_of_another_model_is_refused() -> None:
    two = stylegan2()
    with pytest.raises(UsageError, match="made for the model"):
        stylegan3().render(1, two.recipe())


def test_a_recipe_and_single_values_are_not_mixed() -> None:
    model = stylegan3()
    with pytest.raises(UsageError, match="trunc is already decided"):
        model.render(1, model.recipe(), trunc=0.5)
    with pytest.raises(UsageError, match="batch of 0"):
        model.previews([1], batch=0)


def test_the_settings_file_decides_the_recipe() -> None:
    section = RecipeSection(trunc=0.5, pixel_grid=8, palette=4, upscale=4)
    recipe = stylegan3().recipe_of(section)
    assert recipe.size == (32, 32) and recipe.trunc == 0.5


def test_a_score_does_not_depend_on_the_images_beside_it() -> None:
    model = stylegan3()
    images = model.generate(range(4))
    assert np.array_equal(model.score(images)[2:], model.score(images[2:]))
    assert len(set(model.score(images))) == 4
    with pytest.raises(UsageError, match="no discriminator"):
        stylegan2().score(images)


def test_a_conditional_model_needs_its_class() -> None:
    model = stylegan3(c_dim=2)
    with pytest.raises(UsageError, match="names none"):
        model.render(1)
    assert model.score(model.generate([1], class_idx=1), class_idx=1).shape == (1,)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e39, 1e20])
def test_a_condition_that_no_image_has_is_refused(number: float) -> None:
    """In float32 it is infinite, or its square is: every image came out the same, or black."""
    with pytest.raises(UsageError, match="condition must be"):
        stylegan3(c_dim=2).ws([1], conditions=[0, number])


def test_short_names_of_values_mean_the_same_and_not_both_are_taken() -> None:
    model = stylegan3(c_dim=3)
    long = model.recipe(truncation_psi=0.6, truncation_cutoff=2, class_idx=1)
    assert (long.trunc, long.cutoff, long.class_idx) == (0.6, 2, 1)
    assert model.recipe(trunc=0.6, cutoff=2, label=1) == long
    assert model.recipe().trunc == 1
    with pytest.raises(UsageError, match="trunc is a short name of truncation_psi"):
        model.recipe(truncation_psi=0.6, trunc=0.7)


def test_pixels_are_floored_clamped_and_grey_repeated() -> None:
    import torch

    x = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 9.0]).reshape(1, 1, 1, 6)
    pixels = to_pixels(x)
    assert pixels.shape == (1, 1, 6, 3)
    assert pixels[0, 0, :, 1].tolist() == [0, 0, 128, 255, 255, 255]


def test_a_contact_sheet_holds_every_image_in_reading_order() -> None:
    images = [np.full((2, 3, 3), value, dtype=np.uint8) for value in range(5)]
    sheet = contact_sheet(images, gap=1)
    assert sheet.shape == (2 * 3 - 1, 3 * 4 - 1, 3)
    assert [sheet[0, x, 0] for x in (0, 4, 8)] == [0, 1, 2]
    assert [sheet[3, x, 0] for x in (0, 4)] == [3, 4]
    assert sheet[3, 8, 0] == 255 and sheet[0, 3, 0] == 255
    assert contact_sheet(images, columns=9).shape == (2, 15, 3)
    with pytest.raises(UsageError, match="no images"):
        contact_sheet([])
    with pytest.raises(UsageError, match="another size"):
        contact_sheet([images[0], images[1][:1]])


def test_a_model_names_itself() -> None:
    model = stylegan3()
    assert repr(model).startswith("<Model sha256:") and "16 px" in repr(model)
    assert Model(model.generator).identity == model.identity


def test_one_seed_is_as_good_as_a_list() -> None:
    model = stylegan3()
    assert np.array_equal(model.generate(7), model.generate([7]))
    assert np.array_equal(model.generate(np.int64(7)), model.generate(range(7, 8)))


def test_latents_go_out_and_come_in_again() -> None:
    model = stylegan3()
    ws = model.ws([1, 2, 3], truncation_psi=0.7)
    assert ws.shape == (3, model.generator.num_ws, 16) and ws.dtype == np.float32
    direct = model.generate([1, 2, 3], truncation_psi=0.7, rotate=30.0)
    assert np.array_equal(model.generate(ws=ws, rotate=30.0), direct)
    middle = model.generate(ws=(ws[:1] + ws[1:2]) / 2)
    assert not np.array_equal(middle, model.generate(ws=ws[:1]))
    assert model.generate(ws=ws[:0]).shape == (0, 16, 16, 3)


def test_latents_of_a_class_need_it_only_once() -> None:
    model = stylegan3(c_dim=2)
    ws = model.ws([1], class_idx=1)
    assert np.array_equal(model.generate(ws=ws), model.generate([1], class_idx=1))


def test_what_cannot_be_meant_is_refused() -> None:
    model = stylegan3()
    ws = model.ws([1])
    for message, call in {
        "either seeds or ws": lambda: model.generate(),
        "either seeds": lambda: model.generate([1], ws=ws),
        "truncation_psi has no effect on latents": lambda: model.generate(
            ws=ws, truncation_psi=0.7
        ),
        r"the latents are \[1, 16\]": lambda: model.generate(ws=ws[0, :1]),
        "pluto is no device": lambda: model.to("pluto"),
    }.items():
        with pytest.raises(UsageError, match=message):
            call()
    with pytest.raises(TypeError, match="trunk"):
        model.generate([1], trunk=0.7)  # type: ignore[call-arg]


def test_help_and_completion_show_every_option() -> None:
    import inspect

    for method in (Model.generate, Model.render, Model.ws, Model.grid, Model.previews):
        shown = inspect.signature(method).parameters
        assert {"truncation_psi", "class_idx", "rotate", "finish", "trunc"} <= set(shown)
        assert "options" not in shown
    assert set(RecipeOptions.__annotations__) == {
        one.name
        for one in inspect.signature(Model.recipe).parameters.values()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    }


def test_a_model_that_was_moved_renders_the_same() -> None:
    model = stylegan3()
    before, upcast = model.render(1), model._upcast
    assert model.to("cpu") is model
    assert np.array_equal(model.render(1), before) and model._upcast is not upcast
