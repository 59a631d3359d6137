"""The table of training options in the manual is that of the code."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "docs"))

import training_options  # noqa: E402


def test_the_page_is_what_the_options_say() -> None:
    assert training_options.TARGET.read_text(encoding="utf-8") == training_options.page(), (
        "run python scripts/docs/training_options.py"
    )
