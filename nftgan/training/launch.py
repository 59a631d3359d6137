"""Start a command in several processes, one per GPU, and end all when one of them ends badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import nftgan
from nftgan.errors import Cancelled, PartlyDone, UsageError

RENDEZVOUS = "NFTGAN_RENDEZVOUS"
"""Names the file by which processes of one machine find each other."""
_FORWARDED = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)
)
GRACE_SECONDS = 30.0
"""From the death of one process until the others are killed: they first end their step."""


def world_size() -> int:
    """Processes that the environment speaks of, as torchrun and `launch` set it."""
    return max(_number("WORLD_SIZE", 1), 1)


def _number(name: str, missing: int) -> int:
    try:
        return int(os.environ.get(name, missing))
    except ValueError:
        raise UsageError(
            f"{name} is {os.environ[name]!r}, not a number of processes",
            hint="unset it, or start with torchrun",
        ) from None


def local_rank() -> int:
    """Number of this process among those of its machine."""
    return _number("LOCAL_RANK", 0)


def local_processes() -> int:
    """Processes of the group on this machine."""
    return max(_number("LOCAL_WORLD_SIZE", world_size()), 1)


def speaks() -> bool:
    """Whether this process is the one of its group that gives the answer."""
    return world_size() == 1 or _number("RANK", 0) == 0


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run `python -m nftgan ARGUMENTS` in `processes` processes as one group; their exit code.

    Only the main process speaks, and whoever fails first. Ctrl-C and SIGTERM reach all of them.
    Raises PartlyDone when one dies: the others are then ended, and the run's last saved state
    stands. Where one was stopped, so was the group.
    """
    with tempfile.TemporaryDirectory(prefix="nftgan-") as folder:
        place = Path(folder)
        children = [_start(arguments, rank, processes, place) for rank in range(processes)]

        def forward(number: int, frame: FrameType | None) -> None:
            for child in children:
                if child.poll() is None:
                    child.send_signal(number)

        # A terminal's Ctrl-C reaches the children by itself; forwarding it would count twice.
        before = {
            **{number: signal.signal(number, forward) for number in _FORWARDED},
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        }
        try:
            _watch(children)
        finally:
            for child in children:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            for signal_number, handler in before.items():
                signal.signal(signal_number, handler)
        codes = [child.returncode for child in children]
        said = [_words(place, rank) for rank in range(processes)]
    return _answer(codes, said)


def _answer(codes: Sequence[int], said: Sequence[str]) -> int:
    """The exit code of a group whose processes ended with `codes`, having said something each."""
    if Cancelled.exit_code in codes:
        if codes[0] < 0:  # it waited for one that had stopped, and could not say so
            raise Cancelled("stopped", hint="the same command goes on from the last saved state")
        return Cancelled.exit_code
    dead = next((rank for rank, code in enumerate(codes) if code < 0), None)
    if dead is not None and codes[0] != PartlyDone.exit_code:  # else it has said so itself
        raise PartlyDone(
            f"process {dead} of {len(codes)} was killed by signal {-codes[dead]}",
            hint="the same command goes on from the last saved state",
        )
    # A process that fails leaves the others without it, and they say only that.
    cause = next((rank for rank, code in enumerate(codes) if code > 0 and code != 6), 0)
    if cause:
        sys.stderr.write(said[cause])
    return codes[cause] or next((code for code in codes if code > 0), 0)


def _words(folder: Path, rank: int) -> str:
    path = folder / f"{rank}.txt"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


# Not `-m nftgan`: that looks in the working directory first, and a folder from somebody else may
# hold a package of that name. The children import from where this process did.
_HOME = str(Path(nftgan.__file__).resolve().parents[1])
_PROGRAM = (
    f"import sys; sys.path[:] = [{_HOME!r}, *filter(None, sys.path)];"
    " from nftgan.cli.main import run; run()"
)


def _start(
    arguments: Sequence[str], rank: int, processes: int, folder: Path
) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(processes),
        "WORLD_SIZE": str(processes),
        RENDEZVOUS: str(folder / "team"),
    }
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    if rank == 0:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    with (folder / f"{rank}.txt").open("wb") as words:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )


def _watch(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Return when all have ended, or when those left had their time after one ended badly."""
    deadline = None
    while any(child.poll() is None for child in children):
        if deadline is None and any(child.returncode not in (None, 0) for child in children):
            deadline = time.monotonic() + GRACE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(0.05)
