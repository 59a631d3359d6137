"""Blocks that go into the store come out of files and folders unchanged, or are refused."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nftgan.errors import CheckFailed, UsageError
from nftgan.ipfs.cid import DAG_PB, RAW, Cid
from nftgan.ipfs.dagpb import SHARD, Link, UnixFs, encode_node, encode_unixfs
from nftgan.ipfs.reader import (
    BlockDamaged,
    MissingBlock,
    NotFound,
    entries,
    read_file,
    resolve,
    stream,
    walk,
)
from nftgan.ipfs.store import BlockStore
from tests.ipfs.trees import BIG, put


def test_files_come_back_whole_and_in_ranges(store: BlockStore) -> None:
    root = put(store, {"a": {"big": BIG, "empty": b""}})
    assert read_file(store.get, root, "a/big", most_bytes=len(BIG)) == BIG
    assert read_file(store.get, root, "a/empty", most_bytes=0) == b""
    cid = resolve(store.get, root, "a/big")
    assert b"".join(stream(store.get, cid, 1_048_570, 2_100_000)) == BIG[1_048_570:2_100_000]


def test_a_sharded_folder_finds_every_name_and_no_other(store: BlockStore) -> None:
    tree = {f"{i}.json": str(i).encode() for i in range(5400)}
    root = put(store, tree)
    for i in (0, 1, 2999, 5399):
        assert read_file(store.get, root, f"{i}.json", most_bytes=10) == str(i).encode()
    assert sorted(link.name for link in entries(store.get, root)) == sorted(tree)
    with pytest.raises(NotFound):
        resolve(store.get, root, "5400.json")


def test_a_file_above_the_limit_is_refused(store: BlockStore) -> None:
    root = put(store, {"big": BIG})
    with pytest.raises(CheckFailed, match="more than"):
        read_file(store.get, root, "big", most_bytes=len(BIG) - 1)


def test_a_damaged_block_and_a_missing_one_are_told_apart(store: BlockStore) -> None:
    root = put(store, {"x": b"hello"})
    cid = Cid.of(b"hello", RAW)
    store.path_of(cid).write_bytes(b"hellx")
    with pytest.raises(BlockDamaged, match="damaged"):
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


def test_a_damaged_block_is_mended_by_putting_it_again(store: BlockStore) -> None:
    root = put(store, {"x": b"hello"})
    store.path_of(Cid.of(b"hello", RAW)).write_bytes(b"hellx")
    assert put(store, {"x": b"hello"}) == root
    assert store.read_file(root, "x", most_bytes=5) == b"hello"


def test_collecting_keeps_what_is_pinned_and_clears_what_a_killed_run_left(
    store: BlockStore,
) -> None:
    kept, dropped = put(store, {"x": b"1", "y": BIG}), put(store, {"x": b"1", "z": b"2"})
    store.pin(kept, "kept")
    left = next(iter(store)).parent / "put-abc"
    left.write_bytes(b"half a block")
    assert store.collect() == 3  # the other root, its z, and the half block
    assert not left.exists()
    assert store.read_file(kept, "y", most_bytes=len(BIG)) == BIG
    assert not store.has(dropped)


def test_a_broken_pin_file_is_named(store: BlockStore) -> None:
    store.pin(put(store, {"x": b"1"}), "mine")
    path = next(store.pins_folder.iterdir())
    path.write_text("[]")
    with pytest.raises(UsageError, match=path.name):
        store.pins()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    store: BlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match="no space left") as refused:
        put(store, {"x": b"1"})
    assert "free some space" in str(refused.value.hint)
    assert not list(store.blocks.glob("*/*"))


def test_a_durable_store_gives_blocks_at_once_and_has_them_all_after_sync(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    tree = {str(i): bytes([i % 250]) * 3000 + str(i).encode() for i in range(300)}
    root = put(store, tree)
    assert store.has(root)
    assert store.read_file(root, "299", most_bytes=5000) == tree["299"]
    store.sync()
    assert [ok for _, ok in store.verify()] == [True] * 301
    assert not list(store.blocks.glob("*/put-*"))
    assert put(BlockStore(tmp_path), tree) == root


def test_a_block_is_on_the_disk_before_its_name_and_the_name_before_the_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[int] = []
    synced: set[int] = set()  # inodes
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        fsync(handle)
        synced.add(os.fstat(handle).st_ino)

    def noted_replace(path: Path, target: Path | str) -> Path:
        folders.append(path.parent.stat().st_ino)
        assert path.stat().st_ino in synced
        return replace(path, target)

    store = BlockStore(tmp_path)
    monkeypatch.setattr("os.fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    put(store, {str(i): str(i).encode() for i in range(50)})
    store.sync()
    assert len(folders) == 51
    assert {*folders, store.blocks.stat().st_ino} <= synced
    # A run that was killed before `sync` may have left names that are not durable yet.
    synced.clear()
    again = BlockStore(tmp_path)
    put(again, {str(i): str(i).encode() for i in range(50)})
    again.sync()
    assert len(folders) == 51
    assert set(folders) <= synced


def test_a_disk_that_fills_up_is_told_by_a_later_call_and_the_next_run_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlockStore(tmp_path)
    tree = {str(i): str(i).encode() for i in range(200)}
    fsync, left = os.fsync, [40]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="no space left"):
        put(store, tree)
        store.sync()
    with contextlib.suppress(UsageError):
        store.sync()
    assert not list(store.blocks.glob("*/put-*"))
    monkeypatch.setattr("os.fsync", fsync)
    root = put(store, tree)
    store.sync()
    assert store.read_file(root, "199", most_bytes=3) == b"199"
    assert [ok for _, ok in store.verify()] == [True] * 201


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=100))
def test_no_bytes_make_the_reader_raise_anything_else(data: bytes) -> None:
    cid = Cid.of(data, DAG_PB)
    for act in (
        lambda: read_file(lambda _: data, cid, "a", most_bytes=1000),
        lambda: read_file(lambda _: data, cid, most_bytes=1000),
        lambda: list(walk(lambda _: data, cid)),
    ):
        with contextlib.suppress(CheckFailed):
            act()


def test_a_folder_that_never_ends_is_refused() -> None:
    # Under a source that does not check, a shard may claim to hold itself.
    me = Cid.of(b"", DAG_PB)
    loop = encode_node([Link("00", me, 1)], encode_unixfs(UnixFs(SHARD, b"\x01", fanout=256)))
    with pytest.raises(CheckFailed, match="not where a sharded folder"):
        list(entries(lambda _: loop, me))


def test_a_pin_that_was_being_written_when_its_writer_died_is_none(store: BlockStore) -> None:
    cid = put(store, {"a": b"block"})
    store.pin(cid, "whole")
    (store.pins_folder / f".{cid}.json.7ka8fyrq.tmp.json").write_bytes(b"")
    assert store.pins() == {str(cid): "whole"}
