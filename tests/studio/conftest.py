"""A studio over a tiny model, served on this machine, and a client that speaks plain HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nftgan.config import CollectionSection
from nftgan.dataset.archive import Dataset
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.server import StudioServer
from nftgan.studio.session import Studio
from nftgan.studio.steps import Step, Steps
from nftgan.synthesis.model import Model
from nftgan.workflows.studio_steps import TomlLook
from tests.studio.browser import BROWSER, LAPTOP, PATIENCE_MS
from tests.synthesis import tiny


@dataclass
class Served:
    """A running studio and what it has written."""

    server: StudioServer
    studio: Studio
    ratings: Path
    written: list[tuple[int, ...]]
    thread: threading.Thread
    kept: dict[int, str] = field(default_factory=dict)  # knowingly, with the reason

    def running(self) -> bool:
        return self.thread.is_alive()

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def request(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """What one raw request gets; a header given as None is left out."""
        sent: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.server.port}",
            "Cookie": self.cookie,
            **({"Origin": self.origin, "Content-Type": "application/json"} if body else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, data = self.request("GET", path)
        assert status == 200, data
        return json.loads(data)

    def post(self, path: str, body: dict[str, Any], expect: int = 200) -> Any:
        status, _, data = self.request("POST", path, body)
        assert status == expect, data
        return json.loads(data)

    @property
    def cookie(self) -> str:
        return f"nftgan-studio-{self.server.port}={self.address.partition('token=')[2]}"


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def model() -> Model:
    return tiny.stylegan3()


@pytest.fixture(scope="session")
def reference() -> Model:
    """The same model again: two threads must not move one canvas."""
    return tiny.stylegan3()


@pytest.fixture
def serve(tmp_path: Path, model: Model) -> Iterator[Serve]:
    """Start a studio in the test's folder; all are stopped at its end."""
    running = []

    def start(
        seeds: range | tuple[int, ...] = range(24),
        *,
        training: Dataset | None = None,
        run_dir: Path | None = None,
        painter: Model | None = None,
        section: CollectionSection | None = None,
        toml: bool = False,
        steps: dict[str, Step] | None = None,
    ) -> Served:
        used = painter or model
        section = section or CollectionSection(name="Birds")
        ratings = tmp_path / "ratings.jsonl"
        opinions = Opinions(ratings, used.identity)
        recipe = used.recipe(truncation_psi=0.7)
        gallery = Gallery(used, recipe, seeds, training=training, cache_folder=tmp_path / "cache")
        written: list[tuple[int, ...]] = []
        kept: dict[int, str] = {}

        def write(chosen: tuple[int, ...], reasons: Mapping[int, str]) -> str:
            written.append(chosen)
            kept.update(reasons)
            return "collection.json"

        finishing = Finishing(gallery, opinions, write, section)
        studio = Studio(section, gallery, opinions, finishing, run_dir)
        studio.steps = Steps(steps or {})
        studio.made = lambda: written[-1] if written else None
        if toml:
            path = tmp_path / "nftgan.toml"
            path.write_text("[recipe]\ntrunc = 0.7  # mine\nupscale = 1\n")
            studio.look_file = TomlLook(path, used)
        server = StudioServer(studio)
        served = Served(server, studio, ratings, written, server.serve_in_thread(), kept)
        running.append(served)
        return served

    yield start
    for served in running:
        served.server.stop()
    for served in running:
        served.thread.join(120)
        assert not served.running()


Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser a file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Visit]:
    """visit(served) opens the studio; whatever the console complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(
        served: Served,
        at: str = "",
        *,
        quiet: bool = True,
        context: Any = None,
        ready: str = ".tile.here",
        **look: Any,
    ) -> Any:
        if context is None:
            context = chromium.new_context(**{**LAPTOP, **look})
            context.set_default_timeout(PATIENCE_MS)
            contexts.append(context)
        page = context.new_page()
        if quiet:
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda said: (
                    said.type in ("error", "warning")
                    and complaints.append(f"{said.text} {said.location}")
                ),
            )
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(served.address)
        page.wait_for_selector("body.ready")
        if at:
            page.goto(f"{served.origin}/{at}")
        page.wait_for_selector(ready)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
