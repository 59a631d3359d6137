"""Ten thousand files in one request, each block checked, and none asked for twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nftgan.errors import ServiceError
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.fetched import FetchedBlocks, Kept, MemoryBlocks
from nftgan.ipfs.importer import Importer
from nftgan.ipfs.reader import FileReader, walk
from nftgan.ipfs.remote import RemoteGateway
from nftgan.ipfs.store import BlockStore
from tests.ipfs.busy_gateway import BusyGateway
from tests.ipfs.serving import serving

FILES = 3000
TREE = {f"{number}.json": f'{{"token": {number}}}'.encode() for number in range(FILES)}
MOST = 10 << 20


@pytest.fixture(scope="module")
def blocks() -> tuple[Cid, dict[Cid, bytes]]:
    found: dict[Cid, bytes] = {}
    return Importer(found.__setitem__).add_tree(TREE).cid, found


@pytest.fixture
def gateway(blocks: tuple[Cid, dict[Cid, bytes]]) -> Iterator[BusyGateway]:
    made = BusyGateway(blocks[1].__getitem__)
    with serving(made):
        yield made


def fetched(gateway: BusyGateway, kept: Kept | None = None) -> FetchedBlocks:
    return FetchedBlocks(RemoteGateway(gateway.url, wait=lambda s: None), kept or Kept())


def test_a_folder_of_thousands_is_one_request(
    gateway: BusyGateway, blocks: tuple[Cid, dict[Cid, bytes]]
) -> None:
    source, root = fetched(gateway), blocks[0]
    assert source.fetch(root, MOST) and source.fetch(root, MOST)
    reader = FileReader(source, source.fetch)
    for name, content in TREE.items():
        assert reader.read(reader.find(root, name), 100) == content
    assert gateway.asked == [f"/ipfs/{root}?format=car&dag-scope=all"]


def test_what_came_before_a_cut_is_not_asked_for_again(
    gateway: BusyGateway, blocks: tuple[Cid, dict[Cid, bytes]]
) -> None:
    root, all_blocks = blocks
    size = sum(len(data) + 38 for data in all_blocks.values())
    gateway.car_bytes = size * 97 // 100
    kept = Kept()
    source = fetched(gateway, kept)
    assert not source.fetch(root, MOST)
    assert not source.fetch(root, MOST)  # a twentieth is missing: no second CAR for that
    assert len(gateway.asked) == 1
    reader = FileReader(source)
    for name, content in TREE.items():
        assert reader.read(reader.find(root, name), 100) == content
    missing = len(gateway.asked) - 1
    assert 0 < missing < 0.1 * len(all_blocks)
    assert len(set(gateway.asked)) == len(gateway.asked)


def test_a_gateway_without_cars_is_asked_block_by_block(
    gateway: BusyGateway, blocks: tuple[Cid, dict[Cid, bytes]]
) -> None:
    gateway.cars = False
    source, root = fetched(gateway), blocks[0]
    assert not source.fetch(root, MOST)
    assert FileReader(source).find(root, "7.json") == Cid.of(b'{"token": 7}', RAW)


def test_a_block_that_lies_ends_the_car_and_is_not_kept(
    blocks: tuple[Cid, dict[Cid, bytes]],
) -> None:
    root, all_blocks = blocks
    wrong = Cid.of(b'{"token": 7}', RAW)

    class Lying(BusyGateway):
        def __init__(self) -> None:
            super().__init__(all_blocks.__getitem__)
            self.get = lambda cid: b"{}" if cid == wrong else all_blocks[cid]  # not verified

    gateway = Lying()
    with serving(gateway):
        kept = Kept()
        assert not fetched(gateway, kept).fetch(root, MOST)
        assert not kept.blocks.has(wrong) and kept.blocks.has(root)


def test_a_stream_without_end_ends_at_its_bound(blocks: tuple[Cid, dict[Cid, bytes]]) -> None:
    class Endless:
        host = "endless"

        def blocks(self, root: Cid) -> Iterator[tuple[Cid, bytes]]:
            while True:
                yield Cid.of(b"", RAW), b""

    assert not FetchedBlocks(Endless(), Kept()).fetch(blocks[0], 4_000)  # type: ignore[arg-type]


def test_a_memory_that_is_full_keeps_no_more_and_loses_nothing() -> None:
    memory = MemoryBlocks(10)
    first, second = Cid.of(b"12345678", RAW), Cid.of(b"123", RAW)
    assert memory.put(first, b"12345678") and not memory.put(second, b"123")
    assert memory.has(first) and not memory.has(second)


def test_blocks_on_disk_outlive_the_run(
    gateway: BusyGateway, blocks: tuple[Cid, dict[Cid, bytes]], store: BlockStore
) -> None:
    root = blocks[0]
    assert fetched(gateway, Kept(store)).fetch(root, MOST)
    gateway.fault = lambda number: "503"
    later = fetched(gateway, Kept(BlockStore(store.folder, durable=False)))
    assert later.fetch(root, MOST)
    assert FileReader(later).find(root, "7.json") == Cid.of(b'{"token": 7}', RAW)
    with pytest.raises(ServiceError):
        later(Cid.of(b"elsewhere", RAW))


class Car:
    """A gateway whose CAR holds any blocks."""

    host = "car.example"

    def __init__(self, blocks: list[tuple[Cid, bytes]]) -> None:
        self._blocks, self.given = blocks, 0

    def blocks(self, root: Cid) -> Iterator[tuple[Cid, bytes]]:
        for one in self._blocks:
            self.given += 1
            yield one


def test_blocks_that_nothing_links_to_fill_no_disk(
    blocks: tuple[Cid, dict[Cid, bytes]],
) -> None:
    root, all_blocks = blocks
    junk = [(Cid.of(b"%d" % i, RAW), b"%d" % i) for i in range(2_000)]
    ordered = [(cid, all_blocks[cid]) for cid, _ in walk(all_blocks.__getitem__, root)]
    for car, whole, given in (
        ([*junk[:900], *ordered], True, 900 + len(ordered)),
        ([*junk, *ordered], False, 1_001),
    ):
        kept, source = Kept(), Car(car)
        assert FetchedBlocks(source, kept).fetch(root, MOST) is whole  # type: ignore[arg-type]
        assert source.given == given
        assert not any(kept.blocks.has(cid) for cid, _ in junk)
