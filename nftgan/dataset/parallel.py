"""Map a function over items in several processes, in order, surviving a crash on any one item."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from typing import TypeVar

from nftgan.memory import keep_freed_memory

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4  # items in flight for each worker: memory stays bounded whatever the length
_MAX_WORKERS = 16
_KEPT_BYTES = 64 << 20  # of freed memory that a worker keeps for its next item


class Crashed:
    """Stands in the results for an item whose worker process died (a crash inside a C library)."""


def worker_count(items: int) -> int:
    """One for each processor this process may use, and none to spare for a handful of items."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(processors, _MAX_WORKERS, items // 16))


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int, *, together: int = 1
) -> Iterator[R | Crashed]:
    """function(item) for each item, in the items' order; at most four per worker are in flight.

    `function` must be importable. together: so many items go to a worker at once, which pays when
    each takes less than a few milliseconds. With one worker everything runs in this process.
    """
    if together > 1 and workers > 1:
        parts = _parts(iter(items), together)
        for part, found in _paired(partial(_each, function), parts, workers):
            if isinstance(found, Crashed):  # one of them did it: each by itself
                yield from (_alone(function, item) for item in part)
            else:
                yield from found
        return
    yield from _ordered_map(function, items, workers)


def _paired(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[tuple[T, R | Crashed]]:
    """Each item with its result; no more items are taken than results are waited for."""
    taken: deque[T] = deque()

    def noted() -> Iterator[T]:
        for item in items:
            taken.append(item)
            yield item

    for result in _ordered_map(function, noted(), workers):
        yield taken.popleft(), result


def _each(function: Callable[[T], R], items: list[T]) -> list[R]:
    return [function(item) for item in items]


def _parts(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part


def _ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[R | Crashed]:
    if workers <= 1:
        yield from map(function, items)
        return
    try:
        pool = _pool(workers)
    except (OSError, ImportError) as exc:  # no /dev/shm, or one that is read-only: no semaphores
        log.warning("one process instead of %d: the system gives no more (%s)", workers, exc)
        yield from map(function, items)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()

    def next_result() -> R | Crashed:
        nonlocal pool
        item, future = waiting.popleft()
        try:
            return future.result()
        except BrokenProcessPool:
            # Nobody knows which item killed the pool: try this one alone, the others again.
            pool.shutdown(wait=False, cancel_futures=True)
            result = _alone(function, item)
            pool = _pool(workers)
            again = [item for item, _ in waiting]
            waiting.clear()
            waiting.extend((item, _submit(pool, function, item)) for item in again)
            return result

    try:
        for item in items:
            waiting.append((item, _submit(pool, function, item)))
            if len(waiting) >= workers * _AHEAD:
                yield next_result()
        while waiting:
            yield next_result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, function: Callable[[T], R], item: T) -> Future[R]:
    try:
        return pool.submit(function, item)
    except BrokenProcessPool as exc:
        broken: Future[R] = Future()
        broken.set_exception(exc)
        return broken


def _alone(function: Callable[[T], R], item: T) -> R | Crashed:
    with _pool(1) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return Crashed()


def _pool(workers: int) -> ProcessPoolExecutor:
    # Forking starts at once and asks nothing of the caller's main module; other systems than
    # Linux cannot fork safely.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_pool_worker)


def _start_pool_worker() -> None:
    start_worker()
    keep_freed_memory(_KEPT_BYTES)


def start_worker() -> None:
    """Ctrl-C is the parent's to handle; a worker whose parent is gone goes too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a fork has the parent's handler
    if hasattr(signal, "SIGHUP"):  # a closed terminal tells all of them
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
