"""The collector's page of one collection: every file of the site, the same for the same state.

The site is a folder of plain files. `collection.js` holds what is promised of the pieces; images,
metadata and the model lie beside it as they are published. A page that was opened from disk may
not fetch, so `disk/` holds each of those files once more, as a script.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nftgan
from nftgan.chain.artifact import COLLECTION, COLLECTION_CODE
from nftgan.collection.manifest import Manifest, Piece
from nftgan.page import BASE, render, sheet
from nftgan.png import read_png
from nftgan.provenance.thumbnails import encoded, scaled
from nftgan.site.birth import shipped
from nftgan.site.offers import LIBRARY, Offer, offer_facts
from nftgan.site.renderer import HERE, joined, script
from nftgan.words import counted

MARK = "nftgan-site.json"
"""The file that says that a folder is a site, and which files are its own."""
PAGE = HERE / "page"
STUDIO = Path(nftgan.__file__).parent / "studio" / "static"
MODEL = "model.safetensors"
THUMBNAIL_SIDE, LARGE_SIDE = 420, 512
"""The gallery shows images whose longer side has more pixels than the second by small JPEGs."""

Content = bytes | Path
"""What a file holds, or the file that it is a copy of."""


@dataclass(frozen=True)
class Sources:
    """Where the published files are, and what is known besides the manifest.

    folder: the blocks of the folder metadata/, without those of its files. lineage: (what,
    value) as a person reads them. places: (chain, contract address, block
    of the deployment). in_place: the site lies in the collection's folder and refers to its files.
    foreign: the kind of the model's networks, where no page can run them. transparent: whether the
    pieces are RGBA.
    """

    images: Path
    metadata: Path
    model: Path | None
    folder: Sequence[bytes]
    lineage: Sequence[tuple[str, str]]
    places: Sequence[tuple[str, str, int]]
    offer: Offer | None = None
    in_place: bool = False
    foreign: str = ""
    transparent: bool = False


def files(manifest: Manifest, sources: Sources, *, disk: bool = True) -> Iterator[tuple[str, Any]]:
    """(path in the site, Content or a function that makes it) of every file.

    disk: with the scripts that a page opened from disk needs. Of a blind sale that was not revealed
    only the drop page: no piece, and nothing by which its collection could be found.
    """
    section, offer = manifest.collection, sources.offer
    hidden = offer is not None and offer.hidden
    count = offer.terms.supply if offer is not None and hidden else len(manifest.pieces)
    yield "index.html", _index(section.name, section.description, count).encode()
    yield "style.css", _style().encode()
    yield "icon.svg", (STUDIO / "icon.svg").read_bytes()
    yield "site.js", page_script().encode()
    if offer is not None:
        yield "viem.js", LIBRARY
    if offer is not None and hidden:
        yield "collection.js", _assigned(_hidden_facts(manifest, offer))
        return
    yield "renderer.js", script().encode()
    yield "collection.js", _assigned(_facts(manifest, sources))
    listed = [base64.b64encode(block).decode("ascii") for block in sources.folder]
    published: dict[str, Content] = {"folder.json": _json(listed)}
    for piece in () if sources.in_place else manifest.pieces:
        published[f"images/{piece.id}.png"] = sources.images / f"{piece.id}.png"
        published[f"metadata/{piece.id}.json"] = sources.metadata / f"{piece.id}.json"
    if sources.model is not None and not sources.in_place:
        published[MODEL] = sources.model
    if _large(manifest):
        for piece in manifest.pieces:
            yield f"thumbs/{piece.id}.jpg", _as_thumbnail(sources.images / f"{piece.id}.png")
    for name, content in published.items():
        yield name, content
        if disk:
            yield f"disk/{name}.js", _as_script(name, content)


def page_script() -> str:
    """The page's own classic script; `renderer.js` comes when the first piece is drawn."""
    return '(() => {\n"use strict";\n' + joined("main", PAGE, dom=STUDIO / "dom.js") + "})();\n"


def _style() -> str:
    files = (STUDIO / "style.css", PAGE / "site.css")
    return "\n".join([sheet(BASE), *(file.read_text(encoding="utf-8") for file in files)])


def _index(name: str, description: str, count: int) -> str:
    return render(
        "site.html",
        title=name,
        description=description or f"{name}: every piece draws itself again",
        about=description,
        count=counted(count, "piece"),
    )


