"""How long a person waits for the first word: nftgan --help against Python and torch alone.

    python benchmarks/startup.py [--repeat 7] [--json]

Every way is a new process, in turn; the best time of each counts. The baseline is Python itself.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time

PYTHON = "python"
CLI = "import sys; sys.argv = {}; from nftgan.cli.main import run; run()"
WAYS = {
    PYTHON: "pass",
    "import nftgan": "import nftgan",
    "nftgan --help": CLI.format(["nftgan", "--help"]),
    "nftgan train --help": CLI.format(["nftgan", "train", "--help"]),
    "import torch": "import torch",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    best = dict.fromkeys(WAYS, math.inf)
    for _ in range(arguments.repeat):  # alternating, so that other load hits all alike
        for way, code in WAYS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
            best[way] = min(best[way], time.perf_counter() - start)
    rows = [
        {"way": way, "seconds": round(s, 3), "times_python": round(s / best[PYTHON], 1)}
        for way, s in best.items()
    ]
    if arguments.json:
        print(json.dumps({"rows": rows}, indent=1))
        return
    for row in rows:
        print(f"{row['way']:20} {row['seconds']:6.3f} s {row['times_python']:6.1f}x")


if __name__ == "__main__":
    main()
