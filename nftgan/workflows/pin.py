"""pin: the collection's content to one or more places, read back, and one CAR to keep."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.collection.manifest import Manifest
from nftgan.errors import (
    CheckFailed,
    CredentialError,
    NftganError,
    PartlyDone,
    ServiceError,
    UsageError,
)
from nftgan.files import append_line, read_json, write_json
from nftgan.ipfs.backends import Backend, open_backend
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.car_validate import validate_car
from nftgan.ipfs.gateway import Gateway
from nftgan.ipfs.importer import Tree
from nftgan.ipfs.pinning import PinResult, pack, pin_car
from nftgan.ipfs.preflight import (
    DagStats,
    TargetPlan,
    car_estimate,
    car_stats,
    plan_for,
    require_disk_space,
    scan,
)
from nftgan.ipfs.store import BlockStore
from nftgan.ipfs.verify import VerifyMode
from nftgan.progress import SILENT, Progress
from nftgan.project import MODEL_NAME, Project, state_home
from nftgan.workflows.files_folder import FILES, files_tree
from nftgan.workflows.live_folder import live_tree
from nftgan.workflows.metadata import ready_manifest
from nftgan.workflows.pin_notes import note_pins
from nftgan.workflows.sources import project_model

EMBEDDED = "embedded"
SAMPLED = 200
"""Blocks of a sample, about: for the guess of a dry run."""

Opened = list[tuple[str, Backend]]


@dataclass(frozen=True)
class Pinned:
    """The root that holds everything, the CAR to keep, and where it was proven to be."""

    root: str
    car: Path
    car_bytes: int
    blocks: int
    shape: DagStats  # `shape` in `pin --json`
    plans: tuple[TargetPlan, ...]
    targets: tuple[PinResult, ...]  # none in a dry run


def store_folder() -> Path:
    """Where the embedded store is: one for all collections of a person."""
    return state_home() / "ipfs"


def embedded_store() -> BlockStore:
    return BlockStore(store_folder())


def open_gateway(port: int) -> Gateway:
    """A loopback gateway over the embedded store. Raises UsageError when the port is taken."""
    return Gateway(embedded_store().get, port)


def pin(
    project: Project,
    targets: Sequence[str] = (EMBEDDED,),
    *,
    verify_mode: VerifyMode | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Pinned:
    """Every target holds every block, read back as `verify_mode` says; so does the CAR.

    verify_mode: None reads back all from this machine and a sample from elsewhere. Each target is
    tried even when one before it fails. Raises PartlyDone that names those that failed when others
    did not, else the error of the first; MissingStepError before `metadata`; CheckFailed when a
    file changed since. Run again after a kill, it finishes with the same CIDs.
    """
    with contextlib.ExitStack() as stack:
        opened = _open(targets, stack, plans_only=dry_run)
        stack.enter_context(project.lock())
        manifest = ready_manifest(project)
        tree = collection_tree(project, manifest)
        known = pins(project)
        needed = car_estimate(tree)
        if dry_run:
            stats = scan(tree)
            plans = _plans(opened, stats, verify_mode, known)
            require_disk_space(project.root, needed)
            return _pinned(stats, project.car_path, plans, ())
        require_disk_space(project.root, needed)
        progress.note(f"packing {project.car_path.name}")
        check_promises(pack(tree, project.car_path).cids, manifest)

        def remember(target: str, entry: dict[str, Any]) -> None:
            known[target] = entry
            write_json(project.pins_path, known)
            _note_place(target)
            note_pins(target, project, [entry["root"], *entry["cids"].values()])

        return _pin_all(
            project.car_path,
            opened,
            label=project.name,
            journal=project.root / "pin.jsonl",
            verify_mode=verify_mode,
            known=known,
            remember=remember,
            progress=progress,
        )


def pin_again(
    path: Path,
    targets: Sequence[str],
    *,
    verify_mode: VerifyMode | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Pinned:
    """`pin` of a CAR that was kept, without its collection: the same CIDs at other places.

    Nothing is written or sent unless the CAR is whole. Raises UsageError.
    """
    car = CarFile(path)
    validate_car(car)
    with contextlib.ExitStack() as stack:
        opened = _open(targets, stack, plans_only=dry_run)
        if dry_run:
            stats = car_stats(car)
            return _pinned(stats, path, _plans(opened, stats, verify_mode, {}), ())
        return _pin_all(
            path,
            opened,
            label=path.stem,
            journal=path.with_suffix(".pin.jsonl"),
            verify_mode=verify_mode,
            known={},
            remember=lambda target, entry: None,
            progress=progress,
        )


def _open(targets: Sequence[str], stack: contextlib.ExitStack, *, plans_only: bool) -> Opened:
    """All of them, or an error before anything is sent to any."""
    opened = []
    for target in dict.fromkeys(targets):
        backend = open_backend(target, store=store_folder(), plans_only=plans_only)
        stack.callback(backend.close)
        opened.append((target, backend))
    return opened


def verify_mode_for(backend: Backend, verify_mode: VerifyMode | None) -> VerifyMode:
    """What is read back there when nothing was said."""
    return verify_mode or ("all" if backend.limits.local else "sample")


def _plans(
    opened: Opened, stats: DagStats, verify_mode: VerifyMode | None, known: Mapping[str, Any]
) -> tuple[TargetPlan, ...]:
    counts = {"all": stats.blocks, "sample": min(stats.blocks, SAMPLED), "none": 0}
    return tuple(
        plan_for(
            target,
            backend,
            stats,
            read_blocks=counts[verify_mode_for(backend, verify_mode)],
            bytes_per_second=_rate(known.get(target)),
        )
        for target, backend in opened
    )


def _rate(entry: Any) -> float | None:
    rate = entry.get("bytes_per_second") if isinstance(entry, dict) else None
    return float(rate) if isinstance(rate, int) and rate > 0 else None


def _pinned(
    stats: DagStats, car: Path, plans: tuple[TargetPlan, ...], results: Sequence[PinResult]
) -> Pinned:
    return Pinned(stats.root, car, stats.car_bytes, stats.blocks, stats, plans, tuple(results))


def _pin_all(
    path: Path,
    opened: Opened,
    *,
    label: str,
    journal: Path,
    verify_mode: VerifyMode | None,
    known: Mapping[str, Any],
    remember: Callable[[str, dict[str, Any]], None],
    progress: Progress,
) -> Pinned:
    stats = car_stats(CarFile(path))
    plans = _plans(opened, stats, verify_mode, known)
    results: list[PinResult] = []
    failures: list[tuple[str, NftganError]] = []
    for (target, backend), plan in zip(opened, plans, strict=True):
        old = known.get(target)
        for note in plan.notes:
            progress.note(f"{plan.place}: {note}")
        try:
            result = pin_car(
                path,
                backend,
                label=label,
                journal_path=journal,
                verify_mode=verify_mode_for(backend, verify_mode),
                progress=progress,
            )
        except (CheckFailed, CredentialError, PartlyDone, ServiceError, UsageError) as exc:
            failures.append((target, exc))
            remember(target, _failed(stats, old, exc))
            if len(opened) > 1:
                progress.warn(f"{target} failed: {exc.message}")
            continue
        results.append(result)
        remember(target, _done(result, old))
    if failures:
        raise _verdict(failures, [target for target, _ in opened], results)
    return _pinned(stats, path, plans, results)


def _done(result: PinResult, old: Any) -> dict[str, Any]:
    verified = result.checked_blocks > 0
    entry: dict[str, Any] = {
        "place": result.target,
        "root": result.root,
        "cids": dict(result.cids),
        "verified": verified,
        "state": "verified" if verified else "sent, not verified",
        "checked_blocks": result.checked_blocks,
        "blocks": result.blocks,
    }
    if rate := result.bytes_per_second or _rate(old):
        entry["bytes_per_second"] = int(rate)
    return entry


def _failed(stats: DagStats, old: Any, error: NftganError) -> dict[str, Any]:
    """A proof stays one while a service cannot be asked; a wrong block ends it."""
    holds = isinstance(old, dict) and old.get("root") == stats.root and old.get("verified")
    if holds and not isinstance(error, CheckFailed):
        return {**old, "error": error.message}
    return {
        "root": stats.root,
        "cids": dict(stats.cids),
        "verified": False,
        "state": "failed",
        "error": error.message,
        **({"bytes_per_second": int(rate)} if (rate := _rate(old)) else {}),
    }


def _verdict(
    failures: Sequence[tuple[str, NftganError]],
    targets: Sequence[str],
    results: Sequence[PinResult],
) -> NftganError:
    first = failures[0][1]
    if len(targets) == 1:
        return first
    said = "; ".join(f"{target} failed: {error.message}" for target, error in failures)
    if not results:
        return type(first)(said, hint=first.hint)
    again = " ".join(f"--to {target}" for target, _ in failures)
    return PartlyDone(
        f"pinned to {len(results)} of {len(targets)} places; {said}",
        hint=f"{first.hint or 'see to it'}; only the rest: nftgan pin {again}",
    )


def collection_tree(project: Project, manifest: Manifest) -> Tree:
    """What is published under one root: images, metadata and, unless withheld, the model."""
    names = [str(piece.id) for piece in manifest.pieces]
    tree: dict[str, Any] = {
        "images": {f"{name}.png": project.images / f"{name}.png" for name in names},
        "metadata": {
            "contract.json": project.contract_json,
            **{f"{name}.json": project.metadata / f"{name}.json" for name in names},
        },
    }
    if manifest.cids.model is not None:
        tree[MODEL_NAME] = project_model(project)
    if manifest.cids.files is not None:
        tree[FILES] = files_tree(project)
    if manifest.cids.live is not None:
        tree["live"] = live_tree(project)
    return tree


def check_promises(cids: Mapping[str, str], manifest: Manifest) -> None:
    """What was packed has the CIDs that the metadata promises. Raises CheckFailed."""
    for name, promised in promised_cids(manifest).items():
        if cids.get(name) != promised:
            raise CheckFailed(
                f"{name} changed since its CID was computed",
                hint="nftgan render, then nftgan metadata",
            )


def promised_cids(manifest: Manifest) -> dict[str, str | None]:
    """The CIDs that metadata and contract name: of images, metadata and, unless kept, the model."""
    cids = manifest.cids
    roots = {"images": cids.images, "metadata": cids.metadata, MODEL_NAME: cids.model}
    for name in (FILES, "live"):
        if (cid := getattr(cids, name)) is not None:
            roots[name] = cid
    return roots


def pins(project: Project) -> dict[str, Any]:
    """Target to what is known of its pin."""
    if not project.pins_path.exists():
        return {}
    record = read_json(project.pins_path)
    if not isinstance(record, dict):
        raise UsageError(f"{project.pins_path} is damaged", hint="delete it and run nftgan pin")
    return record


def verified_places(project: Project, manifest: Manifest) -> list[str]:
    """The targets from which the content that the manifest promises now was read back."""
    promised = promised_cids(manifest)
    return [
        target
        for target, entry in pins(project).items()
        if isinstance(entry, dict)
        and entry.get("verified")
        and isinstance(cids := entry.get("cids"), dict)
        and all(cids.get(name) == cid for name, cid in promised.items())
    ]


def _places_path() -> Path:
    return state_home() / "places.txt"


def _note_place(target: str) -> None:
    """An address that this person pinned to; only such a one is asked again, with its token."""
    if "=" in target and not is_own_place(target):
        append_line(_places_path(), target)


def is_own_place(target: str) -> bool:
    """Whether the place was named by this person: a folder from somebody else names its maker's.

    Raises nothing: an unreadable note means no.
    """
    if "=" not in target:
        return True  # its address comes from this person's own settings
    try:
        return target in _places_path().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