def _pixelated(manifest: Manifest) -> bool:
    finish = manifest.recipe.to_json().get("finish") or {}
    hard = finish.get("filter", "nearest") == "nearest"
    result: bool = hard and (finish.get("grid", 0) > 0 or finish.get("upscale", 1) > 1)
    return result


def _large(manifest: Manifest) -> bool:
    """Enlarged pixels make small files as they are."""
    return max(manifest.recipe.size) > LARGE_SIDE and not _pixelated(manifest)


def _as_thumbnail(path: Path) -> Callable[[], bytes]:
    return lambda: encoded(scaled(read_png(path), THUMBNAIL_SIDE), jpeg=True).data


def _as_script(name: str, content: Content) -> Callable[[], bytes]:
    def make() -> bytes:
        data = content if isinstance(content, bytes) else content.read_bytes()
        text = base64.b64encode(data).decode("ascii")
        return f'nftganFile({json.dumps(name)},"{text}");\n'.encode()

    return make


def _assigned(facts: Mapping[str, Any]) -> bytes:
    return b"nftganCollection = " + _json(facts) + b";\n"


def _json(value: Any) -> bytes:
    """JSON that is also JavaScript, whatever the texts in it hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


# ---- what the page knows ---------------------------------------------------------------------


def _hidden_facts(manifest: Manifest, offer: Offer) -> dict[str, Any]:
    words = manifest.collection
    return {
        "name": words.name,
        "symbol": words.symbol,
        "has_model": False,
        "pieces": [],
        "pixelated": False,
        "places": [],
        "sale": offer_facts(offer, words.description),
        "traits": [],
    }


def _facts(manifest: Manifest, sources: Sources) -> dict[str, Any]:
    names: dict[str, int] = {}
    pieces = [_piece(piece, names) for piece in manifest.pieces]
    kind: dict[str, Any] = {"foreign": sources.foreign} if sources.foreign else {}
    if sources.transparent:
        kind["transparent"] = True
    return {
        **kind,
        "name": manifest.collection.name,
        "symbol": manifest.collection.symbol,
        "cids": {
            "images": manifest.cids.images,
            "metadata": manifest.cids.metadata,
            "model": manifest.cids.model,
        },
        "has_model": sources.model is not None,
        "lineage": [list(line) for line in sources.lineage],
        "model": manifest.model.identity,
        "pieces": pieces,
        "pixelated": _pixelated(manifest),
        "places": [
            {"chain": chain, "address": address, "block": block}
            for chain, address, block in sources.places
        ],
        "recipe": manifest.recipe.to_json(),
        "recipe_hash": manifest.recipe_hash,
        "pieces_root": manifest.pieces_root,
        "root": "../" if sources.in_place else "",
        "shipped": shipped((COLLECTION, COLLECTION_CODE)),
        "sale": sources.offer and offer_facts(sources.offer, manifest.collection.description),
        "thumbs": _large(manifest),
        "traits": [{"name": name} for name in names],
    }


def _piece(piece: Piece, names: dict[str, int]) -> list[Any]:
    """A row: short, since there may be ten thousand."""
    traits = []
    for attribute in piece.attributes:
        name = str(attribute.get("trait_type", ""))
        traits.append([names.setdefault(name, len(names)), attribute["value"]])
    return [
        piece.title,
        piece.seed,
        (piece.pixels or "").removeprefix("sha256:"),
        piece.rarity.rank if piece.rarity else None,
        piece.image_cid,
        piece.description,
        traits,
    ]


def lineage(manifest: Manifest, meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    """From the data set to the recipe, in words; what the model's maker wrote is a claim."""
    dataset, training, parent = (_table(meta.get(k)) for k in ("dataset", "training", "parent"))
    recipe = manifest.recipe
    found: list[tuple[str, Any]] = [
        ("Model", manifest.model.identity),
        ("Model on IPFS", manifest.cids.model),
        ("Licence, as claimed", meta.get("licence")),
        ("Data set, as claimed", dataset.get("name")),
        ("Images in it", dataset.get("images")),
        ("Network", training.get("cfg") or _table(meta.get("architecture")).get("kind")),
        ("Fine-tuned from", parent.get("source")),
        ("Recipe", manifest.recipe_hash),
        ("Truncation", f"{recipe.trunc:g}"),
        ("Renderer", recipe.renderer),
        ("Images on IPFS", manifest.cids.images),
        ("Metadata on IPFS", manifest.cids.metadata),
        ("Merkle root", manifest.pieces_root),
    ]
    return [(what, str(value)[:500]) for what, value in found if value not in (None, "")]


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
