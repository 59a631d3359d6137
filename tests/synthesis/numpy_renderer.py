"""A second renderer of f64-1, from its definition in docs/determinism.md: NumPy, no torch.

It shares no line with nftgan and none of its algorithms: latents come from a Mersenne twister
written out here, resampling is a product with banded matrices, convolution a sum over taps.
It stops before the finish, which is whole numbers and stands in `slow_finish.py`.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray


def load(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The architecture and the generator's tensors, in float64, of a .safetensors file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    architecture = json.loads(header.pop("__metadata__")["nftgan"])["generator"]
    tensors = {}
    for name, entry in header.items():
        if name.startswith("G."):
            first, last = (start + offset for offset in entry["data_offsets"])
            dtype = {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]
            flat = np.frombuffer(data[first:last], dtype).astype(np.float64)
            tensors[name[2:]] = flat.reshape(entry["shape"])
    return architecture, tensors


def mersenne_normals(seed: int, count: int) -> Array:
    """`count` normal numbers: MT19937, doubles of 53 bits, Marsaglia's polar method."""
    state = [seed & 0xFFFFFFFF]
    for i in range(1, 624):
        state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + i) & 0xFFFFFFFF)
    at = 624

    def word() -> int:
        nonlocal at
        if at == 624:
            for i in range(624):
                y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7FFFFFFF)
                state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
            at = 0
        y = state[at]
        at += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def uniform() -> float:
        high = word() >> 5
        return (high * 67108864.0 + (word() >> 6)) / 9007199254740992.0

    values: list[float] = []
    while len(values) < count:
        first, second = 2 * uniform() - 1, 2 * uniform() - 1
        square = first * first + second * second
        if 0 < square < 1:
            factor = math.sqrt(-2 * math.log(square) / square)
            values += [factor * second, factor * first]
    return np.array(values[:count])


def dense(x: Array, p: Mapping[str, Array], name: str, rate: float = 1.0) -> Array:
    """An equalised fully connected layer without activation."""
    weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
    return weight @ x * (rate / math.sqrt(weight.shape[1])) + rate * bias


def leaky(x: Array) -> Array:
    return np.where(x >= 0, x, 0.2 * x)


def unit(x: Array) -> Array:
    return x / math.sqrt(np.mean(x * x) + 1e-8)


def mapping(a: Mapping[str, Any], p: Mapping[str, Array], seed: int, label: int | None) -> Array:
    """w [w_dim]."""
    x = unit(mersenne_normals(seed, a["z_dim"]))
    if a["c_dim"]:
        one_hot = np.zeros(a["c_dim"])
        one_hot[label] = 1
        x = np.concatenate([x, unit(dense(one_hot, p, "mapping.embed"))])
    for i in range(a["mapping_layers"]):
        x = math.sqrt(2) * leaky(dense(x, p, f"mapping.fc{i}", 0.01))
    return x


def convolve(x: Array, w: Array, pad: int) -> Array:
    """x [I, H, W] and w [O, I, k, k] → [O, H + 2 pad - k + 1, …], correlation as in networks."""
    k = w.shape[2]
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad)])
    h, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    return sum(
        np.tensordot(w[:, :, i, j], x[:, i : i + h, j : j + width], 1)
        for i in range(k)
        for j in range(k)
    )


