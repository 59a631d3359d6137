"""A name leads where it led when it was judged, and no server holds us by sending slowly."""

from __future__ import annotations

import itertools
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3.util.connection

from nftgan.connections import Resolver, WrongAddress
from nftgan.http import Fault, HttpClient, HttpFault
from tests.test_http import fault_of, sending, serving

PUBLIC, HERE = "93.184.215.14", "127.0.0.1"
Names = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """names("a.example", ["1.2.3.4"], ["127.0.0.1"]): what the name leads to, question by question.

    The last answer stays. Returns the questions that were asked so far.
    """
    genuine, answers, asked = socket.getaddrinfo, dict[str, Iterator[list[str]]](), list[str]()

    def resolve(host: Any, port: Any, *more: Any, **words: Any) -> Any:
        if host not in answers:
            return genuine(host, port, *more, **words)
        asked.append(host)
        return [(2, 1, 6, "", (address, port or 0)) for address in next(answers[host])]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def tell(host: str, *given: list[str]) -> list[str]:
        answers[host] = itertools.chain(given, itertools.repeat(given[-1]))
        return asked

    return tell


def test_a_name_is_resolved_once_and_never_turns_from_public_to_inside(names: Names) -> None:
    asked = names("a.example", [PUBLIC, "1.1.1.1"], [HERE])
    resolver = Resolver()
    assert not resolver.inside("A.example.")
    assert resolver.addresses("a.example") == (PUBLIC, "1.1.1.1")
    assert asked == ["a.example"]
    resolver.forget("a.example")
    for _ in range(2):
        with pytest.raises(WrongAddress):
            resolver.addresses("a.example")


@pytest.mark.parametrize(
    "inside", [HERE, "10.0.0.7", "169.254.169.254", "::1", "fe80::1", "224.0.0.1"]
)
def test_one_address_inside_is_enough(names: Names, inside: str) -> None:
    names("a.example", [PUBLIC, inside])
    resolver = Resolver()
    assert resolver.inside("a.example")
    with pytest.raises(WrongAddress):
        resolver.addresses("a.example")


def test_who_names_a_host_inside_may_speak_to_it(names: Names) -> None:
    names("nas.example", ["192.168.1.9"])
    assert Resolver().addresses("nas.example") == ("192.168.1.9",)


def test_a_host_that_was_public_once_stays_public(names: Names) -> None:
    names("a.example", [PUBLIC], [HERE])
    resolver = Resolver()
    assert resolver.addresses("a.example") == (PUBLIC,)
    resolver.forget("a.example")
    with pytest.raises(WrongAddress):
        resolver.addresses("a.example")


def test_a_name_that_fails_to_resolve_first_leads_nowhere_inside_later(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver()
    assert not resolver.inside("no such name.invalid")
    names("no such name.invalid", [HERE])
    with pytest.raises(WrongAddress):
        resolver.addresses("no such name.invalid")


def test_a_name_of_this_machine_leads_to_this_machine(names: Names) -> None:
    names("key.localhost", [PUBLIC])
    client = HttpClient("http://key.localhost:9/", timeout=(1, 1))
    fault = fault_of(lambda: client.open("GET", "http://key.localhost:9/secret"))
    assert (fault.kind, fault.reason) == (Fault.REDIRECT, "leads elsewhere than it may")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[str]]]:
    """(port, hosts that were asked for) of a server here whose certificate is of inside.example."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs openssl")
    pem = tmp_path / "both.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=inside.example -addext"
    subprocess.run(
        [
            openssl,
            *words.split(),
            "subjectAltName=DNS:inside.example",
            "-keyout",
            pem,
            "-out",
            pem.with_suffix(".crt"),
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem.with_suffix(".crt")))
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(str(self.headers["Host"]))
            sending(b"mine")(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # who does not like the certificate breaks off

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem.with_suffix(".crt"), pem)
    with Server((HERE, 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1], hosts
        server.shutdown()
        thread.join()


def test_tls_and_the_host_header_keep_the_name(names: Names, inside: tuple[int, list[str]]) -> None:
    port, hosts = inside
    for name in ("inside.example", "other.example"):
        names(name, [HERE])
    url = f"https://inside.example:{port}/"
    assert HttpClient(url, timeout=(9, 9)).open("GET", url).read(most_bytes=9).data == b"mine"
    url = f"https://other.example:{port}/"
    fault = fault_of(lambda: HttpClient(url, timeout=(9, 9)).open("GET", url))
    assert fault.kind is Fault.CERTIFICATE
    assert hosts == [f"inside.example:{port}"]


def test_a_redirect_cannot_be_led_inside_by_a_second_answer_of_the_dns(
    names: Names, inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, hosts = inside
    names("inside.example", [PUBLIC], [HERE])
    genuine, dialled = urllib3.util.connection.create_connection, []

    def dial(address: Any, *more: Any, **words: Any) -> Any:
        if address[1] == port:
            dialled.append(address[0])
        if address[0] == PUBLIC:
            raise ConnectionRefusedError("the internet is not here")
        return genuine(address, *more, **words)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", dial)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", f"https://inside.example:{port}/")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(answer) as url:
        client = HttpClient(url, timeout=(9, 9))
        kinds = [fault_of(lambda: client.open("GET", url, redirects=1)).kind for _ in range(2)]
    assert kinds == [Fault.UNREACHABLE, Fault.REDIRECT]
    assert (dialled, hosts) == ([PUBLIC], [])


@contextmanager
def dripping(begin: bytes, drip: bytes) -> Iterator[str]:
    """A server whose answer goes on with `drip` every few milliseconds, and is never whole."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(begin)
                for _ in range(600):  # long after every deadline here
                    if done.is_set():
                        break
                    connection.sendall(drip)
                    time.sleep(0.005)
            except OSError:
                pass

    with socket.create_server((HERE, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://{HERE}:{listener.getsockname()[1]}/"
        finally:
            done.set()
            thread.join(10)


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"HTTP/1.1 ", b"2"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_head_without_end_is_not_waited_for(begin: bytes, drip: bytes) -> None:
    with dripping(begin, drip) as url:
        client = HttpClient(url, timeout=(9, 0.2))
        assert fault_of(lambda: client.open("GET", url)).kind is Fault.TIMEOUT


def test_the_size_of_a_chunk_has_the_deadline_of_the_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    with dripping(head, b"x") as url:
        response = HttpClient(url, timeout=(9, 30)).open("GET", url)
        with pytest.raises(HttpFault) as caught:
            response.read(most_bytes=9, seconds=0.2)
    assert (caught.value.kind, caught.value.reason) == (Fault.LATE, "no whole answer in 0 s")


def test_an_answer_after_a_deadline_is_read_as_ever() -> None:
    with serving(sending(b"x" * 100_000)) as url:
        client = HttpClient(url, timeout=(9, 9))
        for _ in range(3):  # on one connection
            answer = client.open("GET", url).read(most_bytes=100_000, seconds=30)
            assert len(answer.data) == 100_000
