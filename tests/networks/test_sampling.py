"""A seed's z, and uint8 of an output, are said once, and so are held."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nftgan.errors import UsageError
from nftgan.networks.sampling import latent, latents, to_uint8


def test_a_seed_gives_numpys_legacy_numbers() -> None:
    # The first normal deviates of MT19937 with seed 42, as in NumPy's own documentation.
    known = [0.49671415, -0.1382643, 0.64768854, 1.52302986, -0.23415337]
    assert np.allclose(latent(42, 5), [known], atol=1e-8)
    assert np.array_equal(latents([42, 7], 5)[1:], latent(7, 5))
    assert latents([], 5).shape == (0, 5)
    with pytest.raises(UsageError, match="4294967296"):
        latent(2**32, 4)


def test_an_output_becomes_levels_that_are_floored_and_clamped() -> None:
    x = torch.tensor([-3.0, -1.0, -0.004, 0.0, 0.9921, 0.9922, 1.0, 3.0])
    levels = to_uint8(x)
    assert levels.dtype == torch.uint8
    assert levels.tolist() == [0, 0, 127, 128, 254, 254, 255, 255]
    # Half precision is widened first: its own product would be another level.
    half = torch.tensor([0.1], dtype=torch.float16)
    assert to_uint8(half).item() == int(float(half) * 127.5 + 128)
