"""Drafts: close to the image, on the same canvas, for less work; and exact where nothing is left
out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from nftgan.errors import UsageError
from nftgan.networks import drafts
from nftgan.networks.drafts import LowGrid, LowRate, coarser, draft_of, has_drafts
from nftgan.ops import winograd
from nftgan.synthesis.model import Model, load_model
from tests.synthesis import tiny

TRAINED = "collections/tides/model.safetensors"  # StyleGAN3, 64 pixels


def correlation(one: Tensor, other: Tensor) -> float:
    rows = torch.stack([one.clamp(-1, 1).flatten(), other.clamp(-1, 1).flatten()])
    return float(torch.corrcoef(rows)[0, 1])


def whole(model: Model, ws: Tensor) -> Tensor:
    with torch.no_grad():
        return model.generator.synthesis(ws)


def latents(model: Model, seed: int) -> Tensor:
    return torch.from_numpy(model.ws(seed, truncation_psi=0.7))


@pytest.fixture(scope="module")
def trained() -> Model:
    return load_model(TRAINED)


@pytest.mark.parametrize(("share", "least"), [(2, 0.99), (4, 0.96)])
def test_a_draft_of_a_trained_model_resembles_its_image(
    trained: Model, share: int, least: float
) -> None:
    draft = LowRate(trained.generator.synthesis, 64 // share)  # type: ignore[arg-type]
    for seed in range(4):
        ws = latents(trained, seed)
        small = draft(ws)
        assert small.shape == (1, 3, 64 // share, 64 // share)
        large = F.interpolate(small, size=64, mode="bilinear")
        assert correlation(whole(trained, ws), large) > least
        others = whole(trained, latents(trained, seed + 50))
        assert correlation(others, large) < least - 0.05  # and no other's


def test_a_draft_of_trained_stylegan2_resembles_its_image_made_smaller() -> None:
    """Pixel art of 16 pixels, where every other one is an edge: the hardest case there is."""
    model = load_model("nftgan/assets/base-16.safetensors")
    draft = LowGrid(model.generator.synthesis, 8)  # type: ignore[arg-type]
    small = [F.avg_pool2d(whole(model, latents(model, seed)), 2) for seed in range(8)]
    made = [draft(latents(model, seed)) for seed in range(8)]
    own = [correlation(one, other) for one, other in zip(small, made, strict=True)]
    assert min(own) > 0.75 and sum(own) / len(own) > 0.85
    for place, one in enumerate(made):
        assert max(range(8), key=lambda n: correlation(small[n], one)) == place


@pytest.mark.parametrize(
    "changes", [{}, {"kind": "stylegan3-r", "conv_kernel": 1, "use_radial_filters": True}]
)
def test_a_draft_of_all_samples_is_the_image(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "MARGIN", 10)  # as the network has it
    model = tiny.stylegan3(32, **changes)
    ws = latents(model, 3)
    draft = LowRate(model.generator.synthesis, 32)  # type: ignore[arg-type]
    torch.testing.assert_close(draft(ws), whole(model, ws), atol=2e-4, rtol=1e-3)


def test_kernels_of_all_samples_stay_as_they_are() -> None:
    weight = torch.randn(2, 3, 3, 3)
    assert torch.equal(coarser(weight, 1), weight)
    # Whatever the distance of the samples: a constant signal is weighed as before.
    sums = coarser(weight, 4).sum(dim=(2, 3))
    torch.testing.assert_close(sums, weight.sum(dim=(2, 3)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("make", [tiny.stylegan3, tiny.stylegan2])
def test_a_draft_takes_less_than_half_of_the_work(make: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(winograd, "usable", lambda x, weight: False)  # so that all is counted
    model = make(128, channel_base=1024, channel_max=16)
    ws = latents(model, 1)
    draft = draft_of(model.generator)
    assert draft is not None and draft.side == 32
    work = []
    for make_image in (partial(whole, model), draft):
        with FlopCounterMode(display=False) as counter:
            make_image(ws)
        work.append(counter.get_total_flops())
    assert work[1] < work[0] / 2


def test_a_draft_moves_with_the_canvas() -> None:
    model = tiny.stylegan3(128)
    draft = draft_of(model.generator)
    assert draft is not None
    ws, move = latents(model, 1), torch.eye(3)
    assert torch.equal(draft(ws, move), draft(ws))
    move[0, 2] = 0.5
    assert not torch.allclose(draft(ws, move), draft(ws))
    flat = draft_of(tiny.stylegan2(128).generator)
    assert flat is not None
    with pytest.raises(UsageError, match="moved or turned"):
        flat(latents(tiny.stylegan2(128), 1), move)


def test_small_models_have_no_drafts() -> None:
    assert has_drafts(tiny.stylegan2(128).generator)
    assert not has_drafts(tiny.stylegan2(64).generator)
    assert draft_of(tiny.stylegan3(64).generator) is None
