"""Find the latent whose picture looks most like a given one (Karras et al. 2020, section 5).

As published, one w is optimised with Adam, with noise that fades. The published distance is a VGG
network's; here it is a pyramid of colours and edges, which needs no downloaded weights and no third
party's licence. It has more local minima, so the search starts from the closest of a few pictures,
not always from the mean of the latent space.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.errors import UsageError
from nftgan.files import write_bytes
from nftgan.progress import SILENT, Progress
from nftgan.synthesis.generate import to_pixels
from nftgan.synthesis.latents import check_recipe, styles
from nftgan.synthesis.model import Model

SAMPLES = 2000  # latents that the mean and spread of w are measured on
RATE = 0.1  # Adam's learning rate
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps
NOISE, NOISE_UNTIL = 0.05, 0.75
STARTS = 128  # latents that the search may start from, besides the mean
_EDGE_WEIGHT = 2.0


@dataclass(frozen=True)
class Projection:
    """The latent found, its preview and how close it is."""

    ws: np.ndarray  # float32 [1, num_ws, w_dim]
    image: np.ndarray  # uint8 [R, R, 3]
    distance: float  # of `image` from the target, by `picture_distance`
    start: float  # of the mean picture from the target


def picture_distance(a: Tensor, b: Tensor) -> Tensor:
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


def project(
    model: Model,
    target: np.ndarray,
    *,
    steps: int = 500,
    label: int | None = None,
    progress: Progress = SILENT,
) -> Projection:
    """The single w, the same for all layers, whose picture is closest to `target`.

    target: uint8 [R, R, 3] of the model's resolution. Deterministic on one machine. Raises
    UsageError for another shape.
    """
    side = model.resolution
    if target.shape != (side, side, 3) or target.dtype != np.uint8:
        raise UsageError(
            f"the picture is {target.dtype} {list(target.shape)}, the model paints {side}x{side}",
            hint=f"crop and scale it to {side}x{side} first",
        )
    if steps < 1:
        raise UsageError(f"{steps} steps are too few", hint="use 1 or more, usually 500")
    generator = model.generator
    recipe = model.recipe(label=label)
    check_recipe(generator, recipe)
    own = next(generator.parameters())
    wanted = torch.from_numpy(target.transpose(2, 0, 1)[None].copy()).to(own) / 127.5 - 1
    if generator.img_channels == 1:
        wanted = wanted.mean(dim=1, keepdim=True)
    known = styles(generator, range(SAMPLES), recipe)[:, 0]  # [SAMPLES, w_dim]
    mean = known.mean(dim=0, keepdim=True)
    spread = float((known - mean).square().sum(dim=1).mean().sqrt())
    noise = torch.Generator().manual_seed(0)

    def picture(one: Tensor) -> Tensor:
        ws = one[:, None].repeat(1, generator.num_ws, 1)
        out: Tensor = generator.synthesis(ws, noise_mode="const")
        return out

    with torch.no_grad():
        tries = [mean, *known[:STARTS, None]]
        away = [float(picture_distance(picture(one), wanted)) for one in tries]
    start, best_distance = away[0], min(away)
    best = tries[away.index(best_distance)].clone()
    w = best.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=RATE, betas=(0.9, 0.999))
    with progress.task("projecting", steps, "steps") as task:
        for step in range(steps):
            t = step / steps
            optimizer.param_groups[0]["lr"] = RATE * _ramp(t)
            strength = spread * NOISE * max(0.0, 1 - t / NOISE_UNTIL) ** 2
            shake = torch.randn(w.shape, generator=noise).to(own) * strength
            loss = picture_distance(picture(w + shake), wanted).sum()
            (w.grad,) = torch.autograd.grad(loss, [w])
            optimizer.step()
            with torch.no_grad():
                distance = float(picture_distance(picture(w), wanted))
                if distance < best_distance:
                    best, best_distance = w.detach().clone(), distance
            task.advance()
            task.update(note=f"distance {best_distance:.4f}")
    with torch.no_grad():
        image = to_pixels(picture(best))[0]
    ws = best[:, None].repeat(1, generator.num_ws, 1)
    return Projection(ws.float().cpu().numpy(), image, best_distance, start)


def save_latent(path: Path, ws: np.ndarray) -> None:
    """Write float32 [1, num_ws, w_dim] as the .npz that StyleGAN tools exchange (key "w")."""
    buffer = io.BytesIO()
    np.savez(buffer, w=ws)
    write_bytes(path, buffer.getvalue())


def _ramp(t: float) -> float:
    """Share of the learning rate at t in [0, 1): linear up, cosine down."""
    down = min(1.0, (1 - t) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, t / RAMP_UP)
