"""A collection as one self-contained HTML page: art, rarity, lineage, costs, proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from shlex import quote
from typing import Any

from nftgan.collection.manifest import Manifest, Piece
from nftgan.page import escape, page, svg, svg_text
from nftgan.provenance.checks import Check, TokenReport
from nftgan.provenance.thumbnails import Thumbnail

TABLE_ROWS = 500
"""Tokens in the table; the manifest has all."""
VALUES_SHOWN = 10
"""Values of one trait, the rarest first."""
BARS = 60
"""Up to so many pieces, each has a bar of its own; then they are counted by score."""
PROBLEMS_SHOWN = 50
PLOT_HEIGHT, PLOT_FLOOR, PLOT_TOP = 190, 158, 22

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
    style = (resources.files("nftgan") / "assets" / "report.css").read_text(encoding="utf-8")
    sections = (
        ("art", "The art", _art(facts)),
        ("rarity", "Rarity", _rarity(facts)),
        ("lineage", "From data set to token", _lineage(facts)),
        ("costs", "What it cost", _costs(facts)),
        ("proof", "What was checked", _proof(facts)),
        ("verify", "Check it yourself", _commands(facts)),
        ("tokens", "All tokens", _tokens(facts)),
    )
    shown = [(name, title, body) for name, title, body in sections if body]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in shown)
    body = [_head(facts), f'<nav aria-label="Sections">{links}</nav>', "<main>"]
    body += [
        f'<section id="{name}"><h2>{title}</h2>\n{text}\n</section>' for name, title, text in shown
    ]
    body += ["</main>", _foot(facts)]
    return page(facts.manifest.collection.name, style, "\n".join(body))


# ---- head and foot ---------------------------------------------------------------------------


def _head(facts: Facts) -> str:
    manifest, section = facts.manifest, facts.manifest.collection
    verdict, sentence = _verdict(facts)
    width, height = manifest.recipe.size
    minted = max((place.minted for place in facts.places), default=0)
    numbers = [
        (f"{len(manifest.pieces):,}", "pieces"),
        (f"{width}×{height}", "pixels"),
        (f"{minted:,}", "minted"),
        (f"{manifest.royalties.percent:g} %", "royalty"),
    ]
    site = section.external_url
    parts = [
        "<header>",
        f'<p class="eyebrow">{escape(section.symbol)}</p>',
        f"<h1><bdi>{escape(section.name)}</bdi></h1>",
        f'<p class="lead"><bdi>{escape(section.description)}</bdi></p>'
        if section.description
        else "",
        f'<p class="site">{_link(site, site)}</p>' if site else "",
        f'<p class="verdict {verdict}"><b>{SIGNS[verdict]}</b> {escape(sentence)}</p>',
        '<dl class="numbers">',
        *(f"<div><dt>{what}</dt><dd>{escape(number)}</dd></div>" for number, what in numbers),
        "</dl></header>",
    ]
    return "\n".join(part for part in parts if part)


def _verdict(facts: Facts) -> tuple[str, str]:
    """The worst of all checks, and one sentence."""
    if any(check.failed for check in facts.checks):
        return "broken", "The files contradict each other: see what was checked."
    if facts.reports is None:
        asked = "the chain was not asked" if facts.places else "on no chain yet"
        return "unchecked", f"The files agree with each other; {asked}."
    failed = sum(bool(report.failed) for report in facts.reports)
    if not failed and any(check.failed for check in facts.collection):
        return "broken", "The tokens hold, the collection as a whole does not."
    proven = sum(report.passed for report in facts.reports)
    if failed:
        return "broken", f"{failed:,} of {len(facts.reports):,} tokens have a broken link."
    if proven == len(facts.reports) and any(check.skipped for check in facts.collection):
        return "unchecked", "The tokens are proven; of the collection not all could be checked."
    if proven < len(facts.reports):
        return "unchecked", f"{proven:,} of {len(facts.reports):,} tokens are proven in full."
    return "holds", f"All {proven:,} minted tokens are proven back to their pixels."


def _foot(facts: Facts) -> str:
    return (
        "<footer><p>Made by <code>nftgan report</code> from "
        f"<code>collection.json</code>, SHA-256 <code>{facts.manifest_sha256}</code>. "
        "This page loads nothing from anywhere.</p></footer>"
    )


# ---- art -------------------------------------------------------------------------------------


def _art(facts: Facts) -> str:
    pieces, images = facts.manifest.pieces, facts.images
    by_id = {piece.id: piece for piece in pieces}
    shares = _shares(pieces)
    cards = "\n".join(
        _card(by_id[number], image, len(pieces), shares) for number, image in images.cards.items()
    )
    parts = []
    if images.sheet is not None:
        parts.append(
            f'<p class="note">The {len(images.cards)} rarest of {len(pieces):,} pieces:</p>'
        )
    parts.append(f'<ul class="cards">{cards}</ul>')
    if images.sheet is not None:
        shown = len(images.sheet_tokens)
        which = "every piece" if images.step == 1 else f"every {_nth(images.step)} piece"
        parts.append(
            f'<figure class="sheet">{images.sheet.element(f"{shown} pieces")}'
            f"<figcaption>{shown:,} of {len(pieces):,}: {which} from token 0 on, row by row. "
            "The images themselves lie in <code>images/</code>.</figcaption></figure>"
        )
    elif not all(image.exact for image in images.cards.values()):
        parts.append(
            '<p class="note">Scaled down for this page; the images themselves lie in '
            "<code>images/</code>.</p>"
        )
    return "\n".join(parts)


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number // 10 % 10 == 1 else ending}"


def _card(piece: Piece, image: Thumbnail, count: int, shares: Mapping[tuple[str, str], int]) -> str:
    traits = "".join(
        f"<div><dt>{escape(kind)}</dt><dd><bdi>{escape(value)}</bdi>"
        f"{_share(shares.get((kind, value)), count)}</dd></div>"
        for kind, value in _traits(piece)
    )
    rank = f"rank {piece.rarity.rank} of {count:,} · " if piece.rarity else ""
    return (
        f'<li class="card" id="t{piece.id}">{image.element(piece.title)}'
        f"<h3><bdi>{escape(piece.title)}</bdi></h3>"
        f'<p class="meta">{rank}seed {piece.seed}</p>'
        + (f'<dl class="traits">{traits}</dl>' if traits else "")
        + "</li>"
    )


def _share(owners: int | None, count: int) -> str:
    return f" <small>{_percent(owners, count)}</small>" if owners else ""


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 else f"{share:.1g} %"


def _traits(piece: Piece) -> list[tuple[str, str]]:
    return [(str(a.get("trait_type", "")), str(a["value"])) for a in piece.attributes]


def _shares(pieces: Iterable[Piece]) -> Counter[tuple[str, str]]:
    """How many pieces have each value of each trait."""
    return Counter(trait for piece in pieces for trait in dict.fromkeys(_traits(piece)))


# ---- rarity ----------------------------------------------------------------------------------


def _rarity(facts: Facts) -> str:
    pieces = facts.manifest.pieces
    ranked = [piece for piece in pieces if piece.rarity]
    if not ranked:
        return ""
    plot = _bars(ranked) if len(ranked) <= BARS else _histogram(ranked)
    caption = (
        "A score is the information in a piece's traits over the collection's mean "
        "(OpenRarity): 1 is average, more is rarer."
    )
    return (
        f'<figure class="plot">{plot}<figcaption>{caption}</figcaption></figure>'
        f'<div class="traitsets">{_trait_tables(pieces)}</div>'
    )


def _score(piece: Piece) -> float:
    return piece.rarity.score if piece.rarity else 0.0


def _axis(high: float) -> list[str]:
    """The floor and, as a dashed line, the mean."""
    mean = PLOT_FLOOR - (PLOT_FLOOR - PLOT_TOP) / high
    return [
        f'<line class="mean" x1="0" x2="100%" y1="{mean:.1f}" y2="{mean:.1f}"/>',
        f'<line class="floor" x1="0" x2="100%" y1="{PLOT_FLOOR}" y2="{PLOT_FLOOR}"/>',
    ]


def _bars(pieces: Sequence[Piece]) -> str:
    """One bar a piece, the rarest first."""
    ordered = sorted(pieces, key=lambda p: (p.rarity.rank if p.rarity else 0, p.id))
    high = max(1.0, *(_score(piece) for piece in ordered))
    width = 100 / len(ordered)
    parts = _axis(high)
    few = len(ordered) <= 16
    for place, piece in enumerate(ordered):
        tall = (PLOT_FLOOR - PLOT_TOP) * _score(piece) / high
        middle = f"{(place + 0.5) * width:.3f}%"
        title = f"{piece.title}: {_score(piece):.3f}"
        parts.append(
            f'<rect class="bar" x="{(place + 0.12) * width:.3f}%" width="{0.76 * width:.3f}%" '
            f'y="{PLOT_FLOOR - tall:.1f}" height="{tall:.1f}" rx="2">'
            f"<title>{escape(title)}</title></rect>"
        )
        if few:
            top = f"{PLOT_FLOOR - tall - 5:.1f}"
            parts.append(svg_text(middle, top, f"{_score(piece):.2f}", "middle"))
        if len(ordered) <= 30:
            parts.append(svg_text(middle, PLOT_FLOOR + 14, f"#{piece.id}", "middle"))
    parts.append(svg_text("0", PLOT_FLOOR + 29, "rarest first, by token"))
    return svg("Rarity score of each piece", parts, width="100%", height=PLOT_HEIGHT)


def _histogram(pieces: Sequence[Piece]) -> str:
    """How many pieces have which score."""
    bins = 40
    low = min(_score(piece) for piece in pieces)
    high = max(_score(piece) for piece in pieces)
    span = (high - low) or 1.0
    counts = Counter(min(bins - 1, int((_score(p) - low) / span * bins)) for p in pieces)
    most = max(counts.values())
    parts = [_axis(1.0)[1]]
    for place in range(bins):
        tall = (PLOT_FLOOR - PLOT_TOP) * counts[place] / most
        edges = [low + span * (place + n) / bins for n in (0, 1)]
        title = f"{counts[place]:,} pieces from {edges[0]:.3f} to {edges[1]:.3f}"
        parts.append(
            f'<rect class="bar" x="{(place + 0.08) * 100 / bins:.3f}%" '
            f'width="{0.84 * 100 / bins:.3f}%" y="{PLOT_FLOOR - tall:.1f}" height="{tall:.1f}">'
            f"<title>{escape(title)}</title></rect>"
        )
    parts.append(svg_text("0", PLOT_TOP - 8, f"{most:,} pieces"))
    parts.append(svg_text("0", PLOT_FLOOR + 14, f"score {low:.2f}"))
    parts.append(svg_text("50%", PLOT_FLOOR + 14, f"{low + span / 2:.2f}", "middle"))
    parts.append(svg_text("100%", PLOT_FLOOR + 14, f"{high:.2f}", "end"))
    parts.append(svg_text("0", PLOT_FLOOR + 29, "common on the left, rare on the right"))
    return svg("How many pieces have which score", parts, width="100%", height=PLOT_HEIGHT)


def _trait_tables(pieces: Sequence[Piece]) -> str:
    """For each trait its values, the rarest first, with the share of pieces that have them."""
    counts: dict[str, Counter[str]] = {}
    for piece in pieces:
        for kind, value in dict.fromkeys(_traits(piece)):
            counts.setdefault(kind, Counter())[value] += 1
    tables = []
    for kind, values in counts.items():
        ordered = sorted(values.items(), key=lambda item: (item[1], item[0]))
        rows = "".join(
            f"<tr><td><bdi>{escape(value)}</bdi></td>"
            f"<td>{_meter(owners / len(pieces))}</td>"
            f'<td class="n">{owners:,}</td>'
            f'<td class="n">{_percent(owners, len(pieces))}</td></tr>'
            for value, owners in ordered[:VALUES_SHOWN]
        )
        left = len(ordered) - VALUES_SHOWN
        more = f'<p class="note">and {left:,} more, less rare</p>' if left > 0 else ""
        tables.append(
            f'<div class="trait"><h3><bdi>{escape(kind)}</bdi></h3>'
            f'<table class="values">{rows}</table>{more}</div>'
        )
    return "".join(tables)


def _meter(share: float) -> str:
    return (
        '<svg class="meter" width="100%" height="8" aria-hidden="true">'
        '<rect class="track" width="100%" height="8" rx="4"/>'
        f'<rect class="bar" width="{100 * share:.2f}%" height="8" rx="4"/></svg>'
    )


# ---- lineage ---------------------------------------------------------------------------------


def _lineage(facts: Facts) -> str:
    """One step after the other; each names the hash that the next one rests on."""
    manifest, meta = facts.manifest, facts.model_meta
    dataset, training = _mapping(meta.get("dataset")), _mapping(meta.get("training"))
    parent = _mapping(meta.get("parent"))
    recipe = manifest.recipe
    steps = [
        (
            "Data set",
            "claimed by whoever trained the model",
            [
                ("name", dataset.get("name")),
                ("images", _count(dataset.get("images"))),
                ("fingerprint", _code(dataset.get("fingerprint"))),
            ],
        ),
        (
            "Training",
            "claimed by whoever trained the model",
            [
                ("network", training.get("cfg") or _mapping(meta.get("architecture")).get("kind")),
                ("length", _unit(training.get("kimg"), "thousand images")),
                ("fine-tuned from", _code(parent.get("identity"))),
                ("its file", parent.get("source")),
                ("its licence", parent.get("licence")),
            ],
        ),
        (
            "Model",
            "identity: a hash over architecture and weights",
            [
                ("identity", _code(manifest.model.identity)),
                ("licence", meta.get("licence")),
                ("on IPFS", _code(manifest.cids.model)),
            ],
        ),
        (
            "Recipe",
            "all that decides the pixels but the seed",
            [
                ("hash", _code(manifest.recipe_hash)),
                ("truncation", f"{recipe.trunc:g}"),
                ("renderer", f"{recipe.renderer}: the same pixels on every machine"),
                ("finish", _finish(facts)),
            ],
        ),
        (
            "Seeds and pixels",
            "token number, seed and pixel hash of every piece under one root",
            [
                ("pieces", f"{len(manifest.pieces):,}"),
                ("Merkle root", _code(manifest.pieces_root)),
            ],
        ),
        (
            "IPFS",
            "an address that is the hash of what it names",
            [
                ("images", _code(manifest.cids.images)),
                ("metadata", _code(manifest.cids.metadata)),
                ("pinned and read back", ", ".join(facts.pins) or "nowhere yet"),
            ],
        ),
    ]
    steps += [
        (
            "Tokens",
            f"ERC-721 on {place.chain}",
            [
                ("chain", f"{place.chain}, id {place.chain_id}"),
                ("contract", _address(place, place.contract)),
                ("owner", _address(place, place.owner)),
                ("since block", f"{place.block:,}"),
                ("minted", f"{place.minted:,} of {len(manifest.pieces):,}"),
            ],
        )
        for place in facts.places
    ] or [("Tokens", "on no chain yet", [])]
    return '<ol class="steps">' + "".join(_step(*step) for step in steps) + "</ol>"


class _Html(str):
    """Text that is HTML already."""


def _step(title: str, note: str, facts: Sequence[tuple[str, object]]) -> str:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt>"
        f"<dd>{value if isinstance(value, _Html) else escape(value)}</dd></div>"
        for name, value in facts
        if value not in (None, "")
    )
    unknown = '<p class="note">The model file does not say.</p>' if facts and not rows else ""
    return (
        f"<li><h3>{escape(title)}</h3>"
        f'<p class="note">{escape(note)}</p>{unknown}<dl class="facts">{rows}</dl></li>'
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> str | None:
    return f"{value:,}" if isinstance(value, int) else None


def _unit(value: object, unit: str) -> str | None:
    return f"{value:g} {unit}" if isinstance(value, int | float) else None


def _code(value: object) -> _Html | None:
    return _Html(f"<code>{escape(value)}</code>") if value else None


def _link(url: str, text: str) -> str:
    """A link that a person may follow; anything but https stays text."""
    if not url.startswith("https://"):
        return escape(text)
    return f'<a href="{escape(url)}" rel="noreferrer noopener">{escape(text)}</a>'


def _address(place: Place, address: str) -> _Html | None:
    if not address:
        return None
    url = f"{place.explorer}/address/{address}" if place.explorer else ""
    return _Html(f"<code>{_link(url, address)}</code>")


def _finish(facts: Facts) -> str | None:
    finish = facts.manifest.recipe.finish
    if finish is None:
        return None
    parts = [
        f"pixel grid {finish.grid}" if finish.grid else "",
        f"{finish.palette} colours" if finish.palette else "",
        f"enlarged {finish.upscale} times ({finish.filter})" if finish.upscale > 1 else "",
    ]
    return ", ".join(part for part in parts if part)


# ---- costs -----------------------------------------------------------------------------------


def _costs(facts: Facts) -> str:
    if not facts.places:
        return "<p>Nothing: the collection is on no chain yet.</p>"
    return "".join(_bill(place) for place in facts.places)


def ether(wei: int) -> str:
    """Wei as ether, six digits that count, never in powers of ten."""
    if wei == 0:
        return "0"
    value = Decimal(wei) / Decimal(10**18)
    digits = max(0, 5 - value.adjusted())
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bill(place: Place) -> str:
    rows = "".join(
        f"<tr><td>{escape(payment.what)}</td>"
        f'<td class="n">{payment.tokens or ""}</td><td class="n">{payment.gas:,}</td>'
        f'<td class="n">{ether(payment.fee_wei)}</td><td class="n">{payment.block:,}</td>'
        f"<td><code>{_transaction(place, payment.hash)}</code></td></tr>"
        for payment in place.payments
    )
    gas = sum(payment.gas for payment in place.payments)
    fee = sum(payment.fee_wei for payment in place.payments)
    each = (
        f" That is {ether(fee // place.minted)} ether and {gas // place.minted:,} gas a token,"
        " the contract's share included."
        if place.minted
        else ""
    )
    money = "" if place.mainnet else " Ether of this chain has no price."
    return (
        f"<h3>{escape(place.chain)}</h3>"
        '<div class="wide"><table class="bill"><thead><tr><th>what</th><th class="n">tokens</th>'
        '<th class="n">gas</th><th class="n">ether</th><th class="n">block</th>'
        f"<th>transaction</th></tr></thead><tbody>{rows}</tbody>"
        f'<tfoot><tr><th>together</th><td class="n">{place.minted:,}</td>'
        f'<td class="n">{gas:,}</td><td class="n">{ether(fee)}</td><td></td><td></td></tr>'
        f"</tfoot></table></div>"
        f'<p class="note">As this collection\'s journals have it.{each}{money}</p>'
    )


def _transaction(place: Place, hash: str) -> str:
    url = f"{place.explorer}/tx/{hash}" if place.explorer else ""
    short = f"{hash[:10]}…{hash[-6:]}" if len(hash) > 20 else hash
    return _link(url, short)


# ---- proof -----------------------------------------------------------------------------------


def _proof(facts: Facts) -> str:
    parts = ["<h3>In the collection's folder</h3>", _check_table(facts.checks)]
    if facts.reports is None:
        hint = "<code>nftgan report --verify</code>" if facts.places else "<code>nftgan mint</code>"
        parts.append(
            f'<h3>On chain</h3><p class="note">Not asked when this page was made: {hint}.</p>'
        )
        return "\n".join(parts)
    parts.append(
        f"<h3>On chain: {len(facts.reports):,} tokens, each image made again from its seed</h3>"
    )
    tally: dict[str, Counter[str]] = {}
    for report in facts.reports:
        for check in report.links:
            tally.setdefault(check.name, Counter())[check.verdict] += 1
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f'<td class="n {v if counts[v] else ""}">{counts[v]:,}</td>' for v in SIGNS)
        + "</tr>"
        for name, counts in tally.items()
    )
    parts.append(
        '<table class="tally"><thead><tr><th>link</th>'
        + "".join(f'<th class="n">{SIGNS[verdict]} {verdict}</th>' for verdict in SIGNS)
        + f"</tr></thead><tbody>{rows}</tbody></table>"
    )
    problems = [
        (report.token, check)
        for report in facts.reports
        for check in report.links
        if not check.passed
    ]
    if problems:
        items = "".join(
            f"<li>token {token}, {escape(check.name)} ({check.verdict}): {escape(check.found)}</li>"
            for token, check in problems[:PROBLEMS_SHOWN]
        )
        left = len(problems) - PROBLEMS_SHOWN
        more = f'<p class="note">and {left:,} more</p>' if left > 0 else ""
        parts.append(f'<ul class="problems">{items}</ul>{more}')
    if facts.collection:
        parts += ["<h3>The collection as a whole</h3>", _check_table(facts.collection)]
    return "\n".join(parts)


def _check_table(links: Iterable[Check]) -> str:
    rows = "".join(
        f'<tr><td class="mark {check.verdict}">{SIGNS[check.verdict]} {check.verdict}</td>'
        f"<td>{escape(check.name)}</td><td>{escape(check.found)}</td></tr>"
        for check in links
    )
    return f'<table class="links">{rows}</table>'


def _commands(facts: Facts) -> str:
    last = len(facts.manifest.pieces) - 1
    every = f"0-{last}" if last else "0"
    parts = [
        "<p>With <code>nftgan</code> installed, nothing on this page has to be believed. In the "
        "collection's folder, make every image again from model, recipe and seed, and compare "
        "it:</p>",
        _shell(f"nftgan regenerate {every} -o proof"),
    ]
    for place in facts.places:
        public = bool(place.explorer)
        # Quoted: who made the folder chose these words, and a reader will paste them.
        options = f"--contract {quote(place.contract)} --chain {quote(place.chain)}"
        options += " --mainnet" if place.mainnet else ""
        gateway = " --gateway https://…" if public else ""
        parts.append(
            f"<p>From the contract on {escape(place.chain)} alone, "
            + (
                "on any machine, through any trustless IPFS gateway"
                if public
                else "on the machine that has this local chain"
            )
            + ":</p>"
        )
        parts.append(
            _shell(
                f"nftgan verify {options}{gateway}",
                f"nftgan regenerate {every} {options}{gateway} -o proof",
            )
        )
    manifest = facts.manifest
    rows = "".join(
        f"<div><dt><code>{escape(name)}()</code></dt><dd><code>{escape(value)}</code></dd></div>"
        for name, value in (
            ("modelIdentity", manifest.model.identity.replace("sha256:", "0x")),
            ("recipeHash", manifest.recipe_hash.replace("sha256:", "0x")),
            ("piecesRoot", manifest.pieces_root),
            ("maxSupply", len(manifest.pieces)),
        )
    )
    parts.append(
        "<p>The contract has these values in its code; any Ethereum tool reads them:</p>"
        f'<dl class="facts">{rows}</dl>'
        '<p class="note">Take the contract\'s address from the artist. That the proof holds says '
        "that a token is what its contract promised, not whose contract it is.</p>"
    )
    return "\n".join(parts)


def _shell(*lines: str) -> str:
    return "<pre><code>" + "\n".join(escape(line) for line in lines) + "</code></pre>"


def _tokens(facts: Facts) -> str:
    pieces = facts.manifest.pieces
    shares = _shares(pieces)
    ordered = sorted(pieces, key=lambda p: (p.rarity.rank if p.rarity else 0, p.id))
    rows = "".join(_token_row(piece, shares, len(pieces)) for piece in ordered[:TABLE_ROWS])
    note = (
        f'<p class="note">The {TABLE_ROWS} rarest of {len(pieces):,}; '
        "<code>collection.json</code> has all.</p>"
        if len(pieces) > TABLE_ROWS
        else ""
    )
    return (
        f'{note}<div class="wide"><table class="all"><thead><tr><th class="n">rank</th>'
        '<th class="n">token</th><th>name</th><th class="n">seed</th><th class="n">score</th>'
        f"<th>rarest trait</th><th>pixel hash</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _token_row(piece: Piece, shares: Mapping[tuple[str, str], int], count: int) -> str:
    traits = _traits(piece)
    rarest = min(traits, key=lambda trait: (shares[trait], trait)) if traits else None
    shown = (
        f"<bdi>{escape(rarest[0])}: {escape(rarest[1])}</bdi>{_share(shares[rarest], count)}"
        if rarest
        else ""
    )
    pixels = (piece.pixels or "").removeprefix("sha256:")
    rank = piece.rarity.rank if piece.rarity else ""
    score = f"{piece.rarity.score:.3f}" if piece.rarity else ""
    return (
        f'<tr><td class="n">{rank}</td><td class="n">{piece.id}</td>'
        f'<td><bdi>{escape(piece.title)}</bdi></td><td class="n">{piece.seed}</td>'
        f'<td class="n">{score}</td><td>{shown}</td>'
        f'<td><code title="{pixels}">{pixels[:16]}…</code></td></tr>'
    )
