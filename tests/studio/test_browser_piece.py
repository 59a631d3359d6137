"""The page of one piece in a real browser: its own image only, keys, mixing, neighbours."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from nftgan.studio.session import Studio
from tests.studio.browser import NEEDS_BROWSER, PHONE, opinions, press, settled, until
from tests.studio.conftest import Serve, Visit

pytestmark = NEEDS_BROWSER


def test_no_other_seed_s_image_stands_under_a_title(
    serve: Serve, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the looks are: the tile is there at once, then the look of that seed alone."""
    monkeypatch.setattr("nftgan.studio.answers.TILE", 4)  # looks are sharper than tiles
    gates = {seed: threading.Event() for seed in range(12)}
    look = Studio.look

    def slow(self: Studio, wish: Any, *more: Any) -> Any:
        assert gates[wish.seed].wait(600)
        return look(self, wish, *more)

    monkeypatch.setattr(Studio, "look", slow)
    served = serve(range(12))
    until(lambda: served.studio.gallery.counts[1] == 12)
    page = visit(served, "#/seed/5", ready="#piece-title:has-text('Seed 5')")
    page.wait_for_selector(".stage img[data-look='tile of 5']")
    press(page, "ArrowRight", "ArrowRight")
    page.wait_for_selector("#piece-title:has-text('Seed 7')")
    page.wait_for_selector(".stage img[data-look='tile of 7']")
    gates[5].set()  # the first answer comes late
    gates[6].set()
    page.wait_for_timeout(300)
    assert page.get_attribute(".stage img", "data-seed") == "7"
    assert page.get_attribute(".stage img", "data-look") == "tile of 7"
    gates[7].set()
    page.wait_for_selector(".stage img[data-look*='/look/7']")
    assert page.get_attribute(".stage img", "alt") == "Image of seed 7"


def test_keys_before_the_page_has_turned_belong_to_the_next_piece(
    serve: Serve, visit: Visit
) -> None:
    """However late the browser says that the address changed: no key is lost."""
    served = serve(range(12))
    until(lambda: served.studio.gallery.counts[1] == 12)
    page = visit(served, "#/seed/2", ready="#piece-title:has-text('Seed 2')")
    keys = ["ArrowRight", "ArrowRight", "x", "ArrowRight", " ", "Escape"]
    page.evaluate(
        """(keys) => keys.forEach((key) => document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))""",
        keys,
    )
    page.wait_for_selector("#page-grid:not([hidden])")
    settled(page)
    assert opinions(served) == {4: (None, False), 5: (None, True)}
    assert page.evaluate("history.length") >= 5
    page.go_back()
    page.wait_for_selector("#piece-title:has-text('Seed 5')")
    page.go_back()
    page.wait_for_selector("#piece-title:has-text('Seed 4')")
    page.go_forward()
    page.wait_for_selector("#piece-title:has-text('Seed 5')")


def test_a_tile_that_holds_all_pixels_needs_no_second_rendering(serve: Serve, visit: Visit) -> None:
    served = serve(range(12))
    until(lambda: served.studio.gallery.counts[1] == 12)
    page = visit(served)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    press(page, "ArrowRight", "Enter")
    page.wait_for_selector(".stage:not(.empty) img[data-seed='1']")
    assert not [url for url in asked if "/look/" in url]


def test_keys_work_on_a_ticked_box_and_on_a_slider(serve: Serve, visit: Visit) -> None:
    served = serve(range(12))
    page = visit(served, "#/seed/3", ready="#piece-title:has-text('Seed 3')")
    page.check("#page-piece .check:has-text('Features') input")
    press(page, "x", "4")
    settled(page)
    assert opinions(served) == {3: (4, False)}
    page.focus("[name=trunc]")
    before = page.input_value("[name=trunc]")
    press(page, "ArrowRight", "2", " ")
    settled(page)
    assert page.input_value("[name=trunc]") != before  # arrows are the slider's own
    assert opinions(served) == {3: (2, True)}


def test_a_mixture_says_what_it_is_and_leads_to_seeds(serve: Serve, visit: Visit) -> None:
    served = serve(range(24))
    page = visit(served, "#/seed/2", ready="#piece-title:has-text('Seed 2')")
    page.fill("[name=mix]", "99999999999")
    page.wait_for_selector("#mix-wrong:not([hidden])")
    assert page.get_attribute("[name=mix]", "aria-invalid") == "true"
    assert page.inner_text("#piece-title") == "Seed 2"
    assert page.locator(".parents").is_hidden()
    page.fill("[name=mix]", "9")
    page.wait_for_selector("#piece-title:has-text('Seed 2 with 9')")
    page.wait_for_selector(".stage:not([aria-busy]) img[data-look*='mix=9']")
    assert page.inner_text(".parents").split() == ["seed", "2", "×", "seed", "9"]
    page.check("#page-piece .check:has-text('Features') input")
    page.click("text=Find seeds like this")
    page.wait_for_selector("fieldset .strip .thumb >> nth=0")
    page.click("#page-piece >> text=Reset")
    assert page.is_checked("#page-piece .check:has-text('Pose') input")
    assert not page.is_checked("#page-piece .check:has-text('Features') input")
    assert page.input_value("[name=mix]") == ""


def test_the_filmstrip_shows_neighbours_and_goes_to_them(serve: Serve, visit: Visit) -> None:
    served = serve(range(40))
    until(lambda: served.studio.gallery.counts[1] == 40)
    page = visit(served, "#/seed/20", ready="#piece-title:has-text('Seed 20')")
    until(lambda: page.locator(".film .thumb").count() == 17)
    assert page.inner_text(".film [aria-current] span") == "20"
    press(page, " ")
    page.wait_for_selector(".film [aria-current].picked")
    page.click(".film .thumb:has-text('23')")
    page.wait_for_selector("#piece-title:has-text('Seed 23')")


def test_a_swipe_goes_to_the_next_piece(serve: Serve, visit: Visit) -> None:
    served = serve(range(12))
    page = visit(served, "#/seed/3", ready="#piece-title:has-text('Seed 3')", **PHONE)
    swipe = """(by) => {
      const stage = document.querySelector('.stage');
      const at = (type, x) => stage.dispatchEvent(new PointerEvent(type, { pointerType: 'touch',
        isPrimary: true, clientX: x, clientY: 300, bubbles: true }));
      at('pointerdown', 200); at('pointerup', 200 + by);
    }"""
    page.evaluate(swipe, -120)
    page.wait_for_selector("#piece-title:has-text('Seed 4')")
    page.evaluate(swipe, 120)
    page.wait_for_selector("#piece-title:has-text('Seed 3')")
    page.evaluate(swipe, 20)  # a tap that trembles
    assert page.inner_text("#piece-title") == "Seed 3"
