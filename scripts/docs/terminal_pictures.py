"""Records real commands on the example that ships, as SVG pictures of a terminal.

    python scripts/docs/terminal_pictures.py

Everything runs in a throw-away folder, chain and store.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
WIDTH = 92
PAPER = TerminalTheme(
    (250, 248, 243),
    (34, 32, 29),
    [
        (34, 32, 29),
        (160, 40, 30),
        (35, 105, 75),
        (140, 95, 10),
        (40, 80, 150),
        (120, 60, 120),
        (30, 100, 110),
        (90, 85, 78),
    ],
)
"""The colours of the studio."""
# No request to a server of fonts.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
FORMAT = FORMAT.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def record(name: str, *lines: str) -> None:
    """Run the lines as one would type them, and keep what a terminal shows."""
    from nftgan.cli import help as help_page
    from nftgan.cli import verbs
    from nftgan.cli.main import app
    from nftgan.cli.ui import SafeConsole, Ui
    from nftgan.progress import SILENT

    console = SafeConsole(
        record=True,
        width=WIDTH,
        force_terminal=True,
        highlight=False,
        soft_wrap=name != "help",  # the help folds its sentences itself
        file=_null(),
    )

    class Recorded(Ui):
        def __init__(self, **how: Any) -> None:
            super().__init__(**how)
            self.out = self.err = console

        def table(self, *table: Any) -> None:
            self._bars, before = self._bars or object(), self._bars  # type: ignore[assignment]
            super().table(*table)
            self._bars = before

        def task(self, *_: Any) -> Any:  # a bar takes itself away; a record would keep it
            return SILENT.task("")

    originals = verbs.Ui, help_page._console
    verbs.Ui = Recorded  # type: ignore[misc]
    help_page._console = lambda: console  # type: ignore[assignment]
    import nftgan.cli.main as program

    program.Ui = Recorded  # type: ignore[misc]
    try:
        for line in lines:
            console.print(f"[bold]$[/] {line}")
            with contextlib.suppress(SystemExit):
                app(line.split()[1:], prog_name="nftgan", standalone_mode=False)
            console.print()
    finally:
        verbs.Ui, help_page._console = originals  # type: ignore[misc]
        program.Ui = originals[0]  # type: ignore[misc]
    console._record_buffer = [
        Segment(one.text.replace(str(Path.cwd().parents[-3]), "~"), one.style, one.control)
        for one in console._record_buffer
    ]
    svg = console.export_svg(title="", theme=PAPER, code_format=FORMAT, unique_id=name)
    (IMAGES / f"terminal-{name}.svg").write_text(svg.rstrip() + "\n", encoding="utf-8")


def _null() -> Any:
    return Path(os.devnull).open("w")


def quietly(line: str) -> None:
    from nftgan.cli.main import app

    with contextlib.suppress(SystemExit):
        app([*line.split()[1:], "-q"], standalone_mode=False)


def main() -> None:
    work = Path(tempfile.mkdtemp())
    os.environ["NFTGAN_HOME"] = str(work / "state")
    os.environ["COLUMNS"] = str(WIDTH)
    from nftgan.dataset.shipped import unpack

    studio = work / "birds"
    studio.mkdir()
    os.chdir(studio)
    unpack("pixel-art", Path("my-art"))
    record("help", "nftgan --help")
    record("prepare", "nftgan prepare my-art -o my-art.zip", "nftgan")
    shutil.copytree(ROOT / "collections" / "avatars", "collections/avatars")
    os.chdir("collections/avatars")
    quietly("nftgan pin")
    record("deploy", "nftgan deploy", "nftgan mint")
    record("verify", "nftgan verify")
    record("status", "nftgan status --offline")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
