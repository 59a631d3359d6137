"""A TensorFlow network as data: what it may hold, and what of it is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.networks.tensorflow_networks import (
    NetworkStub,
    Source,
    check_arguments,
    kernel,
)
from nftgan.networks.torch_storage import ArrayStub


def array(*values: float) -> ArrayStub:
    stub = ArrayStub()
    stub.array = np.array(values, np.float32)
    return stub


def network(**state: Any) -> NetworkStub:
    stub = NetworkStub()
    stub.set_state({"version": 3, "static_kwargs": {}, "components": {}, "variables": []} | state)
    return stub


def test_variables_are_named_by_their_component_and_arguments_of_parts_win() -> None:
    part = network(variables=[("Dense0/bias", array(1, 2))], static_kwargs={"depth": 2})
    owner = network(
        components={"mapping": part},
        variables=[("lod", 0.5)],
        static_kwargs={"depth": 1, "size": 8},
    )
    found = owner.variables()
    assert {name: one.tolist() for name, one in found.items()} == {
        "lod": 0.5,
        "mapping/Dense0/bias": [1.0, 2.0],
    }
    assert owner.arguments() == {"depth": 2, "size": 8} and owner.version == 3


def test_an_old_network_has_no_components() -> None:
    stub = NetworkStub()
    stub.set_state({"version": 2, "static_kwargs": {}, "variables": []})
    assert stub.components == {}


@pytest.mark.parametrize(
    "state",
    [
        {"version": "3"},
        {"static_kwargs": None},
        {"variables": {}},
        {"components": []},
        {"components": {"mapping": 1}},
        {"components": {"mapping": network(components={"inner": network()})}},
        {"variables": [("name", "no array")]},
        {"variables": [(1, array(1))]},
    ],
)
def test_what_is_no_network_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="not a readable network pickle"):
        network(**state)


def test_arguments_with_another_effect_are_refused_by_name() -> None:
    fixed = {"blur_filter": [1, 2, 1], "use_noise": True}
    for fine in ({}, {"blur_filter": [1, 2, 1], "more": object()}):
        check_arguments(fine, fixed)
    for wrong in (
        {"use_noise": False},
        {"use_noise": object()},
        {"blur_filter": [[1]]},
        {"blur_filter": None},
    ):
        with pytest.raises(UsageError, match=f"option {next(iter(wrong))} is"):
            check_arguments(wrong, fixed)


def test_kernels_are_brought_into_our_order_and_turned() -> None:
    found = np.arange(24.0, dtype=np.float32).reshape(2, 2, 2, 3)
    assert kernel(found)[2, 1, 0, 1] == found[0, 1, 1, 2]
    assert kernel(found, turned=True)[2, 1, 0, 1] == found[1, 0, 1, 2]
    with pytest.raises(UsageError, match="a kernel of 2 dimensions"):
        kernel(found[0, 0])


def test_every_variable_has_to_be_used() -> None:
    source = Source({"a": np.zeros(1), "lod": np.zeros(1)})
    with pytest.raises(UsageError, match="lacks the variable b"):
        source.take("b")
    with pytest.raises(UsageError, match="'a' cannot be converted"):
        source.finish(re.compile("lod"))
    source.take("a")
    source.finish(re.compile("lod"))
