"""The preview of a site: its files, on this machine, and nothing else."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.errors import UsageError
from nftgan.site.server import SiteServer


@pytest.fixture
def served(tmp_path: Path) -> Iterator[SiteServer]:
    folder = tmp_path / "site"
    (folder / "images").mkdir(parents=True)
    (folder / "index.html").write_text("hello", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("no", encoding="utf-8")
    server = SiteServer(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(server: SiteServer, path: str, host: str = "127.0.0.1") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Cross-Origin-Opener-Policy") or "", body


def test_its_files_are_served_so_that_workers_can_share_memory(served: SiteServer) -> None:
    assert ask(served, "/") == (200, "same-origin", b"hello")


def test_nothing_else_is_served(served: SiteServer) -> None:
    assert ask(served, "/images/")[0] == 404  # no list of files
    assert ask(served, "/../secret.txt")[0] == 404
    assert ask(served, "/%2e%2e/secret.txt")[0] == 404
    assert ask(served, "/", host="evil.example")[0] == 400


def test_a_port_that_is_taken_is_said(served: SiteServer) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        SiteServer(Path(), served.server_port)
