"""Which device to compute on, and the way there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from nftgan.errors import UsageError


def device_named(name: str | None) -> str:
    """`name`, cpu, cuda or cuda:N, once it is sure that it is there; None for the best there is.

    Raises UsageError.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return "cuda" if count else "cpu"
    kind, colon, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (colon and not number.isdecimal()):
        raise UsageError(f"{name} is no device", hint="use cpu, cuda or cuda:N")
    if kind == "cpu":
        return "cpu"
    if not count:
        raise UsageError(
            "PyTorch finds no CUDA device here",
            hint="use --device cpu, or see what nftgan doctor says",
        )
    if number and int(number) >= count:
        raise UsageError(f"there is no {name}", hint=f"the last one is cuda:{count - 1}")
    return name


def devices_named(name: str | None) -> tuple[str, ...]:
    """As `device_named`; None and cuda, which name no card, are every one that is visible."""
    found = device_named(name)
    if found != "cuda":
        return (found,)
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))


@contextmanager
def current_device(device: torch.device) -> Iterator[None]:
    """Inside, and in this thread alone, kernels are launched on `device`, if it is a GPU."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device):
        yield


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`; a GPU fetches it when its work gets there, and nobody waits."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def on_gpu(x: Tensor) -> bool:
    """Whether x is where layers that may be in half precision are."""
    return x.is_cuda
