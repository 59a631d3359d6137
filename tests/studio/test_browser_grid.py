"""The grid of candidates in a real browser: filters, ranges, places that are kept, fingers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from nftgan.collection.traits import traits
from nftgan.synthesis.model import Model
from tests.studio.browser import (
    NEEDS_BROWSER,
    PHONE,
    opinions,
    press,
    serious,
    settled,
    shown,
    until,
)
from tests.studio.conftest import Serve, Visit

pytestmark = NEEDS_BROWSER


def all_painted(served: object, count: int) -> None:
    until(lambda: served.studio.gallery.counts[1] == count)  # type: ignore[attr-defined]


def test_an_empty_filter_says_so_in_view_and_leads_back(serve: Serve, visit: Visit) -> None:
    served = serve(range(200))
    page = visit(served)
    page.select_option("[name=show]", "flagged")
    page.wait_for_selector("#nothing:not([hidden])")
    assert page.locator("#nothing").bounding_box()["y"] < 800
    page.click("#everything")
    page.wait_for_selector(".tile[data-seed='0']:focus")
    assert page.input_value("[name=show]") == "all"


def test_filters_sort_and_place_stand_in_the_address_and_survive(
    serve: Serve, visit: Visit
) -> None:
    served = serve(range(300))
    all_painted(served, 300)
    page = visit(served)
    column = served.get("/api/table")["columns"]["Lightness"]
    wanted = ["Bright", "Dusk"]
    for value in wanted:
        page.select_option("[name=trait]", f"Lightness\n{value}")
    places = [column["values"].index(value) for value in wanted]
    seeds = served.get("/api/table")["seeds"]
    either = sorted(s for s, at in zip(seeds, column["at"], strict=True) if at in places)
    assert page.inner_text("#shown") == f"{len(either)} of 300 candidates"
    assert shown(page)[:20] == either[:20]
    page.select_option("[name=trait]", "Warmth\nBalanced")  # another kind: both must be there
    assert int(page.inner_text("#shown").split()[0]) < len(either)
    page.click("[aria-label='Do not ask for Warmth: Balanced']")
    page.select_option("[name=sort]", "stars")
    press(page, "Tab")
    page.focus(".tile[tabindex='0']")
    press(page, "End")
    last = page.evaluate("document.activeElement.dataset.seed")
    until(lambda: f"at={last}" in page.evaluate("location.href"))
    page.reload()
    page.wait_for_selector(f".tile[data-seed='{last}']:focus")
    assert page.input_value("[name=sort]") == "stars"
    assert page.inner_text("#shown") == f"{len(either)} of 300 candidates"
    scrolled = page.evaluate("document.getElementById('scroller').scrollTop")
    assert scrolled > 0
    page.click("nav >> text=Collection")
    page.wait_for_selector("#page-tray:not([hidden])")
    page.click("nav >> text=Candidates")
    page.wait_for_selector(f".tile[data-seed='{last}']:focus")
    place = "document.getElementById('scroller').scrollTop"
    until(lambda: abs(page.evaluate(place) - scrolled) < 5)


def test_shift_selects_a_range_and_one_undo_takes_all_back(serve: Serve, visit: Visit) -> None:
    served = serve(range(40))
    page = visit(served)
    press(page, "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    assert page.inner_text("#selected-count") == "3 selected"
    press(page, " ")
    settled(page)
    assert opinions(served) == {seed: (None, True) for seed in (1, 2, 3)}
    page.click(".tile[data-seed='6'] img", modifiers=["Shift"])
    assert page.inner_text("#selected-count") == "6 selected"
    press(page, "4")
    settled(page)
    assert opinions(served)[6] == (4, None) and opinions(served)[1] == (4, True)
    page.click("#toast >> text=Undo")
    until(lambda: opinions(served) == {seed: (None, True) for seed in (1, 2, 3)})
    page.click("#undo")
    until(lambda: opinions(served) == {})
    page.wait_for_selector("#undo:disabled")


def test_the_next_one_follows_a_decision_where_that_is_wished(serve: Serve, visit: Visit) -> None:
    served = serve(range(40))
    page = visit(served)
    page.check("[name=advance]")
    page.focus(".tile[data-seed='0']")
    press(page, " ", "x", "5")
    settled(page)
    page.wait_for_selector(".tile[data-seed='3']:focus")
    assert opinions(served) == {0: (None, True), 1: (None, False), 2: (5, None)}


def test_the_best_come_first(serve: Serve, visit: Visit, reference: Model) -> None:
    served = serve(range(24))
    page = visit(served)
    page.select_option("[name=sort]", "best")
    logits = {
        seed: float(reference.score(image[None])[0])
        for seed, image in enumerate(reference.generate(range(24), trunc=0.7))
    }
    best = sorted(logits, key=lambda seed: -logits[seed])
    until(lambda: shown(page)[:3] == best[:3])
    title = page.get_attribute(f".tile[data-seed='{best[0]}'] .number", "title")
    assert title == "score 100 of 100"
    assert page.inner_text(f".tile[data-seed='{best[0]}'] .number") == str(best[0])


def test_two_are_compared_and_one_is_kept(serve: Serve, visit: Visit) -> None:
    served = serve(range(24))
    all_painted(served, 24)
    page = visit(served)
    press(page, "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "c")
    page.wait_for_selector("#page-compare .compared.current:has-text('Seed 1')")
    assert page.locator(".compared").count() == 3
    assert page.evaluate("scrollY") == 0  # with the way back in view
    press(page, "ArrowRight", "3", "Enter")
    page.wait_for_selector("#page-grid:not([hidden])")
    expected = {1: (None, False), 2: (3, True), 3: (None, False)}
    until(lambda: opinions(served) == expected)


def test_a_far_seed_does_not_bend_the_pool(serve: Serve, visit: Visit) -> None:
    served = serve(range(24))
    page = visit(served, "#/seed/123456", ready="#piece-title:has-text('Seed 123456')")
    press(page, " ")
    settled(page)
    press(page, "u")
    until(lambda: opinions(served) == {})
    press(page, "Escape")
    page.wait_for_selector("#page-grid:not([hidden])")
    page.click("text=More candidates")
    until(lambda: len(served.studio.gallery.pool()) > 25)
    assert max(s for s in served.studio.gallery.pool() if s != 123456) < 1000


def test_fingers_filter_in_a_sheet_give_stars_and_undo(serve: Serve, visit: Visit) -> None:
    served = serve(range(24))
    all_painted(served, 24)
    page = visit(served, **PHONE)
    assert page.locator("#tools").is_hidden()
    page.tap("#open-filters")
    page.wait_for_selector("#tools:visible")
    page.select_option("[name=show]", "undecided")
    page.tap("#close-filters")
    page.wait_for_selector("#tools", state="hidden")
    until(lambda: page.inner_text("#open-filters") == "Filter · 1")
    for stars in (1, 2, 3):
        tap_until(
            page,
            "[aria-label='Seed 2: one star more']",
            lambda stars=stars: opinions(served) == {2: (stars, None)},
        )
    page.tap("#undo")
    until(lambda: opinions(served) == {2: (2, None)})
    box = page.locator("[aria-label='Pick seed 1']").bounding_box()
    face = page.locator(".tile[data-seed='1'] .frame").bounding_box()
    assert box["height"] >= 40 and box["y"] >= face["y"] + face["height"]  # not on the face


def long_press(page: Any, seed: int) -> None:
    """A finger that rests on the image, as the device tells it: Playwright's tap cannot wait."""
    box = page.locator(f".tile[data-seed='{seed}'] .frame").bounding_box()
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    device = page.context.new_cdp_session(page)
    device.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    page.wait_for_selector(f".tile.chosen[data-seed='{seed}']")
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def tap_at(page: Any, selector: str) -> None:
    """Where it is now: Playwright's own tap scrolls to try again, and tiles are recycled.

    Chromium's emulated finger comes down a thousand pixels lower now and then, on nothing: again.
    """
    for _ in range(5):
        box = page.locator(selector).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate(
            "touched = null; addEventListener('pointerdown', e => { touched = e.clientY },"
            " { capture: true, once: true })"
        )
        page.touchscreen.tap(x, y)
        page.wait_for_function("touched !== null")
        if abs(page.evaluate("touched") - y) < 2:
            return
    raise AssertionError(f"no finger reached {selector}")


