import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from nftgan import compiler, files
from nftgan.errors import Cancelled, CheckFailed, UsageError
from nftgan.networks.model_file import load_networks
from nftgan.training import loop, outputs, state
from nftgan.training.config import TrainConfig
from nftgan.training.loop import train
from nftgan.training.outputs import read_statistics
from tests.training.conftest import smallest


def run(config, folder, ticks=None):
    """All ticks, or the first few and then a death: nothing is cleaned up or saved after them."""
    seen = []
    for tick in train(config, run_dir=folder):
        seen.append(tick)
        if ticks is not None and len(seen) == ticks:
            break
    return seen


def identity(folder):
    return load_networks(folder).identity


def statistics(folder):
    timed = ("seconds", "seconds_per_kimg")
    return [
        {key: value for key, value in line.items() if key not in timed}
        for line in read_statistics(folder / "stats.jsonl")
    ]


@pytest.fixture(scope="session")
def finished(facts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "finished"
    run(smallest(facts), folder)
    return folder


@pytest.fixture
def undisturbed(finished, tmp_path):
    """A copy of a run that nothing interrupted."""
    return shutil.copytree(finished, tmp_path / "undisturbed")


def test_a_run_leaves_networks_sheets_statistics_and_its_options(undisturbed, configure):
    names = {path.name for path in undisturbed.iterdir()}
    assert {"reals.png", "fakes000000.png", "log.txt", "network-000000.safetensors"} <= names
    stored = TrainConfig.from_json(files.read_json(undisturbed / "training_options.json"))
    assert stored == configure()
    lines = read_statistics(undisturbed / "stats.jsonl")
    assert [line["images"] for line in lines] == [8, 16, 24]
    assert all("Loss/G" in line and "Loss/r1" in line for line in lines)


def test_ticks_fall_on_whole_images_and_the_last_one_says_so(configure, tmp_path):
    seen = run(configure(kimg=0.022), tmp_path / "run")
    assert [tick.images for tick in seen] == [0, 8, 16, 24]
    assert [tick.last for tick in seen] == [False, False, False, True]


@pytest.mark.parametrize("ticks", [1, 3])
def test_a_run_abandoned_at_a_tick_ends_like_an_undisturbed_one(
    ticks, configure, tmp_path, undisturbed
):
    folder = tmp_path / "run"
    run(configure(), folder, ticks=ticks)
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)
    assert statistics(folder) == statistics(undisturbed)


class Death(BaseException):
    """Stands for a power cut: nothing may catch it."""


@pytest.mark.parametrize("writes", [1, 4, 6, 9])
def test_a_death_inside_any_write_loses_nothing(
    writes, configure, tmp_path, undisturbed, monkeypatch
):
    folder = tmp_path / "run"
    done = 0
    real = files.fsync_folder

    def dying(path):
        nonlocal done
        done += 1
        if done == writes:
            raise Death
        real(path)

    with monkeypatch.context() as patch, pytest.raises(Death):
        patch.setattr(files, "fsync_folder", dying)
        run(configure(state_seconds=0.0), folder)
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)
    assert statistics(folder) == statistics(undisturbed)


def test_a_full_disk_at_any_write_is_one_sentence_and_loses_nothing(
    configure, tmp_path, undisturbed, monkeypatch
):
    folder = tmp_path / "run"
    real = files.os.fsync
    for writes in (1, 2, 3, 5, 8):
        left = writes

        def full(handle):
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        with monkeypatch.context() as patch, pytest.raises(UsageError, match="no space") as caught:
            patch.setattr(files.os, "fsync", full)
            run(configure(state_seconds=0.0), folder)
        assert "free some space" in caught.value.hint
        assert not list(folder.glob(".*.tmp*"))
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)
    assert statistics(folder) == statistics(undisturbed)


