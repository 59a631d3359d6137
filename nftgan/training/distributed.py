"""Several processes that work as one group: who is who, and what they add up and tell."""

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
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

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
        self,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | None = None,
        store: Store | None = None,
    ) -> None:
        """device: where messages lie. store: where the processes count together."""
        self.rank, self.world_size = rank, world_size
        self._device = device or torch.device("cpu")
        self._store = store

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
        return self.broadcast_bytes(mine.encode()).decode()

    def broadcast_bytes(self, mine: bytes) -> bytes:
        """The main process's bytes."""
        if self.world_size == 1:
            return mine
        length = torch.tensor([len(mine)], dtype=torch.int64, device=self._device)
        with _lost_process_means_partly_done():
            dist.broadcast(length, src=0)
            data = self._tensor(mine) if self.is_main else self._room(int(length))
            if data.numel():
                dist.broadcast(data, src=0)
        return data.cpu().numpy().tobytes()

    def exchange(self, mine: str) -> list[str]:
        """The text of each process, by rank; for short ones."""
        if self.world_size == 1:
            return [mine]
        own = self._tensor(mine.encode())
        ends = self._lengths(own.numel()).cumsum(0).tolist()
        whole = torch.zeros(ends[-1], dtype=torch.uint8, device=self._device)
        whole[ends[self.rank] - own.numel() : ends[self.rank]] = own
        self.all_reduce_sum([whole])
        data = whole.cpu().numpy().tobytes()
        return [data[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]

    def collect(self, mine: bytes) -> list[bytes]:
        """On the main process the bytes of each process, by rank; on the others nothing."""
        if self.world_size == 1:
            return [mine]
        lengths = self._lengths(len(mine)).tolist()
        found = [mine] if self.is_main else []
        with _lost_process_means_partly_done():
            if not self.is_main:
                if mine:
                    dist.send(self._tensor(mine), dst=0)
                return found
            for rank in range(1, self.world_size):
                data = self._room(lengths[rank])
                if lengths[rank]:
                    dist.recv(data, src=rank)
                found.append(data.cpu().numpy().tobytes())
        return found

    def count(self, name: str, amount: int = 1) -> int:
        """Add `amount` to a number that the whole group has, which begins at 0; the sum."""
        if self._store is None:
            raise ValueError("a process alone has nobody to count with")
        with _lost_process_means_partly_done():
            return int(self._store.add(name, amount))

    def _lengths(self, mine: int) -> Tensor:
        lengths = torch.zeros(self.world_size, dtype=torch.int64, device=self._device)
        lengths[self.rank] = mine
        self.all_reduce_sum([lengths])
        return lengths

    def _room(self, length: int) -> Tensor:
        return torch.empty(length, dtype=torch.uint8, device=self._device)

    def _tensor(self, data: bytes) -> Tensor:
        return (
            torch.frombuffer(bytearray(data), dtype=torch.uint8).to(self._device)
            if data
            else (self._room(0))
        )

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
def init_distributed(device: str, *, messages_only: bool = False) -> Iterator[Distributed]:
    """The process group that the environment describes, as torchrun or `launch` set it; else
    SINGLE_PROCESS.

    RANK, WORLD_SIZE and LOCAL_RANK are read, with MASTER_ADDR and MASTER_PORT, or the file of
    NFTGAN_RENDEZVOUS. GPUs talk by NCCL, processors by gloo; with messages_only GPUs as well, as
    no gradients are summed.
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
    by_nccl = on_gpu and not messages_only
    if meeting:  # all on this machine: nothing may listen on its other interfaces
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
        os.environ.setdefault("NCCL_SOCKET_IFNAME", _loopback())
    with _lost_process_means_partly_done():
        store: Store
        if meeting:
            store = dist.FileStore(meeting, size)  # type: ignore[attr-defined]
        else:
            store, rank, size = next(iter(rendezvous("env://", rank, size)))
            store.set_timeout(TIMEOUT)
        dist.init_process_group(
            "nccl" if by_nccl else "gloo", store=store, rank=rank, world_size=size, timeout=TIMEOUT
        )
    try:
        yield Distributed(
            rank,
            size,
            place if by_nccl else torch.device("cpu"),
            PrefixStore("nftgan", store),
        )
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
