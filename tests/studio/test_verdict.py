"""A run in sentences."""

from __future__ import annotations

from typing import Any

from nftgan.studio.verdict import verdict


def line(images: int, kid: float, copies: float = 0.0) -> dict[str, Any]:
    return {
        "images": images, "KID": kid, "KID/error": 0.002, "KID/floor": 0.01, "Copies": copies,
    }  # fmt: skip


def answers(lines: list[dict[str, Any]], total: int = 20_000) -> list[str]:
    return [f"{one['tone']}: {one['answer']}" for one in verdict(lines, total)]


def test_a_run_that_still_improves_goes_on() -> None:
    better, copies, stop = answers([line(1000, 0.4), line(5000, 0.3), line(10_000, 0.2)])
    assert better.startswith("good: Yes, still") and "400 to 200" in better
    assert copies == "good: No: none of its images is a near-copy of the art."
    assert "--kimg 20" in stop


def test_a_run_that_got_worse_or_copies_is_told_so() -> None:
    better, copies, _ = answers([line(1000, 0.4), line(5000, 0.2), line(10_000, 0.3, 0.2)])
    assert better.startswith("bad: No, it got worse since 5 thousand images")
    assert copies.startswith("bad: Yes: 20%")


def test_a_run_without_scores_says_what_one_can_do_instead() -> None:
    better, copies, stop = answers([{"images": 4000}])
    assert "by eye" in better and "Not measured" in copies and "Not yet" in stop
    assert "larger --kimg" in answers([{"images": 20_000}])[2]
    assert len(answers([])) == 3
