"""The verb 'demo': the whole pipeline on shipped art, each step echoed as one would type it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nftgan.cli.ui import Ui
from nftgan.cli.verbs import GET_STARTED, app, verb
from nftgan.errors import NftganError, PartlyDone, UsageError

PIECES = 12
CANDIDATES = "0-255"
LOOK = ["--trunc", "0.7"]


@dataclass(frozen=True)
class Example:
    """What one of the shipped sets becomes."""

    kinds: str  # what its images are, for people
    collection: str
    side: int  # pixels of the data set and the network
    kimg: float  # length of the fine-tuning


EXAMPLES = {
    "landscape": Example("landscapes", "hills", 64, 4),
    "pixel-art": Example("pixel avatars", "avatars", 16, 16),
}
USUAL = "landscape"


@verb(GET_STARTED, example="nftgan demo --keep demo")
def demo(
    ui: Ui,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep everything here; else it is removed at the end.",
            show_default=False,
        ),
    ] = None,
    art: Annotated[
        str, typer.Option(metavar="NAME", help=f"The art: {' or '.join(EXAMPLES)}.")
    ] = USUAL,
    kimg: Annotated[
        float | None,
        typer.Option(
            help="Length of the fine-tuning; else what takes minutes.", show_default=False
        ),
    ] = None,
) -> Any:
    """The whole pipeline on shipped art: no account, no network.

    Each step is shown as one would type it; it takes minutes, and no GPU.
    """
    if art not in EXAMPLES:
        raise UsageError(
            f"the demo has no art named {art!r}", hint=f"there are {' and '.join(EXAMPLES)}"
        )
    if keep is not None:
        _refuse_other_art(keep / "art", art)
    folder = keep or Path(tempfile.mkdtemp(prefix="nftgan-demo-"))
    if keep is None:
        # A throw-away demo has a throw-away chain and store too.
        os.environ["NFTGAN_HOME"] = str(folder / "state")
    Ui.leads = False
    try:
        length = EXAMPLES[art].kimg if kimg is None else kimg
        return _run(ui, folder, art, length, kept=keep is not None)
    finally:
        Ui.leads = True
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _refuse_other_art(folder: Path, shipped: str) -> None:
    """Raises UsageError for the folder of a demo of other art: it would train on that."""
    if folder.is_dir() and not (folder / f"{shipped}-0000.png").exists():
        raise UsageError(
            f"{folder.parent} holds a demo of other art than {shipped}",
            hint="name another folder with --keep, or the other art with --art",
        )


def _run(ui: Ui, folder: Path, shipped: str, kimg: float, *, kept: bool) -> dict[str, Any]:
    from nftgan.dataset.shipped import unpack
    from nftgan.files import complete_files

    art, dataset, runs = folder / "art", folder / "art.zip", folder / "runs"
    example = EXAMPLES[shipped]
    collection = folder / "collections" / example.collection
    began, times = time.monotonic(), []
    if not art.is_dir():
        ui.note(f"unpacking {unpack(shipped, art)} shipped CC0 {example.kinds} into {art}")
    where = ["-C", str(collection)]
    model = ["-m", str(runs)]
    steps: list[list[str]] = [
        ["prepare", str(art), "-o", str(dataset), "--resolution", str(example.side)],
        ["train", str(dataset), "-o", str(runs), "--resume", "base", "--kimg", f"{kimg:g}"],
        ["generate", *model, "--seeds", "0-63", "--grid", "-o", str(folder / "candidates"), *LOOK],
        ["init", example.collection, "--in", str(folder / "collections"), *LOOK],
        [
            "curate",
            *where,
            *model,
            "--auto",
            str(PIECES),
            "--seeds",
            CANDIDATES,
            "--dataset",
            str(dataset),
        ],
        ["render", *where],
        ["metadata", *where],
        ["pin", *where],
        ["deploy", *where, "--yes"],
        ["mint", *where, "--yes"],
        ["verify", *where],
        ["regenerate", "3", *where, "-o", str(folder / "regenerated")],
        ["site", *where, "-o", str(folder / "site")],
    ]
    if complete_files(collection / "deployments", "*.json"):
        steps = [step for step in steps if step[0] != "curate"]  # its pieces are fixed on chain
    for number, step in enumerate(steps, 1):
        ui.command(f"{number}/{len(steps)}", f"nftgan {shlex.join(step)}")
        start = time.monotonic()
        _call(ui, step)
        times.append((step[0], time.monotonic() - start))
    sheet = _contact_sheet(collection, folder / "contact-sheet.png")
    total = time.monotonic() - began
    return _close(ui, folder, collection, sheet, times, total, kept=kept)


def _call(ui: Ui, step: Sequence[str]) -> None:
    """One verb, in this process so that torch loads once; its own words go where they belong."""
    arguments = [*step, *(["--quiet"] if ui.quiet else []), *(["--debug"] if ui.debug else [])]
    code: Any = 0
    with redirect_stdout(sys.stderr if ui.as_json else sys.stdout):
        try:
            app(arguments, standalone_mode=False)
        except SystemExit as exc:
            code = exc.code
    if code == 130:
        raise KeyboardInterrupt
    if code:
        error = PartlyDone if code == 6 else NftganError
        raise error(
            f"the demo stopped at: nftgan {shlex.join(step)}",
            hint="see the message above; the same demo command goes on from here",
        )


def _contact_sheet(collection: Path, target: Path) -> Path:
    from nftgan.png import read_png
    from nftgan.synthesis.generate import contact_sheet, write_sheet

    paths = sorted((collection / "images").glob("*.png"), key=lambda path: int(path.stem))
    write_sheet(target, contact_sheet([read_png(path) for path in paths], columns=4, gap=16))
    return target


def _peak_megabytes() -> float:
    """The most memory that this process has held; 0 where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _close(
    ui: Ui,
    folder: Path,
    collection: Path,
    sheet: Path,
    times: list[tuple[str, float]],
    total: float,
    *,
    kept: bool,
) -> dict[str, Any]:
    from nftgan.files import complete_files, read_json

    record = read_json(complete_files(collection / "deployments", "*.json")[0])
    peak = _peak_megabytes()
    rows = [
        (f"art, {len(list((folder / 'art').iterdir())):,} images", folder / "art"),
        ("data set", folder / "art.zip"),
        ("training run, model", folder / "runs"),
        ("collection", collection),
        ("contact sheet", sheet),
        ("contract", f"{record['collection']} on {record['chain']}"),
        ("CAR for any IPFS node", collection / f"{collection.name}.car"),
        ("proof of token 3", folder / "regenerated" / "3.png"),
        ("the collector's page", folder / "site" / "index.html"),
        ("time, memory", f"{total:.0f} s, at most {peak:.0f} MB"),
    ]
    ui.print("")
    ui.table("What exists now", ("what", "where"), rows)
    slowest = ", ".join(f"{verb} {seconds:.0f} s" for verb, seconds in times)
    ui.print(f"[dim]{slowest}[/]")
    if kept:
        ui.print(f"\nlook at [bold]{sheet}[/]")
        page = folder / "site" / "index.html"
        ui.print(f"open [bold]{page}[/] in a browser: every piece draws itself again there")
    else:
        ui.print("\nnothing was kept: add --keep DIR to look at the images")
    ui.print("with your own art:")
    ui.print("  [bold]nftgan prepare MY-ART -o my-art.zip[/]")
    ui.print(
        "  [bold]nftgan train my-art.zip -o runs --resume base[/]     (up to 64 pixels: a laptop)"
    )
    ui.print("  [bold]nftgan train my-art.zip -o runs --preset 256[/]      (a GPU)")
    ui.print("  [bold]nftgan[/]      (at any time: where you are, and what comes next)")
    return {
        "folder": folder,
        "contact_sheet": sheet,
        "contract": record["collection"],
        "seconds": round(total, 1),
        "peak_mb": round(peak),
        "steps": [{"verb": verb, "seconds": round(seconds, 1)} for verb, seconds in times],
    }
