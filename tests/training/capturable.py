"""A stand-in for CUDA graphs on a processor: it does recorded work again each time, and fails where
a graph could not be captured or would replay something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nftgan.training.recording import leaves

R = TypeVar("R")

WAITS = frozenset(
    (
        *("_local_scalar_dense", "item", "is_nonzero", "nonzero", "nonzero_numpy", "argwhere"),
        *("masked_select", "equal", "allclose", "unique_dim", "unique_consecutive", "_unique"),
        *("_unique2", "bincount", "histc", "repeat_interleave", "_pin_memory"),
    )
)
"""Operators that wait for the card, or whose shapes depend on numbers."""


class NotCapturable(AssertionError):
    """What was done cannot be part of a CUDA graph."""


class Capturable(TorchDispatchMode):
    """While active: what is dispatched, and which tensors from outside it reads or writes.

    Raises NotCapturable for what waits for the card, for what moves data between the card (the
    meta device) and the processor, and for numbers of the processor in work of the card.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sequence: list[str] = []
        self.outside: dict[int, Tensor] = {}
        self._made: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        read = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        if name in WAITS:
            raise NotCapturable(f"{name} waits for the card")
        if name in ("index", "index_put", "index_put_", "_index_put_impl_"):
            indices = [one for one in tree_leaves(args[1]) if isinstance(one, Tensor)]
            if any(one.dtype in (torch.bool, torch.uint8) for one in indices):
                raise NotCapturable(f"the shape of {name} by a mask depends on its numbers")
        for one in read:
            key = one.untyped_storage()._cdata
            if key not in self._made:
                self.outside[key] = one
        try:
            made = None if name == "_fused_adam_" else func(*args, **(kwargs or {}))
        except NotImplementedError as exc:  # what is on the meta device has no numbers to give
            raise NotCapturable(f"{name} moves numbers between the two: {exc}") from exc
        written = [one for one in tree_leaves(made) if isinstance(one, Tensor)]
        if len({one.device.type for one in (*read, *written)}) > 1:
            raise NotCapturable(f"{name} moves numbers between the two, processor and card")
        for one in written:
            storage = one.untyped_storage()
            if storage._cdata not in self.outside:
                self._made[storage._cdata] = storage  # held: nothing else gets its address
        shapes = [tuple(one.shape) for one in (*read, *written)]
        self.sequence.append(f"{name} {shapes}")
        return made


class Rerun:
    """Records by carrying out: twice to see that the work stays, once more for each replay."""

    def __init__(self) -> None:
        self.records = self.replays = self.operators = 0

    def record(self, run: Callable[[], R]) -> tuple[R, Callable[[], None]]:
        run()
        first = Capturable()
        with first:
            made = run()
        self.records += 1
        self.operators += len(first.sequence)

        def replay() -> None:
            again = Capturable()
            with again:
                found = run()
            if again.sequence != first.sequence:
                pairs = zip(first.sequence, again.sequence, strict=False)
                different = next((pair for pair in pairs if pair[0] != pair[1]), ("", "more"))
                raise NotCapturable(f"something else is done the next time: {different}")
            if set(again.outside) != set(first.outside):
                strange = [again.outside[k] for k in set(again.outside) - set(first.outside)]
                raise NotCapturable(f"the next time it reads others: {[t.shape for t in strange]}")
            self.replays += 1
            with torch.no_grad():
                for old, new in zip(leaves(made), leaves(found), strict=True):
                    old.copy_(new)

        return made, replay
