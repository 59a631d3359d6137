"""The studio answers its own page and nobody else; every refusal is asked for over raw HTTP."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from nftgan.config import CollectionSection
from nftgan.studio.app import static_files
from tests.studio.conftest import Serve, Served

SAY = {"seed": 3, "stars": 5}


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(range(4))


def refused(answer: tuple[int, dict[str, str], bytes]) -> bool:
    return answer[0] == 403


def test_only_this_machine_can_reach_it(served: Served) -> None:
    assert served.server._socket.getsockname()[0] == "127.0.0.1"
    other = socket.socket()
    other.settimeout(2)
    with other, pytest.raises(OSError):
        other.connect(("127.0.0.2", served.server.port))


def test_a_connection_that_asks_nothing_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nftgan.studio.server.REQUEST_SECONDS", 0.05)
    server = serve(range(1)).server
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as idle:
        assert idle.recv(1) == b""


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/pool", "/image/1", "/no/such"])
@pytest.mark.parametrize("cookie", [None, "nftgan-studio-1=x", "{name}=", "{name}=wrong", "\x80"])
def test_without_the_key_nothing_is_said(served: Served, path: str, cookie: str | None) -> None:
    name = served.cookie.partition("=")[0]
    cookie = cookie and cookie.format(name=name)
    status, _, data = served.request("GET", path, Cookie=cookie)
    assert status == 403 and b"Birds" not in data


def test_the_key_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(served: Served) -> None:
    path = served.address.removeprefix(served.origin)
    status, headers, _ = served.request("GET", path, Cookie=None)
    assert status == 200
    cookie = headers["set-cookie"]
    assert cookie.startswith(served.cookie)
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    for wrong in (path[:-1], path + "x", "/?token=", path + "&token=x"):
        assert refused(served.request("GET", wrong, Cookie=None))
        assert "set-cookie" not in served.request("GET", wrong, Cookie=None)[1]


def test_two_servers_have_different_keys(serve: Serve) -> None:
    one, other = serve(range(2)), serve(range(2))
    stolen = one.cookie.partition("=")[2]
    name = other.cookie.partition("=")[0]
    assert refused(other.request("GET", "/api/pool", Cookie=f"{name}={stolen}"))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "", None, "[::1]:{}"])
def test_a_rebound_name_is_refused(served: Served, host: str | None) -> None:
    host = host and host.format(served.server.port)
    for path in ("/", "/api/pool", served.address.removeprefix(served.origin)):
        status, _, _ = served.request("GET", path, Host=host)
        assert status in (400, 403)


def test_its_own_names_are_answered(served: Served) -> None:
    port = served.server.port
    assert served.request("GET", "/api/pool", Host=f"LocalHost:{port}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": None},
        {"Origin": "{own}", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "{own}", "Sec_Fetch_Site": "same-site"},
        {"Origin": "{own}", "Cookie": None},
    ],
)
def test_a_change_from_elsewhere_is_refused(served: Served, headers: dict[str, str | None]) -> None:
    sent = {
        name: value and value.format(port=served.server.port, own=served.origin)
        for name, value in headers.items()
    }
    for path in ("/api/opinion", "/api/finish", "/api/close", "/api/grow"):
        assert refused(served.request("POST", path, SAY, **sent))
    assert not served.ratings.exists()
    assert served.post("/api/opinion", SAY)["opinions"]["3"] == {"stars": 5}  # its own page may


def test_a_form_cannot_speak_json(served: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert served.request("POST", "/api/opinion", SAY, Content_Type=kind)[0] == 415


def test_other_sites_cannot_read_images(served: Served) -> None:
    headers: dict[str, str | None] = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert refused(served.request("GET", "/image/1", **headers))


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2Fapp.py",
        "/static/%2e%2e%2fserver.py",
        "/static//etc/passwd",
        "/static/..%5capp.py",
        "/static/__init__.py",
        "/sheet/../../etc/passwd",
        "/image/..%2f..%2fratings.jsonl",
        "/image/-1",
        "/art/0",
        "/etc/passwd",
    ],
)
def test_no_path_leads_out(served: Served, path: str) -> None:
    status, _, data = served.request("GET", path)
    assert status == 404 and b"import" not in data and b"root:" not in data


def test_numbers_out_of_range_are_refused_in_words(served: Served) -> None:
    for path in (
        f"/image/{2**32}",
        "/look/1?trunc=1e999",
        "/look/1?trunc=x",
        "/look/1?mix=-1",
        "/look/1?mix=1&layers=999",
        f"/look/{2**40}",
        "/api/news?after=x",
        "/api/news?after=²",
    ):
        status, _, data = served.request("GET", path.replace("²", "%C2%B2"))
        assert status == 400 and json.loads(data)["error"], path


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b"[" * 5000,
        {"seed": -1, "stars": 1},
        {"seed": True, "stars": 1},
        {"seed": "../../x", "stars": 1},
        {"seed": 1},
        {"seed": 1, "stars": 6},
        {"seed": 1, "picked": "yes"},
        {"seed": 1, "model": "x"},
        {"seed": 1, "cleared": ["stars"]},
        {"seed": 1, "name": " "},
        {"seed": 1, "name": "a\u0000b"},
        {"seed": 1, "name": "x" * 201},
    ],
)
def test_nonsense_changes_nothing(served: Served, body: Any) -> None:
    status, _, data = served.request("POST", "/api/opinion", body)
    assert status == 400 and json.loads(data)["error"]
    assert not served.ratings.exists()


def test_a_huge_request_is_cut_off(served: Served) -> None:
    status, _, _ = served.request("POST", "/api/opinion", b"x" * 600_000)
    assert status == 413


def test_every_answer_carries_the_policy(served: Served) -> None:
    for path, cookie in (("/", served.cookie), ("/api/pool", served.cookie), ("/", None)):
        _, headers, _ = served.request("GET", path, Cookie=cookie)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


def test_scripts_in_words_stay_words(serve: Serve) -> None:
    script = "<script>alert(1)</script>"
    served = serve(range(4), section=CollectionSection(name=script, description=script))
    served.post("/api/opinion", {"seed": 1, "picked": True, "name": script})
    for path in ("/api/session", "/api/tray", "/api/pool"):
        status, headers, data = served.request("GET", path)
        assert status == 200 and headers["content-type"] == "application/json"
        assert script in data.decode()
    page = served.request("GET", "/")[2].decode()
    assert "alert(1)" not in page
    scripts = b"".join(data for name, data in static_files().items() if name.endswith(".js"))
    for way in (b"innerHTML", b"outerHTML", b"insertAdjacentHTML", b"document.write", b"eval("):
        assert way not in scripts


def test_methods_that_are_not_meant_are_refused(served: Served) -> None:
    for method, path in (("PUT", "/api/pool"), ("DELETE", "/image/1"), ("TRACE", "/")):
        assert served.request(method, path, Origin=served.origin)[0] == 405
    assert served.request("GET", "/api/opinion")[0] == 405
