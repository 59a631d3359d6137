"""The avatars that ship, unpacked once for all who judge by them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from nftgan.dataset.shipped import unpack


@pytest.fixture(scope="session")
def avatars(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """uint8 [340, 16, 16, 3]"""
    folder = tmp_path_factory.mktemp("avatars")
    unpack("pixel-art", folder)
    paths = sorted(folder.glob("*.png"))[:340]
    found = np.stack([np.array(Image.open(path).convert("RGB")) for path in paths])
    found.flags.writeable = False
    return found
