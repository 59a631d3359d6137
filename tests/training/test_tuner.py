"""Choosing by measuring: with a clock and a card that are made up."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nftgan.ops import choices
from nftgan.ops.choices import DENSE, GROUPED, IEEE, TF32X3, Choices
from nftgan.training import tuner
from nftgan.training.state import fresh_state
from tests.training.capturable import Rerun


class Card:
    """Takes a second a measurement; says what each way would take."""

    def __init__(self, **costs: Any) -> None:
        self.costs, self.now, self.asked = costs, 0.0, []

    def clock(self) -> float:
        return self.now

    def measure(self, chosen: Choices) -> float:
        self.now += 10
        self.asked.append(chosen)
        total = 1.0
        for name, cost in self.costs.items():
            total += cost[getattr(chosen, name)]
        if total == float("inf"):
            raise torch.OutOfMemoryError("too large")
        return total


def test_each_question_is_answered_by_what_is_faster() -> None:
    card = Card(
        convolution={DENSE: 2.0, GROUPED: 1.0},
        channels_last={True: 0.0, False: 0.5},
        exact={TF32X3: 0.3, IEEE: 0.0},
    )
    chosen, found = tuner.tune(card.measure, clock=card.clock, budget_seconds=100)
    assert (chosen.convolution, chosen.channels_last, chosen.exact) == (GROUPED, True, IEEE)
    assert len(found) == 4 and min(found.values()) == 2.0


def test_a_difference_within_the_noise_changes_nothing() -> None:
    card = Card(convolution={DENSE: 0.01, GROUPED: 0.0})
    assert tuner.tune(card.measure, clock=card.clock)[0] == Choices()


def test_a_way_that_fails_is_passed_over_and_so_is_the_default() -> None:
    card = Card(convolution={DENSE: 0.0, GROUPED: float("inf")})
    assert tuner.tune(card.measure, clock=card.clock)[0].convolution == DENSE
    card = Card(convolution={DENSE: float("inf"), GROUPED: 0.0})
    assert tuner.tune(card.measure, clock=card.clock)[0].convolution == GROUPED


def test_a_kernel_that_does_not_compile_is_passed_over_too() -> None:
    def measure(chosen: Choices) -> float:
        if chosen.exact == IEEE:
            raise KeyError("an error of a compiler")
        return 1.0

    assert tuner.tune(measure)[0] == Choices()


def test_no_measurement_begins_after_the_time_is_up() -> None:
    card = Card(convolution={DENSE: 0.0, GROUPED: 9.0})
    tuner.tune(card.measure, clock=card.clock, budget_seconds=15)
    assert len(card.asked) == 2


def test_a_run_keeps_what_it_was_begun_with_and_a_card_what_was_found(
    configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NFTGAN_HOME", str(tmp_path / "home"))
    config = configure()
    state, asked = fresh_state(config), []

    def tune(measure: Any, steps: Any) -> tuple[Choices, dict[str, float]]:
        asked.append(measure)
        return Choices(convolution=GROUPED), {"": 0.1}

    monkeypatch.setattr(tuner, "tune", tune)
    runs = [tmp_path / name for name in ("first", "second")]
    for run in runs:
        run.mkdir()

    def choose(run: Path, card: str = "card") -> tuple[Choices, str | None]:
        return tuner.choices_for(config, state, run, card=lambda device: card)

    chosen, line = choose(runs[0])
    assert chosen.convolution == GROUPED and line is not None and "card: grouped" in line
    assert choose(runs[0], "another card") == (chosen, None)  # as it was begun
    assert choose(runs[1])[0] == chosen and len(asked) == 1
    (runs[1] / tuner.CHOICES_FILE).write_text('{"convolution": "rm -rf"}')
    assert choose(runs[1])[0] == chosen
    (runs[1] / tuner.CHOICES_FILE).unlink()
    assert choose(runs[1], "another card")[0] == chosen and len(asked) == 2
    written = json.loads((runs[1] / tuner.CHOICES_FILE).read_text())
    assert written == dataclasses.asdict(chosen)


def test_on_a_processor_nothing_is_measured(configure: Any, tmp_path: Path) -> None:
    config = configure()
    assert tuner.choices_for(config, fresh_state(config), tmp_path) == (Choices(), None)
    assert not list(tmp_path.iterdir())


def test_measuring_moves_nothing_of_the_state(configure: Any) -> None:
    state = fresh_state(configure())
    before = {name: tensor.clone() for name, tensor in state.tensors().items()}
    seconds = tuner.pass_seconds(state)(Choices(convolution=GROUPED))
    assert seconds > 0 and choices.current() == Choices()
    assert all(torch.equal(before[name], tensor) for name, tensor in state.tensors().items())
    networks = (state.generator, state.discriminator)
    assert all(p.grad is None and not p.requires_grad for n in networks for p in n.parameters())


def test_graphs_are_asked_for_last_and_by_the_time_of_steps() -> None:
    card = Card(convolution={DENSE: 2.0, GROUPED: 1.0})
    steps = Card(graphs={False: 3.0, True: 1.0})
    chosen, found = tuner.tune(card.measure, steps.measure, clock=card.clock, budget_seconds=100)
    assert chosen == Choices(convolution=GROUPED, graphs=True)
    assert [one.graphs for one in steps.asked] == [True, False]
    assert sum(key.startswith("step ") for key in found) == 2
    for costs in ({False: 1.0, True: 1.0}, {False: 1.0, True: float("inf")}):
        steps = Card(graphs=costs)
        assert not tuner.tune(card.measure, steps.measure, clock=steps.clock)[0].graphs


def test_measuring_steps_moves_nothing_and_says_what_cannot_be_recorded(configure: Any) -> None:
    state = fresh_state(configure(batch=4, micro_batch=2, aug="ada", aug_p=0.1))
    before = {name: tensor.clone() for name, tensor in state.tensors().items()}
    measure = tuner.step_seconds(state, lambda device: Rerun())
    assert measure(Choices()) > 0 and measure(Choices(graphs=True)) > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in state.tensors().items())
    assert state.ada.p == 0.1 and state.micro_batch == 2 and not state.pending
    networks = (state.generator, state.discriminator)
    assert all(p.grad is None and not p.requires_grad for n in networks for p in n.parameters())

    class Never:
        def record(self, run: Any) -> Any:
            raise RuntimeError("no graphs here")

    with pytest.raises(RuntimeError, match="no graphs here"):
        tuner.step_seconds(state, lambda device: Never())(Choices(graphs=True))


def test_a_run_that_replays_its_steps_goes_on_to(configure: Any, tmp_path: Path) -> None:
    config = configure()
    (tmp_path / tuner.CHOICES_FILE).write_text(json.dumps(dataclasses.asdict(Choices(graphs=True))))
    chosen, line = tuner.choices_for(config, fresh_state(config), tmp_path, card=lambda d: "card")
    assert chosen.graphs and line is None
