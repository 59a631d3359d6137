"""One line per option: what it takes, and that whatever is made from the lines agrees."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.training.config import TrainConfig
from nftgan.training.options import GROUPS, OPTIONS, DirectOptions, Range, checked
from nftgan.training.resolving import resolve, resolve_options
from tests.training.facts import facts_of

ART = facts_of(64)


def test_a_range_says_what_it_holds() -> None:
    assert 0 in Range() and 0 not in Range(open=True)
    assert math.nan not in Range() and math.inf not in Range()
    assert 0.5 in Range(0, 0.5) and 0.51 not in Range(0, 0.5)
    assert [str(Range()), str(Range(open=True)), str(Range(0, 0.5))] == [
        "zero or above",
        "above zero",
        "between 0 and 0.5",
    ]


def test_every_option_has_a_sentence_a_group_and_an_answer_when_it_is_not_given() -> None:
    for one in OPTIONS.values():
        assert one.help.endswith(".") and one.group in GROUPS
        assert (one.default is None) == bool(one.unset), one.name


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("batch", "16", "batch must be a whole number, not '16'"),
        ("batch", True, "batch must be a whole number, not True"),
        ("kimg", "long", "kimg must be a number"),
        ("mirror", 1, "mirror must be True or False"),
        ("metrics", "kid", "metrics must be a list of names"),
        ("metrics", ("kids",), "no metric is called 'kids'"),
        ("freezed", -1, "freezed must be zero or above"),
        ("seed", -1, "seed must be between 0 and 9007199254740991, not -1"),
        ("seed", 2**53, "seed must be between 0 and 9007199254740991"),
        ("num_layers", 0, "num_layers must be above zero"),
        ("state_seconds", float("inf"), "state_seconds must be zero or above, not inf"),
    ],
)
def test_a_value_that_cannot_be_is_refused_for_every_kind_of_option(option, value, words) -> None:
    with pytest.raises(UsageError, match=words):
        checked({option: value})


def test_numbers_of_numpy_are_numbers() -> None:
    assert checked({"batch": np.int64(8), "glr": np.float32(0.5)}).batch == 8


def test_a_direct_option_is_in_the_record_as_it_was_given() -> None:
    for one in dataclasses.fields(DirectOptions):
        assert getattr(resolve(ART), one.name) == one.default
    assert resolve(ART, snap=3, threads=2).snap == 3


def test_options_and_records_agree_on_what_may_change_later() -> None:
    of_record = {one.name: one for one in dataclasses.fields(TrainConfig)}
    for name, option in OPTIONS.items():
        if name in of_record and name != "preset":  # its numbers are in the record, one by one
            assert bool(of_record[name].metadata.get("session")) == option.session, name


def test_a_record_without_a_newer_direct_option_has_its_default() -> None:
    document = resolve(ART, snap=7).to_json()
    del document["exact"], document["snap"]
    found = TrainConfig.from_json(document)
    assert (found.exact, found.snap) == (True, 5)


def test_it_is_told_who_decided_each_option() -> None:
    used = {
        one.name: one for one in resolve_options(ART, batch=8, gamma=2.0, cfg="stylegan2").in_use()
    }
    assert set(used) == set(OPTIONS)
    assert (used["batch"].value, used["batch"].decided_by) == (8, "given")
    assert (used["dlr"].value, used["dlr"].decided_by) == (0.0025, "the preset, else 0.002")
    assert (used["snap"].value, used["snap"].decided_by) == (5, "default")
    assert used["map_depth"].value == 8
    missing = {name for name, one in used.items() if one.value is None}
    assert missing == {"resume", "start", "hours", "threads"}
