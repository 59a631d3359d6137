import os
import signal
import time

import pytest

from nftgan.dataset import parallel
from nftgan.dataset.parallel import Crashed, ordered_map, worker_count


def slow_square(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


def deadly_square(number: int) -> int:
    if number in (3, 11):
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def failing(number: int) -> int:
    raise ValueError(f"number {number}")


@pytest.mark.parametrize("together", [1, 7])
@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers: int, together: int) -> None:
    results = list(ordered_map(slow_square, range(40), workers, together=together))
    assert results == [number * number for number in range(40)]


@pytest.mark.parametrize("together", [1, 6])
def test_an_item_that_kills_its_worker_costs_only_itself(together: int) -> None:
    results = list(ordered_map(deadly_square, range(20), 2, together=together))
    assert [i for i, result in enumerate(results) if isinstance(result, Crashed)] == [3, 11]
    assert all(result == i * i for i, result in enumerate(results) if i not in (3, 11))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_reaches_the_caller(workers: int) -> None:
    with pytest.raises(ValueError, match="number 0"):
        list(ordered_map(failing, range(20), workers))


@pytest.mark.parametrize("together", [1, 3])
def test_items_are_taken_only_as_they_are_needed(together: int) -> None:
    taken: list[int] = []

    def items() -> object:
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered_map(slow_square, items(), 2, together=together)  # type: ignore[arg-type]
    assert next(results) == 0
    assert len(taken) <= 8 * together
    results.close()  # type: ignore[attr-defined]


def test_a_handful_of_items_needs_no_processes() -> None:
    assert worker_count(0) == worker_count(15) == 1
    assert 1 <= worker_count(10_000) <= 16


def test_without_shared_memory_one_process_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "read-only file system")

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", refused)
    assert list(parallel.ordered_map(abs, [-1, -2, 3], 2)) == [1, 2, 3]
