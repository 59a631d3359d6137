"""What a run's scores tell an artist: go on, stop, or go back; in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SCORE = ("KID", "KID/error", "KID/floor")
ENOUGH = 3  # scores before anything is said
SURE = 2.0  # standard errors that a difference must reach
COPIES = 0.05  # share of near-copies above which a lower KID is no praise
NEAR = 0.15  # of the way from the first score down to the floor: there the run is done


def advice(lines: Sequence[Mapping[str, Any]]) -> str | None:
    """One sentence on a run from its statistics; None before there are three scores.

    lines: those of stats.jsonl in order; one without a whole score says nothing. A network is
    better than another when their KID differs by more than two standard errors; what lies within
    is the same.
    """
    scores = [line for line in lines if all(isinstance(line.get(key), float) for key in SCORE)]
    if len(scores) < ENOUGH:
        return None
    first, last = scores[0], scores[-1]
    best = min(scores, key=lambda line: line["KID"])
    at, now = best["images"] / 1000, last["images"] / 1000
    story = f"KID {1000 * first['KID']:.0f} to {1000 * last['KID']:.0f} at {now:g} kimg"
    if last.get("Copies", 0) > COPIES:
        return (
            f"{story}, but {last['Copies']:.0%} of the fakes are near-copies of the art: stop, and"
            " take an earlier network or add art"
        )
    if _better(best, last):
        return (
            f"{story}, after {1000 * best['KID']:.0f} at {at:g} kimg: it has become worse; take"
            f" network-{best['images'] // 1000:06d}, or go on from it with twice the --gamma"
        )
    if last["KID"] - last["KID/floor"] < NEAR * (first["KID"] - last["KID/floor"]):
        return f"{story}, near the {1000 * last['KID/floor']:.0f} of the art itself: stop here"
    before = [line for line in scores if line["images"] <= 0.67 * last["images"]] or [first]
    if _better(last, min(before, key=lambda line: line["KID"])):
        return f"{story}, and still falling: go on, --kimg {2 * now:g} is worth its time"
    return (
        f"{story}, no better than before: more of the same will not help; more art will, or half"
        " the --gamma where the images are blurred"
    )


def _better(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    error = float((one["KID/error"] ** 2 + other["KID/error"] ** 2) ** 0.5)
    return bool(other["KID"] - one["KID"] > SURE * error)
