"""The loopback gateway serves files, folders, raw blocks and CARs, and nothing to strangers."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from nftgan.ipfs.car import CarFile, read_car
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.gateway import Handler
from nftgan.ipfs.reader import resolve, walk
from nftgan.ipfs.store import BlockStore
from tests.ipfs.trees import BIG, put


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(
        url, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, dict(exc.headers), exc.read()


def test_the_gateway_serves_paths_ranges_raw_blocks_and_cars(
    served: tuple[BlockStore, str], tmp_path: Path
) -> None:
    store, url = served
    root = put(store, {"0.json": b"{}", "big.png": BIG})
    status, headers, body = fetch(f"{url}/ipfs/{root}/big.png")
    assert (status, headers["Content-Type"], body) == (200, "image/png", BIG)
    assert "immutable" in headers["Cache-Control"]
    status, headers, body = fetch(f"{url}/ipfs/{root}/big.png", Range="bytes=10-19")
    assert (status, body) == (206, BIG[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(BIG)}"
    assert fetch(f"{url}/ipfs/{root}/big.png", Range="bytes=-5")[2] == BIG[-5:]
    assert fetch(f"{url}/ipfs/{root}/big.png", Range=f"bytes={len(BIG)}-")[0] == 416
    etag = fetch(f"{url}/ipfs/{root}/0.json")[1]["ETag"]
    assert fetch(f"{url}/ipfs/{root}/0.json", If_None_Match=etag)[0] == 304
    assert fetch(f"{url}/ipfs/{root}?format=raw")[2] == store.get(root)
    path = tmp_path / "got.car"
    path.write_bytes(fetch(f"{url}/ipfs/{root}?format=car")[2])
    assert {cid for cid, _ in read_car(path)} == {cid for cid, _ in walk(store.get, root)}
    assert b"big.png" in fetch(f"{url}/ipfs/{root}/")[2]


def test_the_gateway_refuses_what_it_should(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"0.json": b"{}"})
    assert fetch(f"{url}/ipfs/{root}/1.json")[0] == 404
    assert fetch(f"{url}/ipfs/{Cid.of(b'absent', RAW)}")[0] == 404
    assert fetch(f"{url}/ipfs/nonsense")[0] == 400
    assert fetch(f"{url}/etc/passwd")[0] == 404
    assert fetch(f"{url}/ipfs/{root}/0.json", Host="evil.example")[0] == 400
    store.path_of(Cid.of(b"{}", RAW)).write_bytes(b"[]")
    assert fetch(f"{url}/ipfs/{root}/0.json")[0] == 502


def test_a_page_of_another_origin_may_read_it(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"0.json": b"{}"})
    for path in (f"/ipfs/{root}/0.json", f"/ipfs/{root}?format=raw", f"/ipfs/{root}/absent"):
        headers = fetch(url + path, Origin="https://example.com")[1]
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Range" in headers["Access-Control-Expose-Headers"]
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    asked = {"Origin": "https://example.com", "Access-Control-Request-Private-Network": "true"}
    connection.request("OPTIONS", f"/ipfs/{root}", headers=asked)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (204, b"")
    assert "Range" in (answer.getheader("Access-Control-Allow-Headers") or "")
    assert answer.getheader("Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS"
    assert answer.getheader("Access-Control-Allow-Private-Network") == "true"
    connection.close()


def served_car(url: str, folder: Path) -> set[Cid]:
    status, headers, body = fetch(url)
    assert status == 200
    assert headers["Content-Type"].startswith("application/vnd.ipld.car; version=1")
    path = folder / "got.car"
    path.write_bytes(body)
    return set(CarFile(path).cids)


def test_names_are_found_in_a_sharded_folder_of_strange_names(
    served: tuple[BlockStore, str],
) -> None:
    store, url = served
    names = {f"{i} é%名?.json": str(i).encode() for i in range(4300)}
    root = put(store, {"a b": names, "index": {"index.html": b"<p>hello"}})
    for name in ("0 é%名?.json", "4299 é%名?.json"):
        assert fetch(f"{url}/ipfs/{root}/a%20b/{quote(name)}")[2] == names[name]
    assert fetch(f"{url}/ipfs/{root}/a%20b/{quote('4300 é%名?.json')}")[0] == 404
    page = fetch(f"{url}/ipfs/{root}/a%20b")[2].decode()  # over a redirect to the name with a slash
    assert page.count("<li>") == 4300 and quote("17 é%名?.json") in page
    status, headers, body = fetch(f"{url}/ipfs/{root}/index/")
    assert (status, headers["Content-Type"], body) == (200, "text/html", b"<p>hello")


def test_a_head_request_has_the_headers_of_a_get_and_no_body(
    served: tuple[BlockStore, str],
) -> None:
    store, url = served
    root = put(store, {"x.png": BIG})
    for path in ("/x.png", "/", "?format=raw", "?format=car", "/absent"):
        answers = []
        for method in ("HEAD", "GET"):
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
            connection.request(method, f"/ipfs/{root}{path}")
            answer = connection.getresponse()
            told = {k: v for k, v in answer.getheaders() if k != "Date"}
            answers.append((answer.status, told))
            assert bool(answer.read()) == (method == "GET")
            connection.close()
        assert answers[0] == answers[1]


def test_a_car_proves_its_path_and_holds_as_much_as_its_scope_says(
    served: tuple[BlockStore, str], tmp_path: Path
) -> None:
    store, url = served
    sharded = {f"{i}.json": str(i).encode() for i in range(5400)}
    root = put(store, {"a": {"big": BIG, "other": b"1"}, "m": sharded})
    a, big, m = (resolve(store.get, root, path) for path in ("a", "a/big", "m"))
    file = {cid for cid, _ in walk(store.get, big)}
    below = f"{url}/ipfs/{root}/a/big?format=car"
    assert served_car(below, tmp_path) == {root, a} | file
    assert CarFile(tmp_path / "got.car").root == big
    assert served_car(below + "&dag-scope=entity", tmp_path) == {root, a} | file
    assert served_car(below + "&dag-scope=block", tmp_path) == {root, a, big}
    assert served_car(f"{url}/ipfs/{a}?format=car&dag-scope=entity", tmp_path) == {a}
    shards = {cid for cid, _ in walk(store.get, m) if cid.codec == DAG_PB}
    assert served_car(f"{url}/ipfs/{m}?format=car&dag-scope=entity", tmp_path) == shards
    assert fetch(below + "&dag-scope=some")[0] == 400


def test_tags_formats_and_ranges_that_are_none(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"x": BIG})
    for path in ("/x", "/", "?format=raw", "?format=car"):
        tag = fetch(f"{url}/ipfs/{root}{path}")[1]["ETag"]
        for asked in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
            assert fetch(f"{url}/ipfs/{root}{path}", If_None_Match=asked)[::2] == (304, b"")
        assert fetch(f"{url}/ipfs/{root}{path}", If_None_Match='"other"')[0] == 200
    assert fetch(f"{url}/ipfs/{root}?format=tar")[0] == 400
    for asked in ("bytes=9-5", "bytes=x", "lines=1-2", "bytes=0-1,4-5"):
        assert fetch(f"{url}/ipfs/{root}/x", Range=asked)[::2] == (200, BIG)
    assert fetch(f"{url}/ipfs/{root}/x", Range="bytes=0-4", If_Range='"other"')[2] == BIG
    assert fetch(f"{url}/ipfs/{root}/x", Range="bytes=1048570-1048590")[2] == BIG[1048570:1048591]
    status, headers, body = fetch(f"{url}/ipfs/bafkqaaa?format=raw")  # how clients probe
    assert (status, headers["Content-Type"], body) == (200, "application/vnd.ipld.raw", b"")


@pytest.mark.parametrize("path", ["/x", "?format=car"])
def test_damage_in_the_middle_ends_the_body_early_and_puts_nothing_else_into_it(
    served: tuple[BlockStore, str], path: str
) -> None:
    store, url = served
    whole = b"".join(bytes([i]) * (1 << 20) for i in range(3))
    root = put(store, {"x": whole})
    store.path_of(Cid.of(whole[2 << 20 :], RAW)).write_bytes(b"damaged")
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("GET", f"/ipfs/{root}{path}")
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    connection.close()
    assert b"damaged" not in cut.value.partial and b"HTTP/1.1" not in cut.value.partial


def test_a_connection_that_asks_nothing_is_closed(
    served: tuple[BlockStore, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.05)
    port = urlsplit(served[1]).port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as idle:
        assert idle.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(b"GET /ipfs/")  # and never goes on
        assert slow.recv(1) == b""


def test_a_range_of_thousands_of_digits_is_no_range(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"x": BIG})
    assert fetch(f"{url}/ipfs/{root}/x", Range="bytes=0-" + "9" * 5000)[::2] == (200, BIG)


def test_a_format_that_is_not_wanted_is_not_given(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"x": b"hello"})
    raw, car = "application/vnd.ipld.raw", "application/vnd.ipld.car"
    for accept, kind in (
        (raw, raw),
        (f"text/html, {car}; version=1; order=dfs", car),
        (f"{raw};q=0", "application/octet-stream"),
        (f"*/*, {car}; q=0.000", "application/octet-stream"),
        (f"{raw};q=0, {car};q=0.5", car),
    ):
        got = fetch(f"{url}/ipfs/{root}/x", Accept=accept)[1]["Content-Type"]
        assert got.partition(";")[0] == kind, accept


def test_a_file_is_called_as_the_link_says(served: tuple[BlockStore, str]) -> None:
    store, url = served
    root = put(store, {"x": b"hello"})
    headers = fetch(f"{url}/ipfs/{root}/x?filename=cat.png")[1]
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == (
        "inline; filename=\"cat.png\"; filename*=UTF-8''cat.png"
    )
    odd = quote('../a"\r\nX-Bad: 1 \u732b.png')
    headers = fetch(f"{url}/ipfs/{root}/x?filename={odd}&download=true")[1]
    assert headers["Content-Disposition"].startswith('attachment; filename="aX-Bad: 1 _.png"')
    assert "X-Bad" not in headers
    assert "Content-Disposition" not in fetch(f"{url}/ipfs/{root}/x")[1]
