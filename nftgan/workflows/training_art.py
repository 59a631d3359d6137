"""The art that a model learned from: noted where it was seen, found again by its fingerprint.

Without it nobody can tell whether a piece is a near-copy, so where it cannot be found that is said
at every step up to the mint. A path alone is not enough: it may be relative to another folder, and
a file may have been renamed or replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.dataset.archive import Dataset
from nftgan.errors import NftganError, UsageError
from nftgan.files import append_line, parse_json, read_json
from nftgan.networks.sources import RUN_OPTIONS, is_shipped_model, run_of
from nftgan.project import state_home


@dataclass(frozen=True)
class TrainingArt:
    """What was found. `missing` is a sentence for a person, empty when nothing is missing."""

    dataset: Dataset | None
    missing: str = ""


def note_art(path: Path, fingerprint: str) -> None:
    """From now on the data set is found at `path`, for as long as the file stays as it is.

    A home that cannot be written is no error: it is then looked for elsewhere.
    """
    try:
        line = {"fingerprint": fingerprint, **_state_of(path.resolve())}
        if line not in _noted():
            append_line(_notes_path(), json.dumps(line, sort_keys=True))
    except (NftganError, OSError):
        pass


def find_training_art(
    source: str | Path,
    dataset: Path | None,
    meta: dict[str, Any],
    *,
    near: Path,
    transparent: bool = False,
) -> TrainingArt:
    """The art of the model from `source`: `dataset` when it is named, else the one it learned from.

    meta: of the model file. near: a folder in and above which it may lie. transparent: whether the
    model makes RGBA. Raises UsageError for a named data set that cannot be opened, or not compared
    as its images have another kind of channels.
    """
    if dataset is not None:
        named = Dataset.open(dataset)
        if (named.channels == 4) != transparent:
            made, held = ("transparent", "opaque") if transparent else ("opaque", "transparent")
            raise UsageError(
                f"{dataset} holds {held} images and the model makes {made} ones: near-copies would"
                " not be seen",
                hint=f"name a set made by nftgan prepare {'with' if transparent else 'without'}"
                " --alpha",
            )
        return TrainingArt(named)
    if is_shipped_model(source):
        return TrainingArt(None)  # its art is not shipped; it is CC0 and named in its file
    run = run_of(source)
    facts = (meta if run is None else read_json(run / RUN_OPTIONS)).get("dataset")
    facts = facts if isinstance(facts, dict) else {}
    wanted = facts.get("fingerprint")
    if not isinstance(wanted, str):
        return TrainingArt(None, "the model does not say what art it learned from")
    for path in _candidates(facts, run, near):
        found = _opened(path, wanted, facts.get("images"))
        if found is not None:
            return TrainingArt(found)
    name = Path(str(facts.get("path") or facts.get("name") or "its data set")).name
    return TrainingArt(None, f"the training art {name} was not found")


def _candidates(facts: dict[str, Any], run: Path | None, near: Path) -> Iterator[Path]:
    """Where it may lie, the likeliest first, each once."""
    seen: set[Path] = set()
    for path in _possible(facts, run, near):
        path = path.resolve()
        if path not in seen:
            seen.add(path)
            if path.exists():
                yield path


def _possible(facts: dict[str, Any], run: Path | None, near: Path) -> Iterator[Path]:
    recorded = facts.get("path")
    starts = [Path.cwd(), *(run.resolve().parents[:3] if run else ()), near, *near.parents[:3]]
    if isinstance(recorded, str) and recorded:
        yield from (start / recorded for start in starts)
    for line in reversed(_noted()):
        if line.get("fingerprint") == facts.get("fingerprint"):
            yield Path(str(line.get("path")))
    if isinstance(recorded, str) and recorded:
        yield from (start / Path(recorded).name for start in starts)


def _opened(path: Path, wanted: str, images: Any) -> Dataset | None:
    """The data set in `path` when it is the wanted one."""
    try:
        found = Dataset.open(path)
        if isinstance(images, int) and len(found) != images:
            return None
        # Every image is decoded for a fingerprint: once noted, the file's state speaks for it.
        if path.is_file() and {"fingerprint": wanted, **_state_of(path)} in _noted():
            return found
        if found.fingerprint != wanted:
            return None
    except (NftganError, OSError):
        return None
    note_art(path, wanted)
    return found


def _notes_path() -> Path:
    return state_home() / "datasets.jsonl"


def _noted() -> list[dict[str, Any]]:
    try:
        texts = _notes_path().read_bytes().splitlines()
    except OSError:
        return []
    lines = []
    for text in texts:
        try:
            line = parse_json(text)
        except ValueError:
            continue  # a torn note costs a search
        if isinstance(line, dict):
            lines.append(line)
    return lines


def _state_of(path: Path) -> dict[str, Any]:
    """What changes when a zip is replaced; of a folder only the path is known."""
    state: dict[str, Any] = {"path": str(path)}
    if path.is_file():
        facts = path.stat()
        state |= {"bytes": facts.st_size, "modified": facts.st_mtime_ns}
    return state
