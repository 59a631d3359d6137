"""One verb in a process of its own, stopped by Ctrl-C at random moments; what it said each time.

Not in the process of the tests: a Ctrl-C inside `logging` leaves its lock taken by the main thread
for good, and whatever another thread does there later hangs.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from nftgan.cli.main import run as program

TIMES = 6


def attempt(words: list[str]) -> dict[str, Any]:
    """The exit code and what stood on stdout and stderr; an empty one when Ctrl-C came after it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out, noise, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(noise):
        sys.argv = ["nftgan", *words, "--json"]
        try:
            program()
        except SystemExit as ended:
            code = int(ended.code or 0)
        except KeyboardInterrupt:
            return {}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    lock: Any = logging._lock  # type: ignore[attr-defined]
    while lock._is_owned():  # a verb that was stopped ends its process, and the lock with it
        lock.release()
    return {"code": code, "out": out.getvalue(), "noise": noise.getvalue()}


def main(folder: Path, saved: Path, seed: str, words: list[str]) -> list[dict[str, Any]]:
    """Answers of whole runs, then of interrupted ones; `folder` begins each time as `saved` is."""
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    answers = []
    whole = 0.0
    for _ in range(2):  # the first one loads the libraries
        began = time.perf_counter()
        answers.append(attempt(words))
        whole = time.perf_counter() - began
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
    moments = random.Random(seed)
    for _ in range(TIMES):
        signal.setitimer(signal.ITIMER_REAL, max(moments.random() * whole, 1e-3))
        answer = attempt(words)
        answers.append(answer | {"litter": [path.name for path in folder.rglob("*.tmp*")]})
    return answers


if __name__ == "__main__":
    told = json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:]))
    # What is pressed after the last verb, as the program ends, stops nobody's work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(told)
