"""CIDs against those of independent implementations."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from nftgan.ipfs import cid_of_bytes, cid_of_path
from nftgan.ipfs.importer import Importer, Tree

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "ipfs_vectors.json").read_text())
VECTORS = [
    (profile, name, vector)
    for profile, vectors in GOLDEN["vectors"].items()
    for name, vector in vectors.items()
]


def content(seed: str, size: int) -> bytes:
    """The golden data's generator: SHA-256 digests of a counter."""
    parts = []
    for i in range((size + 31) // 32):
        parts.append(hashlib.sha256(f"nftgan-ipfs-vector:{seed}:{i}".encode()).digest())
    return b"".join(parts)[:size]


def nested(*, empty: bool) -> Tree:
    images: dict[str, Any] = {f"{i}.png": content(f"img-{i}", 300_000) for i in range(3)}
    images["deep"] = {"é-ü 名前.txt": content("utf8", 10)}
    tree: dict[str, Any] = {
        "images": images,
        "metadata": {f"{i}.json": content(f"small-{i}", 100) for i in range(3)},
        "readme": b"hello\n",
    }
    return {**tree, "empty-dir": {}} if empty else tree


def tree_of(name: str, vector: dict[str, Any]) -> bytes | Tree:
    if vector["kind"] == "file":
        return content(vector["seed"], vector["size"])
    if name.startswith("nested"):
        return nested(empty=name == "nested")
    names = (vector["name"].replace("{i}", str(i)) for i in range(vector["entries"]))
    return {entry: content(f"small-{i}", 100) for i, entry in enumerate(names)}


@pytest.mark.parametrize(("profile", "name", "vector"), VECTORS)
def test_golden_cids(profile: str, name: str, vector: dict[str, Any]) -> None:
    value = tree_of(name, vector)
    importer = Importer(profile=profile)
    made = importer.add_bytes(value) if isinstance(value, bytes) else importer.add_tree(value)
    assert str(made.cid) == vector["cid"]


def test_a_folder_on_disk_has_the_cid_of_the_same_tree_in_memory(tmp_path: Path) -> None:
    def write(folder: Path, tree: Tree) -> None:
        folder.mkdir()
        for name, value in tree.items():
            if isinstance(value, bytes):
                (folder / name).write_bytes(value)
            else:
                write(folder / name, value)  # type: ignore[arg-type]

    write(tmp_path / "a", nested(empty=True))
    assert cid_of_path(tmp_path / "a") == str(Importer().add_tree(nested(empty=True)).cid)


def test_the_published_cid_of_hello_world() -> None:
    assert cid_of_bytes(b"hello world", "unixfs-v0-2015") == (
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"
    )
