"""The report beside a dataset zip: JSON for programs, a contact sheet with reasons for people."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.alpha import over_board
from nftgan.dataset.pack import encode_fast_png
from nftgan.dataset.parallel import Crashed, ordered_map, worker_count
from nftgan.dataset.png_inflate import plain_pixels
from nftgan.dataset.resize import filtered
from nftgan.files import write_json, write_text
from nftgan.page import document

_SHOWN = 200  # thumbnails on the sheet, spread evenly over the set
_THUMBNAIL = 64  # pixels


def report_paths(output: Path) -> tuple[Path, Path]:
    """NAME.report.json and NAME.report.html beside NAME.zip."""
    return output.with_suffix(".report.json"), output.with_suffix(".report.html")


def write_report(output: Path, notes: Mapping[str, Any], workers: int | None = None) -> None:
    """Both reports of the dataset at `output`; deterministic. workers: as of `prepare`."""
    json_path, html_path = report_paths(output)
    keys = ("fingerprint", "resolution", "classes", "options", "notes", "rejected", "sources")
    write_json(json_path, {"kept": len(notes["sources"]), **{key: notes[key] for key in keys}})
    write_text(html_path, _page(output, notes, workers))


def _page(output: Path, notes: Mapping[str, Any], workers: int | None) -> str:
    rejected, side, sources = notes["rejected"], notes["resolution"], notes["sources"]
    step = max(1, -(-len(sources) // _SHOWN))
    shown = sources[::step]
    count = worker_count(len(shown)) if workers is None else workers
    with zipfile.ZipFile(output) as archive:
        pngs = (archive.read(entry["name"]) for entry in shown)
        smalls = list(ordered_map(_thumbnail, pngs, count))
    tiles = [
        (small, "; ".join([entry["source"], *entry["notes"]]))
        for entry, small in zip(shown, smalls, strict=True)
        if not isinstance(small, Crashed)
    ]
    return document(
        "dataset.html",
        title=output.stem,
        sheets=("document.css",),
        numbers=[
            ("images", f"{len(sources):,}"),
            ("pixels", f"{side} × {side}"),
            ("file not used" if len(rejected) == 1 else "files not used", f"{len(rejected):,}"),
        ],
        notes=notes["notes"],
        heading="The images" if step == 1 else f"The images, one in {step}",
        tiles=tiles,
        rejected=rejected,
        fingerprint=notes["fingerprint"],
    )


def _thumbnail(png: bytes) -> bytes:
    """The same image, as a PNG of no more than 64 pixels."""
    pixels = plain_pixels(png)
    if pixels is None:
        image = Image.open(io.BytesIO(png))
        pixels = np.asarray(image if image.mode == "RGBA" else image.convert("RGB"))
    if len(pixels) > _THUMBNAIL:
        pixels = np.asarray(filtered(pixels, _THUMBNAIL))
    return encode_fast_png(over_board(pixels))
