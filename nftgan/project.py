"""A collection folder: how it is found, what is in it and where."""

from __future__ import annotations

import os
import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import platformdirs

from nftgan.config import ProjectConfig, read_config
from nftgan.errors import MissingStepError, UsageError
from nftgan.files import lock
from nftgan.links import refuse_links

CONFIG_NAME = "nftgan.toml"
MODEL_NAME = "model.safetensors"


@dataclass(frozen=True)
class Project:
    """The paths of one collection (docs/formats.md says what is in them)."""

    root: Path

    @cached_property
    def config(self) -> ProjectConfig:
        return read_config(self.config_path)

    @property
    def name(self) -> str:
        """The folder's name: also the name of its CAR file."""
        return self.root.name

    @property
    def config_path(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def manifest_path(self) -> Path:
        return self.root / "collection.json"

    @property
    def model_path(self) -> Path:
        """The generator that the pieces come from; `curate` puts it there."""
        return self.root / MODEL_NAME

    @property
    def history(self) -> Path:
        """Choices of pieces that later ones replaced, each in a numbered folder."""
        return self.root / "history"

    @property
    def ratings_path(self) -> Path:
        return self.root / "ratings.jsonl"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def metadata(self) -> Path:
        return self.root / "metadata"

    @property
    def live(self) -> Path:
        """The page that draws a token by itself, and its recipe (`metadata --live`)."""
        return self.root / "live"

    @property
    def contract_json(self) -> Path:
        return self.metadata / "contract.json"

    @property
    def car_path(self) -> Path:
        return self.root / f"{self.name}.car"

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    @property
    def sales(self) -> Path:
        """What was put on sale: terms, journals, and the secrets of blind sales."""
        return self.root / "sales"

    @property
    def pins_path(self) -> Path:
        """What is pinned where, and whether it was read back."""
        return self.root / "pins.json"

    @property
    def flag(self) -> str:
        """What leads a verb to this folder, as a shell reads it; "" where one stands in it."""
        here = Path.cwd()
        if self.root == here:
            return ""
        near = self.root.relative_to(here) if self.root.is_relative_to(here) else self.root
        return f" -C {shlex.quote(str(near))}"

    def lock(self) -> AbstractContextManager[None]:
        """Held by every verb that writes in this folder."""
        return lock(self.root / ".lock", what=f"the collection {self.name}")


def state_home() -> Path:
    """Where the embedded chain, the embedded block store, keys and caches live.

    NFTGAN_HOME, else where the system keeps the data of programs: on Linux $XDG_DATA_HOME/nftgan
    or ~/.local/share/nftgan.
    """
    if home := os.environ.get("NFTGAN_HOME"):
        return Path(home).expanduser()
    return platformdirs.user_data_path("nftgan", appauthor=False)


def find_project(folder: str | Path | None = None) -> Project:
    """The collection in `folder`, else in the nearest parent of the current folder.

    Raises MissingStepError when there is none, UsageError when something in it is a link.
    """
    if folder is not None:
        root = Path(folder).expanduser().resolve()
        if not root.is_dir():
            raise UsageError(f"{folder} is not a folder", hint="nftgan init NAME")
        if not (root / CONFIG_NAME).is_file():
            raise MissingStepError(f"{folder} has no {CONFIG_NAME}", hint="nftgan init NAME")
        refuse_links(root)
        return Project(root)
    here = Path.cwd()
    for root in (here, *here.parents):
        if (root / CONFIG_NAME).is_file():
            refuse_links(root)
            return Project(root)
    raise MissingStepError(
        f"no {CONFIG_NAME} in {here} or above it",
        hint="nftgan init NAME, then cd collections/NAME or add -C collections/NAME",
    )
