"""Work of many items that the processes of one group share; a process alone makes all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch

from nftgan.errors import NftganError
from nftgan.files import parse_json
from nftgan.training.distributed import Distributed, init_distributed
from nftgan.training.launch import local_processes, local_rank, world_size

_HEAD = 16
"""Bytes before each result on its way: its number and its length."""


@contextmanager
def work_group(device: str) -> Iterator[tuple[Distributed, str]]:
    """The group that torchrun or `launch` started, and the device of this process in it.

    device: cpu or cuda; then each process of a machine has a GPU of its own. On a processor the
    processes of a machine divide its cores, unless OMP_NUM_THREADS says otherwise.
    """
    together = world_size() > 1
    if together and device == "cuda":
        device = f"cuda:{local_rank()}"
    divided = together and device == "cpu" and "OMP_NUM_THREADS" not in os.environ
    with (
        _threads(max(1, (os.cpu_count() or 1) // local_processes())) if divided else nullcontext(),
        init_distributed(device, messages_only=True) as group,
    ):
        yield group, device


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def shared(
    group: Distributed,
    name: str,
    count: int,
    work: Callable[[int], bytes],
    on_done: Callable[[int], None] = lambda done: None,
) -> dict[int, bytes]:
    """`work(i)` for each i from 0 to count - 1, each made by one process of `group`.

    All results on the main process, nothing on the others. Every process makes this call, with a
    `name` that no other call in the group has. Who is free takes the next item, so a slow process
    holds nobody up, and what a process that died had begun is the only item that is not made.
    on_done: told on the main process how many items are made by all.

    An error of one process is raised by all of them, and no item is begun after it. Raises
    PartlyDone when a process has died.
    """
    made: dict[int, bytes] = {}
    if group.world_size == 1:
        for item in range(count):
            made[item] = work(item)
            on_done(item + 1)
        return made
    failed = ""
    while not group.count(f"{name} stop", 0) and (item := group.count(f"{name} next") - 1) < count:
        try:
            made[item] = work(item)
        except NftganError as exc:
            group.count(f"{name} stop")
            failed = json.dumps([exc.kind, exc.message, exc.hint])
            break
        done = group.count(f"{name} done")
        if group.is_main:
            on_done(done)
    for words in group.exchange(failed):
        if words:
            raise _error(*parse_json(words.encode()))
    packed = b"".join(
        item.to_bytes(8, "big") + len(data).to_bytes(8, "big") + data for item, data in made.items()
    )
    found = {item: data for packet in group.collect(packed) for item, data in _unpacked(packet)}
    if group.is_main:
        on_done(count)
    return found


def _unpacked(packet: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(packet):
        item = int.from_bytes(packet[place : place + 8], "big")
        end = place + _HEAD + int.from_bytes(packet[place + 8 : place + _HEAD], "big")
        yield item, packet[place + _HEAD : end]
        place = end


def _error(kind: str, message: str, hint: str | None) -> NftganError:
    """The error of another process, of the same kind."""
    classes = [NftganError]
    for one in classes:
        if one.kind == kind:
            return one(message, hint=hint)
        classes += one.__subclasses__()
    return NftganError(message, hint=hint)
