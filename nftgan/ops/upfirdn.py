"""Pad, upsample, filter, downsample: the definition in PyTorch, and natively where that can be."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nftgan.ops import fused, gpu_planes

Pair = int | Sequence[int]


def pair(value: Pair) -> tuple[int, int]:
    """(x, y) from one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def padding_of(value: Pair) -> tuple[int, int, int, int]:
    """(x0, x1, y0, y1) from one number, (x, y), or four; negative crops."""
    if isinstance(value, int):
        return value, value, value, value
    if len(value) == 2:
        return value[0], value[0], value[1], value[1]
    x0, x1, y0, y1 = value
    return x0, x1, y0, y1


def filter_size(f: Tensor | None) -> tuple[int, int]:
    """(width, height) of a filter: [n], [h, w] or None."""
    if f is None:
        return 1, 1
    return int(f.shape[-1]), int(f.shape[0])


def _pad(x: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Zeros first, then the crop: a crop may reach into the zeros of the other side."""
    x0, x1, y0, y1 = padding
    x = F.pad(x, [max(x0, 0), max(x1, 0), max(y0, 0), max(y1, 0)])
    height, width = x.shape[2:]
    return x[:, :, max(-y0, 0) : height - max(-y1, 0), max(-x0, 0) : width - max(-x1, 0)]


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Pair = 1,
    down: Pair = 1,
    padding: Pair = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Zero-insert, pad, convolve every channel with `f`, keep every down-th sample.

    x: [N, C, H, W]. f: [n] (separable), [h, w] or None. padding: in upsampled pixels, negative
    crops. flip_filter: correlate instead of convolve. gain: of the whole filter.
    Returns [N, C, H', W'] with W' = (W*up + x0 + x1 - w) // down + 1.
    """
    if f is not None and gpu_planes.takes(x) and max(f.shape) <= gpu_planes.MAX_TAPS:
        factors = pair(up), pair(down)
        return gpu_planes.resample(x, f, *factors, padding_of(padding), flip_filter, gain)
    planned = _native_plan(x, f, up, down, padding_of(padding), flip_filter, gain)
    if planned is not None:
        return fused.resample(planned, x)
    return reference(x, f, up, down, padding, flip_filter, gain)


def reference(
    x: Tensor,
    f: Tensor | None,
    up: Pair = 1,
    down: Pair = 1,
    padding: Pair = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """The same as `upfirdn2d`, step by step in PyTorch on any device and dtype."""
    n, c, h, w = x.shape
    up_x, up_y = pair(up)
    down_x, down_y = pair(down)
    if up_x > 1 or up_y > 1:
        x = F.pad(x.reshape(n, c, h, 1, w, 1), [0, up_x - 1, 0, 0, 0, up_y - 1])
        x = x.reshape(n, c, h * up_y, w * up_x)
    x = _pad(x, padding_of(padding))
    if f is None:
        return x[:, :, ::down_y, ::down_x] * gain
    f = f.to(x) * gain ** (f.ndim / 2)
    if not flip_filter:
        f = f.flip(list(range(f.ndim)))  # torch convolves by correlation
    plain = x.dtype == torch.float64 and x.device.type == "cpu" and not x.requires_grad
    if f.ndim == 2 and plain:
        return _shift_and_add_square(x, f, down_x, down_y)
    if f.ndim == 2:
        return F.conv2d(x, f.expand(c, 1, *f.shape), groups=c, stride=(down_y, down_x))
    if plain:
        return _shift_and_add(_shift_and_add(x, f, 3, down_x), f, 2, down_y)
    x = F.conv2d(x, f.expand(c, 1, 1, -1), groups=c, stride=(1, down_x))
    return F.conv2d(x, f[:, None].expand(c, 1, -1, 1), groups=c, stride=(down_y, 1))


def _native_plan(
    x: Tensor,
    f: Tensor | None,
    up: Pair,
    down: Pair,
    padding: tuple[int, int, int, int],
    flip_filter: bool,
    gain: float,
) -> fused.KernelPlan | None:
    """The fused kernel with one filter and no activation, where it can do this."""
    if f is None or not isinstance(up, int) or not isinstance(down, int):
        return None
    if x.dtype != torch.float32 or x.device.type != "cpu" or (up > 1 and down > 1):
        return None
    f = f.detach().to(x.dtype) * gain ** (f.ndim / 2)
    if flip_filter:
        f = f.flip(list(range(f.ndim)))
    if up > 1:
        f = f / up**f.ndim  # the pass upsamples without a loss of brightness
    fu, fd = (f, None) if up > 1 else (None, f)
    return fused.plan(x, fu, fd, up, down, padding, 1.0, 1.0, None)


def _shift_and_add(x: Tensor, f: Tensor, axis: int, down: int) -> Tensor:
    """Correlate one axis with `f`: torch has no fast depthwise convolution of float64 on CPUs."""
    out = (x.shape[axis] - f.numel()) // down + 1
    total: Tensor | None = None
    for k, tap in enumerate(f.tolist()):
        part = x[(slice(None),) * axis + (slice(k, k + (out - 1) * down + 1, down),)]
        total = part * tap if total is None else total.add_(part, alpha=tap)
    assert total is not None
    return total


def _shift_and_add_square(x: Tensor, f: Tensor, down_x: int, down_y: int) -> Tensor:
    """Correlate both axes with f [h, w]; every sum runs at unit stride."""
    h, w = f.shape
    rows, columns = (x.shape[2] - h) // down_y + 1, (x.shape[3] - w) // down_x + 1
    lanes = [
        [x[:, :, a::down_y, b::down_x].contiguous() for b in range(min(down_x, w))]
        for a in range(min(down_y, h))
    ]
    total = x.new_zeros((*x.shape[:2], rows, columns))
    for a, taps in enumerate(f.tolist()):
        for b, tap in enumerate(taps):
            lane, i, j = lanes[a % down_y][b % down_x], a // down_y, b // down_x
            total.add_(lane[:, :, i : i + rows, j : j + columns], alpha=tap)
    return total


def upsample2d(x: Tensor, f: Tensor, up: int = 2, padding: Pair = 0, gain: float = 1.0) -> Tensor:
    """x enlarged `up` times through `f`; [N, C, H*up, W*up] plus the padding."""
    (w, h), (x0, x1, y0, y1) = filter_size(f), padding_of(padding)
    before = [(n + up - 1) // 2 for n in (w, h)]
    after = [(n - up) // 2 for n in (w, h)]
    pads = (x0 + before[0], x1 + after[0], y0 + before[1], y1 + after[1])
    return upfirdn2d(x, f, up=up, padding=pads, gain=gain * up * up)


def downsample2d(
    x: Tensor, f: Tensor, down: int = 2, padding: Pair = 0, flip_filter: bool = False
) -> Tensor:
    """x reduced `down` times through `f`; [N, C, H/down, W/down] plus the padding."""
    (w, h), (x0, x1, y0, y1) = filter_size(f), padding_of(padding)
    before = [(n - down + 1) // 2 for n in (w, h)]
    after = [(n - down) // 2 for n in (w, h)]
    pads = (x0 + before[0], x1 + after[0], y0 + before[1], y1 + after[1])
    return upfirdn2d(x, f, down=down, padding=pads, flip_filter=flip_filter)


def filter2d(x: Tensor, f: Tensor, padding: Pair = 0, gain: float = 1.0) -> Tensor:
    """x filtered at its own size."""
    (w, h), (x0, x1, y0, y1) = filter_size(f), padding_of(padding)
    pads = (x0 + w // 2, x1 + (w - 1) // 2, y0 + h // 2, y1 + (h - 1) // 2)
    return upfirdn2d(x, f, padding=pads, gain=gain)
