"""Checkpoints of the original StyleGAN: no real file is at hand, so our own writer writes them."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.architecture import StyleGAN1Config
from nftgan.networks.model_file import build_networks, open_model, write_model
from nftgan.networks.published import STYLEGAN1_LICENCE, STYLEGAN1_NOTICE, parse_published
from tests.damage import damaged
from tests.networks.stylegan1_writer import (
    SIDE,
    TRAP,
    Z,
    arguments,
    checkpoint,
    picture,
    styles,
    variables,
)


def parsed(found: Any = None, kwargs: Any = None, **changes: Any) -> Any:
    found = variables() if found is None else found
    return parse_published(memoryview(checkpoint(found, kwargs or arguments(), **changes)))


def drawn(model: Any, z: np.ndarray, c: np.ndarray | None = None, **options: Any) -> np.ndarray:
    """[R, R, 3] in float64."""
    generator = build_networks(model).generator.double()
    label = None if c is None else torch.from_numpy(c[None])
    image = generator(torch.from_numpy(z[None]), label, **options)
    return image[0].numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("flat", [False, True], ids=["in components", "in itself"])
@pytest.mark.parametrize("classes", [0, 3])
def test_a_checkpoint_draws_what_its_variables_say(classes: int, flat: bool) -> None:
    found = variables(classes=classes)
    model = parsed(found, arguments(classes=classes), flat=flat)
    assert model.generator_config == StyleGAN1Config(
        SIDE, z_dim=Z, w_dim=5, c_dim=classes, channel_base=32, channel_max=4, mapping_layers=3
    )
    assert model.discriminator is None
    z = np.random.RandomState(7).standard_normal(Z)
    c = np.eye(classes)[1] if classes else None
    w = styles(found, z, c)
    expected = picture(found, np.tile(w, (6, 1)), SIDE)
    assert expected.std() > 0.2
    assert np.abs(drawn(model, z, c) - expected).max() < 1e-10
    near = found["dlatent_avg"] + 0.7 * (w - found["dlatent_avg"])
    expected = picture(found, np.stack([near] * 4 + [w] * 2), SIDE)
    image = drawn(model, z, c, truncation_psi=0.7, truncation_cutoff=4)
    assert np.abs(image - expected).max() < 1e-10
    expected = picture(found, np.tile(w, (6, 1)), SIDE, noise=False)
    assert np.abs(drawn(model, z, c, noise_mode="none") - expected).max() < 1e-10


def test_wide_kernels_are_those_of_a_transposed_convolution() -> None:
    """From 128 pixels on, unless the options say otherwise."""
    z = np.random.RandomState(1).standard_normal(Z)
    for side, choice, first in ((128, "auto", 128), (8, True, 8), (128, False, 1 << 20)):
        found = variables(side)
        model = parsed(found, arguments(side, fused_scale=choice))
        ws = np.tile(styles(found, z), (2 * side.bit_length() - 4, 1))
        image = drawn(model, z)
        assert np.abs(image - picture(found, ws, side, fused_from=first)).max() < 1e-10
        other = picture(found, ws, side, fused_from=8 if first > 128 else 1 << 20)
        assert np.abs(image - other).max() > 1e-3


@pytest.mark.parametrize(("lod", "side", "fade"), [(0.25, 16, 0.25), (1.0, 8, 0.0), (1.5, 8, 0.5)])
def test_a_network_that_stopped_growing_is_one_of_the_size_it_reached(
    lod: float, side: int, fade: float
) -> None:
    found = variables(lod=lod)
    model = parsed(found)
    assert (model.generator_config.img_resolution, model.generator_config.fade) == (side, fade)
    z = np.random.RandomState(2).standard_normal(Z)
    full = picture(found, np.tile(styles(found, z), (6, 1)), SIDE)
    image = drawn(model, z)
    assert image.shape == (side, side, 3)
    assert np.abs(image.repeat(SIDE // side, 0).repeat(SIDE // side, 1) - full).max() < 1e-10


def test_a_network_of_a_fixed_size_has_grown_whatever_its_lod_says() -> None:
    found = variables(lod=1.0)
    grown = parsed(found | variables(), arguments())
    fixed = parsed(found, arguments(structure="fixed"))
    assert fixed.generator_config.img_resolution == SIDE
    assert fixed.identity == grown.identity


def test_a_file_is_opened_with_its_licence_and_kept_as_our_own(tmp_path: Path) -> None:
    path, ours = tmp_path / "art.pkl", tmp_path / "art.safetensors"
    path.write_bytes(checkpoint(variables(), arguments()))
    assert TRAP.encode() in path.read_bytes()
    model = open_model(path)
    assert model.meta["licence"] == STYLEGAN1_LICENCE
    assert model.meta["parent"]["notice"] == STYLEGAN1_NOTICE
    assert write_model(ours, model) == model.identity == open_model(ours).identity
    assert open_model(ours).info["licence"] == STYLEGAN1_LICENCE


def changed(**more: np.ndarray | None) -> dict[str, np.ndarray]:
    found = variables() | {name.replace("__", "/"): one for name, one in more.items()}
    return {name: one for name, one in found.items() if one is not None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blur_filter": [1, 3, 3, 1]}, "blur_filter is list"),
        ({"blur_filter": None}, "blur_filter is None"),
        ({"use_pixel_norm": True}, "use_pixel_norm is True"),
        ({"use_styles": False}, "use_styles is False"),
        ({"fmap_decay": 0.5}, "fmap_decay is 0.5"),
        ({"fused_scale": "always"}, "fused_scale is 'always'"),
        ({"resolution": 1 << 60}, "not a power of two"),
        ({"resolution": "16"}, "resolution"),
        ({"fmap_max": [4]}, "channel_max is not a plain value"),
        ({"fmap_base": 64}, "shape"),
        ({"latent_size": 9}, "mapping.fc0.weight has the shape"),
    ],
)
def test_options_of_other_images_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parsed(kwargs=arguments(**options))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (changed(G_synthesis__8x8__Conv1__bias=None), "lacks the variable synthesis/8x8/Conv1/b"),
        (changed(G_synthesis__noise3=None), "lacks the variable synthesis/noise3"),
        (changed(G_synthesis__ToRGB_lod0__bias=None), "lacks the variable synthesis/ToRGB_lod0/b"),
        (changed(G_synthesis__4x4__Extra__bias=np.ones(1)), "'synthesis/4x4/Extra/bias' cannot"),
        (changed(G_synthesis__noise2=np.ones((8, 8))), "a noise pattern of another shape"),
        (changed(G_synthesis__lod=np.float32(1)), "its lod is 0 and 1 at once"),
        (variables(lod=float("nan")), "lod is nan"),
        (variables(lod=2.5), "lod is 2.5, not between 0 and 2"),
        (variables(lod=-1.0), "lod is -1"),
        (changed(dlatent_avg=np.full(5, 1e300)), "holds NaN or infinity"),
        (changed(dlatent_avg=np.full(5, np.inf, np.float32)), "holds NaN or infinity"),
        (changed(G_mapping__Dense1__weight=np.ones((2, 2, 2))), "mapping.fc1.weight has the shape"),
    ],
)
def test_variables_that_do_not_fit_are_refused(found: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parsed(found)


def test_a_variable_that_is_there_twice_must_be_the_same() -> None:
    found = variables()
    bias = found["G_synthesis/4x4/Conv/bias"]
    parsed(found | {"synthesis/4x4/Conv/bias": bias}, flat=True)
    with pytest.raises(UsageError, match="twice, with other values"):
        parsed(found | {"synthesis/4x4/Conv/bias": bias + 1}, flat=True)


class Harmful:
    """Runs a program wherever it is unpickled by Python's own reader."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("place", ["variables", "static_kwargs", "components"])
def test_a_file_that_would_run_something_is_refused(tmp_path: Path, place: str) -> None:
    target = tmp_path / "was run"
    state = {
        "variables": [("lod", Harmful(target))],
        "static_kwargs": {"resolution": Harmful(target)},
        "components": {"mapping": Harmful(target)},
    }
    data = checkpoint(variables(), arguments(), **{place: state[place]})
    with pytest.raises(UsageError, match=r"it names '(posix|nt)' 'system', which is not on the l"):
        parse_published(memoryview(data))
    assert not target.exists()


def test_damaged_files_are_read_or_refused_in_a_sentence() -> None:
    r, whole = random.Random(0), checkpoint(variables(8), arguments(8))
    refused = 0
    for _ in range(60):
        try:
            parse_published(memoryview(damaged(whole, r)))
        except UsageError as exc:
            refused += 1
            assert exc.message.isprintable() and len(exc.message) < 400
    assert refused > 30
