"""status: what is done, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nftgan.project import Project
from nftgan.words import counted


@dataclass(frozen=True)
class Step:
    """One verb of the pipeline: whether it is done, and a few words about it."""

    verb: str
    done: bool
    found: str


@dataclass(frozen=True)
class Status:
    """The steps in order, and the command to type next."""

    collection: str
    folder: Path
    steps: tuple[Step, ...]
    next: str
    links: Mapping[str, str] = field(default_factory=dict)  # by chain: can the base URI be moved


def status(project: Project, *, offline: bool = False) -> Status:
    """What of the pipeline is done in `project`: by its files, and of its chains briefly whether
    the base URI is frozen. offline: nobody is asked.

    Raises UsageError when a file of the collection is damaged.
    """
    from nftgan.collection.manifest import Manifest
    from nftgan.workflows.frozen import base_uri_states
    from nftgan.workflows.own_runs import model_option
    from nftgan.workflows.pin import pins, verified_places
    from nftgan.workflows.publishing import deployments, journal_summary
    from nftgan.workflows.sale_record import sales, sold_tokens
    from nftgan.workflows.stale_settings import is_deployed, settings_changed

    steps: list[Step] = []
    exists = project.manifest_path.is_file()
    manifest = Manifest.load(project.manifest_path) if exists else None
    pieces = manifest.pieces if manifest else ()
    overridden = sum(piece.override_reason is not None for piece in pieces)
    found = counted(len(pieces), "piece") + (
        f", {overridden} too like other art, kept knowingly" if overridden else ""
    )
    if manifest and manifest.novelty_problem:
        found += f"; near-copies were not looked for: {manifest.novelty_problem}"
    steps.append(Step("curate", bool(pieces), found))
    rendered = sum((project.images / f"{p.id}.png").is_file() and bool(p.pixels) for p in pieces)
    found = f"{rendered} of {counted(len(pieces), 'image')}"
    steps.append(Step("render", _all(rendered, pieces), found))
    written = sum((project.metadata / f"{p.id}.json").is_file() for p in pieces)
    final = manifest is not None and bool(manifest.cids.metadata)
    found = f"{written} of {counted(len(pieces), 'file')}"
    steps.append(Step("metadata", _all(written, pieces) and final, found))
    changed = settings_changed(project, manifest) if manifest else ()
    if changed and not is_deployed(project):
        steps.append(Step("curate --same", False, f"nftgan.toml changed: {', '.join(changed)}"))
    verified = verified_places(project, manifest) if manifest else []
    others = [f"{name} (not verified)" for name in pins(project) if name not in verified]
    steps.append(Step("pin", bool(verified), ", ".join([*verified, *others]) or "nowhere yet"))
    deployed = deployments(project)
    found = ", ".join(f"{d['chain']}: {d['collection']}" for d in deployed) or "nowhere yet"
    if deployed and changed:
        found += f"; nftgan.toml says another {', '.join(changed)}, the contract's counts"
    steps.append(Step("deploy", bool(deployed), found))
    sold = sold_tokens(project)
    minted = journal_summary(project) | ({"sold": sold} if sold else {})
    found = ", ".join(f"{count} {state}" for state, count in minted.items()) or "nothing yet"
    deep = sum(minted.get(state, 0) for state in ("final", "finalized", "sold"))
    all_final = bool(pieces) and deep >= len(pieces)
    steps.append(Step("mint", all_final, found))
    on_sale = [chain for chain, record in sales(project).items() if not record["closed"]]
    if on_sale and not all_final:
        steps.append(Step("sale status", False, f"on sale on {', '.join(on_sale)}"))
        steps = [step for step in steps if step.verb != "mint"]
    pending = next((step.verb for step in steps if not step.done), "verify")
    arguments = [model_option(project), "--auto 12"] if pending == "curate" else []
    command = " ".join(filter(None, ["nftgan", pending, *arguments])) + project.flag
    links = {} if offline or not deployed else base_uri_states(deployed)
    return Status(project.config.collection.name, project.root, tuple(steps), command, links)


def _all(count: int, pieces: tuple[object, ...] | list[object]) -> bool:
    return bool(pieces) and count == len(pieces)
