"""The loopback gateway serves files, folders, raw blocks and CARs, and nothing to strangers."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.ipfs.car import read_car
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.reader import walk
from nftgan.ipfs.store import BlockStore
from tests.ipfs.trees import BIG, put


@pytest.fixture
def served(store: BlockStore) -> Iterator[tuple[BlockStore, str]]:
    gateway = Gateway(store.get)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    yield store, gateway.url
    gateway.shutdown()
    gateway.server_close()


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(
        url, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
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
