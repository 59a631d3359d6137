"""Recorded work: what it does is what is done without, and every phase can be a CUDA graph."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nftgan.training import losses, phases, recording
from nftgan.training.augmentation import Augmentation
from nftgan.training.batches import Batch
from nftgan.training.recording import Recordings, leaves, mapped, structure
from nftgan.training.state import TrainState, fresh_state
from nftgan.training.step import train_step
from tests.training.capturable import Capturable, NotCapturable, Rerun

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def steps(
    config: Any,
    recordings: Recordings | None,
    numbers: tuple[int, ...],
    chances: tuple[float, ...] = (),
) -> TrainState:
    state = fresh_state(config)
    size, channels = config.dataset.resolution, config.dataset.channels
    augment = phases.Augment(config.augpipe)
    for k, number in enumerate(numbers):
        state.step, state.ada.p = number, chances[k] if chances else 0.6
        draw = torch.Generator().manual_seed(number)
        images = torch.randn(config.batch, channels, size, size, generator=draw)
        train_step(
            state,
            Batch(images, None),
            lambda phase: phases.sample_latents(
                config, phase, state.step, None, torch.device("cpu")
            ),
            augment,
            recordings=recordings,
        )
    return state


def same(one: TrainState, other: TrainState) -> bool:
    found, expected = one.tensors(), other.tensors()
    return all(torch.equal(found[name], expected[name]) for name in expected)


class Never:
    def record(self, run: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


@pytest.mark.parametrize("cfg", ["stylegan3-t", "stylegan2"])
def test_replayed_steps_are_the_steps_that_are_not_replayed(configure: Any, cfg: str) -> None:
    config = configure(cfg=cfg, batch=4, micro_batch=2, aug="fixed", augpipe="bgcfnc")
    recorder, told = Rerun(), list[str]()
    recorded = steps(config, Recordings(recorder, told.append), (0, 1, 2, 3))
    assert recorder.records == len(phases.phases(config))
    assert recorder.replays > recorder.records and not told
    plain = steps(config, Recordings(Never(), told.append), (0, 1, 2, 3))
    assert same(recorded, plain)
    assert recorded.metric_sums == plain.metric_sums
    assert told == [
        "steps are not replayed from CUDA graphs: RuntimeError,"
        " operation not permitted when stream is capturing"
    ]
    # Only margins of the warp are others than in a step for which nobody asks that.
    usual = steps(config, None, (0, 1, 2, 3))
    for name, value in usual.tensors().items():
        torch.testing.assert_close(recorded.tensors()[name], value, rtol=1e-2, atol=1e-2, msg=name)


def test_a_probability_that_leaves_zero_is_another_recording(configure: Any) -> None:
    config = configure(batch=4, micro_batch=4, aug="fixed", gamma=0)
    chances, seen = (0.0, 0.4, 0.5, 0.0), []
    for count in range(1, 5):
        recorder = Rerun()
        steps(config, Recordings(recorder), (1, 2, 3, 5)[:count], chances[:count])
        seen.append((recorder.records, recorder.replays))
    assert seen == [(2, 2), (4, 4), (4, 6), (4, 8)]


def test_another_configuration_is_recorded_anew(configure: Any) -> None:
    config, recorder = configure(aug="none"), Rerun()
    recordings, seen = Recordings(recorder), list[Tensor]()

    def call(owner: object) -> Tensor:
        recordings.belong_to(owner)
        return recordings.call("add", [torch.ones(2)], lambda given: given[0] + 1, lambda: None)

    seen.append(call(config))
    assert call(config) is seen[0] and recorder.records == 1
    call(dataclasses.replace(config, gamma=3.0))
    assert recorder.records == 2


def test_while_a_blur_fades_nothing_is_recorded(configure: Any) -> None:
    config = configure(batch=4, micro_batch=4, aug="none", gamma=0)
    config = dataclasses.replace(config, blur_sigma=2.0, blur_fade_images=6)
    recorder = Rerun()
    steps(config, Recordings(recorder), (1, 2, 3))
    assert recorder.records == 2 and recorder.replays == 2  # of the third step


@pytest.mark.parametrize("what", ["nothing", "augmentation", "loss", "generator"])
def test_what_a_plugin_does_is_not_recorded(
    what: str, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, recorder = configure(batch=4, micro_batch=4, aug="fixed", gamma=0), Rerun()
    state = fresh_state(config)
    odd = Augmentation("odd", lambda chance: chance.normal(), lambda images, values: images)
    if what == "loss":
        other = dataclasses.replace(losses.LOGISTIC, generator=lambda fakes, reals: -fakes[:, 0])
        monkeypatch.setattr(losses, "loss_named", lambda name: other)
    if what == "generator":
        monkeypatch.setattr(type(state.generator), "__module__", "package.of.somebody")
    train_step(
        state,
        Batch(torch.zeros(4, 3, 16, 16), None),
        lambda phase: phases.sample_latents(config, phase, 0, None, torch.device("cpu")),
        phases.Augment([odd] if what == "augmentation" else "art"),
        recordings=Recordings(recorder),
    )
    assert recorder.records == (2 if what == "nothing" else 0)


def test_without_memory_steps_go_on_with_fewer_images_and_no_recording(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(batch=8, micro_batch=8, aug="none", gamma=0)
    state, told = fresh_state(config), list[str]()
    forward = state.discriminator.forward

    def scarce(images: Tensor, labels: Tensor | None) -> Tensor:
        if len(images) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(images, labels)

    monkeypatch.setattr(state.discriminator, "forward", scarce)
    recordings = Recordings(Rerun(), told.append)
    train_step(
        state,
        Batch(torch.zeros(8, 3, 16, 16), None),
        lambda phase: phases.sample_latents(config, phase, 0, None, torch.device("cpu")),
        None,
        recordings=recordings,
    )
    assert state.micro_batch == 4 and len(told) == 1 and "OutOfMemoryError" in told[0]


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda x: x.sum().item(), "waits"),
        (lambda x: x[x > 0], "depends on its numbers"),
        (lambda x: torch.nonzero(x), "waits"),
        (lambda x: x + torch.ones(3).to(x.device), "between"),
        (lambda x: x.cpu(), "between"),
        (lambda x: x * torch.tensor(2.0), "between"),
    ],
)
def test_what_no_graph_can_hold_is_seen(work: Any, why: str) -> None:
    device = "cpu" if why != "between" else "meta"
    with pytest.raises(NotCapturable, match=why), Capturable():
        work(torch.ones(3, device=device))


def test_work_that_changes_or_reads_something_new_is_seen() -> None:
    sizes = iter((2, 2, 3))
    _, replay = Rerun().record(lambda: torch.zeros(next(sizes)))
    with pytest.raises(NotCapturable, match="something else"):
        replay()
    _, replay = Rerun().record(lambda: fresh() + 1)
    with pytest.raises(NotCapturable, match="reads others"):
        replay()


def fresh() -> Tensor:
    """Made where nobody sees it."""
    from torch.utils._python_dispatch import _disable_current_modes

    with _disable_current_modes():
        return torch.zeros(2)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exact"), [("stylegan3-t", True), ("stylegan2", False)])
def test_every_phase_of_the_real_size_can_be_captured(
    name: str, exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, on the meta device: no wait, no copy from or to the processor, and the same
    work on the same tensors the next time, also by deterministic algorithms."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    launches = importlib.import_module("launches")
    common = importlib.import_module("gpu_parts.common")
    told, recorder = list[str](), Rerun()
    memory: Any = torch.utils.deterministic
    monkeypatch.setattr(memory, "fill_uninitialized_memory", False)
    torch.use_deterministic_algorithms(exact, warn_only=True)
    try:
        with launches.as_on_a_gpu(launches.Launches(), half=True):
            bench = common.Bench("cpu", False, float("inf"))
            options = {"batch": 16, "micro_batch": 8}
            step = common.step_of(bench, name, tmp_path, place="meta", **options)
            step.state.config = dataclasses.replace(step.state.config, blur_sigma=0.0)
            step.recordings = Recordings(recorder, told.append)
            for number in (0, 16):
                step.run(number)
            step.loader.close()
    finally:
        torch.use_deterministic_algorithms(False)
    assert not told, told
    count = len(phases.phases(step.state.config))
    assert recorder.records == count and recorder.replays == 2 * count
    assert recorder.operators > 1000


@pytest.mark.parametrize("fails", [False, True])
def test_the_order_of_a_capture_on_a_card_that_is_made_up(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Stream:
        def __init__(self, name: Any) -> None:
            self.name = "side" if isinstance(name, torch.device) else name

        def wait_stream(self, other: Any) -> None:
            done.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def on(stream: Any) -> Iterator[None]:
        done.append(f"on {stream.name}")
        yield
        done.append("off")

    class Graph:
        def replay(self) -> None:
            done.append("replay")

    @contextmanager
    def graph(found: Any, *, pool: str, stream: Any, capture_error_mode: str) -> Iterator[None]:
        done.append(f"capture on {stream.name} in {pool}, {capture_error_mode}")
        yield
        done.append("captured")

    def run() -> Tensor:
        done.append("run")
        if fails and "capture" in done[-2]:
            raise RuntimeError("not permitted")
        return torch.zeros(1)

    class Default:
        def graphsafe_set_state(self, state: object) -> None:
            done.append("another state")

    for name, what in {
        "Stream": Stream,
        "stream": on,
        "current_stream": lambda device: Stream("main"),
        "synchronize": lambda device: done.append("synchronized"),
        "graph_pool_handle": lambda: "pool",
        "CUDAGraph": Graph,
        "graph": graph,
        "default_generators": [None, Default()],
    }.items():
        monkeypatch.setattr(torch.cuda, name, what)
    monkeypatch.setattr(torch, "Generator", lambda device: device)
    recorder = recording.CudaRecorder(torch.device("cuda:1"))
    if fails:
        with pytest.raises(RuntimeError, match="not permitted"):
            recorder.record(run)
        assert done[-2:] == ["run", "another state"]
        return
    made, replay = recorder.record(run)
    replay()
    assert made.shape == (1,)
    warm = ["side waits for main", "on side", "run", "run", "run", "off", "main waits for side"]
    capture = ["synchronized", "capture on side in pool, thread_local", "run", "captured"]
    assert done == [*warm, *capture, "replay"]


def test_tensors_are_found_in_whatever_they_are_nested() -> None:
    @dataclasses.dataclass(frozen=True)
    class Pair:
        first: Tensor
        second: Tensor | None
        name: str = "a"

    value = [Pair(torch.ones(2), None), (torch.zeros(3), 5)]
    assert [len(one) for one in leaves(value)] == [2, 3]
    doubled = mapped(value, lambda one: one * 2)
    assert doubled[0].first.tolist() == [2, 2] and doubled[1][1] == 5
    assert structure(value) == structure(doubled)
    assert structure(value) != structure([Pair(torch.ones(2), None, "b"), value[1]])
    assert hash(structure(value))
    assert recording.MOST > 8
