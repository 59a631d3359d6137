"""Where Chromium is, and what the tests of pages say to it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from nftgan.collection.ratings import Rating, read_ratings

if TYPE_CHECKING:
    from tests.studio.conftest import Served

NO_BROWSER = (
    "needs Chromium and playwright: apt install chromium (or set NFTGAN_CHROMIUM), make install"
)


def find_browser() -> str | None:
    """The executable; None without one or without the packages that drive it."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return None
    if named := os.environ.get("NFTGAN_CHROMIUM"):
        return named
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


BROWSER = find_browser()
NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER),
]
PATIENCE_MS = float(os.environ.get("NFTGAN_BROWSER_MS", 180_000))

LAPTOP = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


def ratings(served: Served) -> dict[int, Rating]:
    return read_ratings(served.ratings, model=served.studio.gallery.model.identity)


def opinions(served: Served) -> dict[int, tuple[int | None, bool | None]]:
    found = ratings(served)
    return {s: (r.stars, r.picked) for s, r in found.items() if (r.stars, r.picked) != (None, None)}


def until(true: Callable[[], object], patience_seconds: float = PATIENCE_MS / 1000) -> None:
    end = time.monotonic() + patience_seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def shown(page: Any) -> list[int]:
    """The seeds of the tiles in view, in reading order."""
    found: list[int] = page.evaluate(
        "[...document.querySelectorAll('.row')]"
        ".sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))"
        ".flatMap(r => [...r.children]).filter(t => !t.hidden).map(t => Number(t.dataset.seed))"
    )
    return found


def settled(page: Any, patience_seconds: float = PATIENCE_MS / 1000) -> None:
    """All changes asked for are answered."""
    until(lambda: state_is(page, "state.drafts.size === 0"), patience_seconds)


def state_is(page: Any, what: str) -> bool:
    """Whether the page's own module says so."""
    return bool(page.evaluate(f"import('/static/state.js').then(({{ state }}) => {what})"))


def serious(page: Any) -> list[tuple[str, Any]]:
    """What axe finds on the page as it stands that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    until(lambda: page.evaluate("!document.querySelector('.toast.seen')"))
    return [
        (found["id"], [node["target"] for node in found["nodes"]][:3])
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
