"""A collection as one self-contained HTML page: art, rarity, lineage, costs, proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from shlex import quote
from typing import Any

from nftgan.collection.manifest import Manifest, Piece
from nftgan.page import document
from nftgan.provenance.checks import Check, TokenReport
from nftgan.provenance.rarity_plot import by_rank, rarity_plot
from nftgan.provenance.thumbnails import Thumbnail
from nftgan.words import counted, ordinal, percent

TABLE_ROWS = 500
"""Tokens in the table; the manifest has all."""
VALUES_SHOWN = 10
"""Values of one trait, the rarest first."""
PROBLEMS_SHOWN = 50

SIGNS = {"holds": "✓", "broken": "✗", "unchecked": "?", "unproven": "·"}


@dataclass(frozen=True)
class Payment:
    """One transaction that was paid for; tokens: how many it minted."""

    what: str
    tokens: int
    gas: int
    fee_wei: int
    block: int
    hash: str


@dataclass(frozen=True)
class Place:
    """One chain that the collection is on."""

    chain: str
    chain_id: int
    explorer: str  # empty: none
    mainnet: bool  # money is real
    contract: str
    owner: str
    block: int
    minted: int
    payments: tuple[Payment, ...]


@dataclass(frozen=True)
class Images:
    """What the page shows: cards by token in their order, and one sheet of many."""

    cards: Mapping[int, Thumbnail]
    sheet: Thumbnail | None
    sheet_tokens: tuple[int, ...]
    step: int  # the sheet has every step-th token


@dataclass(frozen=True)
class Facts:
    """All that the page says. Equal facts give equal bytes."""

    manifest: Manifest
    manifest_sha256: str
    model_meta: Mapping[str, Any]
    checks: tuple[Check, ...]
    reports: tuple[TokenReport, ...] | None  # None: no chain was asked
    places: tuple[Place, ...]
    pins: tuple[str, ...]
    images: Images
    collection: tuple[Check, ...] = ()  # of the whole, by the chain


def render(facts: Facts) -> str:
    """The page as text. Nothing in it asks any other machine for anything."""
    verdict, sentence = _verdict(facts)
    manifest = facts.manifest
    return document(
        "collection.html",
        title=manifest.collection.name,
        sheets=("document.css",),
        collection=manifest.collection,
        manifest=manifest,
        manifest_sha256=facts.manifest_sha256,
        verdict=verdict,
        sentence=sentence,
        signs=SIGNS,
        numbers=_numbers(facts),
        images=facts.images,
        cards=_cards(facts),
        sheet_step="every piece"
        if facts.images.step == 1
        else f"every {ordinal(facts.images.step)} piece",
        plot=rarity_plot(manifest.pieces),
        traits_tables=_trait_tables(manifest.pieces),
        steps=_lineage(facts),
        bills=[_bill(place) for place in facts.places],
        checks=facts.checks,
        whole=facts.collection,
        asked=facts.reports is not None,
        on_chain=bool(facts.places),
        tally=_tally(facts.reports or ()),
        reports=len(facts.reports or ()),
        problems=_problems(facts.reports or ()),
        problems_shown=PROBLEMS_SHOWN,
        commands=_commands(facts),
        fixed=_fixed(manifest),
        tokens=_tokens(manifest.pieces),
        table_rows=TABLE_ROWS,
    )


# ---- head ------------------------------------------------------------------------------------


def _numbers(facts: Facts) -> list[tuple[str, str]]:
    manifest = facts.manifest
    width, height = manifest.recipe.size
    minted = max((place.minted for place in facts.places), default=0)
    return [
        ("piece" if len(manifest.pieces) == 1 else "pieces", f"{len(manifest.pieces):,}"),
        ("pixels", f"{width:,} × {height:,}"),
        ("minted", f"{minted:,}"),
        ("royalty", f"{manifest.royalties.percent:g} %"),
    ]


def _verdict(facts: Facts) -> tuple[str, str]:
    """The worst of all checks, and one sentence; "agree" when only the files were asked."""
    if any(check.failed for check in facts.checks):
        return "broken", "The files contradict each other: see what was checked."
    if facts.reports is None:
        chain = "The chain was not asked for this page." if facts.places else "On no chain yet."
        return "agree", f"The files agree with each other. {chain}"
    failed = sum(bool(report.failed) for report in facts.reports)
    if not failed and any(check.failed for check in facts.collection):
        return "broken", "The tokens hold, the collection as a whole does not."
    proven = sum(report.passed for report in facts.reports)
    if failed:
        return "broken", f"{failed:,} of {counted(len(facts.reports), 'token')} have a broken link."
    if proven == len(facts.reports) and any(check.skipped for check in facts.collection):
        return "unchecked", "The tokens are proven; of the collection not all could be checked."
    if proven < len(facts.reports):
        return "unchecked", f"{proven:,} of {len(facts.reports):,} tokens are proven in full."
    return "holds", f"All {proven:,} minted tokens are proven back to their pixels."


# ---- art -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trait:
    """One trait of a piece; share: of the pieces that have this value, as a person reads it."""

    kind: str
    value: str
    share: str


def _cards(facts: Facts) -> list[dict[str, Any]]:
    """The pieces that are shown one by one; a title does not repeat the collection's name."""
    pieces = facts.manifest.pieces
    by_id = {piece.id: piece for piece in pieces}
    shares = _shares(pieces)
    name = facts.manifest.collection.name
    cards = []
    for number, image in facts.images.cards.items():
        piece = by_id[number]
        short = piece.title.removeprefix(name).strip() or piece.title
        cards.append(
            {
                "piece": piece,
                "short": short,
                "image": image,
                "traits": [
                    _Trait(kind, value, percent(shares[kind, value], len(pieces)))
                    for kind, value in _traits(piece)
                ],
            }
        )
    return cards


