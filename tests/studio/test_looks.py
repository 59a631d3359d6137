"""Looking around: every look is the image that the library makes with the same settings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nftgan.studio import looks
from nftgan.studio.gallery import Gallery
from nftgan.studio.looks import layer_groups
from nftgan.studio.queue import Rank
from nftgan.studio.screen import raw_key
from nftgan.synthesis.mixing import Mix
from nftgan.synthesis.model import Model
from tests.studio.conftest import Serve, Served
from tests.synthesis import tiny


def look(served: Served, path: str) -> np.ndarray:
    status, _, data = served.request("GET", path)
    assert status == 200, data
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_truncation_moves_and_mixtures_are_the_library_s(serve: Serve, reference: Model) -> None:
    served = serve(range(2))
    close = dict(atol=1, rtol=0)  # float32
    assert np.allclose(
        look(served, "/look/5"), reference.generate([5], truncation_psi=0.7)[0], **close
    )
    plain = look(served, "/look/5?trunc=1")
    assert np.allclose(plain, reference.generate([5], truncation_psi=1)[0], **close)
    moved = reference.recipe(truncation_psi=1, translate=(0.25, -0.1), rotate=30)
    assert np.allclose(
        look(served, "/look/5?trunc=1&x=0.25&y=-0.1&rotate=30"),
        reference.generate([5], moved)[0],
        **close,
    )
    recipe = replace(moved, translate=(0.0, 0.0), rotate=0.0)
    ((_, _, mixed),) = Mix(reference, [5], [6], recipe, layers=[0, 1])
    assert np.allclose(look(served, "/look/5?trunc=1&mix=6&layers=0,1"), mixed, **close)
    assert not np.allclose(plain, mixed, **close)
    everything = ",".join(str(n) for n in range(reference.generator.num_ws))
    other = look(served, f"/look/5?trunc=1&mix=6&layers={everything}")
    assert np.allclose(other, look(served, "/look/6?trunc=1"), **close)


def test_a_draft_is_shown_and_never_kept_or_measured(serve: Serve) -> None:
    large = tiny.stylegan3(128)
    served = serve((0,), painter=large)
    gallery = served.studio.gallery
    assert served.get("/api/session")["drafts"] is True
    status, headers, data = served.request("GET", "/look/5?trunc=1&draft=1")
    assert status == 200 and headers["cache-control"] == "no-store"
    draft = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert gallery.candidate(5) is None and gallery.image(5) is None
    assert list(gallery._cache.all([5])) == [] and not served.studio._variations
    assert gallery._raws.get(raw_key(5, replace(gallery.recipe, trunc=1.0))) is None
    exact = look(served, "/look/5?trunc=1")
    assert draft.shape == exact.shape and not np.array_equal(draft, exact)
    assert np.corrcoef(draft.ravel(), exact.ravel())[0, 1] > 0.8
    # Where the image itself is known it is the quicker one.
    assert np.array_equal(look(served, "/look/5?trunc=1&draft=1"), exact)
    mixed = look(served, "/look/5?trunc=1&mix=6&layers=0,1&draft=1")
    whole = look(served, "/look/5?trunc=1&mix=6&layers=0,1")
    assert np.corrcoef(mixed.ravel(), whole.ravel())[0, 1] > 0.8
    assert served.request("GET", "/look/5?mix=6&layers=99&draft=1")[0] == 400
    walk = "/walk/1?seeds=3,4&kind=linear&steps=2"
    frames = [look(served, walk + draft) for draft in ("&draft=1", "")]
    assert np.corrcoef(frames[0].ravel(), frames[1].ravel())[0, 1] > 0.8
    assert not np.array_equal(*frames)


def test_where_images_are_quick_a_draft_is_the_image(serve: Serve) -> None:
    served = serve((0,))
    assert served.get("/api/session")["drafts"] is False
    assert np.array_equal(look(served, "/look/5?draft=1"), look(served, "/look/5"))


def test_the_large_image_passes_a_long_search_for_relatives(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = serve(range(4)).studio.gallery
    order: list[str] = []
    asked: list[Any] = []

    def styles(gallery: Gallery, seeds: Sequence[int]) -> np.ndarray:
        if not order:  # while the first part is looked up, somebody moves a slider
            asked.append(gallery.ask(lambda: order.append("tile"), Rank.PAGE))
            asked.append(gallery.ask(lambda: order.append("slider"), Rank.STAGE))
        order.append("part")
        return np.zeros((len(seeds), 4))

    monkeypatch.setattr(looks, "_styles", styles)
    latents = looks.Latents(gallery)
    gallery.ask(lambda: latents.relatives(0, 3)).result(60)
    asked[0].result(60)
    assert order[:3] == ["part", "slider", "part"] and order[-1] == "tile"


def test_relatives_are_the_closest_styles(serve: Serve, reference: Model) -> None:
    served = serve(range(40))
    seeds = list(range(40 + 2048))
    from nftgan.synthesis.latents import seeds_to_ws

    ws = seeds_to_ws(reference.generator, seeds, reference.recipe())[:, 0].numpy()
    away = np.linalg.norm(ws - ws[7], axis=1)
    expected = [seed for seed in np.argsort(away) if seed != 7][:12]
    found = served.get("/api/piece/7")["relatives"]
    assert len(set(found) & set(expected)) >= 11  # batches of float32 may swap the last
    assert found[0] == expected[0]


@pytest.mark.parametrize("count", [1, 2, 6, 7, 16, 18])
def test_every_layer_is_in_one_group(count: int) -> None:
    groups = layer_groups(count)
    assert [layer for _, layers in groups for layer in layers] == list(range(count))


def test_seeds_like_a_mixture_lie_between_its_parents(serve: Serve) -> None:
    served = serve(range(64))
    gallery, latents = served.studio.gallery, served.studio.latents
    near_one = gallery.ask(lambda: latents.like(3, 9, 0.0, 5)).result()
    near_other = gallery.ask(lambda: latents.like(3, 9, 1.0, 5)).result()
    between = gallery.ask(lambda: latents.like(3, 9, 0.5, 5)).result()
    assert (
        near_one == [s for s in gallery.ask(lambda: latents.relatives(3, 6)).result() if s != 9][:5]
    )
    middle = (latents._known[3] + latents._known[9]) / 2

    def away(seeds: list[int]) -> float:
        return float(sum(((latents._known[seed] - middle) ** 2).sum() for seed in seeds))

    assert away(between) <= min(away(near_one), away(near_other))
    count = gallery.model.generator.num_ws
    layers = ",".join(map(str, range(count)))
    assert served.get(f"/api/like/3?mix=9&layers={layers}")["seeds"][:5] == near_other
