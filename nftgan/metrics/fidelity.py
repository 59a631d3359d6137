"""FID, KID, precision, recall and PPL as papers report them, by the optional torch-fidelity.

It downloads Inception and VGG when it is first used, and loads their pickles with its own code.
The figures serve comparison with papers: on a few hundred images FID is mostly bias.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nftgan.alpha import seen
from nftgan.errors import MissingStepError, ServiceError, UsageError
from nftgan.metrics.evaluation import MetricResult
from nftgan.networks.protocols import Generator
from nftgan.networks.sampling import to_uint8

_WORDS = {
    "fid": ("frechet_inception_distance", None, "lower", "FID against the art learnt from"),
    "kid_inception": (
        "kernel_inception_distance_mean", "kernel_inception_distance_std", "lower",
        "KID of Inception features, and its deviation over subsets",
    ),
    "precision_vgg": ("precision", None, "higher", "precision of VGG-16 features"),
    "recall_vgg": ("recall", None, "higher", "recall of VGG-16 features"),
    "ppl": (
        "perceptual_path_length_mean", None, "lower",
        "PPL: how much images change on a short walk in Z",
    ),
}  # fmt: skip


class _Images(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """uint8 [3, S, S] by index, from a function of the index."""

    def __init__(self, count: int, read: Callable[[int], np.ndarray]) -> None:
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Tensor:
        image = seen(self._read(index)[None])[0]
        if len(image) == 1:
            image = image.repeat(3, axis=0)
        return torch.from_numpy(np.ascontiguousarray(image))


class _Uint8Generator(torch.nn.Module):
    """A generator that gives uint8 images, as torch-fidelity wants them."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        own = next(self.generator.parameters())
        classes = self.generator.c_dim
        c = torch.eye(classes)[labels].to(own) if classes and labels is not None else None
        with torch.no_grad():
            x = self.generator(z.to(own), c, noise_mode="const")
        if x.shape[1] == 4:
            found = torch.from_numpy(seen(to_uint8(x).cpu().numpy()))
            return found.to(x.device)
        return to_uint8(x).expand(-1, 3, -1, -1)


def fidelity(
    fakes: np.ndarray,
    reals: tuple[int, Callable[[int], np.ndarray]],
    generator: Generator,
    *,
    seed: int = 0,
) -> dict[str, MetricResult]:
    """The figures of fakes uint8 [N, C, S, S] against `reals`: their number, and each by index.

    Raises MissingStepError without torch-fidelity, ServiceError when its networks cannot be
    downloaded, UsageError for images it cannot compare.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch_fidelity
    except (ImportError, RuntimeError) as exc:  # the latter from a torchvision for another torch
        raise MissingStepError(
            "FID needs the optional package torch-fidelity, and a torchvision that fits torch",
            hint="pip install 'nftgan[fid]', or leave fid out of --metrics",
        ) from exc
    cuda = next(generator.parameters()).is_cuda
    common: dict[str, Any] = {"cuda": cuda, "verbose": False, "rng_seed": seed, "cache": False}
    count = min(len(fakes), reals[0])
    model = torch_fidelity.GenerativeModelModuleWrapper(
        _Uint8Generator(generator), generator.z_dim, "normal", generator.c_dim
    )
    try:
        # What it prints would stand in the middle of --json.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            found = torch_fidelity.calculate_metrics(
                input1=_Images(len(fakes), lambda index: fakes[index]),
                input2=_Images(*reals),
                fid=True,
                kid=True,
                kid_subset_size=min(1000, count // 2),
                prc=True,
                batch_size=16,
                **common,
            )
            found |= torch_fidelity.calculate_metrics(
                input1=model, input1_model_num_samples=len(fakes), ppl=True, batch_size=16, **common
            )
    except OSError as exc:
        raise ServiceError(
            "the networks that FID needs could not be downloaded",
            hint="connect to the internet once, or leave fid out of --metrics",
        ) from exc
    except (ValueError, RuntimeError) as exc:
        raise UsageError(f"torch-fidelity cannot compare these images: {exc}") from exc
    return {
        name: MetricResult(
            float(found[key]),
            float(found[error]) if error and error in found else None,
            None,
            None,
            better,
            words,
        )
        for name, (key, error, better, words) in _WORDS.items()
        if key in found
    }
