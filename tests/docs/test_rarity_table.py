"""The rarity tables of the manual are those of the example collection."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

from nftgan.collection.manifest import Manifest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "curation.md").read_text(encoding="utf-8")
PIECES = Manifest.load(ROOT / "collections" / "avatars" / "collection.json").pieces


def test_every_trait_has_its_values_with_their_bits() -> None:
    traits: dict[str, Counter[str]] = {}
    for piece in PIECES:
        for attribute in piece.attributes:
            traits.setdefault(attribute["trait_type"], Counter())[attribute["value"]] += 1
    for trait, values in traits.items():
        ordered = sorted(values.items(), key=lambda item: (item[1], item[0]))
        cells = [f"{v} {n}, {math.log2(len(PIECES) / n):.2f}" for v, n in ordered]
        assert f"| {trait} | {'; '.join(cells)} |" in PAGE


def test_every_piece_has_its_rank_and_score() -> None:
    told = {
        int(piece): (int(rank), float(score))
        for rank, piece, score in re.findall(r"(\d+) \| #(\d+) \| (\d\.\d{4})", PAGE)
    }
    assert told == {p.id: (p.rarity.rank, p.rarity.score) for p in PIECES if p.rarity}
