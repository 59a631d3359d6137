"""Previews in memory: the latest stay, within a bound."""

from __future__ import annotations

import numpy as np

from nftgan.studio.raws import Raws


def test_the_oldest_are_forgotten_beyond_the_bound() -> None:
    raws = Raws(most_bytes=300)
    images = [np.full((10, 10), n, dtype=np.uint8) for n in range(4)]
    for n, image in enumerate(images[:3]):
        raws.put(n, image)
    assert raws.get(0) is images[0]  # looked at: now the newest
    raws.put(3, images[3])
    assert raws.get(1) is None and raws.get(0) is images[0] and raws.get(3) is images[3]
    raws.put(3, images[2])
    assert raws.get(3) is images[2] and raws.get(0) is images[0]
