"""Takes the manual's picture of the notebook's picker, as Jupyter's own widgets draw it.

    npm pack @jupyter-widgets/html-manager && tar xzf jupyter-widgets-html-manager-*.tgz
    python -m scripts.docs.picker_picture package/dist/embed.js

Needs ipywidgets, Playwright and Chromium (NFTGAN_CHROMIUM, else /usr/bin/chromium).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import IPython.display
from ipywidgets.embed import embed_minimal_html
from PIL import Image

from nftgan.networks.sources import base_model
from nftgan.site.server import SiteServer
from nftgan.synthesis.model import load_model
from nftgan.workflows.notebook import Picker
from scripts.docs.chromium import chromium

ROOT = Path(__file__).resolve().parents[2]
PICKS = (3, 9, 14, 2)


def main(program: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        shutil.copy(program, folder / "embed.js")
        (folder / "candidates").mkdir()
        model = load_model(base_model(16))
        recipe = model.recipe(truncation_psi=0.7, finish=model.preview_finish())
        for seed, image in model.previews(range(24), recipe):
            Image.fromarray(image).save(folder / "candidates" / f"seed{seed:04}.png")
        picker = Picker(folder / "candidates", folder / "picks.json", page=18)
        for seed in PICKS:
            picker.toggle(seed)
        shown: list[Any] = []
        IPython.display.display = lambda widget, **_: shown.append(widget)
        picker.show()
        page_file = folder / "index.html"
        embed_minimal_html(page_file, views=shown, requirejs=False, embed_url="embed.js")
        server = SiteServer(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 860, "height": 600}, color_scheme="light")
            page.goto(server.url)
            page.wait_for_selector(".widget-toggle-button >> nth=17")
            page.wait_for_timeout(800)
            page.screenshot(path=ROOT / "docs" / "images" / "colab-picker.png")
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
