"""A latent that stands by itself: one way to write it, one hash."""

from __future__ import annotations

import base64
import hashlib
import struct

import numpy as np
import pytest

from nftgan.errors import UsageError
from nftgan.synthesis.latent import Latent, number_of

W = np.array([[0.5, -1.25, 3.0]])


def test_the_hash_is_that_of_the_definition() -> None:
    raw = b"nftgan-latent-1" + struct.pack(">II", 1, 3) + struct.pack("<fff", 0.5, -1.25, 3.0)
    digest = hashlib.sha256(raw).hexdigest()
    latent = Latent(W)
    assert latent.hash == f"sha256:{digest}"
    assert latent.number == number_of(latent.hash) == int(digest[:8], 16)


def test_equal_layers_and_zeros_of_both_signs_are_one_latent() -> None:
    wide = np.repeat(W, 8, axis=0)
    assert Latent(wide) == Latent(W) and Latent(wide).rows.shape == (1, 3)
    assert Latent(W * 0) == Latent(W * -0.0)
    wide[3, 1] += 1
    assert Latent(wide).rows.shape == (8, 3)
    assert np.array_equal(Latent(wide).ws(8, 3), wide)
    assert np.array_equal(Latent(W).ws(8, 3), np.repeat(W, 8, axis=0))


def test_another_model_takes_another_shape() -> None:
    for num_ws, w_dim in ((8, 4), (9, 3)):
        with pytest.raises(UsageError, match="the model takes"):
            Latent(np.arange(24.0).reshape(8, 3)).ws(num_ws, w_dim)


def test_json_gives_the_same_latent_and_only_one_text_does() -> None:
    latent = Latent(np.random.default_rng(1).normal(size=(8, 3)))
    document = latent.to_json()
    assert Latent.from_json(document) == latent
    minus_zero = base64.b64encode(struct.pack("<f", -0.0)).decode()
    twice = {"layers": 2, "width": 1, "values": base64.b64encode(bytes(8)).decode()}
    for wrong in (
        {**document, "more": 1},
        {**document, "layers": 7},
        {**document, "layers": True},
        {**document, "width": 10**9},
        {**document, "values": document["values"][:-4]},
        {**document, "values": "!" * len(document["values"])},
        {"layers": 1, "width": 1, "values": minus_zero},
        {"layers": 1, "width": 1, "values": base64.b64encode(b"\0\0\xc0\x7f").decode()},  # NaN
        twice,
        None,
    ):
        with pytest.raises(UsageError):
            Latent.from_json(wrong)


def test_no_value_is_too_large_to_be_compared() -> None:
    """The absolute value of the smallest int64 is negative."""
    for value in (np.int64(-(2**63)), np.int64(2_000_000), np.longdouble("1e400")):
        with pytest.raises(UsageError, match="no image has"):
            Latent(np.array([[1, value]], dtype=value.dtype))
