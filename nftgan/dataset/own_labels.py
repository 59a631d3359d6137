"""The labels that art brings along in a dataset.json, as StyleGAN's data sets and ours do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nftgan.dataset.decode import Rejected
from nftgan.dataset.labels import LABELS_MEMBER, Labels, labels_of_json
from nftgan.dataset.pack import NOTES_MEMBER
from nftgan.dataset.scan import Candidate, Scan
from nftgan.errors import UsageError
from nftgan.files import parse_json
from nftgan.progress import Progress


def labels_among(
    found: Scan, labels: Labels | None, asked: str | Path | None, progress: Progress
) -> tuple[Scan, Labels | None]:
    """The art without the files that speak of it, and the labels: those asked for, or its own."""
    told = {item.name: item for item in found.candidates}
    places = {found.wrapper + member: member for member in (LABELS_MEMBER, NOTES_MEMBER)}
    own = {member: told.pop(name) for name, member in places.items() if name in told}
    if LABELS_MEMBER in own and asked is None:
        item = own[LABELS_MEMBER]
        try:
            labels = labels_of_json(
                item.path.read_bytes(),
                item.name,
                *(_names(own, key) for key in ("classes", "conditions")),
            )
        except (UsageError, Rejected) as exc:
            progress.warn(f"{exc}: the images are used without labels")
        except OSError as exc:
            progress.warn(f"{item.name} cannot be read ({exc.strerror}): no labels")
    if labels is not None:
        labels = replace(labels, wrapper=found.wrapper)
        absent = labels.absent(told)
        if absent and asked is None and not any(labels.knows(name) for name in told):
            progress.warn(f"{LABELS_MEMBER} speaks of none of these images: it is not used")
            labels = None
        elif absent:
            shown = ", ".join(name[:80] for name in absent[:3])
            shown += ", ..." if len(absent) > 3 else ""
            progress.warn(
                f"{labels.where} labels {len(absent)} that {'is' if len(absent) == 1 else 'are'}"
                f" not among the art: {shown}"
            )
    return replace(found, candidates=tuple(told.values())), labels


def _names(own: Mapping[str, Candidate], key: str) -> tuple[str, ...]:
    """The names that one of our own data sets has for its classes or conditions."""
    try:
        names = parse_json(own[NOTES_MEMBER].path.read_bytes()).get(key)
    except (KeyError, ValueError, AttributeError, OSError, Rejected):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()
