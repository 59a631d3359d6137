"""A tab of an installed Firefox, driven through Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent / "firefox"
FIREFOX = os.environ.get("NFTGAN_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
NO_FIREFOX = "needs Firefox and node: apt install firefox-esr, make node-deps"


def has_firefox() -> bool:
    """Whether it is installed, and what drives it."""
    driver = (HERE / "node_modules" / "puppeteer-core").is_dir()
    return bool(FIREFOX and driver and shutil.which("node"))


class Firefox:
    """One tab. `faults` are what the page wrote to the console, and its errors."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._process = subprocess.Popen(
            ["node", "pilot.mjs", str(FIREFOX)],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, **job: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        said = json.loads(stdout.readline() or '{"error": "node has ended"}')
        self.faults = said.get("faults", self.faults)
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["answer"]

    def goto(self, address: str) -> str:
        """Open a page; the browser's name and version."""
        return str(self._ask(goto=address))

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What a function of JavaScript gives there; a promise is awaited."""
        return self._ask(evaluate=function, args=list(arguments))

    def __enter__(self) -> Firefox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
