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
from nftgan.page import escape, inline_image, page, row

_SHOWN = 200  # thumbnails on the sheet, spread evenly over the set
_THUMBNAIL = 64  # pixels

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #222; background: #fff }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } }
h2 { margin-top: 2rem } code { overflow-wrap: anywhere }
.sheet { display: flex; flex-wrap: wrap; gap: 4px }
.sheet img { width: 64px; height: 64px; object-fit: contain; image-rendering: pixelated }
table { border-collapse: collapse } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
"""


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
    rejected = notes["rejected"]
    side = notes["resolution"]
    parts = [
        f"<h1>{escape(dataset.name)}</h1>",
        f"<p>{len(dataset)} images of {side}×{side} pixels, {len(rejected)} files not used.</p>",
        f"<p><code>{escape(notes['fingerprint'])}</code></p>",
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in notes["notes"]) + "</ul>",
    ]
    step = max(1, -(-len(dataset) // _SHOWN))
    shown = range(0, len(dataset), step)
    heading = "Images" if step == 1 else f"Images, one in {step}"
    parts.append(f"<h2>{heading}</h2><div class=sheet>")
    parts.extend(_thumbnail(dataset, index, notes["sources"][index]) for index in shown)
    parts.append("</div>")
    if rejected:
        rows = "".join(row(name, reason) for name, reason in rejected)
        parts.append(f"<h2>Not used</h2><table>{rows}</table>")
    return page(dataset.name, _STYLE, "\n".join(parts))


def _thumbnail(dataset: Dataset, index: int, entry: Mapping[str, Any]) -> str:
    image = Image.fromarray(dataset.images([index])[0].transpose(1, 2, 0))
    if image.width > _THUMBNAIL:
        size = (_THUMBNAIL, _THUMBNAIL)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    title = "; ".join([entry["source"], *entry["notes"]])
    return inline_image(
        encode_fast_png(np.asarray(image)), title, attributes=f' title="{escape(title)}"'
    )
