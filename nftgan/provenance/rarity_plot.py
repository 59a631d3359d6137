"""How rare the pieces are, as a plot: a bar for each of a few, a histogram of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nftgan.collection.manifest import Piece
from nftgan.plot import Bar, Label, Plot, Rule

FEW = 60
"""Up to so many pieces, each has a bar of its own; then they are counted by score."""
PLOT_HEIGHT, PLOT_FLOOR, PLOT_TOP = 190, 158, 22
BINS = 40


def rarity_plot(pieces: Sequence[Piece]) -> Plot | None:
    """The scores of the pieces that have one; None when none has."""
    ranked = [piece for piece in pieces if piece.rarity]
    if not ranked:
        return None
    return _bars(ranked) if len(ranked) <= FEW else _histogram(ranked)


def score(piece: Piece) -> float:
    """The OpenRarity score; 0 without one."""
    return piece.rarity.score if piece.rarity else 0.0


def by_rank(pieces: Sequence[Piece]) -> list[Piece]:
    """The rarest first."""
    return sorted(pieces, key=lambda p: (p.rarity.rank if p.rarity else 0, p.id))


def _level(kind: str, y: float) -> Rule:
    return Rule(kind, "0", "100%", f"{y:.1f}", f"{y:.1f}")


def _bars(pieces: Sequence[Piece]) -> Plot:
    """One bar a piece, the rarest first; a dashed line at the mean."""
    ordered = by_rank(pieces)
    high = max(1.0, *(score(piece) for piece in ordered))
    width = 100 / len(ordered)
    bars, labels = [], []
    for place, piece in enumerate(ordered):
        tall = (PLOT_FLOOR - PLOT_TOP) * score(piece) / high
        middle = f"{(place + 0.5) * width:.3f}%"
        bars.append(
            Bar(
                f"{(place + 0.12) * width:.3f}%",
                f"{0.76 * width:.3f}%",
                f"{PLOT_FLOOR - tall:.1f}",
                f"{tall:.1f}",
                f"{piece.title}: {score(piece):.3f}",
            )
        )
        if len(ordered) <= 16:
            top = f"{PLOT_FLOOR - tall - 5:.1f}"
            labels.append(Label(middle, top, f"{score(piece):.2f}", "middle"))
        if len(ordered) <= 30:
            labels.append(Label(middle, str(PLOT_FLOOR + 14), f"#{piece.id}", "middle"))
    labels.append(Label("0", str(PLOT_FLOOR + 29), "rarest first, by token"))
    mean = PLOT_FLOOR - (PLOT_FLOOR - PLOT_TOP) / high
    rules = (_level("mean", mean), _level("floor", PLOT_FLOOR))
    return Plot(
        "Rarity score of each piece", rules, tuple(bars), (), tuple(labels), height=PLOT_HEIGHT
    )


def _histogram(pieces: Sequence[Piece]) -> Plot:
    """How many pieces have which score."""
    low = min(score(piece) for piece in pieces)
    high = max(score(piece) for piece in pieces)
    span = (high - low) or 1.0
    counts = Counter(min(BINS - 1, int((score(p) - low) / span * BINS)) for p in pieces)
    most = max(counts.values())
    bars = []
    for place in range(BINS):
        tall = (PLOT_FLOOR - PLOT_TOP) * counts[place] / most
        edges = [low + span * (place + n) / BINS for n in (0, 1)]
        bars.append(
            Bar(
                f"{(place + 0.08) * 100 / BINS:.3f}%",
                f"{0.84 * 100 / BINS:.3f}%",
                f"{PLOT_FLOOR - tall:.1f}",
                f"{tall:.1f}",
                f"{counts[place]:,} pieces from {edges[0]:.3f} to {edges[1]:.3f}",
            )
        )
    below = str(PLOT_FLOOR + 14)
    labels = (
        Label("0", str(PLOT_TOP - 8), f"{most:,} pieces"),
        Label("0", below, f"score {low:.2f}"),
        Label("50%", below, f"{low + span / 2:.2f}", "middle"),
        Label("100%", below, f"{high:.2f}", "end"),
        Label("0", str(PLOT_FLOOR + 29), "common on the left, rare on the right"),
    )
    rules = (_level("floor", PLOT_FLOOR),)
    return Plot(
        "How many pieces have which score", rules, tuple(bars), (), labels, height=PLOT_HEIGHT
    )
