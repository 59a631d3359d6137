"""A real IPFS daemon (js-ipfs) takes our CARs, survives kills and is caught when it errs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nftgan.errors import CheckFailed, ServiceError
from nftgan.ipfs.backends.kubo import KuboBackend
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import RAW, Cid
from nftgan.ipfs.importer import Tree
from nftgan.ipfs.pinning import PinResult, pack, pin_car, pin_collection
from nftgan.progress import NullProgress

DAEMON = Path(__file__).parent / "daemon"

pytestmark = [
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("node") or not (DAEMON / "node_modules").is_dir(),
        reason="needs node and `npm install --ignore-scripts --prefix tests/ipfs/daemon`",
    ),
]

TREE: Tree = {
    "images": {f"{i}.png": bytes([i]) * 200_000 for i in range(20)},
    "metadata": {f"{i}.json": str(i).encode() for i in range(100)},
}
# Long names: a folder of few files that is too large for one block.
SHARDED: Tree = {**TREE, "metadata": {f"{i:0200}.json": str(i).encode() for i in range(1200)}}


class Daemon:
    """One js-ipfs process over a repo folder; may be killed and started again."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.start()

    def start(self) -> None:
        shutil.rmtree(self.repo / "repo.lock", ignore_errors=True)  # of a killed daemon
        self.process = subprocess.Popen(
            ["node", DAEMON / "ipfsd.mjs", self.repo],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        urls = json.loads(line)
        self.api, self.gateway = urls["api"], urls["gateway"]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def backend(self) -> KuboBackend:
        return KuboBackend(self.api, shard_bytes=1_000_000, get_seconds=3.0, timeout_seconds=20.0)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path / "repo")
    yield running
    running.kill()


class KillAfter(NullProgress):
    """Kills the daemon when so many bytes were sent."""

    def __init__(self, daemon: Daemon, size: int) -> None:
        self.daemon, self.left = daemon, size

    @contextmanager
    def task(  # type: ignore[override]
        self, description: str, total: float | None = None, unit: str = ""
    ) -> Iterator[KillAfter]:
        yield self

    def advance(self, amount: float = 1) -> None:
        pass

    def update(self, *, completed: float | None = None, note: str | None = None) -> None:
        if self.left and completed is not None and completed >= self.left:
            self.left = 0
            self.daemon.kill()


def pin(folder: Path, daemon: Daemon, tree: Tree = TREE) -> PinResult:
    return pin_collection(
        tree,
        folder / "art.car",
        daemon.backend(),
        label="art",
        journal_path=folder / "pin.jsonl",
        verify_mode="all",
    )


def test_it_pins_our_root_and_gives_back_every_block(tmp_path: Path, daemon: Daemon) -> None:
    backend = daemon.backend()
    assert backend.version().startswith("0.")
    result = pin(tmp_path, daemon, SHARDED)
    assert result.checked_blocks == result.blocks > 1200
    for cid in (result.root, *result.cids.values()):
        assert backend.is_pinned(Cid.parse(cid))
    assert pin(tmp_path, daemon, SHARDED).sent_bytes == 0
    last = f"metadata/{1199:0200}.json"
    for path, content in (("images/7.png", bytes([7]) * 200_000), (last, b"1199")):
        with urllib.request.urlopen(f"{daemon.gateway}/ipfs/{result.root}/{path}") as answer:
            assert answer.read() == content
    backend.unpin(Cid.parse(result.root))
    backend.unpin(Cid.parse(result.root))
    assert not backend.is_pinned(Cid.parse(result.root))


def test_killed_in_the_middle_and_started_again_it_ends_with_the_same_root(
    tmp_path: Path, daemon: Daemon
) -> None:
    packed = pack(TREE, tmp_path / "art.car")
    backend = daemon.backend()
    journal = tmp_path / "pin.jsonl"
    with pytest.raises(ServiceError):
        pin_car(
            packed.path,
            backend,
            label="art",
            journal_path=journal,
            progress=KillAfter(daemon, 3_300_000),
        )
    assert len(journal.read_text().splitlines()) == 3
    daemon.start()
    result = pin(tmp_path, daemon)
    assert result.root == packed.root
    assert result.checked_blocks == result.blocks


def test_it_accepts_a_car_with_wrong_bytes_and_we_do_not(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Cid.of(bytes([7]) * 200_000, RAW)
    whole = CarFile.get
    monkeypatch.setattr(
        CarFile, "get", lambda car, cid: b"x" * 200_000 if cid == wrong else whole(car, cid)
    )
    with pytest.raises(CheckFailed, match=r"other bytes for the block .* of images/7\.png"):
        pin(tmp_path, daemon)


def test_it_takes_a_car_without_a_block_and_we_send_it_again(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Cid.of(bytes([7]) * 200_000, RAW)
    send = KuboBackend._import
    losses = [lost]

    def losing(backend: KuboBackend, car: CarFile, roots: Any, cids: Any, **how: Any) -> Any:
        if losses and losses[0] in cids:
            losses.clear()
            cids = [cid for cid in cids if cid != lost]
        return send(backend, car, roots, cids, **how)

    monkeypatch.setattr(KuboBackend, "_import", losing)
    result = pin(tmp_path, daemon)
    assert losses == []
    assert result.checked_blocks == result.blocks
