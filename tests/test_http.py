"""The HTTP client keeps its promises against servers that lie, drip, cut and send us elsewhere."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from nftgan.http import Backoff, Clock, Fault, HttpClient, HttpFault, Response, retry_after
from nftgan.redaction import redact
from tests.http_servers import handling
from tests.wire import wire

PUBLIC = "https://public.example/a"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with handling(Handler) as url:
        yield url


def sending(
    body: bytes, *, promised: int | None = None, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        length = len(body) if promised is None else promised
        for name, value in {"Content-Length": str(length), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def get(url: str, *, clock: Clock | None = None, timeout: float = 20) -> Response:
    client = HttpClient(url, timeout=(timeout, timeout), **({"clock": clock} if clock else {}))
    return client.open("GET", url)


def fault_of(act: Callable[[], object]) -> HttpFault:
    with pytest.raises(HttpFault) as caught:
        act()
    return caught.value


# ---- what comes back


def test_an_answer_has_its_status_its_headers_in_lower_case_and_its_bytes() -> None:
    with serving(sending(b'{"a": {"b": 3}}', X_Kind="Yes")) as url:
        answer = get(url).read(most_bytes=15)
    assert (answer.status, answer.headers["x-kind"], answer.field("a", "b")) == (200, "Yes", 3)
    assert answer.field("a", "c") is None


def test_a_body_is_bounded_also_one_that_is_small_on_the_wire() -> None:
    bomb = gzip.compress(bytes(1_000_000))
    assert len(bomb) < 2_000
    with serving(sending(bomb, Content_Encoding="gzip")) as url:
        assert fault_of(lambda: get(url).read(most_bytes=999_999)).kind is Fault.LARGE
        assert get(url).read(most_bytes=1_000_000).data == bytes(1_000_000)
        assert b"".join(get(url).pieces(decode=False)) == bomb


def test_a_whole_answer_has_a_deadline_however_its_bytes_come() -> None:
    steps = itertools.count()
    clock = Clock(now=lambda: float(next(steps)))
    with serving(sending(bytes(500_000))) as url:
        fault = fault_of(lambda: get(url, clock=clock).read(most_bytes=1 << 20, seconds=2))
        assert (fault.kind, fault.reason) == (Fault.LATE, "no whole answer in 2 s")
        assert len(get(url, clock=clock).read(most_bytes=1 << 20, seconds=1e9).data) == 500_000


def test_a_cut_a_silent_and_an_absent_server_are_told_apart() -> None:
    silence = threading.Event()
    with serving(sending(b"half", promised=99)) as url:
        assert fault_of(lambda: get(url).read(most_bytes=99)).kind is Fault.BROKEN
    with serving(lambda request: silence.wait(10) and None) as url:
        assert fault_of(lambda: get(url, timeout=0.05)).kind is Fault.TIMEOUT
        silence.set()
    with socket.socket() as bound:  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        key = f"http://127.0.0.1:{bound.getsockname()[1]}/v3/0123456789abcdef"
        fault = fault_of(lambda: get(key))
    assert (fault.kind, fault.reason) == (Fault.UNREACHABLE, "NewConnectionError")
    assert "0123456789" not in repr(fault) and fault.__cause__ is None


def test_what_is_no_address_is_never_asked() -> None:
    assert fault_of(lambda: get("https://" + "a" * 70 + ".example/")).kind is Fault.ADDRESS
    assert fault_of(lambda: get("ftp://a.example/")).kind is Fault.ADDRESS


# ---- where it goes


@pytest.mark.parametrize(
    "there",
    [
        "https://127.0.0.1/x",
        "https://localhost:5001/x",
        "https://[::1]/x",
        "https://10.0.0.7/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/x",
        "http://elsewhere.example/x",
        "ftp://elsewhere.example/x",
        "//10.0.0.7/x",
        "http://[bad",
    ],
)
def test_a_public_server_sends_us_nowhere_inside_and_nowhere_unencrypted(
    monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    middle = "https://other.example/b"
    for ways in ({PUBLIC: there}, {PUBLIC: middle, middle: there}):
        net = wire(monkeypatch, ways)
        client = HttpClient(PUBLIC, timeout=(1, 1))
        fault = fault_of(lambda client=client: client.open("GET", PUBLIC, redirects=5))  # type: ignore[misc]
        assert fault.kind is Fault.REDIRECT
        assert net.asked == list(ways)


def test_redirects_are_followed_where_they_may_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire(monkeypatch, {PUBLIC: "/b", "https://public.example/b": "https://other.example/c"})
    client = HttpClient(PUBLIC, timeout=(1, 1))
    assert client.open("GET", PUBLIC, redirects=2).read(most_bytes=9).data == b"block"
    assert fault_of(lambda: client.open("GET", PUBLIC, redirects=1)).kind is Fault.LOOP
    assert client.open("GET", PUBLIC).status == 302  # none is followed unasked


def test_the_body_of_a_redirect_is_not_waited_for() -> None:
    done = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/there")
        request.send_header("Content-Length", str(10**9))
        request.end_headers()
        done.wait(60)

    with serving(answer) as url:
        with get(url, timeout=20) as response:
            assert response.status == 302
        done.set()


def test_a_token_is_sent_goes_along_nowhere_and_is_never_shown() -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        sending(b"")(request)

    with serving(answer) as url:
        client = HttpClient(url, timeout=(20, 20), token="a-secret-of-tests-0123")
        client.open("GET", url).close()
        with pytest.raises(AssertionError):
            client.open("GET", url, redirects=1)
    assert seen == ["Bearer a-secret-of-tests-0123"]
    assert "secret-of-tests" not in redact("it said a-secret-of-tests-0123")


def test_neither_a_proxy_nor_netrc_nor_a_cookie_gets_in_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[str | None, str | None]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append((request.headers.get("Authorization"), request.headers.get("Cookie")))
        sending(b"", Set_Cookie="id=1; Path=/")(request)

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(answer) as url:
        for cookies in (False, True):
            client = HttpClient(url, timeout=(20, 20), cookies=cookies)
            for _ in range(2):
                client.open("GET", url).close()
    assert seen == [(None, None)] * 3 + [(None, "id=1")]


# ---- when it asks again


def test_a_pause_doubles_up_to_its_most_and_heeds_what_is_asked() -> None:
    backoff = Backoff(0.5, 3)
    assert [backoff.pause(n) for n in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 3, 3]
    assert (backoff.pause(4, 0), backoff.pause(1, 3), backoff.pause(1, 3.5)) == (0, 3, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
        ("-1", None),
        ("soon", None),
        ("\u0661", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, Clock(date=lambda: 60.0)) == seconds
    assert retry_after({}) is None
