"""Projection: images that the model can paint are found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import stylegan2, stylegan3

from nftgan.alpha import looked_at, premultiplied
from nftgan.errors import UsageError
from nftgan.synthesis.latent_files import save_latent
from nftgan.synthesis.projection import (
    Perception,
    Search,
    _over_grey,
    image_distance,
    project,
)


def test_an_image_of_the_models_own_is_found_again(tmp_path: Path) -> None:
    model = stylegan2()
    with torch.no_grad():  # a random network's colours are far out of range; a trained one's not
        for name, tensor in model.generator.named_parameters():
            if name.endswith("torgb.weight"):
                tensor *= 0.2
    target = model.generate([700])[0]  # not one of the seeds that the search starts from
    found = project(model, target, steps=150)
    assert found.distance < 0.1 * found.start
    error = np.abs(found.image.astype(int) - target).mean()
    other = np.abs(model.generate([701])[0].astype(int) - target).mean()
    assert error < 0.3 * other
    save_latent(tmp_path / "w.npz", found.ws)
    with np.load(tmp_path / "w.npz") as stored:
        assert stored["w"].shape == (1, model.generator.num_ws, 16)
        assert np.array_equal(stored["w"], found.ws)


def test_the_same_call_finds_the_same_latent() -> None:
    model = stylegan2()
    target = model.generate([3])[0]
    first, again = (project(model, target, steps=3) for _ in range(2))
    assert np.array_equal(first.ws, again.ws) and first.distance == again.distance


def test_a_grey_model_and_a_class_can_be_projected() -> None:
    for model, label in ((stylegan3(img_channels=1), None), (stylegan3(c_dim=2), 1)):
        target = model.generate([3], class_idx=label)[0]
        found = project(model, target, steps=4, class_idx=label)
        assert found.distance <= found.start


def test_a_distance_is_zero_for_equals_and_grows_with_the_difference() -> None:
    a = torch.linspace(-1, 1, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16)
    assert image_distance(a, a).tolist() == [0, 0]
    near, far = image_distance(a, a + 0.1), image_distance(a, a + 0.3)
    assert torch.allclose(near, torch.full((2,), 0.01)) and bool((far > near).all())
    shifted = image_distance(a, a.roll(1, dims=3))
    assert bool((shifted > 0).all())


def test_a_network_s_eye_sees_what_pixels_do_not() -> None:
    rng = np.random.RandomState(0)
    wanted = torch.from_numpy(rng.rand(1, 3, 32, 32)).float() * 2 - 1
    eye = Perception(wanted)
    assert float(eye(wanted)) == pytest.approx(0, abs=1e-6)
    grain = torch.from_numpy(rng.rand(1, 3, 32, 32)).float() * 2 - 1  # the same kind of noise
    flat = wanted.mean(dim=(2, 3), keepdim=True).expand_as(wanted)
    assert float((grain - wanted).square().mean()) > float((flat - wanted).square().mean())
    assert float(eye(grain)) < float(eye(flat))
    assert eye(torch.cat([wanted, flat])).shape == (2,)


def test_a_search_may_be_guided_by_a_network() -> None:
    model = stylegan2()
    target = model.generate([700])[0]
    search = Search(model, target, steps=6, loss="perceptual")
    images = list(search)
    assert len(images) == 6 and np.array_equal(images[-1], search.result.image)
    assert search.result.distance < search.result.start
    with pytest.raises(UsageError, match="is no loss"):
        project(model, target, loss="taste")


def test_images_of_another_size_are_refused() -> None:
    model = stylegan3()
    with pytest.raises(UsageError, match=r"\[8, 8, 3\], the model makes \[16, 16, 3\]"):
        project(model, np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="too few"):
        project(model, np.zeros((16, 16, 3), dtype=np.uint8), steps=0)


def test_transparent_images_are_compared_by_colours_and_alpha_and_seen_over_grey() -> None:
    clear = stylegan3(img_channels=4)
    target = clear.generate([5])[0]
    search = Search(clear, target, steps=2)
    wanted = torch.from_numpy(premultiplied(target)).permute(2, 0, 1)[None] / 127.5 - 1
    assert torch.allclose(search._wanted, wanted.float())
    seen_over_grey = torch.from_numpy(looked_at(target)).permute(2, 0, 1)[None] / 127.5 - 1
    assert (_over_grey(wanted) - seen_over_grey).abs().max() <= 1.01 / 127.5
    with pytest.raises(UsageError, match="the image is uint8"):
        Search(clear, target[..., :3], steps=2)
