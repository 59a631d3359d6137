"""Who is free takes the next item; an error of one ends all of them in the same way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import torch

from nftgan.errors import NftganError, PartlyDone, UsageError
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.shares import shared, work_group


@dataclass
class Meeting:
    """What the processes of a group have in common; here they are threads."""

    barrier: threading.Barrier
    counts: dict[str, int] = field(default_factory=dict)
    said: dict[int, bytes] = field(default_factory=dict)
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Thread(Distributed):
    def __init__(self, rank: int, meeting: Meeting) -> None:
        super().__init__(rank, meeting.barrier.parties)
        self.meeting = meeting

    def count(self, name: str, amount: int = 1) -> int:
        with self.meeting.mutex:
            counts = self.meeting.counts
            counts[name] = counts.get(name, 0) + amount
            return counts[name]

    def _all(self, mine: bytes) -> list[bytes]:
        self.meeting.said[self.rank] = mine
        self.meeting.barrier.wait(120)
        found = [self.meeting.said[rank] for rank in range(self.world_size)]
        self.meeting.barrier.wait(120)
        return found

    def exchange(self, mine: str) -> list[str]:
        return [data.decode() for data in self._all(mine.encode())]

    def collect(self, mine: bytes) -> list[bytes]:
        found = self._all(mine)
        return found if self.is_main else []


def in_group(size, work, count=20, told=None):
    """What `shared` gives or raises in each of `size` processes; work(rank, item)."""
    meeting = Meeting(threading.Barrier(size))

    def one(rank):
        try:
            return shared(
                Thread(rank, meeting),
                "work",
                count,
                lambda item: work(rank, item),
                (told if rank == 0 else None) or (lambda done: None),
            )
        except NftganError as exc:
            return exc

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


def test_each_item_is_made_once_and_the_main_process_has_all():
    made, told = [], []
    found, *others = in_group(
        3, lambda rank, item: (made.append(item), b"x" * item)[1], told=told.append
    )
    assert sorted(made) == list(range(20))
    assert found == {item: b"x" * item for item in range(20)}
    assert others == [{}, {}]
    assert told == sorted(told) and told[-1] == 20


def test_a_slow_process_holds_nobody_up():
    done = threading.Event()
    made = [[], []]

    def work(rank, item):
        made[rank].append(item)
        if rank == 1:
            assert done.wait(120)
        elif len(made[0]) >= 19:
            done.set()
        return b""

    in_group(2, work)
    assert len(made[0]) >= 19


def test_an_error_of_one_process_is_raised_by_all_and_nothing_is_begun_after_it():
    failed = threading.Event()
    made = []

    def work(rank, item):
        if item == 1:
            failed.set()
            raise UsageError("seed 7 cannot be drawn", hint="leave it out")
        assert failed.wait(120)
        made.append(item)
        return b""

    errors = in_group(2, work, count=1000)
    assert [(type(one), one.message, one.hint) for one in errors] == [
        (UsageError, "seed 7 cannot be drawn", "leave it out")
    ] * 2
    assert len(made) <= 3


def test_alone_nothing_but_a_loop_is_done():
    told = []
    found = shared(SINGLE_PROCESS, "w", 3, lambda item: bytes([item]), told.append)
    assert found == {0: b"\0", 1: b"\1", 2: b"\2"}
    assert told == [1, 2, 3]
    with work_group("cpu") as (group, device):
        assert group is SINGLE_PROCESS and device == "cpu"


def test_processes_of_one_machine_divide_its_cores(monkeypatch):
    """Each would take all of them otherwise, and they would wait for one another."""
    from nftgan.training import shares

    before, seen = torch.get_num_threads(), []
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(shares.os, "cpu_count", lambda: 2 * (before + 2))

    def meeting(device, *, messages_only):
        seen.append((device, messages_only, torch.get_num_threads()))
        raise PartlyDone("nobody came")

    monkeypatch.setattr(shares, "init_distributed", meeting)
    with pytest.raises(PartlyDone), work_group("cpu"):
        pass
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(PartlyDone), work_group("cuda"):
        pass
    assert seen == [("cpu", True, before + 2), ("cuda:1", True, before)]
    assert torch.get_num_threads() == before
