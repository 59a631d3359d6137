"""Several painters: what one would make, in the order in which one would make it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from nftgan.studio import gallery as galleries
from nftgan.studio.gallery import Gallery
from nftgan.studio.painters import InOrder, on_devices
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.studio.browser import until
from tests.synthesis import tiny


@pytest.fixture
def model() -> Model:
    return tiny.stylegan3()


class Gate:
    """Lets one model paint nothing before it is opened, and notes what was painted."""

    def __init__(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.waits, self.painted = threading.Event(), threading.Event(), list[int]()
        paint = model.previews

        def previews(seeds: Any, *rest: Any, **options: Any) -> Any:
            self.waits.set()
            self.open.wait(100)
            self.painted.extend(seeds)
            return paint(seeds, *rest, **options)

        monkeypatch.setattr(model, "previews", previews)


def test_what_is_done_early_is_told_in_its_turn() -> None:
    order, told = InOrder(), list[int]()
    first, second, third, fourth = (order.begin() for _ in range(4))
    order.end(third, lambda: told.append(3))
    order.end(second)  # it failed
    assert told == []
    order.end(first, lambda: told.append(1))
    assert told == [1, 3]
    order.end(fourth, lambda: told.append(4))
    assert told == [1, 3, 4]


def test_a_copy_for_each_device_is_the_same_model_and_shares_no_tensor(model: Model) -> None:
    first, second = on_devices(model, ["cpu", "cpu"])
    assert first is model and second.identity == model.identity
    own, other = next(first.generator.parameters()), next(second.generator.parameters())
    assert own.data_ptr() != other.data_ptr() and own.equal(other)
    assert second.discriminator is not None and first.discriminator is not second.discriminator
    assert on_devices(model, ["cpu"]) == [model]


def test_two_painters_give_the_images_and_the_order_of_one(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(galleries, "MAX_BATCH", 1)  # float32 depends on its batch in the last bit
    recipe = model.recipe(truncation_psi=0.7)
    alone = Gallery(model, recipe, range(24), cache_folder=tmp_path / "alone")
    alone.start()
    until(lambda: alone.counts[1] == 24)
    first, second = on_devices(model, ["cpu", "cpu"])
    slow, quick = Gate(second, monkeypatch), Gate(first, monkeypatch)
    both = Gallery(first, recipe, range(24), cache_folder=tmp_path / "both", helpers=[second])
    both.start()
    assert slow.waits.wait(100) and quick.waits.wait(100)
    quick.open.set()
    until(lambda: len(quick.painted) == 23)  # all but the one that the slow one has in hand
    assert both.counts[1] == min(set(range(24)) - set(quick.painted))
    slow.open.set()
    until(lambda: both.counts[1] == 24)
    assert both.painted(0) == alone.painted(0) == list(range(24))
    assert sorted(quick.painted + slow.painted) == list(range(24)) and len(slow.painted) == 1
    assert [both.image(seed) for seed in range(24)] == [alone.image(seed) for seed in range(24)]
    assert both.table()["columns"] == alone.table()["columns"]
    until(lambda: not any(both.candidate(seed).logit is None for seed in range(24)))  # type: ignore[union-attr]
    for one in (alone, both):
        one.close()


def test_what_was_begun_with_another_look_is_dropped(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = on_devices(model, ["cpu", "cpu"])
    slow = Gate(second, monkeypatch)
    both = Gallery(first, model.recipe(), range(6), cache_folder=tmp_path, helpers=[second])
    both.start()
    assert slow.waits.wait(100)
    finished = model.recipe(finish=Finish(grid=8))
    both.use(finished)
    until(lambda: both.counts[1] == 6)
    images = [both.image(seed) for seed in range(6)]
    assert not slow.painted  # nothing in the new look waits for what the old one began
    slow.open.set()
    until(lambda: slow.painted)
    both.close()
    assert both.counts[1] == 6 and both.whole_recipe == finished
    again = Gallery(model, finished, range(6), cache_folder=tmp_path)
    assert [again.image(seed) for seed in range(6)] == images
    again.close()


def test_a_helper_that_fails_ends_the_painting_with_its_reason(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = on_devices(model, ["cpu", "cpu"])
    ahead = Gate(first, monkeypatch)

    def broken(*rest: Any, **options: Any) -> Any:
        raise MemoryError("no memory left on the card")

    monkeypatch.setattr(second, "previews", broken)
    both = Gallery(first, model.recipe(), range(9), cache_folder=tmp_path, helpers=[second])
    both.start()
    until(lambda: both.failure)
    ahead.open.set()
    assert both.failure == "painting stopped: no memory left on the card"
    assert both.ask(lambda: 7).result(60) == 7
    both.close()
