"""The model that a collection's pieces come from."""

from __future__ import annotations

from pathlib import Path

from nftgan.errors import MissingStepError
from nftgan.project import Project


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
