"""How a tensor is cut for the GPU's kernels: places or channels, whichever lie side by side."""

from __future__ import annotations

import torch

from nftgan.ops import gpu_tiles


def test_a_tile_holds_places_or_channels_whichever_lie_side_by_side() -> None:
    x = torch.ones(2, 40, 30, 30)
    flat, last = (
        gpu_tiles.tiles_of(x),
        gpu_tiles.tiles_of(x.to(memory_format=torch.channels_last)),
    )
    assert (flat.block_p, flat.block_c, flat.steps) == (1024, 1, (36000, 900, 1))
    assert (last.block_p, last.block_c, last.steps) == (32, 32, (36000, 1, 40))
    vectors = gpu_tiles.tiles_of(torch.ones(3, 100))
    assert (vectors.block_p, vectors.block_c, vectors.steps[1]) == (1, 32, 1)


def test_an_empty_grid_launches_nothing() -> None:
    gpu_tiles.launch(None, (0,), torch.ones(1))
