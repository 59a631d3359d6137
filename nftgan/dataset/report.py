"""The report beside a dataset zip: JSON for programs, a contact sheet with reasons for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nftgan.dataset.archive import Dataset
from nftgan.dataset.pack import encode_fast_png
from nftgan.files import write_json, write_text
from nftgan.page import document

_SHOWN = 200  # thumbnails on the sheet, spread evenly over the set
_THUMBNAIL = 64  # pixels


def report_paths(output: Path) -> tuple[Path, Path]:
    """NAME.report.json and NAME.report.html beside NAME.zip."""
    return output.with_suffix(".report.json"), output.with_suffix(".report.html")


def write_report(output: Path, notes: Mapping[str, Any]) -> None:
    """Both reports of the dataset at `output`; deterministic."""
    json_path, html_path = report_paths(output)
    keys = ("fingerprint", "resolution", "classes", "options", "notes", "rejected", "sources")
    write_json(json_path, {"kept": len(notes["sources"]), **{key: notes[key] for key in keys}})
    write_text(html_path, _page(Dataset.open(output, cache=False), notes))


def _page(dataset: Dataset, notes: Mapping[str, Any]) -> str:
    rejected, side = notes["rejected"], notes["resolution"]
    step = max(1, -(-len(dataset) // _SHOWN))
    return document(
        "dataset.html",
        title=dataset.name,
        sheets=("document.css",),
        numbers=[
            ("images", f"{len(dataset):,}"),
            ("pixels", f"{side} × {side}"),
            ("files not used", f"{len(rejected):,}"),
        ],
        notes=notes["notes"],
        heading="The images" if step == 1 else f"The images, one in {step}",
        tiles=[_tile(dataset, n, notes["sources"][n]) for n in range(0, len(dataset), step)],
        rejected=rejected,
        fingerprint=notes["fingerprint"],
    )


def _tile(dataset: Dataset, index: int, entry: Mapping[str, Any]) -> tuple[bytes, str]:
    """A small PNG, and where it comes from."""
    image = Image.fromarray(dataset.images([index])[0].transpose(1, 2, 0))
    if image.width > _THUMBNAIL:
        size = (_THUMBNAIL, _THUMBNAIL)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return encode_fast_png(np.asarray(image)), "; ".join([entry["source"], *entry["notes"]])
