"""A training run as its folder tells it: sheets over time, curves, how long it will take."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from nftgan.errors import MissingStepError
from nftgan.files import read_json, translated_os_errors
from nftgan.studio.verdict import verdict
from nftgan.training.config import OPTIONS_FILE
from nftgan.training.outputs import LOG_FILE, STATS_FILE, read_statistics
from nftgan.training.report import CHARTS

SHEET = re.compile(r"fakes(\d{6})\.png")
NETWORK = re.compile(r"network-(\d{6})\.safetensors")
POINTS = 600  # of a curve, at most
_OWN_WORDS = {"images", "seconds", "warnings", "KID/error"}  # of a line that are no curve


def describe(run_dir: Path) -> dict[str, Any]:
    """The run as JSON data. Raises MissingStepError when `run_dir` holds none."""
    if not (run_dir / OPTIONS_FILE).is_file():
        raise MissingStepError(f"{run_dir} holds no training run", hint="nftgan train")
    options = read_json(run_dir / OPTIONS_FILE)
    stats = run_dir / STATS_FILE
    lines = read_statistics(stats) if stats.exists() else []
    last = lines[-1] if lines else {}
    images, total = last.get("images", 0), options["total_images"]
    pace = last.get("seconds_per_kimg")
    return {
        "name": run_dir.resolve().name,
        "facts": {
            "Data set": f"{options['dataset']['name']}, {options['dataset']['images']:,} images",
            "Networks": f"{options['cfg']}, {options['dataset']['resolution']} pixels",
            "Batch and gamma": f"{options['batch']}, {options['gamma']:g}",
            "Augmentation": f"{options['aug']}, {options['augpipe']}",
        },
        "kimg": images / 1000,
        "total_kimg": total / 1000,
        "seconds": last.get("seconds", 0.0),
        "seconds_left": None if pace is None else max(total - images, 0) / 1000 * pace,
        "seconds_since_news": _age(run_dir),
        "verdict": verdict(lines, total),
        "charts": charts(lines),
        "networks": sorted(networks(run_dir)),
        "sheets": sorted(sheets(run_dir)),
        "has_reals": (run_dir / "reals.png").is_file(),
        "warnings": [
            {"kimg": line["images"] / 1000, "text": str(text)}
            for line in lines
            for text in line.get("warnings", [])
        ][-5:],
    }


def charts(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Title and curves [[kimg, value], …] of everything that the statistics hold."""
    step = -(-len(lines) // POINTS) or 1
    shown = lines[::step] if not lines or lines[::step][-1] is lines[-1] else [
        *lines[::step], lines[-1]
    ]  # fmt: skip
    groups = [*CHARTS]
    named = {name for _, names in CHARTS for name in names}
    others = {key for line in lines for key in line} - named - _OWN_WORDS
    groups += [(name, (name,)) for name in sorted(others)]
    found = []
    for title, names in groups:
        curves = []
        for name in names:
            points = [
                [line["images"] / 1000, line[name]]
                for line in shown
                if isinstance(line.get(name), int | float)
            ]
            if len(points) > 1:
                curves.append({"name": name, "points": points})
        if curves:
            found.append({"title": title, "curves": curves})
    return found


def networks(run_dir: Path) -> dict[int, Path]:
    """Thousands of images trained on → the network saved then."""
    with translated_os_errors(run_dir):
        found = [(NETWORK.fullmatch(path.name), path) for path in run_dir.iterdir()]
    return {int(match[1]): path for match, path in found if match}


def sheets(run_dir: Path) -> dict[int, Path]:
    """Thousands of images trained on → the sheet of samples made then."""
    with translated_os_errors(run_dir):
        names = [path for path in run_dir.iterdir() if SHEET.fullmatch(path.name)]
    return {int(path.name[5:11]): path for path in names}


def _age(run_dir: Path) -> float | None:
    log = run_dir / LOG_FILE
    return max(0.0, time.time() - log.stat().st_mtime) if log.exists() else None