def tap_until(page: Any, selector: str, true: Callable[[], object]) -> None:
    """A tap that comes to nothing, because the tile was drawn anew under it, is made again."""
    for _ in range(5):
        tap_at(page, selector)
        with contextlib.suppress(AssertionError):
            until(true, patience_seconds=20)
            return
    raise AssertionError(f"no tap on {selector} was taken")


def tap_image(page: Any, seed: int) -> None:
    tap_at(page, f".tile[data-seed='{seed}'] .frame")


def test_fingers_select_several_by_a_long_press_and_compare_them(
    serve: Serve, visit: Visit
) -> None:
    served = serve(range(24))
    all_painted(served, 24)
    page = visit(served, **PHONE)
    long_press(page, 1)
    assert page.inner_text("#selected-count") == "1 selected"
    assert page.locator("#compare").is_disabled()
    tap_image(page, 3)  # selects, and does not open
    tap_image(page, 4)
    tap_image(page, 4)  # not this one
    page.wait_for_selector("#selected-count:has-text('2 selected')")
    assert serious(page) == []
    bar = page.locator("#selection").bounding_box()
    assert bar["x"] >= 0 and bar["x"] + bar["width"] <= 390 and bar["y"] + bar["height"] <= 844
    page.tap("#compare")
    page.wait_for_selector("#page-compare .compared:has-text('Seed 3')")
    assert page.locator(".compared").count() == 2
    page.tap(".compared:has-text('Seed 3') >> text=Keep this")
    page.wait_for_selector("#page-grid:not([hidden])")
    until(lambda: opinions(served) == {1: (None, False), 3: (None, True)})
    page.wait_for_selector("#selection", state="hidden")
    tap_image(page, 5)  # a tap opens again
    page.wait_for_selector("#piece-title:has-text('Seed 5')")


