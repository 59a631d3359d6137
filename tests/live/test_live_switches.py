"""The switches that CONTRIBUTING.md lists are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.live.switches import PREFIX, SWITCHES

MANUAL = Path(__file__).parents[2] / "CONTRIBUTING.md"


def test_every_switch_is_in_the_manual_and_no_other() -> None:
    assert set(re.findall(PREFIX + "([A-Z]+)", MANUAL.read_text("utf-8"))) == set(SWITCHES)
