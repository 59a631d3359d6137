"""The look of all pieces, tried over the grid and written to nftgan.toml."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nftgan.studio.gallery import Gallery
from nftgan.synthesis.finish import apply_finish
from nftgan.synthesis.model import Model
from nftgan.synthesis.recipe import Finish
from tests.studio.browser import NEEDS_BROWSER, opinions, press, serious, until
from tests.studio.conftest import Serve, Visit
from tests.synthesis import tiny
from tests.synthesis.colour_lists import ART

pytestmark = NEEDS_BROWSER


def test_a_look_is_tried_live_written_and_undone(
    serve: Serve, visit: Visit, tmp_path: Path, reference: Model
) -> None:
    served = serve(range(24), toml=True)
    served.post("/api/opinion", {"seed": 3, "picked": True})
    until(lambda: served.studio.gallery.counts[1] == 24)
    toml = tmp_path / "nftgan.toml"
    before = toml.read_text()
    page = visit(served)
    page.click("#open-look")
    page.select_option("#look-panel [name=pixel_grid]", "8")
    page.select_option("#look-panel [name=palette]", "4")
    page.wait_for_selector(".tile.tried[data-seed='3'] img[src*='palette=4']")
    assert serious(page) == []
    assert toml.read_text() == before  # only tried
    assert "8,192" not in page.inner_text("#look-why")
    page.click("text=Use this look")
    page.wait_for_selector(".tile.here[data-seed='3'] img[src*='/image/3?look=1']")
    assert "trunc = 0.7  # mine" in toml.read_text() and "palette = 4" in toml.read_text()
    raw = reference.generate([3], trunc=0.7)[0]
    expected = apply_finish(raw, Finish(grid=8, palette=4))
    until(lambda: served.studio.gallery.image(3))
    seen = np.asarray(Image.open(io.BytesIO(served.studio.gallery.image(3))).convert("RGB"))
    assert seen.shape == (8, 8, 3) and np.abs(seen.astype(int) - expected).max() <= 1
    assert opinions(served) == {3: (None, True)}
    page.click("#undo")
    until(lambda: toml.read_text() == before)
    page.wait_for_selector(".tile.here[data-seed='3'] img[src*='look=2']")


def test_drafts_of_a_large_model_come_first_and_give_way_to_its_images(
    serve: Serve, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    todo = Gallery._todo  # all that nobody asked for in so many words: the candidates' images
    monkeypatch.setattr(
        Gallery, "_todo", lambda self, model: todo(self, model) if gate.is_set() else None
    )
    served = serve(range(12), painter=tiny.stylegan3(128))
    page = visit(served, ready=".tile.draft[data-seed='11']")
    # Drafts come first; three images are asked for at once, and may be there already.
    until(lambda: page.locator(".tile.draft:not([hidden])").count() >= 12 - 3)
    assert not page.locator(".tile:not([hidden]) img[src*='/image/']").count() > 3
    page.goto(f"{served.origin}/#/seed/5")
    page.wait_for_selector(".stage.draft[aria-busy] img[data-seed='5'][data-look$='draft=1']")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/look/")[2]))
    gate.set()
    served.studio.gallery.add([])  # which looks for work
    page.wait_for_selector(".stage:not(.draft):not([aria-busy]) img[data-look*='/image/5']")
    page.focus("[name=trunc]")
    # At once: keys that a busy machine delivers slowly are three wishes, each with its image.
    page.evaluate(
        "const s = document.activeElement; for (const v of ['0.68', '0.66', '0.64'])"
        " { s.value = v; s.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    page.wait_for_selector(".stage:not(.draft):not([aria-busy]) img[data-look*='trunc=0.64']")
    looks = [url for url in asked if url]
    assert "draft=1" in looks[0] and len([one for one in looks if "draft" not in one]) == 1
    press(page, "Escape")
    page.wait_for_selector(".tile.here:not(.draft)[data-seed='11']")
    until(lambda: page.locator(".tile.draft:not([hidden])").count() == 0)


def test_a_look_that_cannot_be_leaves_the_file_as_it_was(serve: Serve, tmp_path: Path) -> None:
    served = serve(range(4), toml=True)
    before = (tmp_path / "nftgan.toml").read_text()
    for values in ({"pixel_grid": 999}, {"trunc": "much"}, {"palette": 1}, {"name": "x"}):
        served.post("/api/look", values, expect=400)
        assert (tmp_path / "nftgan.toml").read_text() == before
    assert served.get("/api/session")["look"] == 0


def test_what_is_behind_the_newest_tried_look_is_not_painted(serve: Serve) -> None:
    served = serve(range(4), toml=True)
    assert served.request("GET", "/look/1?trunc=0.3&grid=0&palette=4&try=7")[0] == 200
    assert served.request("GET", "/look/1?trunc=0.4&grid=0&palette=4&try=6")[0] == 204


def test_plain_colours_are_tried_and_written_and_shown_enlarged(
    serve: Serve, tmp_path: Path, reference: Model
) -> None:
    served = serve(range(2), toml=True, painter=reference)
    before = served.get("/api/session")
    assert before["recipe"]["automatic"]["filter"] == "cubic" and before["pixelated"]
    raw = reference.generate([1], trunc=0.7)[0]
    where = "/look/1?trunc=0.7&grid=0&palette=4&colours=all&filter=contour&try=1"
    status, _, data = served.request("GET", where)
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    wanted = apply_finish(raw, Finish(0, 4, 256 // len(raw), "contour"))
    assert status == 200 and seen.shape == wanted.shape == (256, 256, 3)
    assert np.abs(seen - wanted).mean() < 4  # sent as WebP
    served.post("/api/look", {"palette": 4, "upscale": 16, "filter": "contour"})
    assert 'filter = "contour"' in (tmp_path / "nftgan.toml").read_text()
    assert served.studio.gallery.recipe.finish == Finish(0, 4, 256 // len(raw), "contour")
    after = served.get("/api/session")
    assert after["recipe"]["filter"] == "contour" and not after["pixelated"]


def test_the_colours_of_the_art_are_tried_and_written_where_the_model_knows_them(
    serve: Serve, tmp_path: Path, reference: Model
) -> None:
    reference.info["dataset"] = {"pixel_art": {"grid": 8, "colours": 6, "art_colours": ART}}
    served = serve(range(4), toml=True, painter=reference)
    assert served.get("/api/session")["recipe"]["automatic"]["colours"] == "art"
    raw = reference.generate([1], trunc=0.7)[0]
    status, _, data = served.request("GET", "/look/1?trunc=0.7&grid=8&palette=4&colours=art&try=1")
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert status == 200
    assert np.array_equal(seen, apply_finish(raw, Finish(8, 4, colours=ART)))
    served.post("/api/look", {"palette": 4, "colours": "art"})
    assert 'colours = "art"' in (tmp_path / "nftgan.toml").read_text()
    finish = served.studio.gallery.recipe.finish
    assert finish is not None and finish.colours == ART
    served.post("/api/look", {"colours": "red"}, expect=400)
    served.post("/api/look", {"colours": "all"})
    assert served.get("/api/session")["recipe"]["colours"] == "all"