def _traits(piece: Piece) -> list[tuple[str, str]]:
    return [(str(a.get("trait_type", "")), str(a["value"])) for a in piece.attributes]


def _shares(pieces: Iterable[Piece]) -> Counter[tuple[str, str]]:
    """How many pieces have each value of each trait."""
    return Counter(trait for piece in pieces for trait in dict.fromkeys(_traits(piece)))


# ---- rarity ----------------------------------------------------------------------------------


def _trait_tables(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """For each trait its values, the rarest first, with the share of pieces that have them."""
    counts: dict[str, Counter[str]] = {}
    for (kind, value), owners in _shares(pieces).items():
        counts.setdefault(kind, Counter())[value] += owners
    tables = []
    for kind, values in counts.items():
        ordered = sorted(values.items(), key=lambda item: (item[1], item[0]))
        rows = [
            (value, owners, f"{100 * owners / len(pieces):.2f}%", percent(owners, len(pieces)))
            for value, owners in ordered[:VALUES_SHOWN]
        ]
        tables.append(
            {"kind": kind, "rows": rows, "left": max(0, len(ordered) - VALUES_SHOWN)},
        )
    return tables


# ---- lineage ---------------------------------------------------------------------------------

Fact = tuple[str, object, bool, str]
"""What, its value, whether that is code, where it links to."""


@dataclass(frozen=True)
class _Step:
    """One step from the art to the token; each names the hash that the next one rests on."""

    title: str
    note: str
    facts: tuple[Fact, ...]


def _lineage(facts: Facts) -> list[_Step]:
    manifest, meta = facts.manifest, facts.model_meta
    dataset, training = _mapping(meta.get("dataset")), _mapping(meta.get("training"))
    parent = _mapping(meta.get("parent"))
    recipe = manifest.recipe
    images, kimg = dataset.get("images"), training.get("kimg")
    claimed = "claimed by whoever trained the model"
    steps = [
        _step(
            "Data set",
            claimed,
            ("name", dataset.get("name")),
            ("images", f"{images:,}" if isinstance(images, int) else None),
            _code("fingerprint", dataset.get("fingerprint")),
        ),
        _step(
            "Training",
            claimed,
            ("network", training.get("cfg") or _mapping(meta.get("architecture")).get("kind")),
            ("length", f"{kimg:g} thousand images" if isinstance(kimg, int | float) else None),
            _code("fine-tuned from", parent.get("identity")),
            ("its file", parent.get("source")),
            ("its licence", parent.get("licence")),
        ),
        _step(
            "Model",
            "identity: a hash over architecture and weights",
            _code("identity", manifest.model.identity),
            ("licence", meta.get("licence")),
            _code("on IPFS", manifest.cids.model),
        ),
        _step(
            "Recipe",
            "all that decides the pixels but the seed",
            _code("hash", manifest.recipe_hash),
            ("truncation", f"{recipe.trunc:g}"),
            ("renderer", f"{recipe.renderer}: the same pixels on every machine"),
            ("finish", _finish(facts)),
        ),
        _step(
            "Seeds and pixels",
            "token number, seed and pixel hash of every piece under one root",
            ("pieces", f"{len(manifest.pieces):,}"),
            _code("Merkle root", manifest.pieces_root),
        ),
        _step(
            "IPFS",
            "an address that is the hash of what it names",
            _code("images", manifest.cids.images),
            _code("metadata", manifest.cids.metadata),
            ("pinned and read back", ", ".join(facts.pins) or "nowhere yet"),
        ),
    ]
    on_chain = [
        _step(
            "Tokens",
            f"ERC-721 on {place.chain}",
            ("chain", f"{place.chain}, id {place.chain_id}"),
            _code("contract", place.contract, _url(place, "address", place.contract)),
            _code("owner", place.owner, _url(place, "address", place.owner)),
            ("since block", f"{place.block:,}"),
            ("minted", f"{place.minted:,} of {len(manifest.pieces):,}"),
        )
        for place in facts.places
    ]
    return [*steps, *(on_chain or [_step("Tokens", "on no chain yet")])]


def _step(title: str, note: str, *facts: tuple[Any, ...]) -> _Step:
    """Facts without a value are left out; a plain one is (what, value)."""
    known = tuple(
        (fact[0], fact[1], *(fact[2:] or (False, "")))
        for fact in facts
        if fact[1] not in (None, "")
    )
    if facts and not known:
        note += ". The model file does not say"
    return _Step(title, note, known)


def _code(what: str, value: object, url: str = "") -> Fact:
    return what, value, True, url


def _url(place: Place, kind: str, name: str) -> str:
    """Where the chain's explorer shows it; empty without an explorer."""
    return f"{place.explorer}/{kind}/{name}" if place.explorer and name else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _finish(facts: Facts) -> str | None:
    finish = facts.manifest.recipe.finish
    if finish is None:
        return None
    parts = [
        f"pixel grid {finish.grid}" if finish.grid else "",
        f"{finish.palette} colours" if finish.palette else "",
        f"{len(finish.colours) // 6} colours of the art" if finish.colours else "",
        f"{finish.effect} of {finish.effect.package}" if finish.effect else "",
        f"enlarged {finish.upscale} times ({finish.filter})" if finish.upscale > 1 else "",
    ]
    return ", ".join(part for part in parts if part)


# ---- costs -----------------------------------------------------------------------------------


def ether(wei: int) -> str:
    """Wei as ether, six digits that count, never in powers of ten."""
    if wei == 0:
        return "0"
    value = Decimal(wei) / Decimal(10**18)
    digits = max(0, 5 - value.adjusted())
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bill(place: Place) -> dict[str, Any]:
    """What was paid on one chain."""
    gas = sum(payment.gas for payment in place.payments)
    fee = sum(payment.fee_wei for payment in place.payments)
    each = (
        f" That is {ether(fee // place.minted)} ether and {gas // place.minted:,} gas a token,"
        " the contract's share included."
        if place.minted
        else ""
    )
    money = "" if place.mainnet else " Ether of this chain has no price."
    return {
        "place": place,
        "rows": [
            (payment, ether(payment.fee_wei), _short(payment.hash), _url(place, "tx", payment.hash))
            for payment in place.payments
        ],
        "gas": gas,
        "ether": ether(fee),
        "note": f"As this collection's journals have it.{each}{money}",
    }


def _short(hash: str) -> str:
    return f"{hash[:10]}…{hash[-6:]}" if len(hash) > 20 else hash


# ---- proof -----------------------------------------------------------------------------------


def _tally(reports: Sequence[TokenReport]) -> list[tuple[str, Counter[str]]]:
    """For each link of the chain of custody, how many tokens have which verdict."""
    tally: dict[str, Counter[str]] = {}
    for report in reports:
        for check in report.links:
            tally.setdefault(check.name, Counter())[check.verdict] += 1
    return list(tally.items())


def _problems(reports: Sequence[TokenReport]) -> list[tuple[int, Check]]:
    return [
        (report.token, check) for report in reports for check in report.links if not check.passed
    ]


def _commands(facts: Facts) -> list[tuple[str, tuple[str, ...]]]:
    """(a sentence, what to type) for whoever wants to check it all."""
    last = len(facts.manifest.pieces) - 1
    every = f"0-{last}" if last else "0"
    commands: list[tuple[str, tuple[str, ...]]] = [
        (
            "With nftgan installed, nothing on this page has to be believed. In the collection's"
            " folder, make every image again from model, recipe and seed, and compare it:",
            (f"nftgan regenerate {every} -o proof",),
        )
    ]
    for place in facts.places:
        public = bool(place.explorer)
        # Quoted: who made the folder chose these words, and a reader will paste them.
        options = f"--contract {quote(place.contract)} --chain {quote(place.chain)}"
        options += " --mainnet" if place.mainnet else ""
        gateway = " --gateway https://…" if public else ""
        where = (
            "on any machine, through any trustless IPFS gateway"
            if public
            else "on the machine that has this local chain"
        )
        commands.append(
            (
                f"From the contract on {place.chain} alone, {where}:",
                (
                    f"nftgan verify {options}{gateway}",
                    f"nftgan regenerate {every} {options}{gateway} -o proof",
                ),
            )
        )
    return commands


def _fixed(manifest: Manifest) -> list[tuple[str, object]]:
    """What the contract has in its code."""
    return [
        ("modelIdentity", manifest.model.identity.replace("sha256:", "0x")),
        ("recipeHash", manifest.recipe_hash.replace("sha256:", "0x")),
        ("piecesRoot", manifest.pieces_root),
        ("maxSupply", len(manifest.pieces)),
    ]


def _tokens(pieces: Sequence[Piece]) -> list[tuple[Piece, _Trait | None, str]]:
    """The rarest pieces, each with its rarest trait and pixel hash."""
    shares = _shares(pieces)
    rows = []
    for piece in by_rank(pieces)[:TABLE_ROWS]:
        kinds = _traits(piece)
        rarest = min(kinds, key=lambda trait: (shares[trait], trait)) if kinds else None
        trait = rarest and _Trait(*rarest, percent(shares[rarest], len(pieces)))
        rows.append((piece, trait, (piece.pixels or "").removeprefix("sha256:")))
    return rows
