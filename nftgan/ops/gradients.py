"""Which gradients will be wanted: of what is computed now, and of weights in a backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_skips_weights = ContextVar("skips_weights", default=False)


def needs_gradient(*tensors: Tensor | None) -> bool:
    """Whether anything that is computed of these now will have to be differentiable."""
    return torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in tensors)


def wants_weights() -> bool:
    """Whether a backward pass of our own operators shall have the gradients of weights."""
    return not _skips_weights.get()


@contextmanager
def inputs_only() -> Iterator[None]:
    """Within, backward passes leave out the gradients of weights: PyTorch's own operators see for
    themselves that torch.autograd.grad does not ask for them, those in Python are not told.
    """
    token = _skips_weights.set(True)
    try:
        yield
    finally:
        _skips_weights.reset(token)
