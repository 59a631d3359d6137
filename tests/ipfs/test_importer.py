"""CIDs against those of independent implementations."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import ChaCha20

from nftgan.errors import UsageError
from nftgan.ipfs import cid_of_bytes, cid_of_path
from nftgan.ipfs.hamt import murmur3_64
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


LETTERS = "abcdefghijklmnopqrstuvwxyz01234567890-_"
FIXTURES = [
    (profile, kind, rule, cid)
    for profile in ("unixfs-v0-2015", "unixfs-v1-2025")
    for kind, rule, cid in GOLDEN["ipip_0499_fixtures"][profile]
]
GIGABYTE = "seed v1-2025-seed"


def keystream(seed: str) -> Callable[[int], bytes]:
    """The byte source of the fixtures in IPIP-0499: ChaCha20 under the seed's hash."""
    cipher = ChaCha20.new(key=hashlib.sha256(seed.encode()).digest(), nonce=bytes(12))
    return lambda size: cipher.encrypt(bytes(size))


class Keystream(io.BytesIO):
    """A file of such bytes that is never held whole."""

    def __init__(self, seed: str, size: int) -> None:
        super().__init__()
        self.take, self.left = keystream(seed), size

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return self.take(size)


def published(rule: str) -> Iterator[Any]:
    """The numbers and seed in a fixture's rule, as IPIP-0499 words it."""
    yield re.findall(r"seed (\S+),", rule)[0]
    yield from map(int, re.findall(r"(?<![-\w.])\d+", rule.split(",", 1)[1]))


@pytest.mark.parametrize(
    ("profile", "kind", "rule", "cid"),
    [
        pytest.param(*fixture, marks=[pytest.mark.slow] * (GIGABYTE in fixture[2]))
        for fixture in FIXTURES
    ],
)
def test_the_fixtures_of_the_profile_proposal(profile: str, kind: str, rule: str, cid: str) -> None:
    importer = Importer(profile=profile)
    if rule.startswith("bytes:"):
        made = importer.add_bytes(rule.removeprefix("bytes:").encode())
    elif kind == "file":
        seed, *numbers = published(rule)
        size = numbers[0] * numbers[1] + sum(numbers[2:]) if len(numbers) > 1 else numbers[0]
        made = importer.add_stream(Keystream(seed, size))
    else:
        seed, count, length, *last = published(rule)
        take, lengths = keystream(seed), [length] * count
        if last:
            lengths[-1] = last[0]
        names = ("".join(LETTERS[b % len(LETTERS)] for b in take(n)) for n in lengths)
        made = importer.add_tree(dict.fromkeys(names, b"x"))
    assert str(made.cid) == cid


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


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = {f"{i}.png": content(f"img-{i}", 1000 * i) for i in range(60)}
    seen = []
    for threads in (1, 5):
        monkeypatch.setattr("nftgan.ipfs.importer.THREADS", threads)
        blocks: list[str] = []
        Importer(lambda cid, _, out=blocks: out.append(str(cid))).add_tree(tree)  # type: ignore[misc]
        seen.append(blocks)
    assert seen[0] == seen[1] and len(seen[0]) == 61


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "nul\0", "\udc80"])
def test_a_name_that_no_folder_can_hold_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        Importer().add_tree({name: b""})


def test_links_pipes_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("link", "symbolic"), ("pipe", "neither"), ("absent", "no such file")):
        with pytest.raises(UsageError, match=why):
            cid_of_path(tmp_path / name)
    with pytest.raises(UsageError, match="symbolic"):
        cid_of_path(tmp_path)


def test_an_unknown_profile_is_answered_with_a_near_one() -> None:
    with pytest.raises(UsageError) as refused:
        cid_of_bytes(b"", "unixfs-v1-2024")
    assert refused.value.hint == "did you mean unixfs-v1-2025?"


def test_the_hash_of_names_is_murmur3() -> None:
    # The first half of MurmurHash3_x64_128 as its author's code prints it, seed 0.
    quick = b"The quick brown fox jumps over the lazy dog"
    assert murmur3_64(b"") == 0
    assert murmur3_64(quick) == 0xE34BBC7BBC071B6C
