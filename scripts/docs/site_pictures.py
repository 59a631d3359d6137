"""Takes the manual's pictures of the collector's page in Chromium, of the example that ships.

    python -m scripts.docs.site_pictures

Needs Playwright and Chromium (NFTGAN_CHROMIUM, else /usr/bin/chromium). The page to buy is not
among them: `sale_picture.py` takes it, of a sale on a chain.
"""

from __future__ import annotations

import io
import tempfile
import threading
from pathlib import Path

from PIL import Image

from nftgan.project import find_project
from nftgan.workflows.report import report
from nftgan.workflows.site import serve, site
from scripts.docs.chromium import chromium

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    project = find_project(ROOT / "collections" / "avatars")
    with tempfile.TemporaryDirectory() as work, chromium() as browser:
        made = site(project, Path(work) / "site")
        page_file = report(project, Path(work) / "report.html").path
        server = serve(made.path, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(server.url)
        page.wait_for_selector("a.plate img")
        page.wait_for_timeout(1500)
        page.screenshot(path=ROOT / "docs" / "site" / "gallery.png")
        page.goto(f"{server.url}#/3")
        page.wait_for_selector("#draw")
        page.click("#draw")
        page.wait_for_selector("text=in your browser: identical", timeout=120_000)
        page.wait_for_timeout(800)
        page.screenshot(path=ROOT / "docs" / "site" / "piece.png")
        phone = browser.new_page(
            viewport={"width": 390, "height": 844}, color_scheme="light", has_touch=True
        )
        shots = []
        for place in ("", "#/3"):
            phone.goto(f"{server.url}{place}")
            phone.wait_for_timeout(2000)
            shots.append(Image.open(io.BytesIO(phone.screenshot())).convert("RGB"))
        side_by_side(shots).save(ROOT / "docs" / "site" / "phone.png", optimize=True)
        page.goto(page_file.as_uri())
        page.wait_for_timeout(800)
        page.screenshot(path=ROOT / "docs" / "images" / "report.png")
        server.shutdown()


def side_by_side(shots: list[Image.Image], gap: int = 20) -> Image.Image:
    """The pictures in a row, on white."""
    width = sum(one.width for one in shots) + gap * (len(shots) - 1)
    row = Image.new("RGB", (width, max(one.height for one in shots)), "white")
    left = 0
    for one in shots:
        row.paste(one, (left, 0))
        left += one.width + gap
    return row


if __name__ == "__main__":
    main()
