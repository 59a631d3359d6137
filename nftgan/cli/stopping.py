"""Ctrl-C and the signals that end a process: heard until the answer, and never lost on the way."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.01
"""After a Ctrl-C that was swallowed: by then the code that swallowed it has returned."""
_ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""A kill, the end of a job, a closed terminal."""


@contextlib.contextmanager
def stopped_as_by_ctrl_c() -> Iterator[None]:
    """Inside, what ends the process lets it clean up first, and say how to go on.

    What the caller had ignored, as `nohup` does, stays ignored.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ENDINGS:
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)  # which, should nobody hear it


def too_late_to_stop() -> None:
    """Let Ctrl-C pass from here to the process's end: one document per run, and a whole one."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in _ENDINGS:
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def ctrl_c_comes_again() -> Iterator[None]:
    """Inside, a Ctrl-C that nobody could hear is pressed again a moment later.

    No exception leaves a destructor, a callback of a weak reference or one of a library in C.
    Python prints a traceback there and goes on, as if nobody had pressed anything.
    """
    others = sys.unraisablehook
    waiting: list[threading.Timer] = []

    def unheard(fault: sys.UnraisableHookArgs) -> None:
        if not issubclass(fault.exc_type, KeyboardInterrupt):
            others(fault)
            return
        again = threading.Timer(AGAIN_SECONDS, _press, [_number_of(fault.exc_value)])
        again.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread begins while the process ends
            again.start()
            waiting.append(again)

    sys.unraisablehook = unheard
    try:
        yield
    finally:
        sys.unraisablehook = others
        for one in waiting:
            one.cancel()


def _number_of(fault: BaseException | None) -> int:
    """The signal behind a KeyboardInterrupt: Ctrl-C where it does not say."""
    told = fault.args[0] if fault is not None and fault.args else None
    return told if isinstance(told, int) else signal.SIGINT


def _press(number: int) -> None:
    if hasattr(signal, "pthread_kill"):  # it also wakes a thread that waits in the system
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))
