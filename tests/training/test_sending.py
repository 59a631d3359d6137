"""The order of a copy beside other work, on a card that is made up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
import torch

from nftgan.training.sending import Sender


def test_to_a_processor_nothing_is_copied() -> None:
    tensor = torch.arange(5)
    assert Sender(torch.device("cpu")).send(tensor).get() is tensor


def test_a_copy_runs_beside_other_work_which_waits_for_it_when_it_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    class Stream:
        def __init__(self, name: Any) -> None:
            self.name = "side" if isinstance(name, torch.device) else name

        def wait_event(self, event: Event) -> None:
            done.append(f"{self.name} waits for {event.after}")

    class Event:
        after = ""

        def record(self, stream: Stream) -> None:
            self.after = f"{stream.name} after {done[-1]}"

    @contextmanager
    def on(stream: Stream) -> Any:
        done.append(f"on {stream.name}")
        yield
        done.append(f"off {stream.name}")

    def to(tensor: torch.Tensor, device: torch.device, *, non_blocking: bool) -> torch.Tensor:
        assert device.type == "cuda" and non_blocking
        done.append("copied")
        return tensor.clone()

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("main"))
    monkeypatch.setattr(
        torch.Tensor,
        "pin_memory",
        lambda self: done.append("pinned") or self,  # type: ignore[func-returns-value]
    )
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda self, stream: done.append(f"held for {stream.name}")
    )
    sent = Sender(torch.device("cuda")).send(torch.arange(3))
    assert done == ["on side", "pinned", "copied", "off side"]
    assert sent.get().tolist() == [0, 1, 2]
    assert done[4:] == ["main waits for side after copied", "held for main"]
