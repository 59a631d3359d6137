"""Layers that several networks share: equalised linear layers and the mapping network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nftgan.ops import bias_act, gpu_scales
from nftgan.ops.gpu_planes import takes

_Result = TypeVar("_Result")


def checkpointed(function: Callable[..., _Result], *inputs: object, enabled: bool) -> _Result:
    """function(*inputs); with `enabled`, what a backward pass needs of the steps between is not
    kept but computed again by it (activation checkpointing, Chen et al. 2016).

    `function` must draw nothing and change nothing. Derivatives of any order are exactly those of
    the plain call.
    """
    if not (enabled and torch.is_grad_enabled()):
        return function(*inputs)
    result: _Result = checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)
    return result


class FullyConnectedLayer(nn.Module):
    """Linear layer with run-time weight scaling (Karras et al. 2018, 4.1).

    weight [out, in], bias [out]; `lr_multiplier` slows learning without changing the function.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        weight_init: float = 1.0,
        bias_init: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier
        self.weight = nn.Parameter(
            torch.randn(out_features, in_features) * (weight_init / lr_multiplier)
        )
        bias = torch.as_tensor(bias_init, dtype=torch.float32).expand(out_features)
        self.bias = nn.Parameter(bias / lr_multiplier)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, in] → [N, out]."""
        if takes(x):  # one launch instead of three
            gains = self.weight_gain, self.bias_gain
            y = gpu_scales.linear(x.to(self.weight), self.weight, self.bias, *gains).to(x.dtype)
            return y if self.activation == "linear" else bias_act(y, act=self.activation)
        weight = (self.weight * self.weight_gain).to(x.dtype)
        bias = (self.bias * self.bias_gain).to(x.dtype)
        return bias_act(F.linear(x, weight, bias), act=self.activation)


def normalize_second_moment(x: Tensor) -> Tensor:
    """Each row scaled to unit mean square."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def move_average(w_avg: Tensor, w: Tensor, beta: float) -> None:
    """Moves w_avg [w_dim], kept with the share `beta`, towards the mean of w [N, w_dim]."""
    w_avg.copy_(w.detach().mean(dim=0).lerp(w_avg, beta))


def broadcast_truncated(
    w: Tensor, w_avg: Tensor, num_ws: int, truncation_psi: float, truncation_cutoff: int | None
) -> Tensor:
    """w [N, w_dim] for each layer → ws [N, num_ws, w_dim]; those of the first `truncation_cutoff`
    layers (None: all) are pulled towards w_avg by truncation_psi (Karras et al. 2019, appendix B).
    """
    ws = w.unsqueeze(1).repeat(1, num_ws, 1)
    if truncation_psi == 1:
        return ws
    cutoff = num_ws if truncation_cutoff is None else truncation_cutoff
    near = w_avg + truncation_psi * (ws[:, :cutoff] - w_avg)
    return torch.cat([near, ws[:, cutoff:]], dim=1)


class MappingNetwork(nn.Module):
    """z (and a class) to intermediate latents w (Karras et al. 2019, 2.1).

    Parameters `fc{i}`, `embed` when conditional, buffer `w_avg` when `num_ws` is given.
    """

    w_avg: Tensor

    def __init__(
        self,
        *,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int | None,
        num_layers: int,
        w_avg_beta: float = 0.998,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = z_dim, c_dim, w_dim, num_ws
        self.num_layers, self.w_avg_beta = num_layers, w_avg_beta
        if c_dim > 0:
            self.embed = FullyConnectedLayer(c_dim, w_dim)
        width = z_dim + (w_dim if c_dim > 0 else 0)
        for i in range(num_layers):
            layer = FullyConnectedLayer(width, w_dim, activation="lrelu", lr_multiplier=0.01)
            setattr(self, f"fc{i}", layer)
            width = w_dim
        if num_ws is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """z [N, z_dim] and one-hot c [N, c_dim] → ws [N, num_ws, w_dim], or [N, w_dim] in D.

        truncation_psi pulls the first `truncation_cutoff` layers (None: all) towards w_avg.
        Computes in the dtype of the weights. update_emas moves w_avg towards this batch.
        """
        own: Tensor = self.get_parameter("fc0.weight")
        parts = []
        if z is not None and self.z_dim > 0:
            parts.append(normalize_second_moment(z.to(own)))
        if self.c_dim > 0:
            assert c is not None
            parts.append(normalize_second_moment(self.embed(c.to(own))))
        x = torch.cat(parts, dim=1)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        if self.num_ws is None:
            return x
        if update_emas:
            move_average(self.w_avg, x, self.w_avg_beta)
        return broadcast_truncated(x, self.w_avg, self.num_ws, truncation_psi, truncation_cutoff)