def modulated_weights(w: Array, style: Array, *, demodulate: bool) -> Array:
    w = w * style[None, :, None, None]
    if demodulate:
        w = w / np.sqrt((w * w).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
    return w


def banded_matrix(f: Array, size: int, up: int, before: int, after: int) -> Array:
    """[out, size]: zeros between samples, padding or cropping, convolution with f, times `up`."""
    n = len(f)
    j = np.arange(size * up + before + after - n + 1)[:, None]
    tap = j + n - 1 - before - up * np.arange(size)[None]
    return np.where((tap >= 0) & (tap < n), f[np.clip(tap, 0, n - 1)], 0.0) * up


def downsample(v: Array, f: Array, down: int) -> Array:
    """v [C, H, W] convolved with f, [n] or [n, n], and every down-th sample kept."""
    n = len(f)
    size = (v.shape[1] - n) // down + 1
    if f.ndim == 1:
        rows = banded_matrix(f, v.shape[1], 1, 0, 0)[::down]
        return rows @ v @ rows.T
    span = down * (size - 1) + 1
    return sum(
        f[a, b] * v[:, n - 1 - a : n - 1 - a + span : down, n - 1 - b : n - 1 - b + span : down]
        for a in range(n)
        for b in range(n)
    )


def schedule(a: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cutoff, rate, size and channels of each StyleGAN3 layer's output."""
    n, side = a["num_layers"], a["img_resolution"]
    plans = []
    for i in range(n + 1):
        e = min(i / (n - a["num_critical"]), 1)
        cutoff = a["first_cutoff"] * (side / 2 / a["first_cutoff"]) ** e
        last = side / 2 * a["last_stopband_rel"]
        stop = a["first_stopband"] * (last / a["first_stopband"]) ** e
        rate = 2 ** math.ceil(math.log2(min(2 * stop, side)))
        size = side if i >= n - 1 else rate + 2 * a["margin_size"]
        channels = round(min(a["channel_base"] / 2 / cutoff, a["channel_max"]))
        plans.append({"cutoff": cutoff, "rate": rate, "size": size, "channels": channels})
    plans[n]["channels"] = a["img_channels"]
    return plans


def fourier(p: Mapping[str, Array], w: Array, plan: Mapping[str, Any], canvas: Array) -> Array:
    """The input of StyleGAN3: features [C, size, size]."""
    t = dense(w, p, "synthesis.input.affine")
    c, s, x, y = t / math.hypot(t[0], t[1])
    matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    matrix = matrix @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]]) @ canvas
    freqs = p["synthesis.input.freqs"]
    phases = p["synthesis.input.phases"] + freqs @ matrix[:2, 2]
    freqs = freqs @ matrix[:2, :2]
    over = np.hypot(freqs[:, 0], freqs[:, 1]) - plan["cutoff"]
    amplitude = np.clip(1 - over / (plan["rate"] / 2 - plan["cutoff"]), 0, 1)
    u = (np.arange(plan["size"]) + 0.5 - plan["size"] / 2) / plan["rate"]
    wave = freqs[:, 0, None, None] * u[None, None] + freqs[:, 1, None, None] * u[None, :, None]
    wave = np.sin(2 * math.pi * (wave + phases[:, None, None])) * amplitude[:, None, None]
    weight = p["synthesis.input.weight"]
    return np.tensordot(weight / math.sqrt(weight.shape[1]), wave, 1)


def stylegan3(a: Mapping[str, Any], p: Mapping[str, Array], ws: Array, canvas: Array) -> Array:
    plans, n = schedule(a), a["num_layers"]
    x = fourier(p, ws[0], plans[0], canvas)
    for i, after in enumerate(plans):
        before, rgb = plans[max(i - 1, 0)], i == n
        name = f"synthesis.L{i}_{after['size']}_{after['channels']}"
        weight, style = p[f"{name}.weight"], dense(ws[i + 1], p, f"{name}.affine")
        if rgb:
            style = style / math.sqrt(len(style))
        else:
            weight = weight / np.sqrt((weight * weight).mean(axis=(1, 2, 3), keepdims=True))
            style = style / math.sqrt(np.mean(style * style))
        weight = modulated_weights(weight, style, demodulate=not rgb)
        k = weight.shape[2]
        x = convolve(x, weight / math.sqrt(p[f"{name}.magnitude_ema"]), k - 1)
        x = x + p[f"{name}.bias"][:, None, None]
        inner = max(before["rate"], after["rate"]) * (1 if rgb else a["lrelu_upsampling"])
        up, down = inner // before["rate"], inner // after["rate"]
        one = np.ones(1)
        fu, fd = p.get(f"{name}.up_filter", one), p.get(f"{name}.down_filter", one)
        total = (after["size"] - 1) * down + 1 - (before["size"] + k - 1) * up
        total += len(fu) + len(fd) - 2
        low = (total + up) // 2
        upsampling = banded_matrix(fu, x.shape[1], up, low, total - low)
        x = upsampling @ x @ upsampling.T
        if not rgb:
            x = math.sqrt(2) * leaky(x)
        if a["conv_clamp"] is not None:
            x = np.clip(x, -a["conv_clamp"], a["conv_clamp"])
        x = downsample(x, fd, down)
    return x * a["output_scale"]


