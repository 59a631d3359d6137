"""Several processes that train one model together: who is who, and what they add up."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

import torch
import torch.distributed as dist
from torch import Tensor

from nftgan.errors import PartlyDone, UsageError
from nftgan.training.launch import RENDEZVOUS, world_size

TIMEOUT = datetime.timedelta(minutes=20)
"""How long a process waits for the others: a snapshot of the main process is the longest pause."""


class Distributed:
    """Process `rank` of `world_size`; rank 0 is the main one: it alone writes files. Alone, all
    calls are no-ops.

    Every collective call must be made by all processes in the same order. When one of them has
    died, the call of the others raises PartlyDone.
    """

    def __init__(
        self, rank: int = 0, world_size: int = 1, device: torch.device | None = None
    ) -> None:
        self.rank, self.world_size = rank, world_size
        self._device = device or torch.device("cpu")

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def all_reduce_sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor, of one dtype and device, by its sum over all processes."""
        if self.world_size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        with _lost_process_means_partly_done():
            dist.all_reduce(flat)
        with torch.no_grad():
            place = 0
            for tensor in tensors:
                tensor.copy_(flat[place : place + tensor.numel()].view_as(tensor))
                place += tensor.numel()

    def all_reduce_mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        self.all_reduce_sum(tensors)
        if self.world_size > 1:
            with torch.no_grad():
                for tensor in tensors:
                    tensor.div_(self.world_size)

    def all_reduce_dict(self, values: dict[str, float]) -> dict[str, float]:
        """Sums over all processes; each must have the same names."""
        if self.world_size == 1:
            return values
        names = sorted(values)
        tensor = torch.tensor([values[name] for name in names], dtype=torch.float64)
        tensor = tensor.to(self._device)
        self.all_reduce_sum([tensor])
        return dict(zip(names, tensor.tolist(), strict=True))

    def all_reduce_any(self, *flags: bool) -> tuple[bool, ...]:
        """Which of the flags is raised in at least one process."""
        if self.world_size == 1:
            return flags
        raised = torch.tensor([float(flag) for flag in flags], device=self._device)
        self.all_reduce_sum([raised])
        return tuple(value > 0 for value in raised.tolist())

    def broadcast_str(self, mine: str) -> str:
        """The main process's text."""
        if self.world_size == 1:
            return mine
        data = torch.zeros(4096, dtype=torch.uint8, device=self._device)
        encoded = mine.encode()
        if len(encoded) > data.numel():
            raise UsageError(f"{mine[:80]}… is too long a path", hint="use a shorter one")
        if self.is_main:
            data[: len(encoded)] = torch.tensor(list(encoded), dtype=torch.uint8)
        with _lost_process_means_partly_done():
            dist.broadcast(data, src=0)
        return bytes(data.tolist()).rstrip(b"\0").decode()

    def gather_rows(self, mine: Tensor, total: int) -> Tensor:
        """All of the rows [total, C], of which this process made those rank, rank + size, …"""
        if self.world_size == 1:
            return mine
        whole = mine.new_zeros(total, *mine.shape[1:], device=self._device)
        whole[self.rank :: self.world_size] = mine.to(self._device)
        self.all_reduce_sum([whole])
        return whole.to(mine.device)

    def barrier(self) -> None:
        """Until all processes are here."""
        self.all_reduce_any(False)


SINGLE_PROCESS = Distributed()


@contextmanager
def init_distributed(device: str) -> Iterator[Distributed]:
    """The process group that the environment describes, as torchrun or `launch` set it; else
    SINGLE_PROCESS.

    RANK, WORLD_SIZE and LOCAL_RANK are read, with MASTER_ADDR and MASTER_PORT, or the file of
    NFTGAN_RENDEZVOUS. GPUs talk by NCCL, processors by gloo.
    """
    size = world_size()
    if size == 1:
        yield SINGLE_PROCESS
        return
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    on_gpu = device.startswith("cuda")
    place = torch.device(f"cuda:{local}" if on_gpu else "cpu")
    if on_gpu:
        if local >= torch.cuda.device_count():
            raise UsageError(
                f"process {local} of this machine has no GPU: there are"
                f" {torch.cuda.device_count()}",
                hint="start fewer processes",
            )
        torch.cuda.set_device(place)
    # Its default arguments keep the group that exists when it is loaded, as deterministic kernels
    # load it later: the group's threads then outlived it, and one of them that still held a
    # tensor at Python's end aborted the process.
    import_module("torch.distributed.nn.functional")
    meeting = os.environ.get(RENDEZVOUS)
    if meeting:  # all on this machine: nothing may listen on its other interfaces
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
        os.environ.setdefault("NCCL_SOCKET_IFNAME", _loopback())
    with _lost_process_means_partly_done():
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            init_method=f"file://{meeting}" if meeting else "env://",
            rank=rank,
            world_size=size,
            timeout=TIMEOUT,
        )
    try:
        yield Distributed(rank, size, place)
    finally:
        dist.destroy_process_group()


def _loopback() -> str:
    return next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")


@contextmanager
def _lost_process_means_partly_done() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as exc:  # DistBackendError is a RuntimeError
        raise PartlyDone(
            "another process of this run has ended or cannot be reached",
            hint="the same command goes on from the last saved state",
        ) from exc
