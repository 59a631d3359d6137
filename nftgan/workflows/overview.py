"""Where a person stands: what of nftgan lies in a folder, and the command that comes next.

Only small files are read, and no chain is asked. A file that cannot be read is left out: this is
for looking around, not for checking.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nftgan.errors import NftganError
from nftgan.files import parse_json, read_json
from nftgan.networks.sources import BASE_SIDES, RUN_OPTIONS
from nftgan.project import CONFIG_NAME, Project, find_project
from nftgan.words import counted

_NETWORK = re.compile(r"network-(\d{6})\.safetensors")
_ART = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp"})
_LOOKED_AT = 200
"""Entries of a folder that are looked at, so that a large one is not gone through."""
_TAIL_BYTES = 16_384
_SHOWN = 6


@dataclass(frozen=True)
class Found:
    """One thing that lies here."""

    kind: str
    """art, data set, run, collection, or the folder of another work"""
    path: Path
    about: str


@dataclass(frozen=True)
class Overview:
    """What lies in a folder, oldest step first, and the command to type next."""

    folder: Path
    found: tuple[Found, ...]
    next: str


def overview(folder: Path) -> Overview:
    """Data sets, runs and collections in `folder`, or the collection that it belongs to."""
    inside = _around(folder)
    if inside is not None:
        about, following = _state(inside)
        return Overview(folder, (Found("collection", inside.root, about),), following)
    sets, runs, collections = _data_sets(folder), _runs(folder), _collections(folder)
    here = bool(sets or runs or collections)
    works = [] if here else _works(folder)
    art = [] if here or works else _art(folder)
    shown = [*art, *sets, *runs, *works]
    following = "nftgan demo --keep demo"
    if collections:
        states = [(project, *_state(project)) for project in collections]
        shown += [Found("collection", project.root, about) for project, about, _ in states]
        following = next(
            (step for _, _, step in states if not step.startswith("nftgan verify")), states[0][2]
        )
    elif runs:
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-") or "my-art"
        following = f"nftgan init {shlex.quote(name)}"
    elif sets:
        following = f"nftgan train {shlex.quote(sets[0].path.name)} -o runs"
        if sets[0].side in BASE_SIDES:
            following += " --resume base"
    elif works:
        following = f"cd {shlex.quote(works[0].path.name)} && nftgan"
    elif art:
        named = shlex.quote(art[0].path.name)
        following = f"nftgan prepare {named} -o {shlex.quote(art[0].path.name + '.zip')}"
    return Overview(folder, tuple(shown), following)


def _around(folder: Path) -> Project | None:
    for root in (folder, *folder.parents):
        if (root / CONFIG_NAME).is_file():
            return find_project(root)
    return None


def _state(project: Project) -> tuple[str, str]:
    """What is done in a collection in a few words, and what comes next."""
    from nftgan.workflows.status import status

    try:
        state = status(project, offline=True)
    except NftganError as exc:
        hint = f"nftgan status{project.flag}"
        return f"cannot be read: {exc.message}", exc.hint or hint
    done = [step.verb for step in state.steps if step.done]
    by_verb = {step.verb: step.found for step in state.steps}
    parts = [by_verb["curate"]] if "curate" in done else ["no pieces yet"]
    if "deploy" in done:
        parts.append(f"on {by_verb['deploy']}")
    if "mint" in done:
        parts.append("all minted")
    elif "deploy" not in done and len(done) > 1:
        parts.append(f"{done[-1]} is done")
    return ", ".join(parts), state.next


def _entries(folder: Path) -> Iterator[Path]:
    """Entries by name that are not hidden, the first of them; none where that is not allowed."""
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return
    yield from names[:_LOOKED_AT]


@dataclass(frozen=True)
class _DataSet(Found):
    side: int  # pixels


def _data_sets(folder: Path) -> list[_DataSet]:
    """Those that prepare made, by the reports beside them; the last by name."""
    zips = [path for path in _entries(folder) if path.suffix == ".zip"]
    found = [one for path in zips if (one := _data_set(path)) is not None]
    return found[-_SHOWN:]


def _data_set(path: Path) -> _DataSet | None:
    try:
        report = read_json(path.with_suffix(".report.json"))
        side, kept = report["resolution"], report["kept"]
    except (NftganError, OSError, KeyError, TypeError):
        return None
    if not (isinstance(side, int) and isinstance(kept, int)):
        return None
    about = f"{counted(kept, 'image')} of {side} x {side} pixels"
    return _DataSet("data set", path, about, side)


def _runs(folder: Path) -> list[Found]:
    holders = [folder, *(path for path in _entries(folder) if path.is_dir())]
    runs = [
        path
        for holder in holders
        for path in _entries(holder)
        if path.name[:5].isdecimal() and (path / RUN_OPTIONS).is_file()
    ]
    return [Found("run", path, _run_state(path)) for path in runs[-_SHOWN:]]


def _run_state(run: Path) -> str:
    try:
        total = read_json(run / RUN_OPTIONS)["total_images"] / 1000
    except (NftganError, OSError, KeyError, TypeError):
        return "made by another version"
    networks = [int(m[1]) for p in _entries(run) if (m := _NETWORK.fullmatch(p.name))]
    done = max([_last_kimg(run), *networks])
    text = f"{done:g} of {total:g} kimg"
    return text if done >= total else f"{text}; its train command goes on"


def _last_kimg(run: Path) -> float:
    """Where the last line of the statistics says that it is; 0 without one."""
    path = run / "stats.jsonl"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return 0.0
    for line in reversed(lines):
        try:
            return float(parse_json(line)["images"]) / 1000
        except (NftganError, KeyError, TypeError, ValueError):
            continue  # cut short by a kill
    return 0.0


def _collections(folder: Path) -> list[Project]:
    """The last changed first."""
    places = [*_entries(folder), *_entries(folder / "collections")]
    configs = [path / CONFIG_NAME for path in places if (path / CONFIG_NAME).is_file()]
    configs.sort(key=lambda path: -path.parent.stat().st_mtime)
    found = []
    for config in configs[:_SHOWN]:
        try:
            found.append(find_project(config.parent))
        except NftganError:
            continue  # a link that leads out of it
    return found


def _works(folder: Path) -> list[Found]:
    """Folders inside that hold what nftgan made, as `demo --keep` leaves one; the last first."""
    found = []
    for path in _entries(folder):
        if not path.is_dir():
            continue
        counts = {
            "data set": len(_data_sets(path)),
            "run": len(_runs(path / "runs")),
            "collection": len(_collections(path)),
        }
        about = ", ".join(counted(count, what) for what, count in counts.items() if count)
        if about:
            found.append(Found("folder", path, about))
    return sorted(found, key=lambda one: -one.path.stat().st_mtime)[:_SHOWN]


def _art(folder: Path) -> list[Found]:
    found = []
    for path in _entries(folder):
        if path.is_dir():
            images = sum(one.suffix.lower() in _ART for one in _entries(path))
            if images:
                more = " and more" if images == _LOOKED_AT else ""
                found.append(Found("art", path, f"{counted(images, 'image')}{more}"))
    return sorted(found, key=lambda one: -int(one.about.split()[0].replace(",", "")))[:_SHOWN]
