"""A run on a network drive that lacks what a disk has, killed again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from nftgan.dataset.pack import write_dataset

# No locks, folders that cannot be made durable, and every third rename over a file refused once.
DRIVE = """
import errno, fcntl, os, signal, stat, sys
from pathlib import Path
deaths = 0

def flock(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = flock

whole_fsync = os.fsync
def fsync(handle):
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    whole_fsync(handle)
os.fsync = fsync

def link(*_, **__):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
os.link = link

whole_replace, renames = Path.replace, 0
def replace(self, target):
    global renames
    renames += 1
    if deaths and renames > deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    if os.path.exists(target) and renames % 3 == 0:
        renames += 1
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    return whole_replace(self, target)
Path.replace = replace

from nftgan import files
files.RENAME_PAUSES = (0.0, 0.0)
import nftgan.training.loop, nftgan.workflows.train  # loaded once, for every life
from nftgan.cli.main import run

def live(runs, dies_after):
    # Gives the signal or status that ended a process of its own.
    global deaths
    child = os.fork()
    if child == 0:
        deaths = dies_after
        sys.argv = ["nftgan", "train", art, "-o", runs, "--preset", "tiny", "--cbase", "128",
            "--cmax", "8", "--batch", "4", "--micro-batch", "4", "--mbstd-group", "4", "--kimg",
            "0.024", "--tick", "0.004", "--snap", "1", "--metrics", "none", "--aug", "none"]
        run()
        os._exit(1)  # run ends by itself
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

art, smooth, rough = sys.argv[1:]
print(live(smooth, 0), flush=True)
died = 0
for attempt in range(40):
    # Each life a little longer than the last that went nowhere.
    ended = live(rough, 4 + attempt if died < 10 else 0)
    print(ended, flush=True)
    if ended != -signal.SIGKILL:
        break
    died += 1
"""


@pytest.mark.slow
def test_a_run_on_a_drive_without_locks_dies_ten_times_and_ends_with_the_same_model(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    write_dataset(tmp_path / "art.zip", noise)
    environment = {**os.environ, "NFTGAN_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    places = [str(tmp_path / name) for name in ("art.zip", "smooth", "rough")]
    command = [sys.executable, "-c", DRIVE, *places]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    smooth, *rough = [int(line) for line in done.stdout.splitlines() if line.lstrip("-").isdigit()]
    assert (smooth, rough) == (0, [-signal.SIGKILL] * 10 + [0]), done.stderr
    assert done.stderr.count("has no locks") == len([smooth, *rough])
    (one,), (other,) = ((tmp_path / name).iterdir() for name in ("smooth", "rough"))
    last = max(path.name for path in one.glob("network-*.safetensors"))
    want, got = (safetensors.numpy.load_file(run / last) for run in (one, other))
    assert all(np.array_equal(want[name], got[name]) for name in want)
