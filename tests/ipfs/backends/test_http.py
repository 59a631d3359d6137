"""Requests to services: nothing for this machine goes through a proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nftgan.ipfs.backends.http import Service


class Machine:
    """A server on this machine that notes what it is asked for."""

    def __init__(self, said: bytes) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Machine, Machine]]:
    """A service, and a proxy that the environment names for everything."""
    service, proxy = Machine(b"service"), Machine(b"proxy")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.upper(), proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield service, proxy
    for machine in (service, proxy):
        machine.server.shutdown()
        machine.server.server_close()


def test_a_service_on_this_machine_is_never_asked_through_a_proxy(
    machines: tuple[Machine, Machine],
) -> None:
    service, proxy = machines
    answer = Service("kubo", service.url).request("GET", "/version", what="its version")
    assert answer.data == b"service"
    assert (len(service.asked), proxy.asked) == (1, [])
