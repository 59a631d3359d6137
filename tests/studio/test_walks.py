"""Walks in the studio: the frames that `morph` makes, bounded, and the command that makes them."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nftgan.errors import UsageError
from nftgan.studio.walks import MAX_FRAMES, MAX_STOPS, Wish, command, refuse_latents
from nftgan.synthesis.latent import Latent
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish, Recipe
from nftgan.synthesis.walk import Walk
from tests.studio.conftest import Serve
from tests.synthesis.colour_lists import ART

MODEL = "sha256:" + "1" * 64


def test_frames_are_those_of_the_walk_in_any_order(serve: Serve, reference: Model) -> None:
    served = serve(range(8))
    wish = "seeds=5,2,7&kind=slerp&steps=4"
    plan = served.get(f"/api/walk?{wish}&fps=24")
    assert plan["frames"] == 12 and plan["steps"] == 4
    expected = list(
        Walk(reference, (5, 2, 7), reference.recipe(truncation_psi=0.7), steps=4, kind="slerp")
    )
    for number in (9, 0, 4):
        status, headers, data = served.request("GET", f"/walk/{number}?{wish}")
        assert status == 200 and headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(data)) as image:
            assert np.abs(np.asarray(image).astype(int) - expected[number]).max() <= 1
    assert served.get("/api/pool")["seeds"] == list(range(8))


@pytest.mark.parametrize(
    "path",
    [
        "/walk/12?seeds=5,2,7&steps=4",
        "/walk/0?seeds=5&steps=4",
        "/walk/0?seeds=0-9&steps=4",
        "/walk/0?seeds=1,1&steps=4",
        "/walk/0?seeds=1,x&steps=4",
        "/walk/0?seeds=1,2&steps=0",
        "/walk/0?seeds=1,2&steps=601",
        "/walk/0?seeds=1,2&steps=4&kind=bezier",
        "/walk/0?seeds=1,4294967296&steps=4",
        "/walk/0?seeds=" + ",".join(map(str, range(MAX_STOPS + 1))) + "&steps=4",
        "/api/walk?seeds=1,2&steps=4&fps=nan",
    ],
)
def test_a_walk_that_cannot_be_is_refused(serve: Serve, path: str) -> None:
    status, _, _ = serve(range(4)).request("GET", path)
    assert status == 400


def test_a_stored_latent_is_no_stop_of_a_film_that_names_seeds() -> None:
    own = Latent(np.ones((1, 4)))
    recipe = Recipe(MODEL, (16, 16)).with_latents([own])
    refuse_latents(recipe, (3, 5))
    with pytest.raises(UsageError, match="stands for a stored latent"):
        refuse_latents(recipe, (3, own.number))


def test_a_preview_is_bounded_and_its_command_is_not() -> None:
    wish = Wish(tuple(range(MAX_STOPS)), "cubic", 90)
    assert wish.shown_steps * MAX_STOPS <= MAX_FRAMES
    model_recipe = Recipe(MODEL, (96, 96), trunc=0.7, finish=Finish(16, 12, 6, colours=ART))
    line = command("/a b/model.safetensors", model_recipe, wish, 30)
    assert shlex.split(line) == [
        *("nftgan", "morph", "-m", "/a b/model.safetensors", "--seeds", "0-23", "--steps", "90"),
        *("--trunc", "0.7", "--pixel-grid", "16", "--palette", "12", "--colours", "art"),
        *("--upscale", "6"),
        *("-o", "walk.mp4"),
    ]
    moved = replace(
        model_recipe, finish=None, translate=(-0.1, 0.2), rotate=-8, cutoff=4, class_idx=2
    )
    line = command("base", moved, Wish((9, 2), "slerp", 30), 24)
    assert line == (
        "nftgan morph -m base --seeds 9,2 --kind slerp --fps 24 --trunc 0.7 --cutoff 4 --class 2"
        " --translate=-0.1,0.2 --rotate=-8 -o walk.mp4"
    )
