"""The browser that the scripts beside this one take the manual's pictures with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window: that of NFTGAN_CHROMIUM, else /usr/bin/chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("NFTGAN_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"],
        )
        try:
            yield browser
        finally:
            browser.close()
