"""CARs and DAGs of an enemy: refused in one sentence, in bounded time and memory, nothing kept.

NFTGAN_FUZZ: a twelfth of how many are tried of each (12,000 of each with 1000).
"""

from __future__ import annotations

import http.client
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nftgan.errors import CheckFailed, NftganError, UsageError
from nftgan.ipfs import car as car_module
from nftgan.ipfs import reader as reader_module
from nftgan.ipfs.car import CarFile, write_car
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.dagpb import DIRECTORY, FILE, SHARD, Link, UnixFs
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.reader import FileReader, entries, stream, verified, walk
from nftgan.ipfs.store import BlockStore
from nftgan.provenance.content import Content, Unavailable
from nftgan.workflows.pin import pin_again
from tests.ipfs.hostile import Forge
from tests.ipfs.serving import serving

CASES = int(os.environ.get("NFTGAN_FUZZ", "8")) * 12
MOST_READS = 60_000
"""Blocks read for one case. The largest holds 3,000, and a few passes are made over it."""


FEW_LINKS = 5_000
"""`SOME_LINKS` of the reader, where files are smaller than real ones."""


class Reads:
    """Counts what is asked of a source of blocks; too many end the case."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        self.count += 1
        assert self.count < MOST_READS, "the work is not bounded"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    counter = Reads()
    get = car_module.CarFile.get

    def counted(self: CarFile, cid: Cid) -> bytes:
        counter.note()
        return get(self, cid)

    monkeypatch.setattr(car_module.CarFile, "get", counted)
    return counter


def assert_one_sentence(error: NftganError) -> None:
    assert "\n" not in error.message and len(error.message) < 8_000, error.message


def test_a_hostile_car_is_pinned_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    taken = 0
    home, path = tmp_path / "home", tmp_path / "x.car"
    monkeypatch.setenv("NFTGAN_HOME", str(home))
    monkeypatch.setattr(BlockStore.__init__, "__kwdefaults__", {"durable": False})
    store = BlockStore(home / "ipfs")
    for number in range(CASES):
        forge = Forge(f"car {number}")
        forge.car(forge.root(), path)
        reads.count = 0
        known = set(store.pins()), set(store)
        try:
            pinned = pin_again(path, ["embedded"])
        except (UsageError, CheckFailed) as refused:
            assert_one_sentence(refused)
            assert (set(store.pins()), set(store)) == known, number
            assert {p.name for p in tmp_path.iterdir()} <= {"home", "x.car"}, number
            continue
        taken += 1
        root = Cid.parse(pinned.root)
        for cid, _ in walk(store.get, root):  # what was pinned is there and can be read
            if cid.codec == RAW:
                store.get(cid)
        for at in set(store) - known[1]:
            at.unlink()
        for pin in store.pins():
            store.unpin(Cid.parse(pin))
        for left in tmp_path.glob("*.jsonl"):
            left.unlink()
    assert CASES // 20 < taken < CASES  # the forge makes true ones, too


def test_a_hostile_dag_is_read_within_bounds_by_who_verifies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "SOME_LINKS", FEW_LINKS)
    most, good = 1 << 16, 0
    for number in range(CASES):
        forge = Forge(f"read {number}")
        root = forge.root()
        counter = Reads()

        def get(cid: Cid, forge: Forge = forge, counter: Reads = counter) -> bytes:
            counter.note()
            return forge.get(cid)

        for name in ("", "/0.json", "/1.json/0.json", "/a"):
            counter.count = 0
            try:
                data = Content([("here", FileReader(get))]).read(f"ipfs://{root}{name}", most)
            except (CheckFailed, Unavailable) as refused:
                assert_one_sentence(refused)
                # `Content` speaks for any failure of a place; here it must be one of ours.
                assert re.search(
                    r"here: (there is no|the |b|Qm|z)|the usual form", refused.message
                ), (
                    number,
                    refused.message,
                )
            else:
                good += 1
                assert len(data) <= most
    assert good > CASES // 20


class Noting(Gateway):
    """Remembers what its requests raised."""

    raised: BaseException | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # `asked` may hang up early
            self.raised = sys.exc_info()[1]


@pytest.fixture
def gateway() -> Iterator[Noting]:
    served = Noting(lambda cid: b"")
    with serving(served):
        yield served


def asked(gateway: Noting, path: str, method: str = "GET", **headers: str) -> int:
    """The status; the body is read, up to 64 KiB."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.server_address[1], timeout=60)
    try:
        connection.request(method, path, headers=headers)
        try:
            answer = connection.getresponse()
        except http.client.RemoteDisconnected:
            raise AssertionError(f"{path}: {gateway.raised!r}") from gateway.raised
        body = b""
        try:
            while len(body) < 1 << 16 and (piece := answer.read(1 << 12)):
                body += piece
        except http.client.IncompleteRead:
            pass  # it saw the lie after its first bytes
        if answer.status >= 400 and answer.status != 416:
            assert body.count(b"\n") <= 1
        return answer.status
    finally:
        connection.close()


