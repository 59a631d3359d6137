"""Tensors on their way to a GPU while it computes: pinned, on a stream of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sent:
    """A tensor whose copy was begun; `get` before it is used."""

    tensor: Tensor
    event: Any = None  # torch.cuda.Event, or None where nothing was copied beside other work

    def get(self) -> Tensor:
        """The tensor, for work of the current stream: that waits for the copy, nobody else does.

        Its memory is not used again before that work is done.
        """
        if self.event is not None:
            current = torch.cuda.current_stream(self.tensor.device)
            current.wait_event(self.event)
            self.tensor.record_stream(current)
        return self.tensor


class Sender:
    """Begins copies to a device, from any thread; to a processor there is nothing to copy."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def send(self, tensor: Tensor) -> Sent:
        """Begin with `tensor`, of a processor's memory."""
        if self._stream is None:
            return Sent(tensor.to(self._device))
        with torch.cuda.stream(self._stream):  # also makes the device this thread's
            copied = tensor.pin_memory().to(self._device, non_blocking=True)
            event = torch.cuda.Event()
            event.record(self._stream)
        return Sent(copied, event)