def test_what_a_kill_left_half_written_is_removed(configure, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    torn = folder / ".state-000000008.safetensors.abcd.tmp.safetensors"
    torn.write_bytes(b"half")
    run(configure(), folder, ticks=1)
    assert not torn.exists()


def test_a_half_written_state_is_passed_over_for_the_one_before(configure, tmp_path, undisturbed):
    folder = tmp_path / "run"
    run(configure(), folder, ticks=3)
    newest = sorted(folder.glob("state-*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)


def test_a_state_without_its_checksum_is_passed_over(configure, tmp_path, undisturbed):
    folder = tmp_path / "run"
    run(configure(), folder, ticks=3)
    sorted(folder.glob("state-*.json"))[-1].unlink()
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)


def test_kill_nine_while_it_trains_loses_nothing(configure, tmp_path):
    config = configure(kimg=0.04, state_seconds=0.0)
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    run(config, undisturbed)
    folder.mkdir()
    options = folder.parent / "options.json"
    options.write_text(json.dumps(config.to_json()))
    program = (
        "import json, os, signal, sys, pathlib, threading\n"
        "from nftgan.training.config import TrainConfig\n"
        "from nftgan.training.loop import train\n"
        "config = TrainConfig.from_json(json.loads(pathlib.Path(sys.argv[1]).read_text()))\n"
        "for tick in train(config, run_dir=pathlib.Path(sys.argv[2])):\n"
        "    if tick.images == 16:\n"  # in a moment, somewhere in the steps that follow
        "        threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
    )
    command = [sys.executable, "-c", program, options, folder]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    run(config, folder)
    assert identity(folder) == identity(undisturbed)


def test_only_the_newest_states_are_kept(undisturbed):
    assert len(list(undisturbed.glob("state-*.safetensors"))) == state.KEEP
    assert len(list(undisturbed.glob("state-*.json"))) == state.KEEP


def test_a_run_stopped_between_snapshots_and_made_shorter_ends_with_a_network(configure, tmp_path):
    config = configure(kimg=0.024, snap=100, state_seconds=1e-9)
    for tick in train(config, run_dir=tmp_path):
        if tick.images == 16:
            break
    (tmp_path / "network-000000.safetensors").unlink()
    shorter = configure(kimg=0.008, snap=100, state_seconds=1e-9)
    ticks = list(train(shorter, run_dir=tmp_path))
    assert [(tick.last, tick.snapshot) for tick in ticks] == [(True, True)]
    assert load_networks(tmp_path / "network-000000.safetensors").generator is not None
    assert list(train(shorter, run_dir=tmp_path)) == []


def test_a_finished_run_does_nothing_and_a_longer_one_goes_on(configure, tmp_path, undisturbed):
    before = identity(undisturbed)
    assert run(configure(), undisturbed) == []
    assert identity(undisturbed) == before
    run(configure(kimg=0.04), undisturbed)
    whole = tmp_path / "whole"
    run(configure(kimg=0.04), whole)
    assert identity(undisturbed) == identity(whole)


def test_another_run_is_not_continued_by_mistake(configure, undisturbed):
    with pytest.raises(UsageError, match=r"another run: gamma, glr"):
        run(configure(gamma=7.0, glr=0.001), undisturbed)


def test_two_processes_cannot_train_in_one_folder(configure, tmp_path):
    folder = tmp_path / "run"
    first = train(configure(), run_dir=folder)
    next(first)
    with pytest.raises(UsageError, match="another nftgan process"):
        next(train(configure(), run_dir=folder))
    first.close()


def test_ctrl_c_between_steps_ends_with_everything_saved(configure, tmp_path, undisturbed):
    folder = tmp_path / "run"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Cancelled) as caught:
        for tick in train(configure(tick=0.012), run_dir=folder):
            if tick.images == 0:
                os.kill(os.getpid(), signal.SIGINT)
    assert caught.value.hint
    assert "everything is saved" in caught.value.message
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_first_step_does_not_wait_for_its_end(configure, tmp_path, monkeypatch):
    ended = []

    def first_step(*args, **more):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)  # a step of a large network, in which Python is not asked
        ended.append("the step")

    monkeypatch.setattr(loop, "next_step", first_step)
    with pytest.raises(Cancelled, match="stopped at 0 kimg; everything is saved"):
        run(configure(), tmp_path / "run")
    assert not ended