def test_the_gateway_answers_or_refuses_and_never_fails(
    gateway: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SOME_LINKS", FEW_LINKS)
    told = set()
    for number in range(CASES // 6):
        forge = Forge(f"gateway {number}")
        root = forge.root()
        counter = Reads()

        def get(cid: Cid, forge: Forge = forge, counter: Reads = counter) -> bytes:
            counter.note()
            return forge.get(cid)

        gateway.get = verified(get)
        car = "?format=car"
        for query in ("", "/", "/0.json", "/a", "?format=raw", car, f"{car}&dag-scope=entity"):
            for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=3-99"})):
                counter.count = 0
                told.add(asked(gateway, f"/ipfs/{root}{query}", method, **headers))
                assert gateway.raised is None, (number, query, gateway.raised)
    assert {200, 404} <= told <= {200, 206, 301, 400, 404, 416, 502}


# ---- the worst of each kind, by name


def kept(forge: Forge, root: Cid, path: Path) -> CarFile:
    write_car(path, root, forge.blocks.items())
    return CarFile(path)


def honest() -> Forge:
    forge = Forge("honest")
    forge.lies = 0
    return forge


def test_a_leaf_that_is_missing_is_noticed_before_anything_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    forge = honest()
    leaf = forge.add(b"leaf", RAW, 4)
    root = forge.node([Link("0.json", leaf, 4)], UnixFs(DIRECTORY))
    del forge.blocks[leaf]
    kept(forge, root, tmp_path / "x.car")
    for dry_run in (True, False):
        with pytest.raises(UsageError, match=f"not a whole CAR file: the block {leaf}"):
            pin_again(tmp_path / "x.car", ["embedded"], dry_run=dry_run)
    assert not (tmp_path / "home").exists()


def test_a_damaged_block_that_belongs_to_nothing_is_noticed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    forge = honest()
    root = forge.node([], UnixFs(DIRECTORY))
    surplus = forge.add(b"surplus", RAW, 7)
    forge.blocks[surplus] = b"damaged"
    kept(forge, root, tmp_path / "x.car")
    with pytest.raises(UsageError, match=f"the block {surplus} is damaged"):
        pin_again(tmp_path / "x.car", ["embedded"])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("wide", "levels", "words"),
    [(2, 60, "unfold into"), (1, 65, "nested too deep"), (1, 3000, "nested too deep")],
)
def test_folders_that_unfold_without_end_are_refused(
    tmp_path: Path, wide: int, levels: int, words: str
) -> None:
    forge = honest()
    cid = forge.add(b"1", RAW, 1)
    for _ in range(levels):
        cid = forge.node([Link(str(n), cid, 0) for n in range(wide)], UnixFs(DIRECTORY))
    kept(forge, cid, tmp_path / "x.car")
    with pytest.raises(UsageError, match=words):
        pin_again(tmp_path / "x.car", ["embedded"], dry_run=True)


def test_a_shard_within_itself_ends_the_listing() -> None:
    forge = honest()
    one = UnixFs(SHARD, b"\1", fanout=256)
    cid = forge.node([Link("00a", forge.add(b"1", RAW, 1), 0)], one)
    for _ in range(7):
        links = [Link(f"{slot:02X}", cid, 0) for slot in range(256)]
        cid = forge.node(links, UnixFs(SHARD, b"\xff" * 32, fanout=256))
    with pytest.raises(CheckFailed, match="not where a sharded folder can have one"):
        list(entries(forge.get, cid))


def repeated(forge: Forge, data: bytes, many: int) -> Cid:
    """A file of `data` many times many times, in three kinds of block."""
    cid = forge.add(data, RAW, len(data))
    for _ in range(2):
        size = forge.sizes[cid] * many
        parts = (forge.sizes[cid],) * many
        cid = forge.node([Link("", cid, 0)] * many, UnixFs(FILE, b"", size, parts), size)
    return cid


def test_a_file_of_dust_is_given_up_and_one_of_small_chunks_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "SOME_LINKS", 500)
    forge = honest()
    with pytest.raises(CheckFailed, match="too many parts"):
        for _ in stream(forge.get, repeated(forge, b"1", 100)):
            pass
    chunked = repeated(forge, bytes(256), 100)
    assert sum(map(len, stream(forge.get, chunked))) == 2_560_000


def test_a_file_shorter_than_it_says_ends_the_answer_at_once(gateway: Noting) -> None:
    forge = honest()
    root = forge.node([], UnixFs(FILE, b"short", 1_000))
    with pytest.raises(CheckFailed, match="contradicts its own sizes"):
        list(stream(forge.get, root))
    gateway.get = verified(forge.get)
    assert asked(gateway, f"/ipfs/{root}") == 200  # cut off, not left open


@pytest.mark.parametrize("total", [0, 3, 5, 2**62])
def test_a_file_that_lies_about_its_size_is_not_pinned(tmp_path: Path, total: int) -> None:
    forge = honest()
    leaf = forge.add(b"leaf", RAW, 4)
    root = forge.node([Link("", leaf, 4)], UnixFs(FILE, b"", total, (4,)))
    folder = forge.node([Link("0.json", root, 4)], UnixFs(DIRECTORY))
    kept(forge, folder, tmp_path / "x.car")
    with pytest.raises(UsageError, match="contradicts its own sizes"):
        pin_again(tmp_path / "x.car", ["embedded"], dry_run=True)
