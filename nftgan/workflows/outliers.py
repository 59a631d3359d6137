"""Which images of a data set are unlike the others, and which are alike: a sheet to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nftgan import files
from nftgan.alpha import over_board
from nftgan.dataset.archive import Dataset
from nftgan.metrics.features import Extractor
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.generate import contact_sheet, write_sheet

NEIGHBOURS = 5
ALIKE = 0.928
"""Cosine of features that one in 10,000 pairs of distinct images exceeds."""
_BATCH = 16
_CELL = 128


@dataclass(frozen=True)
class Outliers:
    """strangest: (name of the source, mean cosine distance to its nearest five), strangest first;
    alike: pairs of sources with their cosine, most alike first; sheet: the strangest, in order.
    """

    strangest: tuple[tuple[str, float], ...]
    alike: tuple[tuple[str, str, float], ...]
    sheet: Path
    report: Path


def find_outliers(path: Path, count: int = 24, *, progress: Progress = SILENT) -> Outliers:
    """Rank the images of the data set at `path` by how far they lie from their neighbours.

    Writes NAME.outliers.png and NAME.outliers.json beside it. Nothing is removed: whether an image
    belongs is for the artist to say. Cropped and mirrored near-copies, which hashes miss, are among
    the pairs.
    """
    dataset = Dataset.open(path)
    extract = Extractor()
    rows = []
    with progress.task("comparing", len(dataset), "images") as task:
        for first in range(0, len(dataset), _BATCH):
            images = dataset.images(range(first, min(first + _BATCH, len(dataset))))
            rows.append(extract(images))
            task.advance(len(images))
    features = np.concatenate(rows)
    nearness = features @ features.T
    np.fill_diagonal(nearness, -1.0)
    neighbours = min(NEIGHBOURS, len(dataset) - 1)
    if neighbours:
        nearest = -np.partition(-nearness, neighbours - 1, axis=1)[:, :neighbours]
        distance = 1 - nearest.mean(axis=1)
    else:
        distance = np.zeros(len(dataset), np.float32)
    names = _sources(dataset)
    order = np.argsort(-distance, kind="stable")[:count]
    left, right = np.nonzero(np.triu(nearness > ALIKE, 1))
    by_cosine = np.argsort(-nearness[left, right], kind="stable")[:count]
    found = Outliers(
        strangest=tuple((names[n], round(float(distance[n]), 4)) for n in order),
        alike=tuple(
            (names[left[n]], names[right[n]], round(float(nearness[left[n], right[n]]), 4))
            for n in by_cosine
        ),
        sheet=path.with_suffix(".outliers.png"),
        report=path.with_suffix(".outliers.json"),
    )
    write_sheet(found.sheet, contact_sheet([_cell(dataset, int(n)) for n in order], gap=4))
    files.write_json(found.report, {"strangest": found.strangest, "alike": found.alike})
    return found


def _sources(dataset: Dataset) -> list[str]:
    """The artist's own file names where the data set knows them."""
    known = {
        str(entry.get("name")): str(entry.get("source"))
        for entry in dataset.notes.get("sources", [])
        if isinstance(entry, dict)
    }
    return [known.get(name, name) for name in dataset.names]


def _cell(dataset: Dataset, index: int) -> np.ndarray:
    image = Image.fromarray(over_board(dataset.hwc(index))).convert("RGB")
    kind = Image.Resampling.NEAREST if image.width < _CELL else Image.Resampling.LANCZOS
    return np.asarray(image.resize((_CELL, _CELL), kind))
