"""Safetensors files: the library agrees with ours, and damaged ones are refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from nftgan.errors import UsageError
from nftgan.networks.container import read_header, read_tensor, write_container

TENSORS = {
    "G.weight": np.arange(6, dtype="<f4").reshape(2, 3),
    "G.half": np.array([1, -2, 0.5], "<f2"),
    "G.scalar": np.array(3.5, "<f4"),
}


def parse(data: bytes) -> dict[str, np.ndarray]:
    file = io.BytesIO(data)
    header = read_header(file)
    return {key: read_tensor(file, header, key) for key in header.entries}


def container(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("container") / "x.safetensors"
    write_container(path, TENSORS, {"nftgan": "{}"})
    return path.read_bytes()


def test_the_safetensors_library_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_container(path, TENSORS, {"nftgan": "{}"})
    loaded = load_file(path)
    assert loaded.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)


def test_we_read_what_the_safetensors_library_writes(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors", metadata={"a": "b"})
    loaded = parse((tmp_path / "x.safetensors").read_bytes())
    for name, array in TENSORS.items():
        assert np.array_equal(loaded[name], array)


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "y.safetensors"
    write_container(path, dict(reversed(TENSORS.items())), {"nftgan": "{}"})
    assert path.read_bytes() == good


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        (0).to_bytes(8, "little"),
        (1 << 63).to_bytes(8, "little") + b"{}",
        (5 << 20).to_bytes(8, "little") + b" " * (5 << 20),
        container(b"not json"),
        container(b"[1]"),
        container(b"\xff\xfe"),
        container(b"[" * 100_000),
        container(b'{"a":' * 50_000),
        container(b'{"a": NaN}'),
        container(b'{"a": 1' + b"0" * 5000 + b"}"),
        container({"a": 1}),
        container({"__metadata__": 1}),
        container({"__metadata__": {"a": 1}}),
        container({"a": {}}),
        container(entry(dtype="I64", shape=[1]), b"\0" * 8),
        container(entry(dtype=["F32"]), b"\0" * 8),
        container(entry(dtype="F64", shape=[1]), b"\0" * 8),
        container(entry(), b"\0" * 7),
        container(entry(), b"\0" * 9),
        container(entry(offsets=[8, 16]), b"\0" * 16),
        container(entry(offsets=[-8, 0]), b"\0" * 8),
        container(entry(offsets=[8, 0]), b"\0" * 8),
        container(entry(offsets=[0, 8, 16]), b"\0" * 16),
        container(entry(offsets=[0.0, 8.0]), b"\0" * 8),
        container(entry(offsets=[False, 8]), b"\0" * 8),
        container(entry(shape=[1 << 62, 1 << 62]), b"\0" * 8),
        container(entry(shape=[-2, -1]), b"\0" * 8),
        container(entry(shape=[1] * 9, offsets=[0, 4]), b"\0" * 4),
        container(entry(shape=[1 << 39], offsets=[0, 1 << 41]), b"\0" * 8),
        container(entry(shape="ab"), b"\0" * 8),
        container(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
            b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            b"\0" * 4,
        ),
        container({**entry(), "b": entry()["a"]}, b"\0" * 8),
    ],
)
def test_a_hostile_file_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(UsageError, match="not a whole safetensors file") as caught:
        parse(data)
    assert len(caught.value.message) < 300
    assert "\n" not in caught.value.message


def test_every_truncation_is_refused(good: bytes) -> None:
    for length in range(len(good)):
        with pytest.raises(UsageError):
            parse(good[:length])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused_never_a_traceback(good: bytes, data: Any) -> None:
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        tensors = parse(bytes(damaged))
    except UsageError:
        return
    assert sum(array.nbytes for array in tensors.values()) <= len(good)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "__metadata__"]),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "F16", "F64", 3]) | JSON,
                "shape": st.lists(st.integers(-2, 9), max_size=3) | JSON,
                "data_offsets": st.lists(st.integers(-2, 40), max_size=3) | JSON,
            }
        )
        | JSON,
    ),
    st.binary(max_size=48),
)
def test_any_header_is_read_or_refused(header: dict[str, Any], body: bytes) -> None:
    try:
        tensors = parse(container(header, body))
    except UsageError:
        return
    assert sum(array.nbytes for array in tensors.values()) == len(body)
