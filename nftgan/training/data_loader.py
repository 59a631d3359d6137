"""The data of each step: real images in the run's order, latents and labels by step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.errors import UsageError
from nftgan.ops.device import sent
from nftgan.training.batches import Batch, LatentBatch, micro_batches
from nftgan.training.config import TrainConfig
from nftgan.training.distributed import SINGLE_PROCESS, Distributed
from nftgan.training.phases import Phase, sample_latents
from nftgan.training.randomness import DataOrder, rng_for
from nftgan.training.sending import Sender, Sent

GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class BatchIndices:
    """Which images a batch shows, and which of them mirrored: [N] each."""

    indices: npt.NDArray[np.int64]
    flipped: npt.NDArray[np.bool_]


class Prefetcher:
    """Decodes the images of one batch at a time, and sends them to the device, in a thread, which
    ends with `close`.
    """

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self._dataset = dataset
        self._sender = Sender(device)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="nftgan images")
        self._closed = threading.Event()
        self._next: tuple[int, BatchIndices, Future[Sent | None]] | None = None

    def begin(self, position: int, choice: BatchIndices) -> None:
        """Start on the batch at `position`; without a thread where its images are in memory."""
        if not self._closed.is_set() and not self._dataset.are_decoded(choice.indices):
            self._next = position, choice, self._pool.submit(self._decoded, choice.indices)

    def take(self, position: int) -> tuple[BatchIndices, Sent | None] | None:
        """What was begun for `position`, images as of Dataset.images; None where another, or none.

        Raises what decoding has raised.
        """
        begun, self._next = self._next, None
        if begun is None or begun[0] != position:
            return None
        return begun[1], begun[2].result()

    def close(self) -> None:
        """End after the image in hand."""
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _decoded(self, indices: npt.NDArray[np.int64]) -> Sent | None:
        found = []
        for index in indices:
            if self._closed.is_set():
                return None
            found.append(self._dataset.images([index]))
        return self._sender.send(torch.from_numpy(np.concatenate(found)))


def normalised(pixels: Tensor) -> Tensor:
    """uint8 → float32 in [-1, 1]"""
    return pixels.to(torch.float32) / 127.5 - 1


class DataLoader:
    """Batches and draws as functions of the configuration and a position or step, nothing else.

    While a step computes on a batch, a thread decodes the next one and sends it to the device;
    `close` ends it.
    """

    def __init__(
        self, config: TrainConfig, dataset: Dataset, distributed: Distributed = SINGLE_PROCESS
    ) -> None:
        """Raises UsageError when `dataset` is not the one that `config` was made for, or when the
        group cannot share its batch.
        """
        if dataset.fingerprint != config.dataset.fingerprint:
            raise UsageError(
                f"{dataset.path} is not the data set that this run began with",
                hint="its images have changed: train into another folder",
            )
        self.dataset = dataset
        self._config = config
        self._device = torch.device(config.device)
        split = split_dataset(dataset, config.holdout, rule=config.holdout_rule)
        self.shown, self.held = split.train, split.held
        """Indices of the images to train on, and of those that no step sees."""
        self._order = DataOrder(config.seed, len(self.shown), mirror=config.mirror)
        self._by_label: npt.NDArray[np.int64] | None = None
        self._distributed = distributed
        self._ahead = Prefetcher(dataset, self._device)
        self._share_out()

    def reconfigure(self, config: TrainConfig) -> None:
        """Go on by another configuration of the same run: the next batch may be of another size."""
        self._config = config
        self._ahead.take(-1)  # what was begun is of the old size
        self._share_out()

    def _share_out(self) -> None:
        config, group = self._config, self._distributed
        shares = list(micro_batches(config, config.batch, config.batch, group))
        self._rows = None if group.world_size == 1 else torch.cat(shares).sort().values

    def close(self) -> None:
        """Leave no thread behind."""
        self._ahead.close()

    def batch(self, position: int) -> Batch:
        """Real images `position` to `position + batch` of the run, or this process's share."""
        choice, ahead = self._ahead.take(position) or (self._choice(position), None)
        if ahead is None:
            pixels = sent(torch.from_numpy(self.dataset.images(choice.indices)), self._device)
        else:
            pixels = ahead.get()
        following = position + self._config.batch
        if following < self._config.total_images:
            self._ahead.begin(following, self._choice(following))
        images = normalised(pixels)
        flips = sent(torch.from_numpy(choice.flipped), self._device)
        images = torch.where(flips[:, None, None, None], images.flip(3), images)
        return Batch(images, self.conditions(choice.indices), self._rows)

    def _choice(self, position: int) -> BatchIndices:
        indices, flipped = self._order.batch(position, self._config.batch)
        if self._rows is not None:
            indices, flipped = indices[self._rows.numpy()], flipped[self._rows.numpy()]
        return BatchIndices(self.shown[indices], flipped)

    def images_at(self, indices: npt.NDArray[np.int64]) -> Tensor:
        """float32 [N, C, H, W] in [-1, 1] of the data set's images at `indices`."""
        return normalised(sent(torch.from_numpy(self.dataset.images(indices)), self._device))

    def latents(self, phase: Phase, step: int) -> LatentBatch:
        """Latents, and labels of random items, for one phase of a step."""
        rng = rng_for(self._config.seed, step, phase.rng_stream, 2)
        indices = self.shown[rng.integers(len(self.shown), size=self._config.batch)]
        return sample_latents(self._config, phase, step, self.conditions(indices), self._device)

    def sample_conditions(self, seeds: Sequence[int]) -> Tensor | None:
        """What the networks are told for the fakes of these seeds, [N, c_dim]; None for an
        unconditional run.

        As often as in the art that is shown, in any long enough stretch of seeds: steps of the
        golden ratio fall evenly over the images in the order of their labels.
        """
        if not self._config.generator.c_dim:
            return None
        if self._by_label is None:
            known = self.dataset.labels(self.shown)
            rows = self.dataset.conditions(self.shown) if known is None else known[:, None]
            self._by_label = self.shown[np.lexsort(np.asarray(rows).T[::-1])]
        places = (np.asarray(seeds, np.float64) + 0.5) * GOLDEN % 1 * len(self._by_label)
        return self.conditions(self._by_label[places.astype(np.int64)])

    def conditions(self, indices: npt.NDArray[np.int64]) -> Tensor | None:
        """What the networks are told of items, [N, c_dim]; None for an unconditional run."""
        if not self._config.generator.c_dim:
            return None
        rows = self.dataset.conditions(indices)
        return None if rows is None else torch.from_numpy(rows).to(self._device)
