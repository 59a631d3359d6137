"""The person's own training runs near a collection: what its hints lead to, never another's art."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from nftgan.errors import NftganError
from nftgan.networks.sources import newest_run
from nftgan.project import Project


def runs_near(project: Project) -> Path | None:
    """The folder `runs`, as it is typed here, where `train -o runs` may have put it.

    It is looked for here, and beside the collection and the folder of collections. None without a
    run in it.
    """
    for folder in (Path.cwd(), *project.root.resolve().parents[:2]):
        runs = folder / "runs"
        try:
            if runs.is_dir() and newest_run(runs):
                return Path(os.path.relpath(runs))
        except (NftganError, OSError, ValueError):  # no run in it; ValueError: another drive
            continue
    return None


def model_option(project: Project) -> str:
    """What to type where a collection has no model: its beginning of `curate`'s options.

    Empty where it has one, or names one, or no run is near.
    """
    if project.model_path.exists() or project.config.model.path:
        return ""
    runs = runs_near(project)
    return "" if runs is None else f"--model {shlex.quote(str(runs))}"


def which_model(project: Project) -> str:
    """The hint where a model that was named, or none, cannot be used."""
    runs = runs_near(project)
    if runs is not None:
        return f"--model {shlex.quote(str(runs))}"
    return "nftgan train makes one; --model RUNS, or path in [model] of nftgan.toml, names it"
