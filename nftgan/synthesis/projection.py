"""Find the latent whose image looks most like a given one (Karras et al. 2020, section 5).

As published, one w is optimised with Adam, with noise that fades. The published distance is a VGG
network's, which may not be sold with; here it is a pyramid of colours and edges and, by choice, the
maps of the EfficientNet that also judges models (Apache-2.0), compared as Zhang et al. 2018 do:
every place's channels at length 1, squares of differences averaged over places. The pyramid has
local minima, so the search starts from the closest of a few images, not always from the mean of
the latent space.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.alpha import LOOKED_AT_OVER, premultiplied
from nftgan.errors import UsageError
from nftgan.networks.efficientnet import efficientnet_lite0
from nftgan.progress import SILENT, Progress
from nftgan.seeds import MAX_SEED
from nftgan.synthesis.generate import to_pixels
from nftgan.synthesis.latents import check_recipe, seeds_to_ws
from nftgan.synthesis.model import Model

SAMPLES = 2000  # latents that the mean and spread of w are measured on
RATE = 0.1  # Adam's learning rate
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps
NOISE, NOISE_UNTIL = 0.05, 0.75
STARTS = 128  # latents that the search may start from, besides the mean
LOSSES = ("perceptual", "pixels")
_EDGE_WEIGHT = 2.0
_BLOCKS = (1, 3, 5, 10)  # whose maps are compared: edges, strokes, parts, things
_SEEN = 128  # pixels a side that the network sees
_PERCEPTUAL = 0.5  # weight: at 0.5 both parts of the distance are about equal between two seeds


@dataclass(frozen=True)
class Projection:
    """The latent found, its preview and how close it is."""

    ws: np.ndarray  # float32 [1, num_ws, w_dim]
    image: np.ndarray  # uint8 [R, R, 3], or straight RGBA [R, R, 4]
    distance: float  # of `image` from the target, by the loss of the search
    start: float  # of the mean image from the target


def image_distance(a: Tensor, b: Tensor) -> Tensor:
    """[N]: mean square difference of colours and edges at every scale down to 4 pixels.

    a, b: [N, C, R, R] in [-1, 1].
    """
    total = torch.zeros(len(a), dtype=a.dtype, device=a.device)
    scales = 0
    while True:
        difference = a - b
        total = total + difference.square().mean(dim=(1, 2, 3))
        across, down = difference.diff(dim=3), difference.diff(dim=2)
        edges = across.square().mean(dim=(1, 2, 3)) + down.square().mean(dim=(1, 2, 3))
        total = total + _EDGE_WEIGHT * edges
        scales += 1
        if a.shape[-1] <= 4:
            return total / scales
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)


class Perception:
    """Distance of images [N, 3, R, R] in [-1, 1] from one image, in the eyes of a network.

    Raises MissingStepError when its weights are not installed.
    """

    def __init__(self, wanted: Tensor) -> None:
        """Premultiplied RGBA [N, 4, R, R] is seen over a middle grey."""
        self._network = efficientnet_lite0(str(wanted.device))
        with torch.no_grad():
            self._wanted = self._maps(wanted)

    def __call__(self, x: Tensor) -> Tensor:
        """[N]."""
        parts = [
            (own - wanted).square().sum(dim=1).mean(dim=(1, 2))
            for own, wanted in zip(self._maps(x), self._wanted, strict=True)
        ]
        return torch.stack(parts).mean(dim=0)

    def _maps(self, x: Tensor) -> list[Tensor]:
        x = _over_grey(x) if x.shape[1] == 4 else x.expand(-1, 3, -1, -1)
        x = (x.float().clamp(-1, 1) + 1) * 127.5
        if x.shape[-1] != _SEEN:
            x = F.interpolate(x, (_SEEN, _SEEN), mode="bilinear", align_corners=False)
        return [F.normalize(one, dim=1) for one in self._network.maps(x, _BLOCKS)]


def project(
    model: Model,
    target: np.ndarray,
    *,
    steps: int = 500,
    class_idx: int | None = None,
    seed: int = 0,
    loss: str = "pixels",
    progress: Progress = SILENT,
) -> Projection:
    """The single w, the same for all layers, whose image is closest to `target`; see `Search`."""
    search = Search(
        model, target, steps=steps, class_idx=class_idx, seed=seed, loss=loss, progress=progress
    )
    return search.run()


class Search:
    """A search for the latent of `target`, uint8 [R, R, 3] of the model's resolution, or straight
    RGBA [R, R, 4] where the model makes transparent images: premultiplied colours and alpha are
    compared, and what a network sees over a middle grey.

    Iterated over once, it gives the closest image so far, of that shape, after each step;
    `result` is there at the end. seed: of the noise. loss: one of LOSSES. Deterministic on one
    machine. Raises UsageError for another shape, another loss and no steps.
    """

    def __init__(
        self,
        model: Model,
        target: np.ndarray,
        *,
        steps: int = 500,
        class_idx: int | None = None,
        seed: int = 0,
        loss: str = "pixels",
        progress: Progress = SILENT,
    ) -> None:
        if loss not in LOSSES:
            raise UsageError(f"{loss!r} is no loss", hint=f"choose {' or '.join(LOSSES)}")
        side = model.resolution
        shape = (side, side, 4 if model.transparent else 3)
        if target.shape != shape or target.dtype != np.uint8:
            raise UsageError(
                f"the image is {target.dtype} {list(target.shape)}, the model makes {list(shape)}",
                hint=f"give uint8 {list(shape)}: crop, scale, and add or leave out alpha",
            )
        if steps < 1:
            raise UsageError(f"{steps} steps are too few", hint="use 1 or more, usually 500")
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"seed {seed} is not from 0 to {MAX_SEED}")
        self._generator = model.generator
        self._recipe = model.recipe(class_idx=class_idx)
        check_recipe(self._generator, self._recipe)
        self._own = next(self._generator.parameters())
        whole = premultiplied(target) if model.transparent else target
        wanted = torch.from_numpy(whole.transpose(2, 0, 1)[None].copy()).to(self._own)
        wanted = wanted / 127.5 - 1
        if self._generator.img_channels == 1:
            wanted = wanted.mean(dim=1, keepdim=True)
        self._wanted, self._steps, self._seed, self._progress = wanted, steps, seed, progress
        self._perception = Perception(wanted) if loss == "perceptual" else None
        self._result: Projection | None = None

    @property
    def result(self) -> Projection:
        """What was found, once the iteration has ended."""
        assert self._result is not None
        return self._result

    def run(self) -> Projection:
        """Search to the end."""
        for _ in self:
            pass
        return self.result

    def _distance(self, x: Tensor) -> Tensor:
        away = image_distance(x, self._wanted)
        return away if self._perception is None else away + _PERCEPTUAL * self._perception(x)

    def _image(self, w: Tensor) -> Tensor:
        ws = w[:, None].repeat(1, self._generator.num_ws, 1)
        out: Tensor = self._generator.synthesis(ws, noise_mode="const")
        return out

    def __iter__(self) -> Iterator[np.ndarray]:
        known = seeds_to_ws(self._generator, range(SAMPLES), self._recipe)[:, 0]  # [SAMPLES, w_dim]
        mean = known.mean(dim=0, keepdim=True)
        spread = float((known - mean).square().sum(dim=1).mean().sqrt())
        noise = torch.Generator().manual_seed(self._seed)
        with torch.no_grad():
            tries = [mean, *known[:STARTS, None]]
            away = [float(self._distance(self._image(one))) for one in tries]
        start, best_distance = away[0], min(away)
        best = tries[away.index(best_distance)].clone()
        with torch.no_grad():
            image = to_pixels(self._image(best))[0]
        w = best.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([w], lr=RATE, betas=(0.9, 0.999))
        with self._progress.task("projecting", self._steps, "steps") as task:
            for step in range(self._steps):
                t = step / self._steps
                optimizer.param_groups[0]["lr"] = RATE * _ramp(t)
                strength = spread * NOISE * max(0.0, 1 - t / NOISE_UNTIL) ** 2
                shake = torch.randn(w.shape, generator=noise).to(self._own) * strength
                loss = self._distance(self._image(w + shake)).sum()
                (w.grad,) = torch.autograd.grad(loss, [w])
                optimizer.step()
                with torch.no_grad():
                    generated = self._image(w)
                    distance = float(self._distance(generated))
                    if distance < best_distance:
                        best, best_distance = w.detach().clone(), distance
                        image = to_pixels(generated)[0]
                task.advance()
                task.update(note=f"distance {best_distance:.4f}")
                yield image
        ws = best[:, None].repeat(1, self._generator.num_ws, 1)
        self._result = Projection(ws.float().cpu().numpy(), image, best_distance, start)


def _over_grey(x: Tensor) -> Tensor:
    """[N, 3, R, R] of premultiplied RGBA [N, 4, R, R], both in [-1, 1], over LOOKED_AT_OVER."""
    grey = LOOKED_AT_OVER[0] / 255
    return x[:, :3] + grey * (1 - x[:, 3:])


def _ramp(t: float) -> float:
    """Share of the learning rate at t in [0, 1): linear up, cosine down."""
    down = min(1.0, (1 - t) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, t / RAMP_UP)
