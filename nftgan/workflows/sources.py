"""The models that a workflow starts from: the parent of a run, and a collection's own."""

from __future__ import annotations

from pathlib import Path

from nftgan.dataset.archive import Dataset
from nftgan.errors import MissingStepError
from nftgan.networks.sources import BASE, base_model, model_source
from nftgan.project import Project


def parent_source(named: str, dataset: Path) -> str | Path:
    """What a run starts from: as `model_source`, and of `base` the one for the data set's size."""
    if named == BASE:
        return base_model(Dataset.open(dataset).resolution)
    return model_source(named)


def project_model(project: Project) -> Path:
    """The generator that the collection's pieces come from, kept inside its folder.

    Raises MissingStepError before `curate` has put it there.
    """
    path = project.model_path
    if not path.is_file():
        if project.manifest_path.is_file():  # picking anew would lose the pieces
            raise MissingStepError(
                f"{path} is missing: the pieces were made by it",
                hint="copy it back; a copy is in the CAR, in every place that it is pinned to, and"
                " perhaps in history/",
            )
        raise MissingStepError(
            f"{project.root} has no {path.name} yet", hint="nftgan curate --auto 12"
        )
    return path