def test_fingers_decide_on_all_that_the_select_button_lets_them_tap(
    serve: Serve, visit: Visit
) -> None:
    served = serve(range(24))
    page = visit(served, **PHONE)
    page.tap("#open-selecting")
    page.wait_for_selector("#selection")
    assert page.locator("#pick-all").is_disabled()
    for seed in (0, 2, 5):
        tap_image(page, seed)
    page.wait_for_selector("#selected-count:has-text('3 selected')")
    page.tap("#pick-all")
    until(lambda: opinions(served) == {seed: (None, True) for seed in (0, 2, 5)})
    page.tap("#toast >> text=Undo")
    until(lambda: opinions(served) == {})
    assert page.inner_text("#selected-count") == "3 selected"
    page.tap("#select-none")
    page.wait_for_selector("#selection", state="hidden")


def test_what_is_picked_shows_in_high_contrast(serve: Serve, visit: Visit) -> None:
    served = serve(range(4))
    served.post("/api/opinion", {"seed": 1, "picked": True})
    page = visit(served, forced_colors="active")
    frame = "document.querySelector(`.tile[data-seed='%d'] .frame`)"
    outline = f"getComputedStyle({frame}).outlineWidth"
    assert page.evaluate(outline % 1) == "5px" and page.evaluate(outline % 2) != "5px"
    assert page.inner_text(".tile[data-seed='1'] .mark") == "✓"


def test_traits_of_the_filter_are_those_of_the_images(
    serve: Serve, visit: Visit, reference: Model
) -> None:
    served = serve(range(30))
    all_painted(served, 30)
    page = visit(served)
    measured = traits([served.studio.gallery.candidate(s).measures for s in range(30)])  # type: ignore[union-attr]
    icy = [s for s, row in enumerate(measured) if {"trait_type": "Warmth", "value": "Icy"} in row]
    page.select_option("[name=trait]", "Warmth\nIcy")
    assert shown(page) == icy


def test_a_place_that_is_noted_late_takes_nobody_back_to_the_grid(
    serve: Serve, visit: Visit
) -> None:
    """The address may be another page's already while the browser has not said so yet."""
    page = visit(serve(range(300)))
    page.click(".tile >> nth=0", modifiers=["Shift"])
    page.keyboard.press("ArrowRight")  # will be noted
    page.evaluate("history.replaceState(null, '', '#/collection')")
    page.wait_for_timeout(600)
    assert page.evaluate("location.hash") == "#/collection"
