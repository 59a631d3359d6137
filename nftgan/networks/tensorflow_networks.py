"""A network of the TensorFlow programs as data: its arguments, its variables and their layouts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.networks.identity import to_array
from nftgan.networks.pickles import Stub, describe, reject
from nftgan.networks.torch_storage import ArrayStub

MAX_VARIABLES = 10_000
Arrays = dict[str, np.ndarray]


class NetworkStub(Stub):
    """A dnnlib.tflib Network as data: keyword arguments, variables, components."""

    def __init__(self) -> None:
        self.version = 0
        self.kwargs: dict[str, Any] = {}
        self.own: Arrays = {}
        self.components: dict[str, NetworkStub] = {}

    def set_state(self, state: Any) -> None:
        if type(state) is not dict or type(state.get("version")) is not int:
            raise reject("a TensorFlow network without a version")
        self.version = state["version"]
        kwargs, components = state.get("static_kwargs"), state.get("components", {})
        variables = state.get("variables")
        if type(kwargs) is not dict or type(components) is not dict or type(variables) is not list:
            raise reject("a TensorFlow network without arguments, components or variables")
        self.kwargs = kwargs
        for name, part in components.items():
            # A component is complete before its owner, so that there can be no circle.
            if type(name) is not str or not isinstance(part, NetworkStub) or part.components:
                raise reject(f"a component {describe(name)} that is {describe(part)}")
            self.components[name] = part
        self.own = {}
        for name, value in variables:
            if type(value) is float:  # a variable without dimensions comes as a NumPy number
                array = to_array(np.float64(value))
            elif isinstance(value, ArrayStub):
                array = value.array
            else:
                raise reject(f"a variable {describe(name)} that is {describe(value)}")
            if type(name) is not str:
                raise reject(f"a variable called {describe(name)}")
            self.own[name] = array

    def variables(self) -> Arrays:
        """All variables; a component's begin with its name."""
        found = dict(self.own)
        for prefix, part in self.components.items():
            found |= {f"{prefix}/{name}": value for name, value in part.own.items()}
        if len(found) > MAX_VARIABLES:
            raise reject(f"{len(found)} variables")
        return found

    def arguments(self) -> dict[str, Any]:
        """Its keyword arguments; those of its mapping and synthesis networks win."""
        parts = [self.components[n] for n in ("mapping", "synthesis") if n in self.components]
        found = dict(self.kwargs)
        for part in parts:
            found |= part.kwargs
        return found


def check_arguments(given: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Raises UsageError for an argument that is given and not what `fixed` says."""
    for name, wanted in fixed.items():
        value = given.get(name, wanted)
        if type(value) is list and all(type(item) in (int, float) for item in value):
            value = [*value]
        elif type(value) not in (str, int, float, bool):
            value = None
        if value != wanted:
            raise UsageError(f"its option {name} is {describe(value)}, which cannot be converted")


def kernel(array: np.ndarray, *, turned: bool = False) -> np.ndarray:
    """HWIO → OIHW; up-sampling kernels are also turned by half a circle."""
    if array.ndim != 4:
        raise reject(f"a kernel of {array.ndim} dimensions")
    if turned:
        array = array[::-1, ::-1]
    return to_array(array.transpose(3, 2, 0, 1))


def dense(array: np.ndarray) -> np.ndarray:
    return to_array(array.T)


class Source:
    """Variables by name; every one has to be used or known to be without effect."""

    def __init__(self, variables: Arrays) -> None:
        self.variables = dict(variables)

    def take(self, name: str) -> np.ndarray:
        if name not in self.variables:
            raise UsageError(f"it lacks the variable {name}")
        return self.variables.pop(name)

    def has(self, name: str) -> bool:
        return name in self.variables

    def finish(self, unused: re.Pattern[str]) -> None:
        """UsageError for a variable that is left, unless `unused` matches its whole name."""
        left = sorted(name for name in self.variables if not unused.fullmatch(name))
        if left:
            raise UsageError(f"its variable {describe(left[0])} cannot be converted")
