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
from nftgan.studio.app import Studio
from nftgan.studio.finishing import Finishing
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions
from nftgan.studio.server import StudioServer
from nftgan.synthesis.model import Model
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

        studio = Studio(
            section, gallery, opinions, Finishing(gallery, opinions, recipe, write), run_dir
        )
        server = StudioServer(studio)
        served = Served(server, studio, ratings, written, server.serve_in_thread(), kept)
        running.append(served)
        return served

    yield start
    for served in running:
        served.server.stop()
    for served in running:
        served.thread.join(20)
        assert not served.running()
