"""What this person pinned, and for which collection: no other folder has it forgotten.

A line for each pin in NFTGAN_HOME, not in the collection's folder: the record there may come from
somebody else, and name what belongs to another collection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from nftgan.files import append_line, parse_json
from nftgan.project import Project, state_home


def note_pins(target: str, project: Project, cids: Iterable[str]) -> None:
    """`target` keeps these, and no others, for the collection in this folder."""
    line = {"target": target, "folder": str(project.root), "cids": sorted(set(cids))}
    append_line(_path(), json.dumps(line, sort_keys=True))


def kept_for_others(target: str, project: Project) -> Mapping[str, str]:
    """CID to the folder of another collection of this person for which `target` keeps it.

    Raises nothing: a line that is cut is left out.
    """
    latest: dict[str, list[str]] = {}
    try:
        lines = _path().read_bytes().splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            entry = parse_json(line)
            if entry["target"] == target and isinstance(entry["cids"], list):
                latest[str(entry["folder"])] = [str(cid) for cid in entry["cids"]]
        except (ValueError, KeyError, TypeError):
            continue
    latest.pop(str(project.root), None)
    return {cid: folder for folder, cids in latest.items() for cid in cids}


def _path() -> Path:
    return state_home() / "pinned.jsonl"
