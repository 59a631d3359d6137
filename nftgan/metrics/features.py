"""What images are compared by: 224 numbers each from the middle of EfficientNet-Lite0.

Mean and standard deviation over space of the 112 channels of block 10, scaled to length 1. Unlike
the raw output of the last layer, distances between them order blur, repetition and noise as an eye
does, also on drawings. Never judge a model with them whose discriminator contains this network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.alpha import seen
from nftgan.errors import UsageError
from nftgan.networks.efficientnet import efficientnet_lite0

BLOCK = 10
SIZE = 2 * 112
SMALLEST, LARGEST = 128, 256  # sides that the network sees
BATCH = 16


def prepared(images: np.ndarray) -> Tensor:
    """float32 [N, 3, S, S] in [0, 255] from uint8 [N, 1, 3 or 4, H, H]; S from 128 to 256.

    Smaller images are enlarged to 128 by bicubic interpolation (Keys, a = -0.75, pixel centres
    aligned), larger ones reduced to 256 by the mean of each area; both depend on nothing but the
    image. Grey becomes three equal channels, premultiplied RGBA lies over a middle grey.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3, 4):
        raise UsageError(f"images must be uint8 [N, 1, 3 or 4, H, W], not {images.shape}")
    x = torch.from_numpy(np.ascontiguousarray(seen(images))).float()
    if x.shape[1] == 1:
        x = x.expand(-1, 3, -1, -1)
    side = min(x.shape[2:])
    if side < SMALLEST:
        x = F.interpolate(x, (SMALLEST, SMALLEST), mode="bicubic", align_corners=False)
        x = x.clamp(0, 255)
    elif side > LARGEST:
        x = F.interpolate(x, (LARGEST, LARGEST), mode="area")
    return x


class Extractor:
    """Images to features, `batch` at a time on `device`."""

    def __init__(self, device: str = "cpu", *, batch: int = BATCH) -> None:
        """Raises MissingStepError when the weights are not installed."""
        self._network = efficientnet_lite0(device)
        self._device, self._batch = device, batch

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, 224], each row of length 1, from uint8 [N, 1, 3 or 4, H, H]."""
        rows = np.empty((len(images), SIZE), dtype=np.float32)
        for start in range(0, len(images), self._batch):
            x = prepared(images[start : start + self._batch]).to(self._device)
            rows[start : start + self._batch] = self.of_tensor(x).cpu().numpy()
        return rows

    @torch.inference_mode()
    def of_tensor(self, x: Tensor) -> Tensor:
        """float32 [N, 224] from float32 [N, 3, S, S] in [0, 255], as `prepared` gives them."""
        (maps,) = self._network.maps(x, (BLOCK,))
        deviation, mean = torch.std_mean(maps, dim=(2, 3), correction=0)
        return F.normalize(torch.cat([mean, deviation], dim=1), dim=1)

    def each(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The features of batch after batch: no more than one batch of images is in memory."""
        for images in batches:
            yield self(images)
