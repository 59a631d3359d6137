"""The canonical images are those of a renderer that knows nothing but the written definition."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy_renderer as second
import pytest
from filled import filled, kinds

from nftgan.config import RecipeSection
from nftgan.errors import UsageError
from nftgan.networks.architecture import GeneratorConfig, StyleGAN1Config
from nftgan.networks.model_file import save_model
from nftgan.networks.sampling import latent
from nftgan.networks.sources import base_model
from nftgan.ops import fused, winograd
from nftgan.synthesis.canonical import SAFE_MARGIN
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Recipe
from tests.synthesis.slow_finish import slow_finish

MOVED: dict[str, Any] = {"translate": (0.15, -0.3), "rotate": 25.0}
T, R, TWO = kinds(32).values()
ONE = StyleGAN1Config(32, z_dim=64, w_dim=64, channel_base=1024, channel_max=32)
CASES: list[tuple[str, GeneratorConfig, list[dict[str, Any]]]] = [
    ("T", T, [{}, {"trunc": 0.7}, {"trunc": 0.5, "cutoff": 5}, MOVED]),
    ("R", R, [{}, {"trunc": 0.7}, {**MOVED, "trunc": 1.3}]),
    ("StyleGAN2", TWO, [{}, {"trunc": 0.7}, {"trunc": -0.4, "cutoff": 3}]),
    ("classes", dataclasses.replace(T, c_dim=3), [{"label": 0}, {"label": 2, "trunc": 0.6}]),
    ("grey", dataclasses.replace(R, img_channels=1), [{"trunc": 0.9}]),
    ("transparent T", dataclasses.replace(T, img_channels=4), [{}, {"trunc": 0.7}]),
    ("transparent StyleGAN2", dataclasses.replace(TWO, img_channels=4), [{"trunc": 0.7}]),
    (
        "plain StyleGAN2",
        dataclasses.replace(TWO, use_noise=False, conv_clamp=None, c_dim=2),
        [{"label": 1}],
    ),
    ("StyleGAN1", ONE, [{}, {"trunc": 0.7, "cutoff": 4}]),
    ("growing", dataclasses.replace(ONE, img_resolution=16, fade=0.4, c_dim=2), [{"label": 1}]),
    ("clamped", dataclasses.replace(T, conv_clamp=1.5), [{"trunc": 0.8}]),
]


@pytest.mark.parametrize(
    ("config", "looks"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_both_renderers_paint_the_same_pixels(
    tmp_path: Path, config: GeneratorConfig, looks: list[dict[str, Any]]
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, generator=filled(config).generator, meta={})
    model = load_model(path)
    for number, look in enumerate(looks):
        recipe = model.recipe(**look)
        for seed in (3, 4_000_000_000 + number):
            rendered = model.render_checked(seed, recipe)
            levels = second.levels(path, seed, recipe.to_json())
            assert np.array_equal(second.pixels(levels), rendered.image)
            assert ((levels > 0) & (levels < 256)).mean() > 0.5, "the image must show something"
            steps = np.abs(levels - np.clip(np.rint(levels), 1, 255)).min()
            assert abs(steps - rendered.margin) < SAFE_MARGIN / 100


@pytest.mark.parametrize("config", [T, TWO], ids=["T", "StyleGAN2"])
def test_both_renderers_paint_a_stored_latent_the_same(
    tmp_path: Path, config: GeneratorConfig
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, generator=filled(config).generator, meta={})
    model = load_model(path)
    seeds = model.ws([3, 4])
    mixed = np.concatenate([seeds[0][:3], seeds[1][3:]])
    for rows in (seeds[0], mixed):
        own = Latent(rows)
        recipe = model.recipe(trunc=0.6).with_latents([own])
        rendered = model.render_checked(own.number, recipe)
        levels = second.levels(path, own.number, recipe.to_json(), own.to_json())
        assert np.array_equal(second.pixels(levels), rendered.image)
    with pytest.raises(UsageError, match="stands for a stored latent"):
        model.render(own.number, Recipe.from_json(recipe.to_json()))


def test_the_model_that_ships_is_painted_the_same() -> None:
    model = load_model(base_model())
    for seed, look in ((1, {"trunc": 0.7}), (2, MOVED)):
        recipe = model.recipe(**look)
        levels = second.levels(base_model(), seed, recipe.to_json())
        assert np.array_equal(second.pixels(levels), model.render(seed, recipe))


def test_its_pieces_are_finished_the_same_in_colours_of_the_art() -> None:
    model = load_model(base_model(16))
    recipe = model.recipe_of(RecipeSection(trunc=0.7, upscale=3))
    finish = recipe.to_json()["finish"]
    assert finish["palette"] == 10 and len(finish["colours"]) == 6 * 63
    for seed in (1, 2):
        pixels = second.pixels(second.levels(base_model(16), seed, recipe.to_json()))
        assert np.array_equal(slow_finish(pixels, finish), model.render(seed, recipe))
    flat = model.recipe_of(RecipeSection(trunc=0.7, upscale=3, filter="contour"))
    finish = flat.to_json()["finish"]
    assert finish["filter"] == "contour" and finish["palette"] == 10 and "colours" in finish
    pixels = second.pixels(second.levels(base_model(16), 1, flat.to_json()))
    assert np.array_equal(slow_finish(pixels, finish), model.render(1, flat))


def test_the_native_kernels_paint_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, limit in ((fused, "DOUBLE_FROM"), (winograd, "DOUBLE_FROM")):
        monkeypatch.setattr(module, limit, 0)
    for limit in ("FEW_CHANNELS", "FEW_TILES"):
        monkeypatch.setattr(winograd, limit, 1)
    path = tmp_path / "model.safetensors"
    save_model(path, generator=filled(T).generator, meta={})
    model = load_model(path)
    for seed in range(4):
        levels = second.levels(path, seed, model.recipe().to_json())
        assert np.array_equal(second.pixels(levels), model.render(seed))


@pytest.mark.parametrize("seed", [0, 1, 42, 2**31, 2**32 - 1])
def test_the_twister_written_out_gives_the_latents(seed: int) -> None:
    # More than 624 words, so that the twister turns; libm's logarithm may differ in the last bit.
    ours = second.mersenne_normals(seed, 512)
    assert np.abs(ours - latent(seed, 512)[0]).max() < 1e-14


SECOND = ["numpy_renderer", "slow_finish", "slow_palette", "slow_contour"]


@pytest.mark.parametrize("name", SECOND)
def test_the_second_renderer_uses_nothing_of_ours(name: str) -> None:
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {one.split(".")[0] for one in names} & {"nftgan", "torch"}
    own = {one for one in names if one.startswith("tests")}
    assert own <= {f"tests.synthesis.{other}" for other in SECOND}
