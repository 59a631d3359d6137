"""Models behind URLs: a server that cuts, ignores and lies never leaves half a file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nftgan.errors import ServiceError, UsageError
from nftgan.networks import fetch
from nftgan.networks.fetch import fetch_model
from nftgan.networks.model_file import load_networks, save_model
from tests.networks import small
from tests.wire import wire

CONTENT = bytes(range(256)) * 1000
HASH = hashlib.sha256(CONTENT).hexdigest()
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A local server; each request is noted, and answered by `answer`."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.ranges: list[str | None] = []
        self.answer: Answer = self.honest
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.ranges.append(self.headers.get("Range"))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, digest: str = HASH) -> str:
        return f"{self.origin}/model.safetensors#sha256={digest}"

    def send(self, request: BaseHTTPRequestHandler, start: int, end: int) -> None:
        """Headers that promise all from `start`, and the bytes up to `end`."""
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/*")
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        request.wfile.write(self.content[start:end])

    def honest(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        start = int(asked[len("bytes=") : -1]) if asked else 0
        if start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self.send(request, start, len(self.content))

    def cuts_after(self, count: int) -> Answer:
        def answer(request: BaseHTTPRequestHandler) -> None:
            asked = request.headers.get("Range")
            start = int(asked[len("bytes=") : -1]) if asked else 0
            self.send(request, start, start + count)

        return answer

    def status(self, code: int, **headers: str) -> Answer:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                request.send_header(name.replace("_", "-"), value)
            request.end_headers()

        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path))
    return tmp_path / "cache" / "models"


def left(cache: Path) -> set[str]:
    return {path.suffix for path in cache.iterdir()} - {".lock"}


def test_a_model_is_fetched_once_and_then_taken_from_the_cache(server: Server) -> None:
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert fetch_model(server.url(HASH.upper())).read_bytes() == CONTENT
    assert server.ranges == [None]


def test_a_cut_download_goes_on_where_it_stopped(server: Server, cache: Path) -> None:
    server.answer = server.cuts_after(100_000)
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert left(cache) == {""}


def test_a_server_that_always_cuts_leaves_a_part_for_the_next_run(
    server: Server, cache: Path
) -> None:
    server.answer = server.cuts_after(1000)
    with pytest.raises(ServiceError, match="could not be fetched whole") as caught:
        fetch_model(server.url())
    assert "run the same command again" in str(caught.value.hint)
    assert left(cache) == {".part"}
    server.answer = server.honest
    server.ranges.clear()
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={1000 * fetch.ATTEMPTS}-"]


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Server) -> None:
    answers = iter([server.cuts_after(50_000)])
    whole = len(CONTENT)

    def ignoring(request: BaseHTTPRequestHandler) -> None:
        next(answers, lambda r: server.send(r, 0, whole))(request)

    server.answer = ignoring
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=50000-"]


def test_a_range_that_starts_elsewhere_is_not_appended(server: Server) -> None:
    answers = iter([server.cuts_after(50_000), lambda r: server.send(r, 10, len(CONTENT))])

    def lying(request: BaseHTTPRequestHandler) -> None:
        next(answers, server.honest)(request)

    server.answer = lying
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=50000-", None]


def test_wrong_bytes_are_refused_and_removed(server: Server, cache: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(ServiceError, match="whose SHA-256 is not"):
        fetch_model(server.url())
    assert left(cache) == set()


def test_a_part_of_another_file_does_not_survive(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{HASH}.part").write_bytes(b"x" * 1000)
    with pytest.raises(ServiceError, match="SHA-256"):
        fetch_model(server.url())
    assert fetch_model(server.url()).read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_used(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{HASH}.part").write_bytes(CONTENT)
    assert fetch_model(server.url()).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


def test_a_part_that_is_too_long_is_thrown_away(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{HASH}.part").write_bytes(CONTENT + b"more")
    assert fetch_model(server.url()).read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server) -> None:
    path = fetch_model(server.url())
    path.write_bytes(b"damaged")
    assert fetch_model(server.url()).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [404, 403, 500, 204])
def test_another_status_is_named(server: Server, cache: Path, code: int) -> None:
    server.answer = server.status(code)
    with pytest.raises(ServiceError, match=f"answered with status {code}"):
        fetch_model(server.url())
    assert left(cache) == set()


def test_a_server_that_is_away_is_a_service_error(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ServiceError, match="could not be fetched whole: NewConnectionError"):
        fetch_model(server.url())


def test_a_redirect_is_followed_and_an_endless_one_is_not(server: Server) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/there":
            return server.honest(request)
        return server.status(302, Location="/there")(request)

    server.answer = answer
    assert fetch_model(server.url()).read_bytes() == CONTENT
    server.answer = server.status(302, Location="/again")
    with pytest.raises(ServiceError, match="redirects more than"):
        fetch_model(server.url("0" * 64))


@pytest.mark.parametrize("target", ["http://example.com/x", "ftp://127.0.0.1/x", "http://[bad"])
def test_a_redirect_to_an_unsafe_place_is_refused(server: Server, target: str) -> None:
    server.answer = server.status(302, Location=target)
    with pytest.raises((UsageError, ServiceError), match=r"not https|redirects to nowhere"):
        fetch_model(server.url())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.com/m.safetensors", "no hash"),
        ("https://example.com/m.safetensors#sha256=12", "no hash"),
        (f"https://example.com/m.safetensors#md5={HASH}", "no hash"),
        (f"http://example.com/m.safetensors#sha256={HASH}", "not https"),
        (f"http://127.0.0.1.example.com/m#sha256={HASH}", "not https"),
        (f"file:///etc/passwd#sha256={HASH}", "no host|not https"),
        (f"https:///m#sha256={HASH}", "names no host"),
        (f"https://example.com:port/m#sha256={HASH}", "port that is no number"),
        (f"https://[bad/m#sha256={HASH}", "not readable"),
    ],
)
def test_an_unsafe_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fetch_model(url)


def test_secrets_in_a_url_are_never_shown(server: Server) -> None:
    server.answer = server.status(403)
    host = server.origin.removeprefix("http://")
    url = f"http://user:secret@{host}/m.safetensors?token=secret#sha256={HASH}"
    with pytest.raises(ServiceError) as caught:
        fetch_model(url)
    assert "secret" not in caught.value.message
    assert "/m.safetensors answered" in caught.value.message


def test_networks_load_from_a_url(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    identity = save_model(path, generator=small.generator(), meta={})
    server.content = path.read_bytes()
    digest = hashlib.sha256(server.content).hexdigest()
    assert load_networks(server.url(digest)).identity == identity


@pytest.mark.parametrize(
    "inside",
    ["https://127.0.0.1/m", "https://localhost/m", "https://10.1.2.3/m", "https://[::1]/m"],
)
def test_a_model_far_away_may_not_send_us_into_our_own_network(
    inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = "https://models.example/m", "https://mirror.example/m"
    for ways in ({first: inside}, {first: second, second: inside}):
        net = wire(monkeypatch, ways)
        with pytest.raises(ServiceError, match="redirects to this machine or its network"):
            fetch_model(f"{first}#sha256={HASH}")
        assert net.asked == list(ways)
    net = wire(monkeypatch, {first: second}, CONTENT)
    assert fetch_model(f"{first}#sha256={HASH}").read_bytes() == CONTENT
    assert net.asked == [first, second]
