"""The collection so far: its pieces in token order, their names, and a rarity table."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from typing import Any

from nftgan.collection.features import nearest
from nftgan.collection.manifest import piece_name, titled
from nftgan.collection.novelty import Scale, calibrate
from nftgan.collection.rarity import rarity
from nftgan.collection.ratings import Rating
from nftgan.collection.tags import attributes as tag_attributes
from nftgan.collection.tags import class_tag
from nftgan.collection.traits import traits
from nftgan.config import CollectionSection
from nftgan.studio.gallery import Gallery
from nftgan.studio.opinions import Opinions

LACKING = "(none)"
CALIBRATED_ON = 1024  # candidates: how far apart images of this model usually are


def tray(gallery: Gallery, opinions: Opinions, section: CollectionSection) -> dict[str, Any]:
    """What the page shows of the picked seeds, as JSON data.

    Traits are those of the previews; `nftgan metadata` measures the canonical images, which may
    differ by a rounding. A piece that is not generated yet has none.
    """
    seeds = opinions.picked()
    found = {seed: gallery.candidate(seed) for seed in seeds}
    known = [one for one in found.values() if one is not None]
    of_class = class_tag(gallery.model.info, gallery.recipe.class_idx)
    said = {seed: opinions.of(seed) or Rating(seed, gallery.model.identity) for seed in seeds}
    tags = {
        seed: {trait: value for trait, value in (one.tags or {}).items() if value is not None}
        for seed, one in said.items()
    }
    measured = traits([one.measures for one in known]) if known else ()
    attributes = [
        own + tag_attributes({**tags[one.seed], **of_class})
        for one, own in zip(known, measured, strict=True)
    ]
    places = rarity(attributes)
    by_seed = {
        one.seed: (own, place) for one, own, place in zip(known, attributes, places, strict=True)
    }
    twins = near_twins(gallery, seeds)
    pieces: list[dict[str, Any]] = []
    for number, seed in enumerate(seeds):
        piece: dict[str, Any] = {
            "id": number,
            "seed": seed,
            "name": said[seed].name,
            "usual_name": titled(
                piece_name(section.piece_name, name=section.name, id=number, seed=seed),
                by_seed[seed][0] if seed in by_seed else (),
            ),
            "description": said[seed].description,
            "stars": said[seed].stars,
            "tags": tags[seed],
        }
        if seed in by_seed:
            own, place = by_seed[seed]
            candidate = found[seed]
            piece |= {
                "traits": [
                    [a["trait_type"], a["value"]] for a in own if a["trait_type"] not in tags[seed]
                ],
                "rank": place.rank,
                "score": place.score,
                "flags": [
                    *([candidate.refusal] if candidate and candidate.refusal else []),
                    *([f"nearly the same image as seed {twins[seed]}"] if seed in twins else []),
                ],
            }
        pieces.append(piece)
    names = Counter(
        unicodedata.normalize("NFC", piece["name"] or piece["usual_name"]) for piece in pieces
    )
    for piece in pieces:
        piece["name_taken"] = (
            names[unicodedata.normalize("NFC", piece["name"] or piece["usual_name"])] > 1
        )
    return {
        "pieces": pieces,
        "description": section.description,
        "rarity": _table(
            [dict(piece["traits"]) | piece["tags"] for piece in pieces if "traits" in piece]
        ),
        "waiting": len(seeds) - len(known),
    }


def near_twins(gallery: Gallery, seeds: tuple[int, ...]) -> dict[int, int]:
    """Seed → the earlier one of `seeds` that looks nearly the same, as `curate --auto` judges."""
    all_seeds, rows = gallery.rows()
    place = {seed: number for number, seed in enumerate(all_seeds)}
    known = [seed for seed in seeds if seed in place]
    if len(known) < 2:
        return {}
    scale: Scale = calibrate(rows[:CALIBRATED_ON])
    found = {}
    for number, seed in enumerate(known[1:], start=1):
        before = rows[[place[other] for other in known[:number]]]
        index, away = nearest(rows[place[seed]][None], before)
        if away[0] == 0 or away[0] < scale.threshold:
            found[seed] = known[int(index[0])]
    return found


def _table(pieces: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Every trait with its values, the rarest first: how many pieces, and what that is worth."""
    kinds: dict[str, Counter[str]] = {}
    for piece in pieces:
        for kind, value in piece.items():
            kinds.setdefault(kind, Counter())[value] += 1
    for counts in kinds.values():
        if lacking := len(pieces) - counts.total():
            counts[LACKING] += lacking  # to have no hat can be the rarest of all
    return [
        {
            "trait": kind,
            "values": [
                {"value": value, "pieces": n, "bits": round(math.log2(len(pieces) / n), 2)}
                for value, n in sorted(counts.items(), key=lambda item: (item[1], item[0]))
            ],
        }
        for kind, counts in kinds.items()
    ]
