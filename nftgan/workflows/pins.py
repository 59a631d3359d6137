"""Where the collection is pinned: the list, whether anybody else can fetch it, and unpinning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nftgan.chain.networks import Chain
from nftgan.collection.manifest import Manifest, load_manifest
from nftgan.errors import CheckFailed, NftganError
from nftgan.files import write_json
from nftgan.ipfs.backends import Backend, open_backend
from nftgan.ipfs.cid import Cid
from nftgan.project import Project
from nftgan.workflows.pin import (
    EMBEDDED,
    embedded_store,
    is_own_place,
    pins,
    promised_cids,
    store_folder,
    verified_places,
)
from nftgan.workflows.pin_notes import kept_for_others, note_pins
from nftgan.workflows.stale_settings import is_deployed

LOCAL_CHAINS = frozenset({"embedded", "anvil"})


def serving_warning(project: Project, manifest: Manifest, chain: Chain) -> str | None:
    """What to say before tokens on a public chain lead to content that only this machine has."""
    if chain.name in LOCAL_CHAINS:
        return None
    places = verified_places(project, manifest)
    if not all(map(is_local, places)):
        return None
    where = f"in {', '.join(places)} on this machine" if places else "nowhere that was read back"
    return (
        f"the content is {where}: on {chain.name} every wallet and market will show empty tokens"
        " until it is pinned where others can fetch it, such as nftgan pin --to pinata"
    )


def is_local(target: str) -> bool:
    """Whether the place is on this machine; a place that cannot be opened is taken for another."""
    try:
        with opened(target) as backend:
            return backend.limits.local
    except NftganError:
        return False


@dataclass(frozen=True)
class PlacePins:
    """What one place keeps of the collection, by its record and by its own word."""

    target: str
    place: str
    state: str  # as pins.json has it: verified, "sent, not verified" or failed
    root: str
    current: bool  # whether this is the collection as it is now
    pinned: Mapping[str, bool]  # name to whether the place says that it keeps it; empty: not asked
    until: str
    error: str = ""


UNTIL_UNPINNED = "until you unpin it"
UNTIL_PLAN_ENDS = "until you unpin it, or the service ends your plan"


def list_pins(project: Project, *, ask: bool = True) -> tuple[PlacePins, ...]:
    """What is pinned where; `ask`: every place is asked for each CID. Nothing is changed.

    A place that cannot be asked says why in `error`. Raises UsageError for a damaged record.
    """
    manifest = load_manifest(project)
    found = []
    for target, entry in pins(project).items():
        if not isinstance(entry, dict):
            continue
        roots = _recorded_roots(entry)
        current = set(filter(None, promised_cids(manifest).values())) <= set(roots.values())
        pinned, error, place = dict[str, bool](), "", str(entry.get("place", target))
        local = is_local(target)
        if ask and not is_own_place(target):
            error = "not asked: its address comes with the folder; nftgan pin --to it is asked"
        elif ask:
            try:
                with opened(target) as backend:
                    place = backend.name
                    pinned = {name: backend.is_pinned(Cid.parse(c)) for name, c in roots.items()}
            except NftganError as exc:
                error = exc.message
        found.append(
            PlacePins(
                target,
                place,
                str(entry.get("state", "")),
                str(entry.get("root", "")),
                current,
                pinned,
                UNTIL_UNPINNED if local else UNTIL_PLAN_ENDS,
                error,
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Unpinned:
    """What a place was told to forget; `freed`: files of blocks that were deleted here."""

    target: str
    cids: Mapping[str, str]
    freed: int = 0


def plan_unpin(project: Project, target: str, *, force: bool = False) -> Mapping[str, str]:
    """Name to CID of what `target` would forget: what is on record, and the collection as it is.

    Not what it keeps for another collection of this person, such as the model of both: the record
    may have come with the folder, and name what is not its own. Raises CheckFailed, unless `force`,
    when the collection is deployed and no other place was read back: its tokens would lead nowhere.
    """
    manifest = load_manifest(project)
    others = [place for place in verified_places(project, manifest) if place != target]
    if not force and not others and is_deployed(project):
        raise CheckFailed(
            f"{project.name} is deployed, and {target} is the only place that was read back",
            hint="pin it elsewhere first, or add --force: its tokens will lead nowhere",
        )
    entry = pins(project).get(target)
    found = {name: cid for name, cid in promised_cids(manifest).items() if cid is not None}
    named = {**found, **_recorded_roots(entry if isinstance(entry, dict) else {})}
    others_keep = kept_for_others(target, project)
    return {name: cid for name, cid in named.items() if cid not in others_keep}


def unpin(
    project: Project, target: str, cids: Mapping[str, str], *, collect: bool = False
) -> Unpinned:
    """`target` is told to forget these; run again, nothing happens.

    collect: delete the blocks of the embedded store that no pin needs any more. Raises UsageError,
    ServiceError or CredentialError; what was forgotten before stays so.
    """
    with project.lock(), opened(target) as backend:
        for cid in dict.fromkeys(cids.values()):
            backend.unpin(Cid.parse(cid))
        known = pins(project)
        if known.pop(target, None) is not None:
            write_json(project.pins_path, known)
        note_pins(target, project, ())
    freed = embedded_store().collect() if collect and target == EMBEDDED else 0
    return Unpinned(target, dict(cids), freed)


def _recorded_roots(entry: Mapping[str, Any]) -> dict[str, str]:
    """Name to CID of what the record of a place names, in the one spelling of each CID."""
    cids = entry.get("cids")
    named = {"root": entry.get("root"), **(cids if isinstance(cids, dict) else {})}
    found = {}
    for name, text in named.items():
        try:
            if isinstance(text, str) and str(Cid.parse(text)) == text:
                found[str(name)] = text
        except NftganError:
            continue
    return found


@contextmanager
def opened(target: str) -> Iterator[Backend]:
    """The place called `target`, closed afterwards."""
    backend = open_backend(target, store=store_folder())
    try:
        yield backend
    finally:
        backend.close()
