"""A data set of 24 little images and a configuration that trains on it in a second."""

import numpy as np
import pytest

from nftgan.dataset.pack import write_dataset
from nftgan.training.config import DatasetFacts
from nftgan.training.resolving import resolve


@pytest.fixture(scope="session")
def art(tmp_path_factory):
    rng = np.random.default_rng(0)
    images = [
        np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((4, 4, 1))).astype(np.uint8)
        for _ in range(24)
    ]
    path = tmp_path_factory.mktemp("art") / "squares.zip"
    write_dataset(path, images, labels=[n % 3 for n in range(24)])
    return path


@pytest.fixture(scope="session")
def facts(art):
    return DatasetFacts.of(art)


def smallest(facts, **changes):
    """The smallest run: six steps of four images."""
    options = {
        "preset": "tiny",
        "batch": 4,
        "micro_batch": 4,
        "mbstd_group": 2,
        "kimg": 0.024,
        "tick": 0.008,
        "snap": 1,
        "num_layers": 3,
        "margin_size": 1,
        "cbase": 64,
        "cmax": 8,
        "d_cbase": 64,
        "d_cmax": 8,
        "z_dim": 8,
        "w_dim": 8,
        "r1_interval": 2,
        "conditional": False,
        "aug": "fixed",
        "aug_p": 0.5,
        "threads": 1,
    }
    return resolve(facts, **options | changes)


@pytest.fixture
def configure(facts):
    """configure(**changes) -> `smallest` with some choices changed."""
    return lambda **changes: smallest(facts, **changes)
