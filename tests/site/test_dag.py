"""Files and folders are read from their own blocks in the page, and from no others."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from nftgan.ipfs.cid import Cid
from nftgan.ipfs.hamt import murmur3_64
from nftgan.ipfs.importer import Importer
from tests.site.asking import Page, base

pytestmark = pytest.mark.node
LIMIT = 1 << 30


class Dag:
    """Blocks that were imported here, given to the page."""

    def __init__(self, page: Page) -> None:
        self.page, self.blocks = page, {}
        self.importer = Importer(lambda cid, data: self.blocks.update({cid: data}))
        self.blocks: dict[Cid, bytes]

    def show(self, **instead: bytes) -> None:
        shown = {str(cid): base(instead.get(str(cid), data)) for cid, data in self.blocks.items()}
        assert self.page.ask("blocks", blocks=shown) == len(self.blocks)

    def entry(self, root: Cid, name: str) -> str:
        return str(self.page.ask("entry", cid=str(root), name=name))

    def file(self, cid: Cid, most: int = LIMIT) -> str:
        return str(self.page.ask("file", cid=str(cid), most=most))


@pytest.fixture
def dag(page: Page) -> Dag:
    return Dag(page)


def test_names_lie_where_the_importer_puts_them(page: Page) -> None:
    for size in range(40):
        data = np.random.default_rng(size).bytes(size)
        assert page.ask("murmur", data=base(data)) == f"{murmur3_64(data):016x}"


@pytest.mark.parametrize("size", [0, 1, 262_144, 3_000_000])
def test_a_file_is_read_whole_whatever_its_blocks(dag: Dag, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    root = dag.importer.add_bytes(data).cid
    dag.show()
    assert base64.b64decode(dag.file(root)) == data
    if size:
        assert "longer" in dag.file(root, size - 1)
        changed = next(iter(dag.blocks))
        dag.show(**{str(changed): dag.blocks[changed][:-1] + b"?"})
        assert f"another block was given for {changed}" in dag.file(root)


@pytest.mark.parametrize("count", [0, 40, 6000])
def test_a_name_is_found_in_a_folder_of_any_size(dag: Dag, count: int) -> None:
    tree = {f"{n}.json": f"piece {n}".encode() for n in range(count)}
    root = dag.importer.add_tree(tree).cid
    dag.blocks = {cid: data for cid, data in dag.blocks.items() if cid.codec == 0x70}
    assert (len(dag.blocks) > 1) == (count == 6000)  # sharded
    dag.show()
    for n in range(0, count, max(1, count // 25)):
        assert dag.entry(root, f"{n}.json") == str(Importer().add_bytes(tree[f"{n}.json"]).cid)
    for name in ("", "-1.json", f"{count}.json", "00"):
        assert "is not in the folder" in dag.entry(root, name)
    for changed in list(dag.blocks)[-1:]:
        dag.show(**{str(changed): dag.blocks[changed] + b"\n"})
        assert "another block" in dag.entry(root, "0.json") or changed != root


def test_a_file_is_no_folder_and_a_folder_no_file(dag: Dag) -> None:
    file = dag.importer.add_bytes(b"x").cid
    folder = dag.importer.add_tree({"a": b"x"}).cid
    dag.show()
    assert "not a folder" in dag.entry(file, "a")
    assert "not a file" in dag.file(folder)
