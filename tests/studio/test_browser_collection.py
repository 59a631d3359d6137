"""The collection in a real browser: a wall, its order, the end and what comes after it."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from nftgan.alpha import over_board
from nftgan.progress import Progress
from nftgan.synthesis.finish import upscale
from tests.studio.browser import NEEDS_BROWSER, opinions, press, serious, until
from tests.studio.conftest import Serve, Served, Visit
from tests.synthesis import tiny

pytestmark = NEEDS_BROWSER
WALL = "[...document.querySelectorAll('.hung')].map(one => Number(one.dataset.seed))"


def picked(serve: Serve, *seeds: int, **options: Any) -> Served:
    served = serve(range(24), **options)
    served.post("/api/opinion", {"seeds": list(seeds), "picked": True})
    until(lambda: served.studio.gallery.counts[1] == 24)
    return served


def test_pieces_are_ordered_by_keys_and_by_dragging_with_undo(serve: Serve, visit: Visit) -> None:
    served = picked(serve, 2, 5, 9)
    page = visit(served, "#/collection", ready=".hung")
    page.focus(".hung[data-seed='9']")
    press(page, "Shift+ArrowLeft")
    until(lambda: page.evaluate(WALL) == [2, 9, 5])
    until(lambda: page.evaluate("document.activeElement.dataset.seed") == "9")
    page.drag_and_drop(".hung[data-seed='5']", ".hung[data-seed='2']")
    until(lambda: page.evaluate(WALL) == [5, 2, 9])
    until(lambda: served.studio.opinions.picked() == (5, 2, 9))
    page.click("#toast >> text=Undo")
    until(lambda: page.evaluate(WALL) == [2, 9, 5])
    page.focus("#tray-title")
    press(page, "u")
    until(lambda: page.evaluate(WALL) == [2, 5, 9])


def test_chips_name_their_kind_and_share(serve: Serve, visit: Visit) -> None:
    served = picked(serve, 2, 5, 9)
    page = visit(served, "#/collection", ready=".hung")
    page.click(".hung[data-seed='5']")
    page.wait_for_selector("#edit .chips:has-text('Background')")
    chips = page.inner_text("#edit .chips")
    assert " %" in chips
    assert page.inner_text(".rarity .n >> nth=0").endswith(" %")


def test_the_end_shows_a_sheet_and_takes_the_next_steps(serve: Serve, visit: Visit) -> None:
    go = threading.Event()

    def render(progress: Progress, wish: Mapping[str, Any]) -> str:
        with progress.task("rendering", 2, "pieces") as task:
            task.advance()
            assert go.wait(60)
        return "2 images made"

    served = picked(serve, 2, 9, steps={"render": render})
    page = visit(served, "#/collection", ready=".hung")
    page.click("text=Make these the collection")
    page.wait_for_selector("#finish:has-text('The collection is made')")
    assert serious(page) == []
    page.click("#finish >> text=Render")
    page.wait_for_selector("#finish:has-text('rendering: 1 of 2')")
    go.set()
    page.wait_for_selector("#finish .made:has-text('2 images made')")
    page.click("#finish >> text=Go on curating")
    page.wait_for_selector("#page-tray .made:has-text('made of these 2 pieces')")
    served.post("/api/opinion", {"seed": 11, "picked": True})
    page.wait_for_selector("#page-tray .made.warn:has-text('changed since')")
    page.click("text=Make these the collection")
    page.wait_for_selector("#finish:has-text('3 pieces in collection.json')")
    page.click("#finish >> text=Close the studio")
    page.wait_for_selector("#finish:has-text('The studio is closed')")
    page.wait_for_timeout(2500)  # its silence afterwards is no alarm
    assert page.locator("#banner").is_hidden()


def test_two_of_one_name_lead_to_the_editor(serve: Serve, visit: Visit) -> None:
    served = picked(serve, 2, 9)
    for seed in (2, 9):
        served.post("/api/opinion", {"seed": seed, "name": "Ada"})
    page = visit(served, "#/collection", ready=".hung")
    page.click("text=Make these the collection")
    page.wait_for_selector("#finish:has-text('rename one of them')")
    page.click("text=Rename seed 9")
    page.wait_for_selector("#edit [name=name]:focus")
    assert page.get_attribute("#edit .card", "data-seed") == "9"
    assert opinions(served)[9] == (None, True)


def test_the_contact_sheet_holds_the_picks(serve: Serve) -> None:
    served = picked(serve, 2, 9, 5)
    status, headers, data = served.request("GET", "/contact-sheet.png")
    assert status == 200 and headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(data)).size == (2 * 192 + 8, 2 * 192 + 8)


def test_transparent_picks_lie_on_a_checkerboard(serve: Serve) -> None:
    clear = tiny.stylegan3(img_channels=4)
    served = serve(range(4), painter=clear)
    assert served.get("/api/session")["transparent"]
    served.post("/api/opinion", {"seed": 2, "picked": True})
    until(lambda: served.studio.gallery.counts == (4, 4))
    _, _, data = served.request("GET", "/contact-sheet.png")
    with Image.open(io.BytesIO(data)) as sheet:
        found = np.asarray(sheet)
    image = served.studio.gallery.image(2)
    assert image is not None and found.shape == (192, 192, 3)
    with Image.open(io.BytesIO(image)) as one:
        expected = over_board(upscale(np.asarray(one), 12))
    assert np.array_equal(found, expected)
