"""A clone is enough: no test or benchmark needs a file beside the checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    path
    for folder in ("tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "node_modules" not in path.parts
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_path_climbs_out_of_the_checkout(path: Path) -> None:
    depth = len(path.relative_to(ROOT).parts) - 1  # parents[depth] is the root
    text = path.read_text(encoding="utf-8")
    for climbed in re.finditer(r"__file__\)(?:\.resolve\(\))?\.parents\[(\d+)\](\.parent)?", text):
        assert int(climbed[1]) + bool(climbed[2]) <= depth, climbed[0]
