"""A model's identity: what its generator computes, whatever file or device holds it.

SHA-256 over the canonical JSON of the architecture, then for each tensor sorted by name the
canonical JSON of `[name, "F32", shape]` and the values as little-endian float32. The values
count, not their storage: a float16 file and its float32 copy hold the same numbers, give the same
pixels and have the same identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nftgan.errors import UsageError
from nftgan.files import canonical_json
from nftgan.networks.architecture import NetworkConfig, to_json


def to_array(tensor: Any) -> np.ndarray:
    """A NumPy array of float16 or float32 with the values of a torch tensor or an array.

    Any other floating type becomes float32. Strides and device do not matter.
    """
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        if tensor.element_size() != 4:
            tensor = tensor.float()
        tensor = tensor.numpy()
    array = np.asarray(tensor)
    if array.dtype.kind != "f":
        raise UsageError(f"a network tensor of type {array.dtype} is not a floating-point one")
    if array.dtype.itemsize > 4:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            array = array.astype(np.float32)
    # ascontiguousarray would make a scalar one-dimensional
    return np.require(array.astype(array.dtype.newbyteorder("<"), copy=False), requirements="C")


def model_identity(config: NetworkConfig, tensors: Mapping[str, Any]) -> str:
    """`sha256:…` of a generator; `tensors` is its state dict, of torch or NumPy."""
    digest = hashlib.sha256(canonical_json(to_json(config)))
    for name in sorted(tensors):
        array = to_array(tensors[name])
        digest.update(canonical_json([name, "F32", list(array.shape)]))
        digest.update(np.require(array.astype("<f4", copy=False), requirements="C").data)
    return f"sha256:{digest.hexdigest()}"
