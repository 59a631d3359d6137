"""Full disks, Ctrl-C, a second process, odd clocks and hostile files: one sentence, nothing lost.

Every verb runs in this process, as typed. NFTGAN_FUZZ: how many damaged files of each kind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import app
from nftgan.cli.main import run as program
from nftgan.cli.ui import Ui
from nftgan.dataset.shipped import unpack
from nftgan.networks.sources import base_model
from nftgan.project import Project
from tests.cli.interrupted import TIMES
from tests.damage import damaged

ROOT = Path(__file__).resolve().parents[2]
FUZZ = int(os.environ.get("NFTGAN_FUZZ", "8"))
CALM = {0, 2, 3, 6}
LOOK = ["--trunc", "0.7", "--pixel-grid", "16", "--palette", "12", "--upscale", "2"]


@dataclass(frozen=True)
class Answer:
    code: int
    document: dict[str, Any]
    noise: str  # what stood on stderr

    @property
    def message(self) -> str:
        return str(self.document.get("error", {}).get("message", ""))


Type = Callable[..., Answer]


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Type:
    def run(*words: str | Path) -> Answer:
        capsys.readouterr()
        code = 0
        try:
            monkeypatch.setattr("sys.argv", ["nftgan", *map(str, words), "--json"])
            program()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Answer(code, json.loads(said.out), said.err)

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `birds` with images, metadata, pins, contract and two tokens."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NFTGAN_HOME", str(folder / "home"))
        where = ["-C", str(folder / "birds")]
        for words in (
            ["init", "birds", "--in", str(folder), *LOOK],
            ["curate", *where, "-m", "base", "--pick", "3,8"],
            ["render", *where],
            ["metadata", *where],
            ["pin", *where],
            ["deploy", *where, "--yes"],
            ["mint", *where, "--yes"],
        ):
            with pytest.raises(SystemExit) as ended:
                app([*words, "-q"], standalone_mode=False)
            assert not ended.value.code, words
    return folder


@pytest.fixture
def desk(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `finished` that the test may spoil."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NFTGAN_KERNELS", "off")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_of(folder: Path) -> dict[str, str]:
    """Every file below `folder` but locks and journals, with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".lock", ".jsonl"} and path.name != ".lock"
    }


def litter(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".tmp" in path.name]


# ---- full disks


