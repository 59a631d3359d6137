"""What a training step is fed, real images and latents of the whole batch, and how it is split."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.ops.device import sent
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed


@dataclass(frozen=True)
class Batch:
    """The real images of one step: images [N, C, H, W] in [-1, 1], labels [N, c_dim] or None.

    In a group of processes each process holds only its own share: `rows` [N] then says which
    samples of the whole batch they are.
    """

    images: Tensor
    labels: Tensor | None
    rows: Tensor | None = None

    def __getitem__(self, part: Tensor) -> Batch:
        """The samples `part`, by their places in the whole batch."""
        if self.rows is not None:
            part = torch.searchsorted(self.rows, part)
        part = sent(part, self.images.device)
        return Batch(self.images[part], None if self.labels is None else self.labels[part])


@dataclass(frozen=True)
class LatentBatch:
    """The random inputs of one phase for the whole batch, drawn before it is split.

    z, z_mix: [N, z_dim]; labels: [N, c_dim] or None; mix_from: first layer that takes its style
    from z_mix, or None; path_noise: [N, C, H, W] for the path-length phase. mixed: [num_ws, 1]
    instead of mix_from, which layers do, so that the same work serves every cut.
    """

    z: Tensor
    labels: Tensor | None
    z_mix: Tensor | None = None
    mix_from: int | None = None
    path_noise: Tensor | None = None
    mixed: Tensor | None = None

    def __getitem__(self, part: Tensor | slice) -> LatentBatch:
        if isinstance(part, Tensor):
            part = sent(part, self.z.device)

        def take(value: Tensor | None) -> Tensor | None:
            return None if value is None else value[part]

        return dataclasses.replace(
            self,
            z=self.z[part],
            labels=take(self.labels),
            z_mix=take(self.z_mix),
            path_noise=take(self.path_noise),
        )

    def of_one_shape(self, layers: int) -> LatentBatch:
        """The same with `mixed`: where nothing is mixed all layers take their style from z."""
        cut = layers if self.mix_from is None else self.mix_from
        mixed = sent(torch.arange(layers)[:, None] >= cut, self.z.device)
        second = self.z if self.z_mix is None else self.z_mix
        return dataclasses.replace(self, z_mix=second, mix_from=None, mixed=mixed)


def micro_batches(
    config: TrainConfig,
    count: int,
    size: int | None = None,
    distributed: Distributed = SINGLE_PROCESS,
) -> Iterator[Tensor]:
    """Samples of each micro-batch of this process: int64 places in a batch of `count`, ascending.

    Whole groups of the minibatch deviation stay together: sample n belongs to group
    n mod (count / group), so a micro-batch takes every sample of some groups; D then sees the same
    groups as it would in one piece. size: images at once, by default the configuration's.
    Raises UsageError when the groups cannot be shared equally by the processes.
    """
    group = min(config.discriminator.mbstd_group_size or count, count)
    groups = max(count // group, 1)
    world_size = distributed.world_size
    if groups % world_size:
        raise UsageError(
            f"a batch of {count} is {groups} groups of {group}: {world_size} processes cannot"
            " share them equally",
            hint=f"try --batch {group * world_size * max(groups // world_size, 1)}",
        )
    share = groups // world_size
    per_part = max(min(size or config.micro_batch, count) // group, 1)
    place = torch.arange(count) % groups
    for first in range(distributed.rank * share, (distributed.rank + 1) * share, per_part):
        last = min(first + per_part, (distributed.rank + 1) * share)
        yield torch.nonzero((place >= first) & (place < last)).flatten()
