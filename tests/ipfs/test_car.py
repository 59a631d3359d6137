"""CAR files are whole or absent, the same bytes each time, and hostile ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.errors import NftganError, UsageError
from nftgan.ipfs.car import CarFile, header, new_car, read_car, section, write_car
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import MissingBlock, read_file, walk
from nftgan.ipfs.store import BlockStore
from tests.ipfs.trees import BIG, put

TREE = {"a": BIG, "b": BIG, "c": b"1", **{f"{i}.png": bytes([i]) * 500 for i in range(40)}}


def test_a_car_holds_every_block_once(store: BlockStore, tmp_path: Path) -> None:
    root = put(store, TREE)
    path = tmp_path / "x.car"
    size = write_car(path, root, walk(store.get, root))
    assert size == path.stat().st_size
    items = list(read_car(path))
    assert items[0] == (root, b"")
    assert len(items) - 1 == len({cid for cid, _ in items[1:]}) == 45
    assert read_file(CarFile(path).get, root, "b", most_bytes=len(BIG)) == BIG


@pytest.mark.parametrize("profile", ["unixfs-v1-2025", "unixfs-v0-2015"])
def test_an_import_streams_into_the_same_car_each_time(tmp_path: Path, profile: str) -> None:
    made = []
    for name, tree in (("1", TREE), ("2", dict(reversed(TREE.items())))):
        with new_car(tmp_path / name, int("v1" in profile)) as car:
            imported = Importer(car.put, profile).add_tree(tree)
            car.finish(imported.cid)
        assert car.size_bytes == (tmp_path / name).stat().st_size
        assert CarFile(tmp_path / name).root == imported.cid
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_a_failed_import_leaves_the_old_car(tmp_path: Path) -> None:
    path = tmp_path / "x.car"
    path.write_bytes(b"old")
    with pytest.raises(UsageError), new_car(path) as car:
        Importer(car.put).add_tree({"a": b"1", "b/c": b"2"})
    assert path.read_bytes() == b"old"
    with pytest.raises(NftganError, match="not among"), new_car(path) as car:
        car.finish(Cid.of(b"", RAW))
    assert [p.name for p in tmp_path.iterdir()] == ["x.car"]


def test_a_block_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_car(tmp_path / "x.car", Cid.of(b"1", RAW), [(Cid.of(b"1", RAW), b"1")])
    absent = Cid.of(b"2", RAW)
    with pytest.raises(MissingBlock, match=str(absent)):
        CarFile(tmp_path / "x.car").get(absent)


ONE, TWO = Cid.of(b"1", RAW), Cid.of(b"2", RAW)
HOSTILE = {
    "empty": b"",
    "only a header": header(ONE),
    "another root": header(TWO) + section(ONE, b"1"),
    "two roots": header(ONE, TWO) + section(ONE, b"1") + section(TWO, b"2"),
    "no root": header() + section(ONE, b"1"),
    "version 2": header(ONE).replace(b"version\x01", b"version\x02") + section(ONE, b"1"),
    "a block of other bytes": header(ONE) + section(ONE, b"2"),
    "a section of zero bytes": header(ONE) + section(ONE, b"1") + b"\0",
    "a section of a terabyte": header(ONE) + section(ONE, b"1") + b"\x80\x80\x80\x80\x80\x20",
    "a section that says more than there is": header(ONE) + section(ONE, b"1") + b"\x60abc",
    "a block beyond the end": header(ONE) + section(ONE, b"1") + section(TWO, b"2" * 80)[:-60],
    "a section without a CID": header(ONE) + section(ONE, b"1") + b"\x03abc",
    "an endless varint": header(ONE) + b"\xff" * 20,
    "a varint that is cut": header(ONE) + section(ONE, b"1") + b"\x80",
    "a SHA-512 CID": header(ONE) + section(ONE, b"1") + b"\x45\x01\x55\x13\x40" + bytes(64),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_car_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.car"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(UsageError, match="is not a whole CAR file: ") as refused:
        list(read_car(path))
    assert "\n" not in refused.value.message


def test_a_block_beyond_the_end_is_noticed_before_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.car"
    path.write_bytes(HOSTILE["a block beyond the end"])
    with pytest.raises(UsageError, match="it is cut"):
        CarFile(path)


def test_every_cut_is_noticed_or_hides_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.car"
    blocks = [(Cid.of(bytes([i]), RAW), bytes([i])) for i in range(5)]
    write_car(path, blocks[-1][0], blocks)
    whole = path.read_bytes()
    for size in range(len(whole)):  # the root is last, so that every cut loses it
        path.write_bytes(whole[:size])
        with pytest.raises(UsageError, match=r"x\.car"):
            list(read_car(path))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), headed=st.booleans())
def test_no_bytes_make_the_reader_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.car"
    path.write_bytes(header(ONE) * headed + data)
    with pytest.raises(UsageError):
        list(read_car(path))
