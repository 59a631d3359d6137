"""Work on a GPU that is the same each time, recorded once as a CUDA graph and replayed: the
processor then launches one thing where it launched hundreds.

What is recorded reads only tensors that it is given and those of the networks, waits for nothing,
and makes the same shapes each time: `tests/training/capturable.py` fails where a phase does not.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

MOST = 12
"""Recordings kept: four phases, with and without augmentation, and one more of each."""


class Recorder(Protocol):
    """Records work."""

    def record(self, run: Callable[[], R]) -> tuple[R, Callable[[], None]]:
        """What `run` makes, in tensors that stay, and what makes it again into the same ones.

        `run` may be carried out any number of times, also none: only after the second of the two
        has been called is anything sure.
        """
        ...


class CudaRecorder:
    """By CUDA graphs: warmed up and captured on one stream of its own, in one pool of memory.

    PyTorch registers the device's own generator with each graph, so that noise follows from the
    seed that is set before a replay. Errors of capturing are those of this thread alone: the one
    that reads images ahead may go on allocating. The graphs share memory because none runs beside
    another, and because what each has made is kept as long as the graph.
    """

    WARM = 3

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, run: Callable[[], R]) -> tuple[R, Callable[[], None]]:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(self.WARM):  # compiles kernels, chooses algorithms, prepares filters
                run()
        current.wait_stream(self._stream)
        torch.cuda.synchronize(self._device)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                made = run()
        except BaseException:
            self._renew_generator()
            raise
        return made, graph.replay

    def _renew_generator(self) -> None:
        """After a capture that failed PyTorch's own generator may go on believing in it, and draw
        nothing more ("offset increment outside graph capture"): it gets another state.
        """
        index = self._device.index
        default = torch.cuda.default_generators[
            torch.cuda.current_device() if index is None else index
        ]
        default.graphsafe_set_state(torch.Generator(self._device))


def mapped(value: T, change: Callable[[Tensor], Tensor]) -> T:
    """`value` with every tensor changed, in lists, tuples and dataclasses in one another."""
    found: Any = value
    if isinstance(value, Tensor):
        found = change(value)
    elif isinstance(value, (list, tuple)):
        found = type(value)(mapped(one, change) for one in value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in dataclasses.fields(value)]
        parts = {name: mapped(getattr(value, name), change) for name in names}
        found = dataclasses.replace(value, **parts)
    return found  # type: ignore[no-any-return]


def leaves(value: object) -> list[Tensor]:
    """The tensors of `value` in the order of `mapped`."""
    found: list[Tensor] = []

    def note(one: Tensor) -> Tensor:
        found.append(one)
        return one

    mapped(value, note)
    return found


def structure(value: object) -> object:
    """Shapes and types of the tensors of `value`, all else as it is: what a recording is for."""
    if isinstance(value, Tensor):
        return value.shape, value.dtype
    if isinstance(value, (list, tuple)):
        return tuple(structure(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in dataclasses.fields(value)]
        return type(value).__name__, tuple(structure(getattr(value, name)) for name in names)
    return value


@dataclasses.dataclass
class Recording:
    """What was recorded: the tensors that it reads, what it makes, and how it is made again."""

    inputs: list[Tensor]
    made: Any
    replay: Callable[[], None]


class Recordings:
    """The recordings of a run. Where one fails, all work is done as if none had been asked for, by
    the same operators; `reason` then says why, and `told` has said it.
    """

    def __init__(self, recorder: Recorder, told: Callable[[str], None] = log.warning) -> None:
        self._recorder, self._told = recorder, told
        self._kept: dict[Any, Recording] = {}
        self._owners: tuple[object, ...] = ()
        self.reason: str | None = None

    def belong_to(self, *owners: object) -> None:
        """Recordings hold tensors and numbers of `owners`: by others they begin anew."""
        if [id(one) for one in owners] != [id(one) for one in self._owners]:
            self._kept.clear()
            self._owners = owners

    def give_up(self, reason: str) -> None:
        """Record nothing from now on."""
        if self.reason is None:
            self.reason = reason
            self._told(f"steps are not replayed from CUDA graphs: {reason}")
        self._kept.clear()

    def call(self, name: str, inputs: T, run: Callable[[T], R], undo: Callable[[], None]) -> R:
        """run(inputs), replayed where it can be; what it gives is good until the next such call.

        name: what `run` does, but for the shapes of its inputs. undo: takes back what carrying out
        `run` has changed beside what it gives.
        """
        if self.reason is not None:
            return run(inputs)
        given = leaves(inputs)
        key = name, structure(inputs)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._recorded(inputs, run)
            undo()
            if kept is None:
                return run(inputs)
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = kept
        else:
            torch._foreach_copy_(kept.inputs, given, non_blocking=True)
        kept.replay()
        made: R = kept.made
        return made

    def _recorded(self, inputs: T, run: Callable[[T], R]) -> Recording | None:
        own = mapped(inputs, lambda one: one.detach().clone())
        try:
            made, replay = self._recorder.record(lambda: run(own))
        except Exception as exc:  # of memory, CUDA, a library: steps go on without
            self.give_up(f"{type(exc).__name__}, {str(exc).splitlines()[0] if str(exc) else ''}")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            return None
        return Recording(leaves(own), made, replay)
