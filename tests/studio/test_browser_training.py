"""The training page in a real browser: sentences, charts one can read, damaged sheets, networks."""

from __future__ import annotations

from pathlib import Path

from tests.studio.browser import NEEDS_BROWSER, until
from tests.studio.conftest import Serve, Visit
from tests.studio.test_run import make_run

pytestmark = NEEDS_BROWSER


def test_a_run_answers_an_artist_s_questions(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    served = serve(range(4), run_dir=make_run(tmp_path / "run"))
    page = visit(served, "#/training", ready=".chart")
    said = page.inner_text(".verdicts")
    for question in ("Is it getting better?", "Does it copy the art?", "When to stop?"):
        assert question in said
    assert "generator" in page.inner_text(".chart >> nth=0")
    ticks = page.evaluate(
        "import('/static/chart.js').then(m => [m.ticks(0, 0.434), m.ticks(0, 0)])"
    )
    assert ticks == [[0, 0.2, 0.4], [0, 1]]


def test_the_pointer_reads_a_curve(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    served = serve(range(4), run_dir=make_run(tmp_path / "run"))
    page = visit(served, "#/training", ready=".chart")
    kid = page.locator(".chart:has(svg[aria-label*='KID'])")

    def at_the_first_point() -> bool:
        # Moved again each time: what loads above it may push the chart down.
        box = kid.locator("svg").bounding_box()
        kid.locator("svg").hover(position={"x": box["width"] * 50 / 460, "y": 40})
        return "50 at 1 kimg" in " ".join(kid.locator(".legend").inner_text().split())

    until(at_the_first_point)
    page.mouse.move(0, 0)
    until(lambda: "at 5 kimg" in kid.locator(".legend").inner_text())


def test_a_damaged_sheet_is_said_in_words(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "fakes000002.png").write_bytes(b"not a picture")
    served = serve(range(4), run_dir=run)
    page = visit(served, "#/training", ready="#page-training .note:has-text('cannot be read')")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.sheet')).visibility") == "hidden"
    )
