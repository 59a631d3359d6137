"""Two real processes on this machine train as one: same losses, same images, clean deaths."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from nftgan.errors import PartlyDone, UsageError
from nftgan.networks.model_file import load_networks
from nftgan.training import batches
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.outputs import read_statistics

PROGRAM = """
import os, signal, sys, time
from contextlib import suppress
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {root!r})
from nftgan.errors import Cancelled, PartlyDone
from nftgan.training import loop
from nftgan.training.config import DatasetFacts
from nftgan.training.loop import train
from nftgan.training.distributed import init_distributed
from tests.training.conftest import smallest
config = smallest(DatasetFacts.of(Path({art!r})), batch=8, **{options!r})
dies, stops = {dies!r}, {stops!r}
def first_step(*args, distributed, **more):
    Path(stops + str(distributed.rank)).touch()
    if distributed.rank == 0:
        time.sleep(300)  # as while it builds kernels
    distributed.barrier()  # in which Python hears of no signal
if stops:
    loop.next_step = first_step
code = 0
try:
    with init_distributed("cpu") as distributed:
        for tick in train(config, run_dir=Path({run!r}), distributed=distributed):
            if dies and distributed.rank == 1 and tick.images >= dies:
                os.kill(os.getpid(), signal.SIGKILL)
except (PartlyDone, Cancelled) as exc:
    print(exc)
    code = exc.exit_code
def threads():
    for name in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):
            yield name.read_text()
deadline = time.monotonic() + 120  # a thread that was joined is listed for a moment more
while any("gloo" in name for name in threads()):
    assert time.monotonic() < deadline, "a thread could abort this process at Python's end"
    time.sleep(0.01)
sys.exit(code)
"""


@pytest.fixture
def together(art, tmp_path):
    """together(run, size, **options) -> exit codes of `size` processes that train as one."""
    root = str(Path(__file__).resolve().parents[2])

    def start(run, size, dies=0, stops="", **options):
        program = PROGRAM.format(
            **{"root": root, "art": str(art), "run": str(tmp_path / run)},
            **{"options": options, "dies": dies, "stops": stops},
        )
        meeting = tmp_path / f"team-{run}-{time.monotonic_ns()}"
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                env=os.environ
                | {
                    "RANK": str(rank),
                    "WORLD_SIZE": str(size),
                    "LOCAL_RANK": str(rank),
                    "NFTGAN_RENDEZVOUS": str(meeting),
                    "OMP_NUM_THREADS": "1",
                },
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]
        if stops:
            deadline = time.monotonic() + 200
            while not all(Path(f"{stops}{rank}").exists() for rank in range(size)):
                assert time.monotonic() < deadline and all(one.poll() is None for one in workers)
                time.sleep(0.05)
            for worker in workers:  # as a terminal's Ctrl-C
                worker.send_signal(signal.SIGINT)
        said = [worker.communicate(timeout=240)[0] for worker in workers]
        return [worker.returncode for worker in workers], said, tmp_path / run

    return start


def numbers(run):
    """What was measured, without times, and without what rounded images decide."""
    skipped = ("seconds", "seconds_per_kimg", "warnings", "Variety")
    return [
        {key: value for key, value in line.items() if key not in skipped}
        for line in read_statistics(run / "stats.jsonl")
    ]


def assert_alike(run, other):
    """Losses to 1e-5; logits, which are near zero here and no means of losses, to 1e-4."""
    for one, two in zip(numbers(run), numbers(other), strict=True):
        for name, value in one.items():
            error = 1e-5 if name.startswith("Loss/") else 1e-4
            assert two[name] == pytest.approx(value, rel=1e-5, abs=error), name


def test_two_processes_have_the_losses_of_one_and_a_killed_one_ends_both(together):
    codes, _, alone = together("alone", 1, kimg=0.032)
    assert codes == [0]
    codes, _, pair = together("pair", 2, kimg=0.032)
    assert codes == [0, 0]
    assert_alike(alone, pair)
    networks = [load_networks(run).generator for run in (alone, pair)]
    z = torch.from_numpy(np.random.RandomState(3).randn(4, 8).astype(np.float32))
    with torch.no_grad():
        first, second = (network(z, noise_mode="const") for network in networks)
    # Adam's first steps are as long for a gradient of rounding errors as for any other.
    assert (first - second).abs().max() < 0.02

    codes, said, run = together("killed", 2, dies=16, kimg=0.032)
    assert codes == [6, -signal.SIGKILL]
    assert "another process" in said[0]
    codes, _, run = together("killed", 1, kimg=0.032)  # and it goes on, here with one process
    assert codes == [0]
    assert_alike(alone, run)


def test_ctrl_c_in_the_first_step_of_two_processes_does_not_wait_for_its_end(together, tmp_path):
    codes, said, run = together("stopped", 2, stops=str(tmp_path / "in-the-step-"))
    assert codes == [130, 130]
    assert said == ["stopped at 0 kimg; everything is saved\n"] * 2
    assert {path.stem for path in run.glob("state-*")} == {"state-000000000"}


@pytest.mark.parametrize("device", ["cpu"])
def test_the_command_line_starts_them_and_speaks_once(art, tmp_path, device):
    command = [
        *(sys.executable, "-m", "nftgan", "train", str(art), "-o", str(tmp_path / "runs")),
        *("--gpus", "2", "--device", device, "--batch", "8", "--kimg", "0.016", "--json"),
    ]
    done = subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["ok"]
    assert document["result"]["last"]["images"] == 16
    runs = [path.name for path in (tmp_path / "runs").iterdir()]
    assert runs == ["00000-stylegan3-t-squares-batch8-gamma0.5"]


def test_a_share_is_whole_groups_and_all_shares_are_the_batch(configure):
    config = configure(batch=16, micro_batch=4, mbstd_group=2)
    shares = [
        torch.cat(list(batches.micro_batches(config, 16, 4, Distributed(rank, 4)))).tolist()
        for rank in range(4)
    ]
    assert sorted(n for share in shares for n in share) == list(range(16))
    assert all(
        {n % 8 for n in share} == {2 * rank, 2 * rank + 1} for rank, share in enumerate(shares)
    )


def test_a_batch_that_cannot_be_shared_is_refused(configure):
    config = configure(batch=4, micro_batch=4, mbstd_group=2)
    with pytest.raises(UsageError, match="3 processes cannot share"):
        list(batches.micro_batches(config, 4, 4, Distributed(0, 3)))


def test_alone_nothing_is_sent():
    tensor = torch.ones(3)
    SINGLE_PROCESS.all_reduce_sum([tensor])
    SINGLE_PROCESS.all_reduce_mean([tensor])
    assert tensor.tolist() == [1, 1, 1]
    assert SINGLE_PROCESS.broadcast_str("here") == "here"
    assert SINGLE_PROCESS.exchange("here") == ["here"]
    assert SINGLE_PROCESS.collect(b"here") == [b"here"]
    assert SINGLE_PROCESS.all_reduce_any(False, True) == (False, True)


def test_a_team_that_cannot_meet_says_so():
    with pytest.raises(PartlyDone, match="another process"):
        Distributed(0, 2).all_reduce_sum([torch.ones(1)])  # no process group was begun