@contextlib.contextmanager
def room(most_bytes: int) -> Iterator[None]:
    """No file may grow beyond this: to a program the same as a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def steps(desk: Path) -> dict[str, list[str]]:
    where = ["-C", str(desk / "birds")]
    return {
        "init": ["init", "fish", "--in", str(desk)],
        "curate": ["curate", *where, "-m", "base", "--pick", "3,8"],
        "render": ["render", *where],
        "metadata": ["metadata", *where],
        "pin": ["pin", *where],
        "deploy": ["deploy", *where, "--yes"],
        "mint": ["mint", *where, "--yes"],
        "generate": ["generate", "-m", "base", "--seeds", "1-2", "-o", str(desk / "out")],
        "prepare": ["prepare", str(desk / "art"), "-o", str(desk / "a.zip"), "--resolution", "32"],
        "export": ["model", "export", "base", "-o", str(desk / "copy.safetensors")],
        "regenerate": ["regenerate", "0", *where, "-o", str(desk / "proof")],
    }


OUTPUTS = {
    "curate": ["birds"],
    "render": ["birds/images"],
    "metadata": ["birds/metadata"],
    "pin": ["birds/birds.car", "birds/pins.json", "home/ipfs"],
    "deploy": ["birds/deployments", "home/chain.sqlite"],
    "mint": ["birds/mint-31337.jsonl", "home/chain.sqlite"],
}


def undo(desk: Path, verb: str) -> None:
    """Take away what `verb` had made, and what came after it."""
    order = list(OUTPUTS)
    config = (desk / "birds" / "nftgan.toml").read_bytes()
    for later in order[order.index(verb) :] if verb in OUTPUTS else []:
        if verb == "mint":
            break
        for name in OUTPUTS[later]:
            path = desk / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    (desk / "birds").mkdir(exist_ok=True)
    (desk / "birds" / "nftgan.toml").write_bytes(config)
    for path in (desk / "birds").glob("*.jsonl"):
        if verb != "mint":
            path.unlink()


@pytest.mark.parametrize(
    "verb",
    [
        "init",
        "curate",
        "render",
        "metadata",
        "pin",
        "deploy",
        "generate",
        "prepare",
        "export",
        "regenerate",
    ],
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    desk: Path, type_: Type, verb: str
) -> None:
    undo(desk, verb)
    if verb == "prepare":
        unpack("pixel-art", desk / "art")
        for path in sorted((desk / "art").glob("*.png"))[16:]:
            path.unlink()
    words = steps(desk)[verb]
    codes = []
    for most_bytes in (0, 120, 3_000):
        with room(most_bytes):
            answer = type_(*words)
        codes.append(answer.code)
        assert answer.code in {0, 2, 5, 6}, answer.document
        assert answer.code == 0 or len(answer.message.splitlines()) == 1
        assert "bug" not in answer.message
        assert litter(desk) == []
    assert codes[0] != 0
    after = type_(*words)
    assert after.code == 0, after.document
    assert litter(desk) == []
    if verb in {"render", "metadata"}:
        assert type_("metadata", "-C", desk / "birds").code == 0
        assert type_("metadata", "--check", "-C", desk / "birds").code == 0


# ---- folders that cannot be written


@pytest.mark.parametrize("verb", ["init", "generate", "prepare", "export", "regenerate"])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    desk: Path, type_: Type, verb: str
) -> None:
    if verb == "prepare":
        unpack("pixel-art", desk / "art")
    shut = "/proc/self/task"  # no file can be made here, also not by root
    words = steps(desk)[verb]
    words[-1 if verb != "prepare" else 3] = f"{shut}/out"
    if verb == "init":
        words = ["init", "fish", "--in", shut]
    answer = type_(*words)
    assert answer.code == 2, answer.document
    assert "bug" not in answer.message and shut in answer.message


# ---- Ctrl-C


@pytest.mark.parametrize("verb", ["curate", "render", "metadata", "pin", "generate", "regenerate"])
def test_control_c_at_any_moment_is_130_and_the_same_command_goes_on(
    desk: Path, type_: Type, verb: str
) -> None:
    words = steps(desk)[verb]
    undo(desk, verb)
    birds, saved = desk / "birds", desk.parent / f"{desk.name} saved"
    shutil.copytree(birds, saved)
    assert type_(*words).code == 0
    expected = made_of(birds)
    shutil.rmtree(birds)
    shutil.copytree(saved, birds)
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.interrupted", str(birds), str(saved), verb, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"},
    )
    assert done.returncode == 0, done.stderr
    first, second, *stopped = json.loads(done.stdout)
    assert (first["code"], second["code"]) == (0, 0)
    assert len(stopped) == TIMES
    for answer in stopped:
        if "code" in answer:
            assert answer["code"] in {0, 130}, answer
            assert json.loads(answer["out"])["ok"] is (answer["code"] == 0)
            assert "Traceback" not in answer["noise"]
        assert answer["litter"] == []
    assert type_(*words).code == 0
    assert made_of(birds) == expected


def test_control_c_after_the_answer_leaves_one_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Ui.document

    def pressed_too_late(self: Ui, result: Any) -> None:
        said(self, result)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Ui, "document", pressed_too_late)
    monkeypatch.setattr("sys.argv", ["nftgan", "wallet", "list", "--json"])
    with pytest.raises(SystemExit) as ended:
        program()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


# ---- two at once, and clocks


@pytest.mark.parametrize("verb", ["curate", "render", "metadata", "pin", "deploy", "mint"])
def test_a_second_process_on_the_collection_is_told_so(desk: Path, type_: Type, verb: str) -> None:
    if verb == "deploy":
        undo(desk, verb)
    before = made_of(desk / "birds")
    with Project(desk / "birds").lock():
        answer = type_(*steps(desk)[verb])
    assert answer.code == 2
    assert "another nftgan process is writing to the collection birds" in answer.message
    assert made_of(desk / "birds") == before


def test_clocks_that_jump_change_nothing(
    desk: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo(desk, "deploy")
    real = time.time
    words = steps(desk)
    for verb, years in (("pin", -30), ("deploy", 20), ("mint", -40), ("mint", 30)):
        monkeypatch.setattr(time, "time", lambda years=years: real() + years * 31_556_952)
        answer = type_(*words[verb])
        assert answer.code == 0, answer.document
    answer = type_("verify", "-C", desk / "birds")
    assert answer.code == 0, answer.document
    assert len(answer.document["result"]["tokens"]) == 2


# ---- hostile files

WATCHED: dict[str, list[str]] = {
    "birds/nftgan.toml": ["status", "-C", "birds"],
    "birds/collection.json": ["render", "-C", "birds"],
    "birds/metadata/1.json": ["metadata", "--check", "-C", "birds"],
    "birds/images/1.png": ["metadata", "-C", "birds"],
    "birds/pins.json": ["status", "-C", "birds"],
    "birds/deployments/31337.json": ["verify", "0", "-C", "birds"],
    "birds/mint-31337.jsonl": ["mint", "-C", "birds", "--yes"],
    "birds/model.safetensors": ["model", "info", "birds/model.safetensors"],
}


@pytest.mark.parametrize("name", WATCHED)
def test_a_damaged_file_is_one_sentence(finished: Path, desk: Path, type_: Type, name: str) -> None:
    path = next(iter(desk.glob(name.replace("31337", "*"))))
    whole = path.read_bytes()
    spared = {p: p.read_bytes() for p in (desk / "birds").glob("*.toml")}
    r = random.Random(name)
    for number in range(FUZZ):
        data = damaged(whole, r)
        path.write_bytes(data)
        answer = type_(*WATCHED[name])
        assert answer.code in CALM, (number, answer.document)
        assert len(answer.message.splitlines()) <= 1, answer.message
        assert len(answer.message) < 1500
        assert all(p.read_bytes() == kept for p, kept in spared.items() if p != path)
        shutil.rmtree(desk / "birds")
        shutil.copytree(finished / "birds", desk / "birds")


def art(kind: str, r: random.Random, folder: Path) -> list[str | Path]:
    """A hostile thing of `kind` in an empty `folder`, and the command that reads it."""
    good = folder / "good"
    if kind == "images":
        unpack("pixel-art", good)
        paths = sorted(good.glob("*.png"))
        for path in paths[12:]:
            path.unlink()
        for path in paths[:6]:
            path.write_bytes(damaged(path.read_bytes(), r))
        (good / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + r.randbytes(200))
        (good / "name.jpg").write_bytes(b"\xff\xd8\xff" + r.randbytes(300))
        return ["prepare", good, "-o", folder / "a.zip", "--resolution", "32"]
    if kind == "zip":
        unpack("pixel-art", good)
        path = folder / "art.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, one in enumerate(sorted(good.glob("*.png"))[:12]):
                prefix = r.choice(["", "../", "/", "a/../../", "x/"]) if number > 8 else ""
                archive.writestr(prefix + one.name, one.read_bytes())
        if r.random() < 0.7:
            path.write_bytes(damaged(path.read_bytes(), r))
        return ["prepare", path, "-o", folder / "a.zip", "--resolution", "32"]
    if kind == "pickle":
        path = folder / "model.pkl"
        path.write_bytes(damaged(b"\x80\x04\x95" + r.randbytes(60) + b"cos\nsystem\n(X\x02" * 3, r))
        return ["model", "info", path]
    path = folder / "model.safetensors"
    path.write_bytes(damaged(base_model().read_bytes(), r))
    return ["generate", "-m", path, "--seeds", "1", "-o", folder / "out"]


@pytest.mark.parametrize("kind", ["images", "zip", "pickle", "safetensors"])
def test_hostile_input_is_refused_in_one_sentence(
    tmp_path: Path, type_: Type, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    r = random.Random(kind)
    for number in range(max(3, FUZZ // 5)):
        folder = tmp_path / str(number)
        folder.mkdir()
        answer = type_(*art(kind, r, folder))
        assert answer.code in CALM, (number, answer.document)
        assert len(answer.message.splitlines()) <= 1
        if answer.code:
            assert not (folder / "a.zip").exists() and not (folder / "out").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {
        "home",
        *map(str, range(max(3, FUZZ // 5))),
    }


@pytest.mark.parametrize(
    "change", [{"collection": "0xbD9F75A4"}, {"collection": 7}, {"block": None}, {"block": -1}]
)
def test_a_deployment_record_that_cannot_be_is_damaged(
    desk: Path, type_: Type, change: dict[str, Any]
) -> None:
    (path,) = (desk / "birds" / "deployments").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    answer = type_("verify", "0", "-C", desk / "birds")
    assert answer.code == 2 and "is damaged" in answer.message
