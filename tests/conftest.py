"""What every test runs under: idle threads sleep, kernels compile once, long files begin first."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from nftgan import redaction
from nftgan.project import state_home

# Before torch loads its OpenMP runtime:
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # they share the processors
    threads = max((os.cpu_count() or 1) // int(workers), 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
# Most tests have a home of their own, and would compile the kernels anew.
os.environ.setdefault("NFTGAN_KERNEL_CACHE", str(state_home() / "cache" / "kernels"))


_FEW = 3


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests, then those of a few tests, which start a program each, then the rest.

    A process is handed the next files before it has ended its own: were the last ones long, one
    processor would work through them while the others have nothing to do.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    tests = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[bool, bool, int]:
        return item.path not in slow, tests[item.path] > _FEW, -tests[item.path]

    items.sort(key=lambda item: (*place(item), str(item.path)))


_SAFE_PATH_WANTED = "PYTHONSAFEPATH" in os.environ


@pytest.fixture(autouse=True)
def _children_still_find_the_tests() -> Iterator[None]:
    """The program keeps its children from importing from here; those of the tests must."""
    # Before the test too: a fixture of a whole module may have called the program.
    if not _SAFE_PATH_WANTED:
        os.environ.pop("PYTHONSAFEPATH", None)
    yield
    if not _SAFE_PATH_WANTED:
        os.environ.pop("PYTHONSAFEPATH", None)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test() -> Iterator[None]:
    """Secrets are remembered for a whole process, and would redact the words of other tests."""
    before = set(redaction._windows)
    yield
    redaction._windows.clear()
    redaction._windows.update(before)


@pytest.fixture(autouse=True)
def _control_c_still_works() -> Iterator[None]:
    """A verb that has ended leaves Ctrl-C ignored: its process would end. This one goes on."""
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
