"""Kill a training run again and again at random moments: it must end as if nothing had happened.

    python -m tests.campaigns.train_kills --kills 30 --seed 0

Each session is a process of its own that gets SIGKILL after a random time; the moments fall into
steps and, because the run writes a snapshot at every tick, often into the writing of one. In the
end the identity of the newest model is compared with that of a run that nothing disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nftgan.dataset.pack import write_dataset

OPTIONS = ["--preset", "tiny", "--batch", "8", "--tick", "0.032", "--snap", "1", "--device", "cpu"]


def command(dataset: Path, runs: Path, kimg: float) -> list[str]:
    return [
        *(sys.executable, "-m", "nftgan", "train", str(dataset), "-o", str(runs)),
        *OPTIONS,
        *("--kimg", str(kimg), "--quiet"),
    ]


def identity(runs: Path) -> str:
    (run,) = runs.iterdir()
    done = subprocess.run(
        [sys.executable, "-m", "nftgan", "model", "info", str(run), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(done.stdout)["result"]["identity"])


def half_written(runs: Path) -> bool:
    """Whether a temporary file of an atomic write lies in the run folder."""
    return any(".tmp" in path.name for path in runs.glob("*/.*"))


def wait_for_writing(runs: Path, session: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while session.poll() is None and time.monotonic() < deadline and not half_written(runs):
        time.sleep(0.0002)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--kimg", type=float, default=0.512)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="nftgan-kills-") as name:
        folder = Path(name)
        pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
        write_dataset(folder / "art.zip", pixels, labels=None)
        began = time.monotonic()
        calm = command(folder / "art.zip", folder / "calm", chosen.kimg)
        subprocess.run(calm, check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - began
        expected = identity(folder / "calm")
        kills = inside = 0
        goal = command(folder / "art.zip", folder / "killed", chosen.kimg)
        while True:
            session = subprocess.Popen(goal, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Long enough, on the average, for the last kill to fall into the last part of the run.
            patience = 4 + chance.random() * 2 * whole / max(chosen.kills, 1) * 1.1
            try:
                code = session.wait(None if kills >= chosen.kills else patience)
            except subprocess.TimeoutExpired:
                if kills % 2:  # every second one strikes while a file is being written
                    wait_for_writing(folder / "killed", session)
                session.kill()
                session.wait()
                kills += 1
                inside += half_written(folder / "killed")
                print(f"kill {kills} after {patience:.1f} s", flush=True)
                continue
            if code:
                print(f"a session ended by itself with {code}")
                return 1
            break
        found = identity(folder / "killed")
    same = found == expected
    print(
        f"{kills} kills, {inside} inside the writing of a file: "
        + (f"the same model, {found}" if same else f"DIFFERENT: {found} is not {expected}")
    )
    return 0 if same and kills >= chosen.kills else 1


if __name__ == "__main__":
    raise SystemExit(main())