def test_ctrl_c_while_kernels_are_built_ends_the_compiler(configure, tmp_path, monkeypatch):
    """A terminal's Ctrl-C, or a kill of nftgan alone: the compiler here survives the first."""
    began = tmp_path / "began"
    # A second, so that Python has done what it does to start a process: interrupted there, it
    # leaves the process alone.
    slow = f"echo $$ > {began}; trap '' INT; sleep 1; kill -INT $PPID; exec sleep 60"
    monkeypatch.setattr(
        loop, "next_step", lambda *_, **__: compiler._run(["sh", "-c", slow], tmp_path)
    )
    with pytest.raises(Cancelled, match="stopped at 0 kimg"):
        run(configure(), tmp_path / "run")
    with contextlib.suppress(ChildProcessError):  # Python has buried it already
        _, status = os.waitpid(int(began.read_text()), 0)
        assert os.WTERMSIG(status) == signal.SIGKILL


def test_ctrl_c_waits_for_a_step_where_an_unsaved_one_would_be_lost(
    configure, tmp_path, undisturbed, monkeypatch
):
    folder, steps, real = tmp_path / "run", [], loop.next_step

    def step(*args, **more):
        steps.append(1)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "next_step", step)
        with pytest.raises(Cancelled, match=r"stopped at 0\.008 kimg; everything is saved"):
            run(configure(tick=0.1), folder)
    assert len(steps) == 2
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)


def test_a_session_of_limited_hours_stops_early_and_resumes(configure, tmp_path, undisturbed):
    folder = tmp_path / "run"
    seen = run(configure(hours=1e-9), folder)
    assert seen[-1].last
    assert seen[-1].images == 4
    run(configure(), folder)
    assert identity(folder) == identity(undisturbed)


