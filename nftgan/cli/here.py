"""What `nftgan` alone says: where one is, and what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nftgan.cli.ui import Ui


def show(ui: Ui) -> Any:
    """What lies in the current folder; the next command; where help is."""
    from nftgan import __version__
    from nftgan.workflows.overview import overview

    result = overview(Path.cwd())
    ui.print(f"[bold]nftgan {__version__}[/] in {result.folder}")
    if result.found:
        ui.table("", ("", "", ""), [(o.kind, _near(o.path), o.about) for o in result.found])
    else:
        ui.print("\nnothing of yours is here yet: a folder of art is where it begins\n")
    ui.print(f"next: [bold]{result.next}[/]")
    ui.print("[dim]every verb: nftgan --help[/]")
    return result


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
