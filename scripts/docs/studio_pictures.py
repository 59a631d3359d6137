"""Takes the manual's pictures of the studio in Chromium, on the model that ships.

    python -m scripts.docs.studio_pictures [docs/images]

Needs Playwright and Chromium (NFTGAN_CHROMIUM, else /usr/bin/chromium).
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from nftgan.config import CollectionSection, RecipeSection
from nftgan.networks.sources import base_model
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.server import StudioServer
from nftgan.studio.session import Studio
from nftgan.synthesis.model import load_model
from nftgan.workflows.studio_steps import TomlLook
from scripts.docs.chromium import chromium

PICKS = (3, 9, 14, 20, 31, 41, 44, 55, 60, 61, 67, 72)
NAMES = {9: "Ada", 31: "Grace", 41: "Lighthouse Keeper"}


def main(target: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    toml = folder / "nftgan.toml"
    toml.write_text("[recipe]\ntrunc = 0.7\n")
    model = load_model(base_model(16))
    opinions = Opinions(folder / "ratings.jsonl", model.identity)
    gallery = Gallery(
        model, model.recipe_of(RecipeSection(trunc=0.7)), range(400), cache_folder=folder
    )
    section = CollectionSection(name="Avatars", description="Twelve small faces.")
    finishing = Finishing(gallery, opinions, lambda seeds, kept: "collection.json", section)
    studio = Studio(section, gallery, opinions, finishing, look_file=TomlLook(toml, model))
    opinions.say_all({seed: {"picked": True, "stars": 5 - seed % 3} for seed in PICKS})
    opinions.say_all({seed: {"picked": False} for seed in (4, 8, 16, 23)})
    opinions.say_all({seed: {"name": name} for seed, name in NAMES.items()})
    server = StudioServer(studio)
    thread = server.serve_in_thread()
    while gallery.counts[0] != gallery.counts[1]:
        time.sleep(0.1)
    with chromium() as browser:
        page = browser.new_page(
            viewport={"width": 1024, "height": 768}, reduced_motion="reduce", color_scheme="light"
        )
        page.goto(server.address)
        page.wait_for_selector(".tile.here")
        shoot(page, target / "studio-candidates.png")
        page.click("#open-look")
        page.select_option("#look-panel [name=palette]", "4")
        shoot(page, target / "studio-look.png")
        page.keyboard.press("Escape")
        for name, place, ready in (
            ("piece", "#/seed/9", ".strip .thumb"),
            ("collection", "#/collection", ".hung"),
        ):
            page.evaluate("place => { location.hash = place }", place)
            page.wait_for_selector(ready)
            shoot(page, target / f"studio-{name}.png")
    server.stop()
    thread.join()


def shoot(page: Page, path: Path) -> None:
    page.wait_for_timeout(1500)  # images fade in
    page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
