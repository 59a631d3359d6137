"""Signals from outside let a verb clean up, and a reader that leaves ends nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nftgan.cli.main import app, run
from nftgan.cli.stopping import ctrl_c_comes_again, stopped_as_by_ctrl_c
from nftgan.dataset import prepare as module
from tests.dataset.test_prepare import art_folder

ENDINGS = [signal.SIGTERM, signal.SIGHUP]


def prepared(source: Path, output: Path) -> int:
    with pytest.raises(SystemExit) as ended:
        app(
            ["prepare", str(source), "-o", str(output), "--resolution", "32"], standalone_mode=False
        )
    return int(ended.value.code or 0)


@pytest.fixture
def heard() -> Iterator[None]:
    """The signals as a terminal's shell leaves them, also where tests run under nohup."""
    before = [signal.signal(number, signal.SIG_DFL) for number in ENDINGS]
    yield
    for number, handler in zip(ENDINGS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_in_prepare_leaves_nothing_and_says_how_to_go_on(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    art_folder(tmp_path / "art", 3)
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:  # has to be unpacked
        for path in (tmp_path / "art").iterdir():
            inner.write(path, path.name)
    with zipfile.ZipFile(tmp_path / "art.zip", "w") as outer:
        outer.write(tmp_path / "inner.zip", "inner.zip")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    real = module.TwinFinder.add

    def stopped(*given: object) -> None:
        assert list((tmp_path / "tmp").iterdir())
        os.kill(os.getpid(), number)
        real(*given)  # type: ignore[arg-type]

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(module.TwinFinder, "add", stopped)
        assert prepared(tmp_path / "art.zip", tmp_path / "out" / "set.zip") == 130
    assert "run the same command again" in capsys.readouterr().err
    assert not list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "out").iterdir())
    assert signal.getsignal(number) == before
    assert prepared(tmp_path / "art.zip", tmp_path / "out" / "set.zip") == 0


def test_what_nohup_ignores_stays_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    art_folder(tmp_path / "art", 3)
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    real = module.TwinFinder.add

    def told(*given: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        real(*given)  # type: ignore[arg-type]

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr(module.TwinFinder, "add", told)
        assert prepared(tmp_path / "art", tmp_path / "set.zip") == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_ctrl_c_that_python_swallows_still_stops_the_verb(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Loud:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)  # no exception leaves a destructor

    went_on = []

    def listed(*given: object) -> None:
        Loud()
        went_on.append(True)
        threading.Event().wait(60)

    monkeypatch.setattr("nftgan.chain.accounts.list_wallets", listed)
    monkeypatch.setattr("sys.argv", ["nftgan", "wallet", "list", "--json"])
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    try:
        with pytest.raises(SystemExit) as ended:
            run()
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr()
    assert (ended.value.code, went_on) == (130, [True])
    assert json.loads(said.out)["ok"] is False and "Traceback" not in said.err
    assert sys.unraisablehook is hook


@pytest.mark.usefixtures("heard")
def test_a_kill_that_python_swallows_is_heard_where_ctrl_c_is_ignored() -> None:
    class Loud:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a script's `nftgan … &`
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            stopped_as_by_ctrl_c(),
            ctrl_c_comes_again(),
        ):
            Loud()
            threading.Event().wait(60)
            pytest.fail("nobody heard it")
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_faults_that_python_swallows_are_told_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError("broken")

    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: told.append(fault.exc_type))
    with ctrl_c_comes_again():
        Broken()
    assert told == [ValueError]


def test_a_reader_that_leaves_ends_no_work() -> None:
    """`nftgan train … | head -1`."""
    program = """
import sys
from nftgan.cli.ui import Ui
ui = Ui()
for number in range(3000):
    ui.print(f"line {number}")
Ui(as_json=True).document({"done": "x" * 200_000})
print("the end", file=sys.stderr)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    said = child.stderr.read().decode()
    child.stderr.close()
    assert (child.wait(), said) == (0, "the end\n")
