"""Identity depends on architecture and values, on nothing else."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.architecture import to_json
from nftgan.networks.identity import model_identity
from tests.networks import small


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return dict(small.generator().state_dict())


def test_identity_is_the_documented_hash() -> None:
    tensors = {"b": torch.tensor([[1.0, -2.5]]), "a": torch.tensor(0.5)}
    config = to_json(small.SG2)
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    # RFC 8785 writes whole floats without a fraction
    text = text.replace("256.0", "256")
    stream = text.encode()
    stream += b'["a","F32",[]]' + np.float32(0.5).tobytes()
    stream += b'["b","F32",[1,2]]' + np.array([1, -2.5], "<f4").tobytes()
    assert model_identity(small.SG2, tensors) == f"sha256:{hashlib.sha256(stream).hexdigest()}"


def test_strides_order_and_type_do_not_matter(state: dict[str, torch.Tensor]) -> None:
    identity = model_identity(small.T, state)
    strided = {}
    for name in reversed(list(state)):
        tensor = state[name].clone()
        if tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        elif tensor.ndim == 2:
            tensor = tensor.t().contiguous().t()
        strided[name] = tensor
    assert any(not tensor.is_contiguous() for tensor in strided.values())
    assert model_identity(small.T, strided) == identity
    assert model_identity(small.T, {k: v.double() for k, v in state.items()}) == identity
    assert model_identity(small.T, {k: v.numpy() for k, v in state.items()}) == identity
    big_endian = {k: v.numpy().astype(">f4") for k, v in state.items()}
    assert model_identity(small.T, big_endian) == identity


def test_one_bit_name_shape_or_option_changes_it(state: dict[str, torch.Tensor]) -> None:
    seen = {model_identity(small.T, state)}
    name = "synthesis.input.weight"
    changed = state[name].clone()
    changed[0, 0] = torch.nextafter(changed[0, 0], torch.tensor(1e9))
    seen.add(model_identity(small.T, {**state, name: changed}))
    seen.add(model_identity(small.T, {**state, name: state[name].reshape(1, -1)}))
    renamed = {k + "x" if k == name else k: v for k, v in state.items()}
    seen.add(model_identity(small.T, renamed))
    seen.add(model_identity(small.R, state))
    assert len(seen) == 5


def test_a_network_has_no_integers() -> None:
    with pytest.raises(UsageError, match="int64"):
        model_identity(small.T, {"a": np.arange(3)})
