"""Rarity by information content, as OpenRarity defines it: sum of -log2 p over a piece's traits.

The score is that sum over the collection's mean, so 1 is an average piece. Ranks are decided in
whole numbers (the product of how many pieces share each trait), so equal pieces tie exactly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nftgan.collection.manifest import Rarity

DECIMALS = 4
_MISSING = object()


def rarity(pieces: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[Rarity, ...]:
    """Rank and score of each piece from its attributes {"trait_type", "value"}.

    A piece without a trait that others have counts as having the value "none". Attributes without
    a trait_type and those with a display_type (numbers and dates, which are not shared) are left
    out. Equal pieces share the best rank: 1, 2, 2, 4.
    """
    rows = [
        {
            a["trait_type"]: a["value"]
            for a in piece
            if "trait_type" in a and "display_type" not in a
        }
        for piece in pieces
    ]
    kinds = sorted({kind for row in rows for kind in row})
    counts = {kind: Counter(row.get(kind, _MISSING) for row in rows) for kind in kinds}
    shared = [[counts[kind][row.get(kind, _MISSING)] for kind in kinds] for row in rows]
    products = [math.prod(sharers) for sharers in shared]
    rank: dict[int, int] = {}
    for place, product in enumerate(sorted(products), start=1):
        rank.setdefault(product, place)
    # fsum rounds once, so the result does not depend on the order of the traits.
    content = [math.fsum(math.log2(len(rows) / n) for n in sharers) for sharers in shared]
    mean = math.fsum(content) / len(rows) if rows else 0.0
    return tuple(
        Rarity(rank[product], round(bits / mean, DECIMALS) if mean else 0.0)
        for product, bits in zip(products, content, strict=True)
    )
