"""Tensors and arrays inside a pickle, decoded by NumPy alone (the legacy torch.save layout)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nftgan.networks.pickles import (
    AllowedGlobal,
    Budget,
    Globals,
    RestrictedUnpickler,
    Stub,
    describe,
    reject,
)

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
MAX_DIMENSIONS = 8

_STORAGES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_DTYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})


@dataclass(frozen=True)
class Storage:
    """The elements of one torch storage; `elements` is one-dimensional and read-only."""

    elements: np.ndarray


@dataclass
class DtypeStub(Stub):
    """A NumPy dtype by name; the byte order comes with its state."""

    name: str
    order: str = "<"

    def set_state(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise reject(f"the byte order {describe(order)}")
        self.order = ">" if order == ">" else "<"

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.name)


class ArrayStub(Stub):
    """A NumPy array; its content comes with its state."""

    def __init__(self) -> None:
        self.array: np.ndarray = np.zeros(0, np.float32)

    def set_state(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, DtypeStub) or not isinstance(data, memoryview):
            raise reject(f"an array of {describe(dtype)}")
        shape = checked_shape(shape)
        if math.prod(shape) * dtype.dtype.itemsize != len(data):
            raise reject(f"an array of shape {shape} in {len(data)} bytes")
        flat = np.frombuffer(data, dtype.dtype)
        self.array = flat.reshape(shape, order="F" if fortran is True else "C")


def checked_shape(shape: Any) -> tuple[int, ...]:
    """`shape` as a short tuple of integers that are not negative."""
    if (
        type(shape) is not tuple
        or len(shape) > MAX_DIMENSIONS
        or not all(type(side) is int and 0 <= side < 1 << 40 for side in shape)
    ):
        raise reject(f"a shape that is {describe(shape)} of something else than sizes")
    return shape


def array_names(budget: Budget) -> Globals:
    """The NumPy names, under their old and new module."""

    def make_dtype(name: Any, *_: Any) -> DtypeStub:
        if type(name) is not str or name not in _DTYPES:
            raise reject(f"the dtype {describe(name)}")
        return DtypeStub(name)

    def scalar(dtype: Any, data: Any = None) -> Any:
        if not isinstance(dtype, DtypeStub) or not isinstance(data, memoryview):
            raise reject(f"a number of {describe(dtype)}")
        if len(data) != dtype.dtype.itemsize:
            raise reject(f"a number of {len(data)} bytes")
        return np.frombuffer(data, dtype.dtype)[0].item()

    def reconstruct(cls: Any, *_: Any) -> ArrayStub:
        if cls is not ndarray:
            raise reject(f"an array of class {describe(cls)}")
        return ArrayStub()

    ndarray = AllowedGlobal("numpy.ndarray")
    names = {
        ("numpy", "dtype"): AllowedGlobal("numpy.dtype", call=make_dtype),
        ("numpy", "ndarray"): ndarray,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy"):
        names[module, "scalar"] = AllowedGlobal("numpy.scalar", call=scalar)
        names[module, "_reconstruct"] = AllowedGlobal("numpy._reconstruct", call=reconstruct)
    return names


def tensor_names(budget: Budget) -> Globals:
    """The torch names by which a network's parameters and buffers are pickled."""

    def parameter(tensor: Any, *_: Any) -> np.ndarray:
        if not isinstance(tensor, np.ndarray):
            raise reject(f"a parameter that is {describe(tensor)}")
        return tensor

    def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
        if not isinstance(storage, Storage):
            raise reject(f"a tensor over {describe(storage)}")
        return strided(storage.elements, offset, size, stride, budget)

    def load(data: Any) -> Storage:
        if not isinstance(data, memoryview):
            raise reject(f"a storage in {describe(data)}")
        return read_storage(data, budget)

    def size(value: Any = ()) -> tuple[int, ...]:
        return checked_shape(value)

    rebuild = AllowedGlobal("torch._utils._rebuild_parameter", call=parameter)
    return {
        ("torch._utils", "_rebuild_parameter"): rebuild,
        ("torch._utils", "_rebuild_parameter_with_state"): rebuild,
        ("torch._utils", "_rebuild_tensor_v2"): AllowedGlobal("torch tensor", call=tensor),
        ("torch.storage", "_load_from_bytes"): AllowedGlobal("torch storage", call=load),
        ("torch", "Size"): AllowedGlobal("torch.Size", call=size),
        ("torch", "device"): AllowedGlobal("torch.device", call=lambda *_: "device"),
    }


