"""Verbs that the page starts: one at a time, with progress, and words for what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from nftgan.errors import MissingStepError, UsageError
from nftgan.progress import Progress
from nftgan.studio.steps import Steps
from tests.studio.browser import until


def test_a_step_tells_how_far_it_is_and_what_came_of_it() -> None:
    half, go = threading.Event(), threading.Event()

    def render(progress: Progress, wish: Mapping[str, Any]) -> str:
        with progress.task("rendering", 4, "pieces") as task:
            task.advance(2)
            half.set()
            assert go.wait(120)
        return f"{wish['n']} images"

    steps = Steps({"render": render})
    steps.begin("render", {"n": 4})
    assert half.wait(120)
    assert (steps.state["what"], steps.state["done"], steps.state["of"]) == ("rendering", 2, 4)
    with pytest.raises(UsageError, match="at work"):
        steps.begin("render", {})
    go.set()
    until(lambda: steps.state["state"] == "done")
    assert steps.state["said"] == "4 images"


def test_a_step_that_fails_says_why_and_what_to_do() -> None:
    def pin(progress: Progress, wish: Mapping[str, Any]) -> str:
        raise MissingStepError("no metadata yet", hint="nftgan metadata")

    steps = Steps({"pin": pin})
    with pytest.raises(UsageError, match="no step"):
        steps.begin("rm", {})
    steps.begin("pin", {})
    until(lambda: steps.state["state"] == "failed")
    assert (steps.state["error"], steps.state["hint"]) == ("no metadata yet", "nftgan metadata")
