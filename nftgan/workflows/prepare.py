"""prepare: an art folder becomes a data set; where it lies is noted for the novelty guard."""

from __future__ import annotations

from pathlib import Path

from nftgan.dataset.prepare import PrepareReport
from nftgan.dataset.prepare import prepare as prepare_dataset
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.progress import SILENT, Progress
from nftgan.workflows.training_art import note_art

__all__ = ["PrepareOptions", "PrepareReport", "prepare"]


def prepare(
    art: Path, output: Path, options: PrepareOptions, *, progress: Progress = SILENT
) -> PrepareReport:
    """As `nftgan.dataset.prepare.prepare`; `curate` finds the data set wherever it is called."""
    report = prepare_dataset(art, output, options, progress=progress)
    note_art(Path(report.output), report.fingerprint)
    return report
