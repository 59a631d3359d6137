"""The command line as a user types it: in this process, or each command in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nftgan.cli.main import run

PROGRAM = [sys.executable, "-c", "from nftgan.cli.main import run; run()"]
LOOK = ["--trunc", "0.7", "--pixel-grid", "16", "--palette", "12", "--upscale", "4"]


@dataclass(frozen=True)
class Desk:
    """A folder to work in and the state folder that goes with it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "NFTGAN_HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1"}

    @property
    def collection(self) -> Path:
        return self.folder / "collections" / "birds"

    def type(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """Run one command with --json in this process; its document."""
        out, err = io.StringIO(), io.StringIO()
        interrupted = signal.getsignal(signal.SIGINT)  # a verb that has ended leaves it ignored
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(self.folder)
            patched.setenv("NFTGAN_HOME", self.environment["NFTGAN_HOME"])
            patched.setenv("PYTHONSAFEPATH", "1")  # the program sets it for good
            patched.setattr("sys.argv", ["nftgan", *words, "--json"])
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as left,
            ):
                run()
        signal.signal(signal.SIGINT, interrupted)
        assert int(left.value.code or 0) == expect, err.getvalue()[-2000:] + out.getvalue()[-2000:]
        document: dict[str, Any] = json.loads(out.getvalue())
        return document

    def type_apart(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """The same in a process of its own."""
        done = subprocess.run(
            [*PROGRAM, *words, "--json"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stderr[-2000:] + done.stdout[-2000:]
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def kill(self, *words: str, when: Callable[[], bool], patience: float = 60) -> bool:
        """Start one command and kill -9 it as soon as `when()`; False if it ended before that."""
        process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + patience
        while process.poll() is None and not when() and time.monotonic() < until:
            time.sleep(0.002)
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        return alive

    def curated(self, seeds: str) -> None:
        """A collection with images and metadata, made with the model that ships."""
        where = ["-C", str(self.collection)]
        self.type("init", "birds", "--in", str(self.folder / "collections"), *LOOK)
        self.type("curate", *where, "-m", "base", "--pick", seeds)
        self.type("render", *where)
        self.type("metadata", *where)