def doubled_convolution(x: Array, w: Array, f: Array) -> Array:
    """StyleGAN2's way up: transposed convolution with stride 2, then the blur, [O, 2H, 2W]."""
    side = x.shape[1]
    wide = np.zeros((w.shape[0], 2 * side + 1, 2 * side + 1))
    for i in range(3):
        for j in range(3):
            wide[:, i : i + 2 * side : 2, j : j + 2 * side : 2] += np.tensordot(w[:, :, i, j], x, 1)
    return 4 * downsample(np.pad(wide, [(0, 0), (1, 1), (1, 1)]), f, 1)


def doubled_image(x: Array, f: Array) -> Array:
    side = x.shape[1]
    wide = np.zeros((x.shape[0], 2 * side, 2 * side))
    wide[:, ::2, ::2] = x
    return 4 * downsample(np.pad(wide, [(0, 0), (2, 1), (2, 1)]), f, 1)


def stylegan2(a: Mapping[str, Any], p: Mapping[str, Array], ws: Array) -> Array:
    limit = math.inf if a["conv_clamp"] is None else a["conv_clamp"]
    x = p["synthesis.b4.const"]
    image = None
    index, side = 0, 4
    while side <= a["img_resolution"]:
        block = f"synthesis.b{side}"
        for conv in ["conv1"] if side == 4 else ["conv0", "conv1"]:
            name = f"{block}.{conv}"
            style = dense(ws[index], p, f"{name}.affine")
            weight = modulated_weights(p[f"{name}.weight"], style, demodulate=True)
            if conv == "conv0":
                x = doubled_convolution(x, weight, p[f"{name}.resample_filter"])
            else:
                x = convolve(x, weight, 1)
            if a["use_noise"]:
                x = x + p[f"{name}.noise_const"] * p[f"{name}.noise_strength"]
            x = math.sqrt(2) * leaky(x + p[f"{name}.bias"][:, None, None])
            x = np.clip(x, -limit, limit)
            index += 1
        name = f"{block}.torgb"
        style = dense(ws[index], p, f"{name}.affine") / math.sqrt(x.shape[0])
        rgb = convolve(x, modulated_weights(p[f"{name}.weight"], style, demodulate=False), 0)
        rgb = np.clip(rgb + p[f"{name}.bias"][:, None, None], -limit, limit)
        if image is not None:
            rgb = doubled_image(image, p[f"{block}.resample_filter"]) + rgb
        image = rgb
        side *= 2
    assert image is not None
    return image


def first_mapping(
    a: Mapping[str, Any], p: Mapping[str, Array], seed: int, label: int | None
) -> Array:
    """w [w_dim] of a StyleGAN1."""
    x = mersenne_normals(seed, a["z_dim"])
    if a["c_dim"]:
        x = np.concatenate([x, p["mapping.embed.weight"][:, label]])
    x = unit(x)
    for i in range(a["mapping_layers"]):
        weight, bias = p[f"mapping.fc{i}.weight"], p[f"mapping.fc{i}.bias"]
        x = leaky(weight @ x * (0.01 * math.sqrt(2 / len(x))) + 0.01 * bias)
    return x