def test_training_leaves_torch_as_it_found_it(configure, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    run(configure(), tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "changes",
    [
        {"cfg": "stylegan2"},
        {"cfg": "stylegan3-r"},
        {"conditional": True},
        {"aug": "ada", "augpipe": "bgcfnc", "aug_p": 0.3},
        {"mirror": True, "freezed": 4, "aug": "none"},
        {"gamma": 0.0},
    ],
)
def test_every_kind_of_run_resumes_exactly(changes, configure, tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    run(configure(**changes), straight)
    run(configure(**changes), broken, ticks=2)
    run(configure(**changes), broken)
    assert identity(straight) == identity(broken)
    assert statistics(straight) == statistics(broken)


def test_a_fine_tuned_model_starts_from_its_parent_and_names_it(configure, tmp_path, undisturbed):
    parent = load_networks(undisturbed)
    config = configure(resume=str(undisturbed), seed=7, freezed=4, glr=1e-12, dlr=1e-12)
    assert config.parent.identity == parent.identity
    assert config.generator == parent.generator.config
    folder = tmp_path / "child"
    run(config, folder)
    child = load_networks(folder)
    assert child.info["parent"]["identity"] == parent.identity
    assert "tensors taken over" in (folder / "log.txt").read_text()
    ours, theirs = child.generator.state_dict(), parent.generator.state_dict()
    for name in dict(parent.generator.named_parameters()):
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-6, rtol=0)
    frozen = [name for name, _ in child.discriminator.named_parameters()]
    assert "b16.conv0.weight" not in frozen


def test_stop_leaves_other_threads_alone():
    with loop.Stop() as stop:
        assert not stop.asked
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_state_that_cannot_be_written_is_an_error_with_a_cure(configure, tmp_path, monkeypatch):
    def full(tensors, path):
        raise state.safetensors.SafetensorError("I/O error: no space left on device")

    monkeypatch.setattr(state.safetensors.torch, "save_file", full)
    with pytest.raises(UsageError, match="no space left") as caught:
        run(configure(), tmp_path / "run")
    assert "free some space" in caught.value.hint
    assert not list((tmp_path / "run").glob("state-*"))


def test_old_networks_are_thinned_evenly_and_the_best_newest_and_first_stay(tmp_path):
    for kimg in range(12):
        (tmp_path / f"network-{kimg:06d}.safetensors").touch()
    lines = [{"images": kimg * 1000, "KID": abs(kimg - 5.0)} for kimg in range(12)]
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    outputs.thin_networks(tmp_path, 6)
    left = [int(path.stem[-6:]) for path in sorted(tmp_path.glob("network-*"))]
    assert len(left) == 6
    assert {0, 5, 10, 11} <= set(left)
    assert max(b - a for a, b in itertools.pairwise(left)) <= 4
    assert outputs.best_network(tmp_path).name == "network-000005.safetensors"


def test_a_lost_run_stops_when_the_watchdog_may(configure, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs.watchdog, "diversity", lambda images: 0.0 if len(images) else 1.0)
    assert len(run(configure(), tmp_path / "warned")) == 4
    with pytest.raises(CheckFailed, match="is lost"):
        run(configure(watchdog="stop"), tmp_path / "stopped")


def test_tensorboard_gets_the_same_numbers(configure, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(configure(tensorboard=True), tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    losses = [event.value for event in events.Scalars("Loss/G")]
    lines = read_statistics(tmp_path / "run" / "stats.jsonl")
    assert losses == pytest.approx([line["Loss/G"] for line in lines], rel=1e-6)
    assert len(events.Images("Fakes")) == 4


def test_a_run_whose_numbers_break_says_so_before_it_ends(configure, tmp_path):
    with pytest.raises(CheckFailed):
        run(configure(watchdog="stop", glr=1e30, dlr=1e30), tmp_path / "stopped")
    lines = outputs.read_statistics(tmp_path / "stopped" / "stats.jsonl")
    assert outputs.BROKEN in lines[-1]["warnings"]
    assert outputs.BROKEN in (tmp_path / "stopped" / "log.txt").read_text()
    last = run(configure(watchdog="warn", glr=1e30, dlr=1e30), tmp_path / "warned")[-1]
    assert last.last and last.diverged
    networks = list((tmp_path / "warned").glob("network-*.safetensors"))
    assert [path.name for path in networks] == ["network-000000.safetensors"]


def test_a_persons_copies_in_a_run_are_neither_counted_nor_removed(configure, tmp_path):
    run(configure(kimg=0.008), tmp_path)
    for number in range(5):
        network = next(tmp_path.glob("network-0*.safetensors"))
        shutil.copy(network, tmp_path / f"network-best{number}.safetensors")
        state = next(tmp_path.glob("state-0*.safetensors"))
        shutil.copy(state, tmp_path / f"{state.stem}-backup{number}.safetensors")
    run(configure(keep=3), tmp_path)
    assert len(list(tmp_path.glob("network-best*"))) == len(list(tmp_path.glob("*-backup*"))) == 5


def test_fine_tuning_learns_the_labels_that_its_parent_did_not_have(configure, tmp_path):
    run(configure(kimg=0.004), tmp_path / "parent")
    source = str(tmp_path / "parent")
    child = configure(resume=source, conditional=True, kimg=0.004)
    assert child.generator.c_dim == child.discriminator.c_dim == 3
    assert run(child, tmp_path / "child")[-1].last
    assert "tensors taken over; new: " in (tmp_path / "child" / "log.txt").read_text()
    again = configure(resume=str(tmp_path / "child"), conditional=False, kimg=0.004)
    assert again.generator.c_dim == again.discriminator.c_dim == 0
    run(again, tmp_path / "again")
