"""Takes the manual's picture of the page to buy: the example that ships, sold on a node of its own.

    python -m scripts.docs.sale_picture

Needs Playwright, Chromium (NFTGAN_CHROMIUM, else /usr/bin/chromium) and anvil (`make node-deps`);
its wallet and node are those of the tests, so it is run from the repository's root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from nftgan.site.server import SiteServer
from scripts.docs.chromium import chromium
from tests.chain.conftest import running_anvil
from tests.workflows.test_site_sale import STUB, Wallet, drawn

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    with tempfile.TemporaryDirectory() as work, running_anvil() as node:
        collection, folder = Path(work) / "avatars", Path(work) / "site"
        shutil.copytree(ROOT / "collections" / "avatars", collection)
        shutil.rmtree(collection / "site")
        where = ("-C", str(collection), "--chain", "anvil", "--rpc", node)

        def nftgan(*words: str) -> None:
            home = {**os.environ, "NFTGAN_HOME": f"{work}/home"}
            subprocess.run([sys.executable, "-m", "nftgan", *words, *where], env=home, check=True)

        nftgan("deploy", "--force", "--yes")
        nftgan("sale", "open", "--price", "0.05", "--per-wallet", "5", "--force", "--yes")
        nftgan("site", "-o", str(folder), "--sale")
        server = SiteServer(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
            page.set_default_timeout(180_000)
            page.expose_function("walletRequest", Wallet(node, 3).request)
            page.add_init_script(STUB.replace("Stub <b>", "Example Wallet"))
            page.goto(f"{server.url}#/sale")
            page.click(".connect")
            page.wait_for_selector("#buy:enabled")
            page.fill("#count", "2")
            page.click("#buy")
            drawn(page, 2)
            page.screenshot(path=ROOT / "docs" / "site" / "sale.png", full_page=True)
        server.shutdown()


if __name__ == "__main__":
    main()