def strided(
    elements: np.ndarray, offset: Any, size: Any, stride: Any, budget: Budget
) -> np.ndarray:
    """The tensor of `size` and `stride` (in elements) that starts at `offset`, as a view.

    Raises UsageError when it would reach outside `elements` or show an element twice.
    """
    size, stride = checked_shape(size), checked_shape(stride)
    if len(size) != len(stride) or type(offset) is not int or offset < 0:
        raise reject("a tensor whose size and strides do not fit")
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count > len(elements) or (count and last >= len(elements)):
        raise reject(f"a tensor of {count} elements in a storage of {len(elements)}")
    budget.spend_tensor(count * elements.itemsize)
    if not count:
        return np.zeros(size, elements.dtype)
    steps = [step * elements.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(elements[offset:], size, steps, writeable=False)


def read_storage(data: memoryview, budget: Budget) -> Storage:
    """The one storage of a legacy torch.save stream: five pickles, a count, the raw elements."""
    names = {("collections", "OrderedDict"): _ORDERED_DICT}
    _, counts, keys, position = _legacy_content(data, names, budget, {}, once=True)
    if len(counts) != 1 or keys != list(counts):
        raise reject("a storage stream without exactly one storage")
    storages, end = _raw_storages(data, position, keys, counts, budget)
    if end != len(data):
        raise reject(f"{len(data) - end} bytes behind a storage")
    return storages[keys[0]]


def read_state(data: memoryview, budget: Budget) -> dict[str, np.ndarray]:
    """The tensors by name of a legacy torch.save file that holds one state dictionary.

    Nothing in the file is run. Raises UsageError for anything else.
    """

    def later(*_: Any) -> None:
        """Where the elements lie is known only behind the first reading."""

    names = {
        ("collections", "OrderedDict"): _ORDERED_DICT,
        ("torch._utils", "_rebuild_tensor_v2"): AllowedGlobal("torch tensor", call=later),
    }
    _, counts, keys, position = _legacy_content(data, names, budget, {})
    if sorted(counts) != sorted(keys):
        raise reject("storages other than those that its tensors use")
    storages, end = _raw_storages(data, position, keys, counts, budget)
    if end != len(data):
        raise reject(f"{len(data) - end} bytes behind the last storage")
    names = {**names, **tensor_names(budget)}
    content, *_ = _legacy_content(data, names, budget, storages)
    if type(content) is not dict or not all(
        type(name) is str and isinstance(value, np.ndarray) for name, value in content.items()
    ):
        raise reject("it is not one dictionary of tensors")
    return content


_ORDERED_DICT = AllowedGlobal("OrderedDict", call=lambda: {})


def _legacy_content(
    data: memoryview,
    names: Globals,
    budget: Budget,
    storages: Mapping[str, Storage],
    *,
    once: bool = False,
) -> tuple[Any, dict[str, tuple[str, int]], list[str], int]:
    """The five pickles at the head of a legacy torch.save stream.

    Returns what was saved, (kind, elements) of each storage that it uses, the order in which they
    follow, and where. A storage that `storages` does not hold is None to what was saved.
    once: one storage may be used, one time.
    """
    found: dict[str, tuple[str, int]] = {}

    def persistent(reference: Any) -> Storage | None:
        if type(reference) is not tuple or len(reference) not in (5, 6):
            raise reject("a storage without a description")
        tag, kind, key, _, count = reference[:5]
        view = reference[5] if len(reference) == 6 else None
        known = isinstance(kind, AllowedGlobal) and kind.title in _STORAGES
        if tag != "storage" or not known or type(key) is not str or view is not None:
            raise reject("a storage of an unknown kind")
        if type(count) is not int or count < 0 or (once and found):
            raise reject(f"a storage of {describe(count)} elements")
        if found.setdefault(key, (kind.title, count)) != (kind.title, count):
            raise reject("two storages with one key")
        return storages.get(key)

    names = {**names, **{("torch", name): AllowedGlobal(name) for name in _STORAGES}}
    values: list[Any] = []
    position = 0
    for _ in range(5):
        machine = RestrictedUnpickler(
            data,
            names,
            budget,
            position=position,
            persistent=persistent,
            drop_table_state=True,
        )
        values.append(machine.run())
        position = machine.position
    magic, protocol, system, content, keys = values
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL or type(system) is not dict:
        raise reject("a storage in an unknown format")
    if system.get("little_endian") is not True:
        raise reject("a storage from a big-endian machine")
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise reject("storages in no order")
    return content, found, keys, position


def _raw_storages(
    data: memoryview,
    position: int,
    keys: list[str],
    counts: Mapping[str, tuple[str, int]],
    budget: Budget,
) -> tuple[dict[str, Storage], int]:
    """The storages by key, each a count (int64) and its raw elements, and where they end."""
    storages = {}
    for key in keys:
        kind, count = counts[key]
        dtype = _STORAGES[kind]
        itemsize = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
        raw = data[position : position + 8 + count * itemsize]
        stored = int.from_bytes(raw[:8], "little", signed=True)
        if len(raw) < 8 or stored != count or len(raw) - 8 != count * itemsize:
            raise reject(f"a storage of {count} elements in {max(len(raw) - 8, 0)} bytes")
        storages[key] = Storage(_decoder(dtype, budget)(raw[8:]))
        position += len(raw)
    return storages, position


def _decoder(dtype: str, budget: Budget) -> Callable[[memoryview], np.ndarray]:
    if dtype != "bfloat16":
        return lambda raw: np.frombuffer(raw, dtype)

    def widen(raw: memoryview) -> np.ndarray:
        budget.spend_tensor(2 * len(raw))
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)

    return widen
