"""Firefox draws the pieces that everything else draws: on the site and on the markets' page."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from nftgan.project import Project
from nftgan.workflows.metadata import metadata
from nftgan.workflows.pin import open_gateway, pin
from nftgan.workflows.site import site
from tests.site.firefox import NO_FIREFOX, Firefox, has_firefox

AVATARS = Path(__file__).parents[2] / "collections" / "avatars"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.skipif(not has_firefox(), reason=NO_FIREFOX),
]
DRAW = """async () => {
  document.getElementById("draw").click();
  const verdict = document.getElementById("verdict");
  while (!/holds|broken|unchecked/.test(verdict.className)) {
    await new Promise((go) => setTimeout(go, 50));
  }
  return [...document.querySelectorAll("#drawn li")].map((one) => one.className);
}"""


def test_every_link_holds_and_the_page_for_markets_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    project = Project(tmp_path / "avatars")
    shutil.copytree(AVATARS, project.root, ignore=shutil.ignore_patterns("site"))
    metadata(project, live=True)
    site(project, tmp_path / "site")
    pin(project)
    link = json.loads((project.metadata / "3.json").read_text())["animation_url"]
    server = open_gateway(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = f"http://127.0.0.1:{server.server_address[1]}/ipfs/"
    with Firefox() as firefox:
        assert "firefox" in firefox.goto((tmp_path / "site" / "index.html").as_uri() + "#/3")
        assert set(firefox.evaluate(DRAW)) == {"holds"}
        firefox.goto(link.replace("ipfs://", gateway))
        state = """async () => {
          const root = document.documentElement;
          while (!root.dataset.state || root.dataset.state === "drawing") {
            await new Promise((go) => setTimeout(go, 50));
          }
          return root.dataset.state;
        }"""
        assert firefox.evaluate(state) == "same"
        # Firefox asks each page that is opened by itself for an icon, and is refused.
        assert [one for one in firefox.faults if "favicon.ico" not in one] == []
    server.shutdown()
    server.server_close()
