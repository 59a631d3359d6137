"""Blocks that go into the store come out of files, folders, CARs and the gateway unchanged."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.car import read_car, write_car
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.reader import NotFound, entries, read_file, resolve, stream, walk
from nftgan.ipfs.store import BlockStore, MissingBlock

BIG = bytes(range(256)) * 12_000  # three chunks and one inner node


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "store")


def put(store: BlockStore, tree: Tree) -> Cid:
    return Importer(lambda cid, data: store.put(cid, data) and None).add_tree(tree).cid


def test_files_come_back_whole_and_in_ranges(store: BlockStore) -> None:
    root = put(store, {"a": {"big": BIG, "empty": b""}})
    assert read_file(store.get, root, "a/big", most_bytes=len(BIG)) == BIG
    assert read_file(store.get, root, "a/empty", most_bytes=0) == b""
    cid = resolve(store.get, root, "a/big")
    assert b"".join(stream(store.get, cid, 1_048_570, 2_100_000)) == BIG[1_048_570:2_100_000]


def test_a_sharded_folder_finds_every_name_and_no_other(store: BlockStore) -> None:
    tree = {f"{i}.json": str(i).encode() for i in range(6000)}
    root = put(store, tree)
    for i in (0, 1, 2999, 5999):
        assert read_file(store.get, root, f"{i}.json", most_bytes=10) == str(i).encode()
    assert sorted(link.name for link in entries(store.get, root)) == sorted(tree)
    with pytest.raises(NotFound):
        resolve(store.get, root, "6000.json")


def test_a_file_above_the_limit_is_refused(store: BlockStore) -> None:
    root = put(store, {"big": BIG})
    with pytest.raises(CheckFailed, match="more than"):
        read_file(store.get, root, "big", most_bytes=len(BIG) - 1)


def test_a_damaged_block_and_a_missing_one_are_told_apart(store: BlockStore) -> None:
    root = put(store, {"x": b"hello"})
    cid = Cid.of(b"hello", RAW)
    store.path_of(cid).write_bytes(b"hellx")
    with pytest.raises(CheckFailed, match="damaged"):
        read_file(store.get, root, "x", most_bytes=10)
    assert [ok for _, ok in store.verify()].count(False) == 1
    store.path_of(cid).unlink()
    with pytest.raises(MissingBlock):
        read_file(store.get, root, "x", most_bytes=10)


def test_the_layout_is_that_of_flatfs(store: BlockStore) -> None:
    put(store, {"x": b"hello"})
    sharding = (store.blocks / "SHARDING").read_text()
    assert sharding == "/repo/flatfs/shard/v1/next-to-last/2\n"
    for path in store:
        assert path.parent.name == path.stem[-3:-1]


def test_pins_come_and_go(store: BlockStore) -> None:
    root = put(store, {"x": b"1"})
    store.pin(root, "mine")
    assert store.pins() == {str(root): "mine"}
    store.unpin(root)
    assert store.pins() == {}


def test_a_car_holds_every_block_once_and_refuses_damage(store: BlockStore, tmp_path: Path) -> None:
    root = put(store, {"a": BIG, "b": BIG, "c": b"1"})
    path = tmp_path / "x.car"
    size = write_car(path, root, walk(store.get, root))
    assert size == path.stat().st_size
    items = list(read_car(path))
    assert items[0] == (root, b"")
    assert len(items) - 1 == len({cid for cid, _ in items[1:]}) == 5
    data = path.read_bytes()
    for damaged in (data[:-1], data[:40], b"", data[:200] + b"\0" + data[201:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckFailed):
            list(read_car(path))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_car_reader_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("car") / "x.car"
    path.write_bytes(data)
    with pytest.raises(CheckFailed):
        list(read_car(path))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_a_cid_is_parsed_or_refused(text: str) -> None:
    try:
        cid = Cid.parse(text)
    except UsageError:
        return
    assert Cid.parse(str(cid)) == cid


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
