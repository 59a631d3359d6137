"""Runs a notebook as a Colab session would, in this process.

    python -m tests.docs.session FILE DRIVE [JSON]

Python cells run as they are; `!nftgan …` calls the command line, with `{…}` filled in as IPython
does; `%pip install` is only looked at. Google's modules are stand-ins. A third argument, JSON,
replaces values of the cell tagged `parameters`.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import types
from pathlib import Path
from typing import Any


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of the notebook, in order."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def filled(line: str, space: dict[str, Any]) -> list[str]:
    """The words of a shell line, with {expression} replaced."""
    return shlex.split(re.sub(r"\{([^{}]+)\}", lambda m: str(eval(m[1], space)), line))


def stand_ins() -> None:
    """What Colab has and a plain machine has not."""
    drive = types.ModuleType("google.colab.drive")
    drive.mount = lambda path: print(f"mounted {path}")  # type: ignore[attr-defined]
    colab, display = types.ModuleType("google.colab"), types.ModuleType("IPython.display")
    colab.drive = drive  # type: ignore[attr-defined]
    display.Image = lambda path=None, data=None: data or path.read_bytes()  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]
    display.display = show  # type: ignore[attr-defined]
    google, ipython = types.ModuleType("google"), types.ModuleType("IPython")
    for module in (google, colab, drive, ipython, display):
        sys.modules[module.__name__] = module


class Shown:
    """What a cell shows and may show otherwise later."""

    def update(self, data: Any) -> None:
        print(f"{len(data)} bytes in its place")


def show(data: Any, **_: Any) -> Shown:
    print(data["text/plain"] if isinstance(data, dict) else f"{len(data)} bytes")
    return Shown()


def shell(line: str, space: dict[str, Any]) -> None:
    from nftgan.cli.main import app

    words = filled(line[1:], space)
    if line.startswith("%"):
        assert words[:2] == ["pip", "install"], line
        return
    assert words[0] == "nftgan", line
    try:
        app(words[1:], standalone_mode=False)
    except SystemExit as exc:
        if exc.code:
            raise SystemExit(f"{shlex.join(words)}: exit code {exc.code}") from exc


def run(path: Path, parameters: dict[str, Any]) -> None:
    """Every cell in order; SystemExit at the first that fails."""
    stand_ins()
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(path):
        source = "".join(cell["source"])
        print("---", source.split("\n")[0], flush=True)
        if source.startswith(("!", "%")):
            for line in source.split("\n"):
                shell(line, space)
            continue
        space["_shell"] = lambda line: shell(line, space)  # IPython takes ! inside a block too
        source = re.sub(r"^( +)(!.*)$", r"\1_shell(r'''\2''')", source, flags=re.MULTILINE)
        exec(compile(source, str(path), "exec"), space)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert set(parameters) <= set(space), parameters
            space.update(parameters)


if __name__ == "__main__":
    given = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    run(Path(sys.argv[1]), {**given, "DRIVE": Path(sys.argv[2])})
