"""By what candidates are ordered: their parts where the art is known, else what is at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nftgan.collection.parts import wholeness

BY_PARTS = "how whole their parts are beside the art"
BY_LOGIT = "the discriminator"
BY_LIKENESS = "likeness to the art"
BY_BOTH = f"{BY_LOGIT} and {BY_LIKENESS}"


@dataclass(frozen=True)
class Order:
    """How good candidates seem, compared with each other."""

    values: np.ndarray  # float64 [N] in [0, 1]: the share of the others that seem worse
    by: str  # what told, in words


def order(
    *,
    parts: tuple[np.ndarray, np.ndarray] | None = None,
    ratios: Sequence[float] | None = None,
    logits: Callable[[], Sequence[float]] | None = None,
) -> Order | None:
    """The best order of candidates of one model that can be had; None where nothing tells.

    parts: `distances` [N, places] and `own` of `ArtParts`. ratios: of each `Neighbour`. logits: of
    the discriminator, asked for only where parts say nothing.
    How well each agrees with an eye is measured by `benchmarks.agreement`.
    """
    whole = None if parts is None else wholeness(*parts)
    if whole is not None:
        return Order(ranks(whole), BY_PARTS)
    # Far from all art is more often broken than original; copies are refused already.
    near = None if ratios is None else ranks([-ratio for ratio in ratios])
    scored = None if logits is None else ranks(logits())
    if near is not None and scored is not None:
        return Order((near + scored) / 2, BY_BOTH)
    if near is not None:
        return Order(near, BY_LIKENESS)
    return None if scored is None else Order(scored, BY_LOGIT)


def ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """float64 [N] in [0, 1]: the share of the others that are smaller; equals share a rank."""
    own = np.array(values, dtype=np.float64)
    return np.searchsorted(np.sort(own), own, side="left") / max(1, len(own) - 1)
