"""What a person may name as a model: a file, a run, a folder of runs, a URL, or `base`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from nftgan.errors import MissingStepError, UsageError

BASE = "base"
RUN_OPTIONS = "training_options.json"
ASSETS = Path(str(resources.files("nftgan"))) / "assets"


@dataclass(frozen=True)
class BaseModel:
    """A model that ships, by the name that a person may type (see docs/base-model.md)."""

    name: str
    side: int  # pixels
    art: str  # what it draws, in words
    pixel_art: bool = False

    @property
    def path(self) -> Path:
        return ASSETS / f"{self.name}.safetensors"


BASES = (
    BaseModel("base-16", 16, "pixel art", pixel_art=True),
    BaseModel("base-32", 32, "drawn avatars"),
    BaseModel("base-32-characters", 32, "drawn characters"),
    BaseModel("base-64-landscapes", 64, "drawn landscapes"),
)
"""Every one that ships; `scripts/base_art/pack.py` writes the files."""
USUAL = "base-32"
"""What plain `base` is where no art decides."""
BASE_SIDES = tuple(sorted({base.side for base in BASES}))


class MissingModelError(UsageError):
    """Nothing is where a model was named."""


def base_named(name: str | Path) -> BaseModel | None:
    """The base model of that name, `base` for the usual one; None for any other name."""
    wanted = USUAL if name == BASE else name
    return next((base for base in BASES if base.name == wanted), None)


def base_model(side: int | None = None) -> Path:
    """The file of the first base model for `side` pixels; without a side, of the usual one.

    Raises UsageError for a side that none was made for.
    """
    for base in BASES:
        if base.side == side or (side is None and base.name == USUAL):
            return base.path
    made = ", ".join(map(str, BASE_SIDES))
    raise UsageError(f"no base model is made for {side} pixels, only for {made}")


def newest_run(folder: Path) -> Path:
    """`folder` itself when it is a run, else the run in it with the highest number.

    Runs that somebody has renamed come before all numbers, the one begun last as their newest.
    Raises MissingStepError when there is none.
    """
    if is_run(folder):
        return folder
    runs = sorted((one for one in folder.iterdir() if one.is_dir() and is_run(one)), key=_begun)
    if not runs:
        raise MissingStepError(
            f"{folder} holds no training run", hint="nftgan train DATASET -o RUNS"
        )
    return runs[-1]


def _begun(run: Path) -> tuple[int, float, str]:
    number = int(run.name[:5]) if run.name[:5].isascii() and run.name[:5].isdecimal() else -1
    return number, (run / RUN_OPTIONS).stat().st_mtime, run.name


def is_run(folder: Path) -> bool:
    """Whether `train` made this folder."""
    return (folder / RUN_OPTIONS).is_file()


def model_source(named: str | Path, *, relative_to: Path | None = None) -> str | Path:
    """What `load_networks` takes for the model that a person named; a Path is only ever a path.

    Raises UsageError when nothing is there.
    """
    if isinstance(named, str):
        if base := base_named(named):
            return base.path
        if named.startswith(("https://", "http://")):
            return named
    path = Path(named).expanduser()
    if relative_to is not None and not path.is_absolute():
        path = relative_to / path
    if path.is_dir():
        return newest_run(path)
    if not path.exists():
        hint = "nftgan train, or --model base"
        if str(named).startswith(f"{BASE}-"):
            hint = f"those that ship are {', '.join(base.name for base in BASES)}"
        raise MissingModelError(f"the model {named} does not exist", hint=hint)
    return path


def run_of(source: str | Path) -> Path | None:
    """The run folder that a model comes from; None when it comes from elsewhere."""
    if isinstance(source, Path):
        for folder in (source, source.parent):
            if is_run(folder):
                return folder
    return None


def is_shipped_model(source: str | Path) -> bool:
    """Whether the model is one that comes with the package."""
    return isinstance(source, Path) and source.parent == ASSETS
