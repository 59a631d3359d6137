"""Finishing: only pieces that may be minted are written, or the artist knows why not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan.collection.rarity import rarity
from nftgan.collection.traits import traits
from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import UsageError
from nftgan.synthesis import canonical
from nftgan.synthesis.model import Model
from tests.studio.conftest import Serve, Served


def finish(served: Served, kept: tuple[int, ...] = ()) -> dict[str, Any]:
    served.post("/api/finish", {"kept": list(kept)})
    end = time.monotonic() + 120
    while time.monotonic() < end:
        state: dict[str, Any] = served.get("/api/news?after=0&known=0")["finish"]
        if state["state"] != "working":
            return state
        time.sleep(0.01)
    raise AssertionError("it never ended")


def pick(served: Served, *seeds: int) -> None:
    for seed in seeds:
        served.post("/api/opinion", {"seed": seed, "picked": True})


def test_picks_are_written_in_order_of_their_seeds(serve: Serve) -> None:
    served = serve()
    assert finish(served)["error"] == "nothing is picked"
    pick(served, 9, 2, 4)
    served.post("/api/opinion", {"seed": 4, "picked": False})
    assert finish(served) == {"state": "done", "pieces": 2, "file": "collection.json"}
    assert served.written == [(2, 9)]


def test_a_seed_outside_the_candidates_can_be_picked(serve: Serve) -> None:
    served = serve(range(4))
    pick(served, 1000)
    assert finish(served)["state"] == "done" and served.written == [(1000,)]
    assert 1000 in served.get("/api/pool")["seeds"]


def test_a_pixel_on_a_rounding_step_is_always_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Model.render_checked

    def unsafe(self: Model, seed: int, *args: Any, **options: Any) -> canonical.Rendered:
        rendered = real(self, seed, *args, **options)
        return canonical.Rendered(rendered.image, 1e-12) if seed == 5 else rendered

    monkeypatch.setattr(Model, "render_checked", unsafe)
    served = serve()
    pick(served, 5, 6)
    for kept in ((), (5,)):
        (problem,) = finish(served, kept)["problems"]
        assert problem["seed"] == 5 and not problem["may_stay"]
    served.post("/api/opinion", {"seed": 5, "picked": None})
    assert finish(served)["state"] == "done" and served.written == [(6,)]


def test_copies_and_twins_stay_only_knowingly(serve: Serve, model: Model, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    art = [np.kron(random.integers(0, 256, (4, 4, 3)), np.ones((4, 4, 1))) for _ in range(20)]
    art.append(model.generate([3], truncation_psi=0.7)[0])
    path = tmp_path / "art.zip"
    write_dataset(path, [a.astype(np.uint8) for a in art])
    served = serve(training=Dataset.open(path))
    gallery = served.studio.gallery
    while not all((one := gallery.candidate(seed)) and one.neighbour for seed in range(24)):
        time.sleep(0.01)
    gallery._rows[gallery._row_of[8]] = gallery._rows[gallery._row_of[7]]  # 8 looks like 7
    pick(served, 3, 7, 8)
    state = finish(served)
    assert {one["seed"]: one["may_stay"] for one in state["problems"]} == {3: True, 8: True}
    assert "training image" in state["problems"][0]["reason"]
    assert state["problems"][1]["reason"] == "nearly the same image as seed 7"
    assert finish(served, (3,))["state"] == "refused"
    assert served.written == []
    assert finish(served, (3, 8))["state"] == "done" and served.written == [(3, 7, 8)]
    assert "training image" in served.kept[3] and set(served.kept) == {3, 8}


def test_what_cannot_be_written_is_said(serve: Serve) -> None:
    served = serve()
    pick(served, 1)

    def refuse(seeds: tuple[int, ...], kept: Mapping[int, str]) -> str:
        raise UsageError("birds is deployed", hint="start another collection")

    served.studio.finishing._write = refuse
    state = finish(served)
    assert state == {
        "state": "failed",
        "error": "birds is deployed",
        "hint": "start another collection",
    }


def test_the_tray_counts_as_metadata_does(serve: Serve) -> None:
    served = serve(range(10))
    pick(served, 1, 2, 5, 8)
    served.post("/api/opinion", {"seed": 5, "name": "Birds #0", "description": "two\nlines"})
    while (tray := served.get("/api/tray"))["waiting"]:
        time.sleep(0.02)
    gallery = served.studio.gallery
    known = [gallery.candidate(seed) for seed in (1, 2, 5, 8)]
    rows = traits([one.measures for one in known])  # type: ignore[union-attr]
    places = rarity(rows)
    for piece, row, place in zip(tray["pieces"], rows, places, strict=True):
        assert piece["traits"] == [[a["trait_type"], a["value"]] for a in row]
        assert (piece["rank"], piece["score"]) == (place.rank, place.score)
    assert [piece["id"] for piece in tray["pieces"]] == [0, 1, 2, 3]
    assert [piece["name_taken"] for piece in tray["pieces"]] == [True, False, True, False]
    for trait in tray["rarity"]:
        assert sum(value["pieces"] for value in trait["values"]) == 4
        for value in trait["values"]:
            assert value["bits"] == pytest.approx(np.log2(4 / value["pieces"]), abs=0.006)


def test_tags_count_in_the_tray_as_in_the_metadata(serve: Serve) -> None:
    served = serve(range(10))
    pick(served, 1, 2, 5, 8)
    served.post("/api/opinion", {"seed": 5, "tags": {"Mood": "calm", "Hat": "top"}})
    served.post("/api/opinion", {"seed": 8, "tags": {"Mood": "calm"}})
    served.post("/api/opinion", {"seed": 5, "tags": {"Hat": None}})
    while (tray := served.get("/api/tray"))["waiting"]:
        time.sleep(0.02)
    known = [served.studio.gallery.candidate(seed) for seed in (1, 2, 5, 8)]
    rows = [list(row) for row in traits([one.measures for one in known])]  # type: ignore[union-attr]
    for row in rows[2:]:
        row.append({"trait_type": "Mood", "value": "calm"})
    for piece, place in zip(tray["pieces"], rarity(rows), strict=True):
        assert (piece["rank"], piece["score"]) == (place.rank, place.score)
    calm = {"Mood": "calm"}
    assert [piece["tags"] for piece in tray["pieces"]] == [{}, {}, calm, calm]
    (mood,) = (trait for trait in tray["rarity"] if trait["trait"] == "Mood")
    found = {value["value"]: (value["pieces"], value["bits"]) for value in mood["values"]}
    assert found == {"calm": (2, 1.0), "(none)": (2, 1.0)}


def test_a_tag_that_cannot_be_is_refused_in_words(serve: Serve) -> None:
    served = serve(range(4))
    for tags, words in (
        ({"Warmth": "hot"}, "sets it itself"),
        ({"Mood": "x" * 81}, "at most 80"),
        ({"Mood": "a\nb"}, "control character"),
        ({"Mood": 3}, "is text"),
        ({}, "1 to 12 traits"),
        ({f"T{n}": "x" for n in range(13)}, "1 to 12 traits"),
    ):
        status, _, data = served.request("POST", "/api/opinion", {"seed": 1, "tags": tags})
        assert status == 400 and words in data.decode(), data
    served.post("/api/opinion", {"seed": 1, "tags": {f"T{n}": "x" for n in range(12)}})
    status, _, data = served.request("POST", "/api/opinion", {"seed": 1, "tags": {"U": "x"}})
    assert status == 400 and b"at most 12 tags" in data
    said = served.post("/api/opinion", {"seed": 1, "tags": None})
    assert said["opinions"] == {"1": {}}


def test_two_pieces_of_one_name_are_named_with_the_right_remedy(serve: Serve) -> None:
    served = serve(range(8))
    pick(served, 2, 5)
    for seed in (2, 5):
        served.post("/api/opinion", {"seed": seed, "name": "Ada"})
    state = finish(served)
    assert state["state"] == "failed" and state["seeds"] == [2, 5]
    assert state["hint"] == "rename one of them" and served.written == []
