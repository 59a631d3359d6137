"""Other people's programs agree with our CIDs and read our CAR files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nftgan.ipfs import cid_of_path
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.pinning import pack
from nftgan.ipfs.profiles import PROFILES
from nftgan.ipfs.reader import read_file

INTEROP = Path(__file__).parent / "interop"

needs_node = pytest.mark.skipif(
    not shutil.which("node") or not (INTEROP / "node_modules").is_dir(),
    reason="needs node and `make node-deps`",
)

names = st.text(
    st.characters(blacklist_characters="/\0\\", blacklist_categories=("Cs", "Cc")), max_size=20
).filter(lambda name: name.strip(". ") == name != "")
contents = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda seed, size: (seed * (size // len(seed) + 1))[:size],
        st.binary(min_size=1, max_size=5),
        st.integers(250_000, 600_000),
    ),
)
trees = st.recursive(
    st.dictionaries(names, contents, min_size=1, max_size=6),
    lambda inner: st.dictionaries(names, st.one_of(contents, inner), min_size=1, max_size=5),
    max_leaves=4,
)


def write(folder: Path, tree: Tree) -> None:
    folder.mkdir()
    for name, value in tree.items():
        if isinstance(value, bytes):
            (folder / name).write_bytes(value)
        else:
            write(folder / name, value)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(tree=trees)
def test_random_trees_have_the_cids_of_aleph_cid(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    aleph_cid = pytest.importorskip("aleph_cid", reason="needs `pip install aleph-cid`")
    folder = tmp_path_factory.mktemp("tree") / "t"
    write(folder, tree)
    for profile, version in (("unixfs-v0-2015", 0), ("kubo-cidv1", 1)):
        assert cid_of_path(folder, profile) == aleph_cid.hash_folder(
            str(folder), cid_version=version
        )


def test_folders_around_the_sharding_limit_have_the_cids_of_aleph_cid(tmp_path: Path) -> None:
    aleph_cid = pytest.importorskip("aleph_cid", reason="needs `pip install aleph-cid`")
    for count in (6122, 6123):  # the largest flat folder of N.json under version 0, and one more
        folder = tmp_path / str(count)
        write(folder, {f"{i}.json": b"" for i in range(count)})
        assert cid_of_path(folder, "unixfs-v0-2015") == aleph_cid.hash_folder(
            str(folder), cid_version=0
        )


def flat(tree: Tree, prefix: str = "") -> list[dict[str, str]]:
    """The tree as the importer's input: paths, and empty folders without content."""
    entries: list[dict[str, str]] = []
    for name, value in tree.items():
        path = prefix + name
        if isinstance(value, bytes):
            entries.append({"path": path, "hex": value.hex()})
        elif value:
            entries += flat(value, path + "/")  # type: ignore[arg-type]
        else:
            entries.append({"path": path})
    return entries


@pytest.mark.node
@needs_node
def test_trees_have_the_cids_of_ipfs_unixfs_importer() -> None:
    several = {
        "nested": {"a": {"b": {"c": b"1", "empty": {}}}, "名前": b"x" * 3_000_000},
        "flat 4786": {f"{i}.json": b"{}" for i in range(4786)},
        "sharded 5400": {f"{i}.json": b"{}" for i in range(5400)},
    }
    cases = [(profile, tree) for profile in PROFILES for tree in several.values()]
    asked = json.dumps([{"profile": p, "entries": flat(tree)} for p, tree in cases])
    answer = subprocess.run(
        ["node", INTEROP / "import.mjs"],
        input=asked.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    ours = [str(Importer(profile=profile).add_tree(tree).cid) for profile, tree in cases]
    assert answer.stdout.decode().split() == ours


def ipfs_car(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    program = INTEROP / "node_modules" / "ipfs-car" / "bin.js"
    return subprocess.run(["node", program, *arguments], capture_output=True, check=False)


@pytest.mark.node
@needs_node
def test_ipfs_car_unpacks_our_car_to_the_same_files(tmp_path: Path) -> None:
    tree: dict[str, Any] = {
        "images": {f"{i}.png": bytes([i]) * 3000 for i in range(5)},
        "metadata": {f"{i}.json": str(i).encode() for i in range(5400)},
        "big": bytes(range(256)) * 9000,
        "empty": b"",
    }
    packed = pack(tree, tmp_path / "art.car")
    assert ipfs_car("roots", packed.path).stdout.decode().strip() == packed.root
    listed = ipfs_car("blocks", packed.path).stdout.decode().split()
    assert listed == [str(cid) for cid in CarFile(packed.path).cids]
    unpacked = ipfs_car("unpack", packed.path, "--output", tmp_path / "out")
    assert unpacked.returncode == 0, unpacked.stderr
    assert cid_of_path(tmp_path / "out") == packed.root


@pytest.mark.node
@needs_node
def test_we_read_the_car_of_ipfs_car(tmp_path: Path) -> None:
    tree = {"a": {str(i): str(i).encode() for i in range(30)}, "big": bytes(range(256)) * 9000}
    write(tmp_path / "in", tree)
    packed = ipfs_car("pack", tmp_path / "in", "--no-wrap", "--output", tmp_path / "x.car")
    assert packed.returncode == 0, packed.stderr
    car = CarFile(tmp_path / "x.car")
    assert str(car.root) == cid_of_path(tmp_path / "in")
    assert read_file(car.get, car.root, "a/17", most_bytes=9) == b"17"
