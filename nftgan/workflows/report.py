"""report: one HTML page that shows a collection, what it cost, and how far it is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nftgan.chain.journal import Journal
from nftgan.chain.networks import known_chains
from nftgan.collection import metadata as documents
from nftgan.collection.manifest import Manifest, Piece, load_manifest
from nftgan.errors import MissingStepError, NftganError, UsageError
from nftgan.files import sha256_file, write_text
from nftgan.networks.model_file import ModelFile, read_model
from nftgan.pixels import pixel_hash
from nftgan.png import read_png
from nftgan.progress import SILENT, Progress, track
from nftgan.project import Project
from nftgan.provenance.checks import FAIL, PASS, SKIPPED, Check, TokenReport
from nftgan.provenance.report import Facts, Images, Payment, Place, render
from nftgan.provenance.thumbnails import Thumbnail, scaled, sheet, thumbnail
from nftgan.provenance.verify import Verifier
from nftgan.provenance.whole import collection_checks
from nftgan.workflows.pin import pins
from nftgan.workflows.publishing import deployments, mint_journal_path
from nftgan.workflows.sources import project_model
from nftgan.workflows.verify import verify

ALL_SHOWN = 100
"""Up to so many pieces, every one has a card."""
RAREST_SHOWN = 48
"""Cards of a larger collection."""
SHEET_TILES, SHEET_COLUMNS, SHEET_SIDE = 1024, 32, 40
"""The sheet of a larger collection: images, in a row, and pixels a side."""


@dataclass(frozen=True)
class ReportResult:
    """The page, and what it says in short."""

    path: Path
    bytes: int
    pieces: int
    cards: int
    on_sheet: int
    asked_chain: bool
    checks: tuple[Check, ...]
    tokens: tuple[TokenReport, ...]
    collection: tuple[Check, ...] = ()  # of the whole, when the chain was asked

    @property
    def failed(self) -> tuple[str, ...]:
        """One sentence for each thing that does not hold."""
        own = [f"{check.name}: {check.found}" for check in self.checks if check.failed]
        return (*own, *self._on_chain("failed"))

    @property
    def skipped(self) -> tuple[str, ...]:
        """One sentence for each thing that was asked of the chain and could not be checked."""
        return self._on_chain("skipped")

    def _on_chain(self, how: Literal["failed", "skipped"]) -> tuple[str, ...]:
        tokens = [(f"token {one.token}", getattr(one, how)) for one in self.tokens]
        whole = [one for one in self.collection if getattr(one, how)]
        return tuple(
            f"{where}: {check.name}: {check.found}"
            for where, checks in [*tokens, ("the collection", whole)]
            for check in checks
        )


def report(
    project: Project,
    output: Path | None = None,
    *,
    verifier: Verifier | None = None,
    progress: Progress = SILENT,
) -> ReportResult:
    """Write the page (else to report.html in the folder); the same state gives the same bytes.

    Every image is compared with its recorded hash. With `verifier` every minted token is verified
    as `nftgan verify` does it, and so is the collection as a whole; the page says what was found.
    Raises MissingStepError before `render`.
    """
    manifest = load_manifest(project)
    if not manifest.rendered:
        raise MissingStepError(f"{project.name} has not been rendered yet", hint="nftgan render")
    images, stale = _images(project, manifest, progress)
    model, checks = _checks(project, manifest, stale)
    reports = _verified(verifier, project, progress)
    whole = collection_checks(verifier, measured=True) if verifier is not None else ()
    facts = Facts(
        manifest=manifest,
        manifest_sha256=sha256_file(project.manifest_path),
        model_meta=model.info if model else {},
        checks=checks,
        reports=reports,
        collection=whole,
        places=tuple(_places(project)),
        pins=tuple(sorted(name for name, pin in pins(project).items() if _is_verified(pin))),
        images=images,
    )
    path = output if output is not None else project.root / "report.html"
    text = render(facts)
    write_text(path, text)
    return ReportResult(
        path,
        len(text.encode()),
        len(manifest.pieces),
        len(images.cards),
        len(images.sheet_tokens),
        reports is not None,
        checks,
        reports or (),
        whole,
    )


# ---- images --------------------------------------------------------------------------------


def _images(project: Project, manifest: Manifest, progress: Progress) -> tuple[Images, list[str]]:
    """What is shown, and one sentence for each image that is not what was recorded."""
    pieces = manifest.pieces
    many = len(pieces) > ALL_SHOWN
    carded = {piece.id for piece in _rarest(pieces)[:RAREST_SHOWN]} if many else range(len(pieces))
    step = max(1, -(-len(pieces) // SHEET_TILES))
    side = 512 if len(pieces) <= 24 else 320
    cards: dict[int, Thumbnail] = {}
    tiles: dict[int, np.ndarray] = {}
    stale = []
    for piece in track(pieces, progress, "looking at", "images"):
        path = project.images / f"{piece.id}.png"
        try:
            image = read_png(path)
        except NftganError:
            stale.append(f"{path.name} cannot be read")
            continue
        if pixel_hash(image) != piece.pixels:
            stale.append(f"{path.name} has other pixels than were recorded")
        if piece.id in carded:
            cards[piece.id] = thumbnail(image, side)
        if many and piece.id % step == 0:
            tiles[piece.id] = scaled(image, SHEET_SIDE)
    order = [piece.id for piece in (_rarest(pieces) if many else pieces) if piece.id in cards]
    return (
        Images(
            {number: cards[number] for number in order},
            sheet(list(tiles.values()), SHEET_SIDE, SHEET_COLUMNS) if tiles else None,
            tuple(tiles),
            step,
        ),
        stale,
    )


def _rarest(pieces: Sequence[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda p: (p.rarity.rank if p.rarity else len(pieces), p.id))


# ---- checks ----------------------------------------------------------------------------------


def _checks(
    project: Project, manifest: Manifest, stale: list[str]
) -> tuple[ModelFile | None, tuple[Check, ...]]:
    """What can be checked without a chain, in the order of the pipeline."""
    model, checks = None, []
    try:
        model = read_model(project_model(project))
        same = model.identity == manifest.model.identity
        found = "has the recorded identity" if same else f"is another model: {model.identity}"
        checks.append(Check("model", PASS if same else FAIL, f"model.safetensors {found}"))
    except NftganError as exc:
        checks.append(Check("model", FAIL, exc.message))
    checks.append(Check("manifest", PASS, "every hash in collection.json follows from its content"))
    count = len(manifest.pieces)
    more = f" (and {len(stale) - 1} more)" if len(stale) > 1 else ""
    checks.append(
        Check("images", FAIL, stale[0] + more)
        if stale
        else Check("images", PASS, f"every image ({count:,}) has its recorded pixels")
    )
    checks.append(_metadata_check(project, manifest))
    checks += _deployment_checks(project, manifest)
    return model, tuple(checks)


def _metadata_check(project: Project, manifest: Manifest) -> Check:
    if manifest.cids.metadata is None:
        return Check("metadata", SKIPPED, "not written yet: nftgan metadata")
    try:
        problems = documents.check(manifest, project.metadata)
    except NftganError as exc:  # the manifest has words that no metadata may have
        return Check("metadata", FAIL, exc.message)
    if problems:
        return Check("metadata", FAIL, f"{problems[0].where} {problems[0].what}")
    found = f"every file ({len(manifest.pieces) + 1:,}) is what the manifest leads to"
    return Check("metadata", PASS, found)


def _deployment_checks(project: Project, manifest: Manifest) -> list[Check]:
    """The record of each deployment against the manifest: did anything change since?"""
    checks = []
    for record in deployments(project):
        fixed = record.get("fixed")
        wanted = {
            "model": manifest.model.identity,
            "recipe": manifest.recipe_hash,
            "root": manifest.pieces_root,
            "max_supply": len(manifest.pieces),
        }
        same = isinstance(fixed, Mapping) and all(fixed.get(k) == v for k, v in wanted.items())
        found = (
            "was deployed for exactly this model, recipe and these pieces"
            if same
            else "was deployed for another model, recipe or other pieces"
        )
        name = f"deployment on {record.get('chain')}"
        checks.append(Check(name, PASS if same else FAIL, found))
    return checks


def _verified(
    verifier: Verifier | None, project: Project, progress: Progress
) -> tuple[TokenReport, ...] | None:
    if verifier is None:
        return None
    verifier.measuring = True
    reports = []
    with progress.task("verifying", verifier.supply, "tokens") as task:
        for one in verify(verifier, None, project=project):
            reports.append(one)
            task.advance()
    return tuple(reports)


def _is_verified(pin: object) -> bool:
    return isinstance(pin, Mapping) and bool(pin.get("verified"))


# ---- chains and costs ------------------------------------------------------------------------


def _places(project: Project) -> list[Place]:
    """Each chain that the collection is on, with every transaction that was paid for."""
    places = []
    known = known_chains()
    for record in deployments(project):
        try:
            chain_id = int(record["chain_id"])
            path = mint_journal_path(project, chain_id)
            mint = Journal.read(path)
            paid = _payments(Journal.read(project.deployments / f"{chain_id}.jsonl"), {})
            paid += _payments(mint, mint.plans)
            chain = known.get(str(record["chain"]))
            places.append(
                Place(
                    chain=str(record["chain"]),
                    chain_id=chain_id,
                    explorer=chain.explorer if chain else "",
                    mainnet=bool(chain and chain.mainnet),
                    contract=str(record["collection"]),
                    owner=str(record.get("owner", "")),
                    block=int(record.get("block", 0)),
                    minted=sum(payment.tokens for payment in paid),
                    payments=tuple(paid),
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise UsageError(
                f"the record of a deployment in {project.deployments} is damaged",
                hint="restore it from a copy",
            ) from exc
    return places


def _payments(journal: Journal, plans: Mapping[str, Any]) -> list[Payment]:
    return [
        Payment(
            what=operation,
            tokens=int(plans[operation]["count"]) if operation in plans else 0,
            gas=int(final["gas"]),
            fee_wei=int(final["fee_wei"]),
            block=int(final["block"]),
            hash=str(final["hash"]),
        )
        for operation, final in journal.finals.items()
    ]
