"""A market's frame shows the token drawing itself, and everyone can prove by what page."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.live_link import parse_live_link
from nftgan.collection.manifest import load_manifest
from nftgan.errors import MissingStepError, UsageError
from nftgan.ipfs import cid_of_bytes
from nftgan.project import Project
from nftgan.site.live import page as live_page
from nftgan.workflows.live_folder import prepare_live
from nftgan.workflows.metadata import check_metadata, metadata
from nftgan.workflows.pin import open_gateway, pin
from tests.studio.browser import BROWSER, NO_BROWSER

AVATARS = Path(__file__).parents[2] / "collections" / "avatars"


@pytest.fixture
def avatars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    shutil.copytree(AVATARS, tmp_path / "avatars")
    return Project(tmp_path / "avatars")


def link(project: Project, token: int) -> str | None:
    document = json.loads((project.metadata / f"{token}.json").read_text(encoding="utf-8"))
    url: str | None = document.get("animation_url")
    return url


def test_the_page_is_wished_for_kept_and_taken_away(avatars: Project) -> None:
    before = metadata(avatars).cids
    assert before.live is None and link(avatars, 3) is None
    made = metadata(avatars, live=True).cids
    found = parse_live_link(link(avatars, 3) or "")
    piece = load_manifest(avatars).pieces[3]
    assert found and (found.folder, found.seed, found.pixels) == (
        f"ipfs://{made.live}",
        piece.seed,
        piece.pixels,
    )
    assert json.loads((avatars.metadata / "3.json").read_text())["image"].endswith("/3.png")
    assert metadata(avatars).cids == made and check_metadata(avatars) == ()
    assert metadata(avatars, live=False).cids == before
    assert not avatars.live.exists() and link(avatars, 3) is None


def test_a_page_of_an_earlier_version_stays_as_tokens_are_bound_to_it(
    avatars: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = metadata(avatars, live=True).cids
    monkeypatch.setattr("nftgan.workflows.live_folder.page", lambda: live_page() + b" ")
    assert metadata(avatars).cids == made
    assert metadata(avatars, live=True).cids != made


def test_a_page_that_is_older_than_the_colours_of_the_recipe_is_replaced(
    avatars: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = metadata(avatars, live=True).cids
    finish = load_manifest(avatars).recipe.finish
    assert finish is not None and finish.colours
    old = frozenset([str(cid_of_bytes(live_page()))])
    monkeypatch.setattr("nftgan.workflows.live_folder.page", lambda: live_page() + b" ")
    monkeypatch.setattr("nftgan.collection.live_link.plain_pages", lambda: old)
    assert metadata(avatars).cids.live != made.live


def test_what_cannot_be_drawn_in_a_market_is_refused_before_anything_changes(
    avatars: Project,
) -> None:
    text = avatars.config_path.read_text(encoding="utf-8")
    avatars.config_path.write_text(text.replace("publish = true", "publish = false"))
    manifest = load_manifest(avatars)
    with pytest.raises(UsageError, match="withheld"):
        prepare_live(avatars, manifest, True)
    assert not avatars.live.exists()


def test_a_page_that_was_lost_is_noticed_before_it_is_pinned(avatars: Project) -> None:
    metadata(avatars, live=True)
    (avatars.live / "index.html").unlink()
    with pytest.raises((UsageError, MissingStepError)):
        pin(avatars)


def test_verify_proves_the_page_that_is_pinned_with_the_collection(
    published: Project, answer: Callable[..., Any]
) -> None:
    where = ("-C", str(published.root))
    shutil.rmtree(published.deployments)
    answer("metadata", *where, "--live")
    answer("pin", *where)
    answer("deploy", *where)
    answer("mint", *where, "--allow-copies", "--tokens", "0")
    (token,) = answer("verify", *where, "0")["tokens"]
    assert {one["name"]: one["verdict"] for one in token["links"]}["animation"] == "holds"


@pytest.fixture
def gateway(avatars: Project) -> Iterator[str]:
    metadata(avatars, live=True)
    pin(avatars)
    server = open_gateway(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/ipfs/"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)
def test_in_a_markets_sandboxed_frame_the_piece_draws_itself(
    avatars: Project, gateway: str, tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    address = (link(avatars, 3) or "").replace("ipfs://", gateway)
    frame = f'<title>m</title><iframe sandbox="allow-scripts" title="piece" src="{address}">'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        tab = browser.new_page()
        asked: list[str] = []
        tab.on("request", lambda one: asked.append(one.url))
        tab.set_content(frame)
        inside = tab.frame_locator("iframe")
        inside.locator('html[data-state]:not([data-state="drawing"])').wait_for(
            state="attached", timeout=60_000
        )
        assert "identical" in inside.locator("#words").inner_text()
        assert inside.locator("#canvas").evaluate("(one) => [one.width, one.height]") == [
            *load_manifest(avatars).recipe.size
        ]
        folder = address.split("index.html")[0]
        assert all(url.startswith((folder, "blob:")) for url in asked), asked
        for change, state in (("seed=", "other"), ("pixels=", "other"), ("?", "failed")):
            wrong = address.replace(change, f"{change}1" if change != "?" else "?x", 1)
            wrong = wrong[: len(address)] if change == "pixels=" else wrong
            tab.goto(wrong)
            tab.wait_for_selector(f'html[data-state="{state}"]', state="attached", timeout=60_000)
        tab.goto(address)
        tab.wait_for_selector('html[data-state="same"]', state="attached", timeout=60_000)
        assert [one["id"] for one in Axe().run(tab).response["violations"]] == []
        browser.close()
