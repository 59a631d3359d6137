"""Where a dataset is written: nothing of anyone else's is touched, and one run writes at a time."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nftgan.dataset.archive import Dataset
from nftgan.dataset.report import report_paths
from nftgan.errors import UsageError
from nftgan.files import lock, translated_os_errors


def check_output(output: Path) -> None:
    """A zip's name, and nothing of someone else's under it."""
    if output.suffix.lower() != ".zip":
        raise UsageError(f"the dataset {output} must be a .zip file", hint=f"-o {output}.zip")
    if output.exists():
        try:
            ours = "inputs" in Dataset.open(output).notes
        except UsageError:
            ours = False
        if not ours:
            raise UsageError(
                f"{output} exists and was not made by nftgan prepare",
                hint="move it away, or choose another name",
            )


def _temporary_files(output: Path) -> list[Path]:
    """What a run that was killed has left beside `output`."""
    return sorted(output.parent.glob(f".{glob.escape(output.name)}.*"))


def own_files(output: Path, labels: str | Path | None) -> frozenset[Path]:
    """Files that may lie in the art folder and are no art."""
    own = [output, *report_paths(output), *_temporary_files(output)]
    if labels is not None:
        own.append(Path(labels))
    return frozenset(path.resolve() for path in own)


@contextmanager
def only_writer(output: Path) -> Iterator[None]:
    """Keeps a second run away from `output`, and clears what a killed one left."""
    guard = output.parent / f".{output.name}.lock"
    with lock(guard, what=str(output)):
        try:
            for path in _temporary_files(output):
                if path != guard:
                    with translated_os_errors(path):
                        path.unlink()
            yield
        finally:
            guard.unlink(missing_ok=True)
