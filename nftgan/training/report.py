"""A run folder as one self-contained HTML page: its facts, curves, sheets and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nftgan import files
from nftgan.errors import NftganError, UsageError
from nftgan.page import document
from nftgan.plot import Plot, curves
from nftgan.png import read_png
from nftgan.training.advice import advice
from nftgan.training.changes import Change
from nftgan.training.config import OPTIONS_FILE
from nftgan.training.outputs import STATS_FILE, read_statistics
from nftgan.words import duration

CHARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Losses: neither should run away", ("Loss/G", "Loss/D")),
    ("As an autoencoder: distance from the art, a pixel", ("Loss/reconstruction",)),
    ("As an autoencoder: what a latent tells, in nats", ("Loss/KL",)),
    ("Scores: what D thinks of the art and of the fakes", ("Scores/real", "Scores/fake")),
    ("Sign of D on the art: near 1 it knows them by heart", ("Signs/real",)),
    ("Augmentation probability", ("augment_p",)),
    ("Gradient penalty and path length", ("Loss/r1", "Loss/path_length")),
    ("Variety of the fakes, as a share of the art's", ("Variety",)),
    ("KID against the art, with that of the art itself", ("KID", "KID/floor")),
    ("Strongest regular pattern: above 16 look at the sheet", ("Pattern",)),
    ("Share of D's judgement that is memory", ("Overfitting",)),
    ("Seconds per thousand images", ("seconds_per_kimg",)),
)
NAMES = {
    "Loss/G": "generator",
    "Loss/D": "discriminator",
    "Loss/reconstruction": "difference",
    "Loss/KL": "divergence",
    "Scores/real": "art",
    "Scores/fake": "fakes",
    "Signs/real": "art",
    "augment_p": "probability",
    "Loss/r1": "penalty",
    "Loss/path_length": "path length",
    "Variety": "fakes",
    "KID": "fakes",
    "KID/floor": "the art itself",
    "Pattern": "pattern",
    "Overfitting": "share",
    "seconds_per_kimg": "seconds",
}
"""What a legend calls a curve."""
SHEETS = 4  # shown beside the newest, evenly spread, the first among them


def write_report(run_dir: Path, path: Path | None = None) -> Path:
    """Write the page (by default report.html in the run folder) and return where it is.

    The page needs no network and no other file. UsageError when `run_dir` holds no run.
    """
    path = path or run_dir / "report.html"
    files.write_text(path, render(run_dir))
    return path


def render(run_dir: Path) -> str:
    """The page as text."""
    if not (run_dir / OPTIONS_FILE).exists():
        raise UsageError(f"{run_dir} is not a run folder", hint="nftgan train makes one")
    options = files.read_json(run_dir / OPTIONS_FILE)
    stats = run_dir / STATS_FILE
    lines = read_statistics(stats) if stats.exists() else []
    reals = run_dir / "reals.png"
    sheets = _sheets(run_dir)
    return document(
        "run.html",
        title=run_dir.resolve().name,
        sheets=("document.css",),
        advice=advice(lines),
        numbers=_numbers(options, lines),
        warnings=_warnings(lines),
        reals=reals if reals.exists() else None,
        newest=sheets[-1] if sheets else None,
        earlier=sheets[:-1],
        charts=[plot for plot in (chart(title, names, lines) for title, names in CHARTS) if plot],
        facts=_facts(options),
    )


def chart(title: str, names: tuple[str, ...], lines: list[dict[str, Any]]) -> Plot | None:
    """Curves over kimg; None when fewer than two points are known."""
    named = []
    for name in names:
        points = [
            (line["images"] / 1000, float(line[name]))
            for line in lines
            if isinstance(line.get(name), int | float)
        ]
        named.append((NAMES.get(name, name), points))
    return curves(title, named, unit="kimg")


def _numbers(options: dict[str, Any], lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    last = lines[-1] if lines else {"images": 0, "seconds": 0.0}
    numbers = [
        ("images of art", f"{options['dataset']['images']:,}"),
        ("pixels", f"{options['dataset']['resolution']} × {options['dataset']['resolution']}"),
        ("kimg", f"{_kimg(last['images'])} of {_kimg(options['total_images'])}"),
        ("time", duration(last["seconds"])),
    ]
    return numbers


def _kimg(images: float) -> str:
    """Thousands of images for people: three digits where there are few, whole ones from 100 on."""
    kimg = images / 1000
    return f"{kimg:,.0f}" if kimg >= 100 else f"{kimg:.3g}"


def _facts(options: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    """(what, value, whether it is code, no link)"""
    dataset = options["dataset"]
    facts = [
        ("Data set", f"{dataset['name']}, {dataset['images']:,} images of "
         f"{dataset['resolution']} pixels", False),
        ("Networks", f"{options['cfg']}, preset {options['preset'] or 'none'}", False),
        ("Batch", str(options["batch"]), False),
        ("Gamma", f"{options['gamma']:g}", False),
        ("Seed", str(options["seed"]), False),
        ("Augmentation", f"{options['aug']}, {options['augpipe']}", False),
        ("Fingerprint", dataset["fingerprint"], True),
    ]  # fmt: skip
    if options["parent"]:
        facts.append(("Fine-tuned from", options["parent"]["identity"], True))
    for change in options.get("changes", ()):
        facts.append(("Changed", str(Change.from_json(change)), False))
    return [(*fact, "") for fact in facts]


def _warnings(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The newest five, with when they were given."""
    found = [
        (f"{line['images'] / 1000:g}", str(warning))
        for line in lines
        for warning in line.get("warnings", [])
    ]
    return found[-5:]


def _sheets(run_dir: Path) -> list[tuple[Path, str]]:
    """Some of the sample sheets with when they were made: the first and the newest among them.

    A file that is no image (a disk that was full, a copy that broke off) is left out.
    """
    made = [path for path in sorted(run_dir.glob("fakes*.png")) if _is_png(path)]
    if len(made) > SHEETS:
        made = [made[round(n * (len(made) - 1) / (SHEETS - 1))] for n in range(SHEETS)]
    return [(path, f"{int(path.stem[5:]):,} kimg") for path in made]


def _is_png(path: Path) -> bool:
    try:
        read_png(path)
    except NftganError:
        return False
    return path.stem[5:].isdigit()
