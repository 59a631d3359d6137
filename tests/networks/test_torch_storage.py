"""State dictionaries of the legacy torch.save layout are read by value, and nothing else is."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.pickles import Budget
from nftgan.networks.torch_storage import read_state


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def read(data: bytes) -> dict[str, np.ndarray]:
    return read_state(memoryview(data), Budget(tensor_bytes=2 * len(data)))


def test_tensors_of_every_kind_and_layout_come_back() -> None:
    base = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    content = OrderedDict(
        a=torch.randn(3, 2),
        b=torch.tensor(7),
        t=base.t(),
        part=base[1:3, 2:],
        h=torch.ones(2).half(),
    )
    content._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    found = read(saved(content))
    assert list(found) == list(content)
    for name, tensor in content.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())


class Bomb:
    """A pickle that would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_code_in_a_state_is_refused_and_not_run(tmp_path: Path) -> None:
    for content in ({"a": Bomb(tmp_path / "x")}, Bomb(tmp_path / "x"), [Bomb(tmp_path / "x")]):
        with pytest.raises(UsageError, match="not on the list"):
            read(saved(content))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [[torch.ones(2)], {"a": 1}, {"a": {"b": torch.ones(1)}}, {1: 2}]
)
def test_another_structure_is_refused(content: Any) -> None:
    with pytest.raises(UsageError, match="not one dictionary of tensors"):
        read(saved(content))


def test_every_cut_and_any_addition_is_refused() -> None:
    data = saved({"a": torch.arange(4.0), "b": torch.ones(3)})
    for end in range(len(data)):
        with pytest.raises(UsageError):
            read(data[:end])
    with pytest.raises(UsageError, match="behind the last storage"):
        read(data + b"\0")


def test_a_tensor_larger_than_its_storage_is_refused() -> None:
    small, large = (saved({"a": torch.ones(n)}) for n in (2, 200))
    # The description of 200 elements in front of the bytes of 2.
    with pytest.raises(UsageError, match="a storage of 200 elements"):
        read(large[: large.index(b".", large.rindex(b"]")) + 1] + small[-16:])
