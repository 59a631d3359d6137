"""What a person may name as a model: a file, a run, a folder of runs, a URL, or `base`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from nftgan.errors import MissingStepError, UsageError

BASE = "base"
BASE_SIDES = (16, 32)  # pixels of the models that ship, each base-SIDE.safetensors
USUAL_SIDE = 32  # of plain `base`
RUN_OPTIONS = "training_options.json"


class MissingModelError(UsageError):
    """Nothing is where a model was named."""


def base_model(side: int = USUAL_SIDE) -> Path:
    """The CC0-trained model for `side` pixels that ships (see docs/base-model.md).

    Raises UsageError for a side that none was made for.
    """
    if side not in BASE_SIDES:
        made = ", ".join(map(str, BASE_SIDES))
        raise UsageError(
            f"no base model is made for {side} pixels, only for {made}",
            hint=f"nftgan prepare ART --resolution {_nearest(side)}, or train without --resume",
        )
    return Path(str(resources.files("nftgan"))) / "assets" / f"base-{side}.safetensors"


def _nearest(side: int) -> int:
    return min(BASE_SIDES, key=lambda made: (abs(made - side), made))


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
        if named == BASE:
            return base_model()
        if named in (f"{BASE}-{side}" for side in BASE_SIDES):
            return base_model(int(named.removeprefix(f"{BASE}-")))
        if named.startswith(("https://", "http://")):
            return named
    path = Path(named).expanduser()
    if relative_to is not None and not path.is_absolute():
        path = relative_to / path
    if path.is_dir():
        return newest_run(path)
    if not path.exists():
        raise MissingModelError(
            f"the model {named} does not exist", hint="nftgan train, or --model base"
        )
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
    return isinstance(source, Path) and source.parent == base_model().parent
