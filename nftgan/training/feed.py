"""The data of each step: real pictures in the run's order, latents and labels by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.errors import UsageError
from nftgan.ops.device import sent
from nftgan.training.config import TrainConfig
from nftgan.training.phases import Batch, Draw, Phase, draw_for, micro_batches
from nftgan.training.randomness import DataOrder, stream
from nftgan.training.team import SOLO, Team


class Feed:
    """Batches and draws as functions of the configuration and a position or step, nothing else."""

    def __init__(self, config: TrainConfig, dataset: Dataset, team: Team = SOLO) -> None:
        """Raises UsageError when `dataset` is not the one that `config` was made for, or when the
        team cannot share its batch.
        """
        if dataset.fingerprint != config.dataset.fingerprint:
            raise UsageError(
                f"{dataset.path} is not the data set that this run began with",
                hint="its pictures have changed: train into another folder",
            )
        self.dataset = dataset
        self._config = config
        self._device = torch.device(config.device)
        split = split_dataset(dataset, config.holdout)
        self.shown, self.held = split.train, split.held
        """Indices of the pictures to train on, and of those that no step sees."""
        self._order = DataOrder(config.seed, len(self.shown), mirror=config.mirror)
        shares = list(micro_batches(config, config.batch, config.batch, team))
        self._rows = None if team.size == 1 else torch.cat(shares).sort().values

    def batch(self, position: int) -> Batch:
        """Real pictures `position` to `position + batch` of the run, or this process's share."""
        indices, flipped = self._order.batch(position, self._config.batch)
        if self._rows is not None:
            indices, flipped = indices[self._rows.numpy()], flipped[self._rows.numpy()]
        indices = self.shown[indices]
        images = self.pictures(indices)
        flips = sent(torch.from_numpy(flipped), self._device)
        images = torch.where(flips[:, None, None, None], images.flip(3), images)
        return Batch(images, self.one_hot(indices), self._rows)

    def pictures(self, indices: npt.NDArray[np.int64]) -> Tensor:
        """float32 [N, C, H, W] in [-1, 1] of the data set's pictures at `indices`."""
        images = sent(torch.from_numpy(self.dataset.images(indices)), self._device)
        return images.to(torch.float32) / 127.5 - 1

    def draw(self, phase: Phase, step: int) -> Draw:
        """Latents, and labels of random items, for one phase of a step."""
        rng = stream(self._config.seed, step, phase.purpose, 2)
        indices = self.shown[rng.integers(len(self.shown), size=self._config.batch)]
        return draw_for(self._config, phase, step, self.one_hot(indices), self._device)

    def one_hot(self, indices: npt.NDArray[np.int64]) -> Tensor | None:
        """Labels [N, c_dim] of items; None for an unconditional run."""
        classes = self._config.generator.c_dim
        labels = self.dataset.labels(indices) if classes else None
        if labels is None:
            return None
        return torch.eye(classes, device=self._device)[torch.from_numpy(labels).to(self._device)]
