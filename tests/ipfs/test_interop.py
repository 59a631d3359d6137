"""Other people's programs agree with our CIDs and read our CAR files."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aleph_cid
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nftgan.ipfs import cid_of_path
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Importer, Tree
from nftgan.ipfs.pinning import pack
from nftgan.ipfs.profiles import PROFILES
from nftgan.ipfs.reader import read_file
from nftgan.ipfs.store import BlockStore
from tests.ipfs import real_kubo
from tests.ipfs.serving import serving
from tests.ipfs.trees import BIG, put

INTEROP = Path(__file__).parent / "interop"

HELIA = Path(__file__).parent / "helia"

needs_kubo = pytest.mark.skipif(
    real_kubo.library() is None, reason="needs Kubo's code on Linux: `make interop-deps`"
)
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
    folder = tmp_path_factory.mktemp("tree") / "t"
    write(folder, tree)
    for profile, version in (("unixfs-v0-2015", 0), ("kubo-cidv1", 1)):
        assert cid_of_path(folder, profile) == aleph_cid.hash_folder(
            str(folder), cid_version=version
        )


def test_folders_around_the_sharding_limit_have_the_cids_of_aleph_cid(tmp_path: Path) -> None:
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


ART: dict[str, Any] = {
    "images": {f"{i}.png": bytes([i]) * 30_000 for i in range(20)},
    "metadata": {f"{i}.json": str(i).encode() for i in range(5400)},  # sharded
    "big": BIG,
    "empty": b"",
    "folder": {},
}


@needs_kubo
@pytest.mark.parametrize("profile", PROFILES)
def test_kubo_opens_our_store_pins_what_is_in_it_and_reads_every_file(
    tmp_path: Path, profile: str
) -> None:
    ours, repo, out = BlockStore(tmp_path / "ours", durable=False), tmp_path / "repo", "out"
    root = str(Importer(lambda cid, data: ours.put(cid, data) and None, profile).add_tree(ART).cid)
    real_kubo.ask(repo)
    shutil.rmtree(repo / "blocks")
    ours.blocks.rename(repo / "blocks")
    _, listed, _ = real_kubo.ask(repo, ["pin", root], ["pins"], ["get", root, str(tmp_path / out)])
    assert root in json.loads(listed[0])
    assert cid_of_path(tmp_path / out, profile) == root


@needs_kubo
def test_kubo_adds_a_folder_under_our_cid_and_we_read_its_store(tmp_path: Path) -> None:
    write(tmp_path / "in", ART)
    [(cid, _)] = real_kubo.ask(tmp_path / "repo", ["add", str(tmp_path / "in")], sync=False)
    assert cid == cid_of_path(tmp_path / "in", "unixfs-v0-2015")
    store = BlockStore(tmp_path / "repo")
    assert store.read_file(Cid.parse(cid), "metadata/5399.json", most_bytes=9) == b"5399"
    assert all(ok for _, ok in store.verify())


def helia(url: str, root: Cid, *paths: str) -> dict[str, str]:
    """SHA-256 of the files as a Helia node reads them from a gateway, or its error."""
    program = ["node", HELIA / "helia.mjs", url, str(root), *paths]
    answer = subprocess.run(program, stdout=subprocess.PIPE, check=False)
    told: dict[str, str] = json.loads(answer.stdout)
    return told


@pytest.mark.node
@pytest.mark.skipif(
    not shutil.which("node") or not (HELIA / "node_modules").is_dir(),
    reason="needs node and `make node-deps`",
)
def test_a_helia_node_reads_through_our_gateway_and_notices_a_wrong_block(
    served: tuple[BlockStore, str],
) -> None:
    store, url = served
    root = put(store, ART)
    paths = {"images/7.png": bytes([7]) * 30_000, "metadata/5399.json": b"5399", "big": BIG}
    expected = {path: hashlib.sha256(data).hexdigest() for path, data in paths.items()}
    assert helia(url, root, *paths) == expected
    # A gateway that does not look at its blocks hands on a wrong one.
    wrong = Cid.of(b"5399", RAW)
    careless = Gateway(store.get)
    careless.get = lambda cid: b"6399" if cid == wrong else store.get(cid)
    with serving(careless):
        assert "error" in helia(careless.url, root, "metadata/5399.json")
        assert helia(careless.url, root, "big") == {"big": expected["big"]}
