"""The renderer's script in Node, one job after the other."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nftgan.site.renderer import script

NODE = shutil.which("node")
NO_NODE = "needs node 20 or later"


class Drawing:
    """A process of Node that holds one renderer; `folder` is for what goes back and forth."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self._folder = folder
        path = folder / "renderer.js"
        path.write_text(script(), encoding="utf-8")
        self._process = subprocess.Popen(
            [NODE or "node", str(Path(__file__).parent / "draw.cjs"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started = self.ask(create={"workers": 2, **options})

    def ask(self, **job: Any) -> dict[str, Any]:
        """The answer to one job; one with `error` where it was refused."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline() or '{"error": "node has ended"}')
        return answer

    def load(self, model: Path) -> dict[str, Any]:
        return self.ask(model=str(model))

    def draw(self, recipe: dict[str, Any], seed: int, **options: Any) -> tuple[np.ndarray, Any]:
        """uint8 [H, W, 3 or 4] and all else that the renderer says of it."""
        file = self._folder / "pixels"
        said = self.ask(recipe=recipe, seed=seed, file=str(file), **options)
        assert "error" not in said, said
        flat = np.frombuffer(file.read_bytes(), np.uint8)
        return flat.reshape(said["height"], said["width"], -1), said

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
