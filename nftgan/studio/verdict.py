"""What an artist asks of a run, answered in sentences: better? copies? when to stop?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nftgan.training.advice import COPIES, advice

_NEEDED = ("KID", "KID/error", "KID/floor")
_SEEN = 0.005  # share of near-copies below which it is said that there are none


def verdict(lines: Sequence[Mapping[str, Any]], total_images: int) -> list[dict[str, str]]:
    """Question, answer and tone (good, bad or plain) for each, from the lines of stats.jsonl."""
    return [
        {"question": question, "answer": answer, "tone": tone}
        for question, (answer, tone) in (
            ("Is it getting better?", _better(lines)),
            ("Does it copy the art?", _copies(lines)),
            ("When to stop?", _stop(lines, total_images)),
        )
    ]


def _scores(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in lines if all(isinstance(line.get(k), float) for k in _NEEDED)]


def _better(lines: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    scores = _scores(lines)
    if len(scores) < 2:
        return "Not measured often enough yet. Compare the sheets by eye, with the slider.", "plain"
    last, best = scores[-1], min(scores, key=lambda line: float(line["KID"]))
    early = [line for line in scores if line["images"] <= 0.67 * last["images"]] or scores[:1]
    before = min(early, key=lambda line: float(line["KID"]))
    error = (last["KID/error"] ** 2 + before["KID/error"] ** 2) ** 0.5
    change = 1000 * (last["KID"] - scores[0]["KID"])
    story = f"its distance from the art (KID) went from {1000 * scores[0]['KID']:.0f}"
    story += f" to {1000 * last['KID']:.0f}"
    if before["KID"] - last["KID"] > 2 * error:
        return f"Yes, still: {story}.", "good"
    if last["KID"] - best["KID"] > 2 * error:
        at = best["images"] / 1000
        return f"No, it got worse since {at:g} thousand images: {story}.", "bad"
    if change < 0:
        return f"It got better and stays where it is: {story}.", "plain"
    return f"Not so far: {story}.", "plain"


def _copies(lines: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    found = [line["Copies"] for line in lines if isinstance(line.get("Copies"), int | float)]
    if not found:
        memory = [
            line["Overfitting"] for line in lines if isinstance(line.get("Overfitting"), float)
        ]
        if memory and memory[-1] > 0.5:
            return "Not measured, but the discriminator knows much of the art by heart.", "bad"
        return "Not measured in this run. The studio looks for near-copies itself.", "plain"
    if found[-1] > COPIES:
        return f"Yes: {found[-1]:.0%} of its images are near-copies of the art.", "bad"
    if found[-1] > _SEEN:
        return f"A little: {found[-1]:.1%} of its images are near-copies.", "plain"
    return "No: none of its images is a near-copy of the art.", "good"


def _stop(lines: Sequence[Mapping[str, Any]], total_images: int) -> tuple[str, str]:
    words = advice(_scores(lines)) if len(_scores(lines)) > 2 else None
    if words is not None:
        said = words.rpartition(": ")[2] if ": " in words else words.rpartition("; ")[2]
        tone = "good" if "stop here" in words else "bad" if "near-copies" in words else "plain"
        return said[:1].upper() + said[1:] + ".", tone
    images = lines[-1]["images"] if lines else 0
    if images >= total_images:
        return "It has done what it was asked. A larger --kimg goes on from here.", "plain"
    return "Not yet: look again when the sheets stop changing for the better.", "plain"
