"""Where Chromium is, or the sentence that says how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil

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