def stylegan1(a: Mapping[str, Any], p: Mapping[str, Array], ws: Array) -> Array:
    x, side, index = p["synthesis.b4.const"], 4, 0
    blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    images = []
    while side <= a["img_resolution"]:
        block = f"synthesis.b{side}"
        for layer in ("layer0", "layer1"):
            name = f"{block}.{layer}"
            if f"{name}.weight" in p:
                weight = p[f"{name}.weight"]
                weight = weight * math.sqrt(2 / (9 * weight.shape[1]))
                if layer == "layer0":
                    x = convolve(x.repeat(2, axis=1).repeat(2, axis=2), weight, 1)
                    x = downsample(np.pad(x, [(0, 0), (1, 1), (1, 1)]), blur, 1)
                else:
                    x = convolve(x, weight, 1)
            x = x + p[f"{name}.noise_const"] * p[f"{name}.noise_strength"][:, None, None]
            x = leaky(x + p[f"{name}.bias"][:, None, None])
            scale, shift = np.split(dense(ws[index], p, f"{name}.affine"), 2)
            x = x - x.mean(axis=(1, 2), keepdims=True)
            x = x / np.sqrt((x * x).mean(axis=(1, 2), keepdims=True) + 1e-8)
            x = x * (1 + scale[:, None, None]) + shift[:, None, None]
            index += 1
        if f"{block}.torgb.weight" in p:
            weight = p[f"{block}.torgb.weight"]
            rgb = convolve(x, weight / math.sqrt(weight.shape[1]), 0)
            images.append(rgb + p[f"{block}.torgb.bias"][:, None, None])
        side *= 2
    if len(images) == 1:
        return images[0]
    coarse = images[0].repeat(2, axis=1).repeat(2, axis=2)
    return images[1] + a["fade"] * (coarse - images[1])


def canvas_of(translate: tuple[float, float], rotate: float) -> Array:
    """The inverse of the move that is to be seen."""
    (x, y), angle = translate, math.radians(rotate)
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, s * y - c * x], [s, c, -s * x - c * y], [0, 0, 1]])


def stored(latent: Mapping[str, Any], count: int) -> Array:
    """ws [count, w_dim] of a latent as in the metadata's JSON."""
    values = np.frombuffer(base64.b64decode(latent["values"]), "<f4").astype(np.float64)
    rows = values.reshape(latent["layers"], latent["width"])
    return np.repeat(rows, count, axis=0) if len(rows) == 1 else rows


def levels(
    path: Path, seed: int, recipe: Mapping[str, Any], latent: Mapping[str, Any] | None = None
) -> Array:
    """127.5 x + 128 of the piece, float64 [R, R, 3]; recipe and latent as in the metadata."""
    return levels_of(*load(path), seed, recipe, latent)


def levels_of(
    a: Mapping[str, Any],
    p: Mapping[str, Array],
    seed: int,
    recipe: Mapping[str, Any],
    latent: Mapping[str, Any] | None = None,
) -> Array:
    """The same from an opened model."""
    three, first = a["kind"].startswith("stylegan3"), a["kind"] == "stylegan1"
    count = a["num_layers"] + 2 if three else 2 * int(math.log2(a["img_resolution"])) - 2
    if latent is None:
        w = (first_mapping if first else mapping)(a, p, seed, recipe["class"])
        ws = np.repeat(w[None], count, axis=0)
    else:
        ws = stored(latent, count)
    if recipe["trunc"] != 1 and latent is None:
        near = slice(0, recipe["cutoff"])
        ws[near] = p["mapping.w_avg"] + recipe["trunc"] * (ws[near] - p["mapping.w_avg"])
    if three:
        x = stylegan3(a, p, ws, canvas_of(recipe["translate"], recipe["rotate"]))
    else:
        x = (stylegan1 if first else stylegan2)(a, p, ws)
    x = x.transpose(1, 2, 0)
    return 127.5 * np.broadcast_to(x, (*x.shape[:2], max(x.shape[2], 3))) + 128


def pixels(grey_levels: Array) -> Array:
    """uint8 of the same shape; of four channels, which are premultiplied, with straight colours."""
    whole = np.floor(np.clip(grey_levels, 0, 255)).astype(np.uint8)
    return straight(whole) if whole.shape[2] == 4 else whole


def straight(premultiplied: Array) -> Array:
    """uint8 [H, W, 4], one number after the other."""
    made = np.zeros_like(premultiplied)
    for place in np.ndindex(premultiplied.shape[:2]):
        *colour, alpha = (int(value) for value in premultiplied[place])
        if alpha:
            made[place] = [*((255 * min(c, alpha) + alpha // 2) // alpha for c in colour), alpha]
    return made
