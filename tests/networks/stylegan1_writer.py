"""Checkpoints of the original StyleGAN's program, as described: written here, read nowhere else.

Also what such a network draws, in NumPy and from the variables as they are kept: channels last,
kernels [3, 3, in, out], the wide ones from 128 pixels on as transposed convolutions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.networks.published_writer import EasyDict, Network, dump

Array = np.ndarray
TRAP = "raise SystemExit('the embedded source was run')"
SIDE, Z, W, CHANNELS, DEPTH = 16, 6, 5, 4, 3


def channels(level: int, side: int) -> int:
    """2 at the full size, 4 before."""
    return min(2 * side >> level, CHANNELS)


def variables(side: int = SIDE, *, classes: int = 0, lod: float = 0.0) -> dict[str, Array]:
    """All of Gs, under `G_mapping/` and `G_synthesis/`, each drawn anew."""
    rng = np.random.RandomState(side + classes)

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    found = {"lod": np.float32(lod), "dlatent_avg": normal(W, scale=0.3)}
    width = Z
    if classes:
        found["G_mapping/LabelConcat/weight"] = normal(classes, Z)
        width *= 2
    for i in range(DEPTH):
        found[f"G_mapping/Dense{i}/weight"] = normal(width, W, scale=100.0)
        found[f"G_mapping/Dense{i}/bias"] = normal(W, scale=30.0)
        width = W
    levels, inner, s = side.bit_length() - 1, 0, "G_synthesis"
    found[f"{s}/lod"] = np.float32(lod)
    for level in range(2, levels + 1):
        out, block = channels(level, side), f"{s}/{2**level}x{2**level}"
        if level == 2:
            found[f"{block}/Const/const"] = normal(1, out, 4, 4)
        first, second = ("Const", "Conv") if level == 2 else ("Conv0_up", "Conv1")
        for i, (layer, ins) in enumerate(((first, inner), (second, out))):
            if ins:
                found[f"{block}/{layer}/weight"] = normal(3, 3, ins, out)
            found[f"{block}/{layer}/bias"] = normal(out, scale=0.3)
            found[f"{block}/{layer}/Noise/weight"] = normal(out, scale=0.3)
            found[f"{block}/{layer}/StyleMod/weight"] = normal(W, 2 * out, scale=0.5)
            found[f"{block}/{layer}/StyleMod/bias"] = normal(2 * out, scale=0.3)
            found[f"{s}/noise{2 * level - 4 + i}"] = normal(1, 1, 2**level, 2**level)
        rgb = f"{s}/ToRGB_lod{levels - level}"
        found[f"{rgb}/weight"] = normal(1, 1, out, 3, scale=0.6)
        found[f"{rgb}/bias"] = normal(3, scale=0.1)
        inner = out
    return found


def arguments(side: int = SIDE, *, classes: int = 0, **changes: Any) -> dict[str, Any]:
    """What the program was told."""
    given = {"resolution": side, "num_channels": 3, "label_size": classes, "latent_size": Z}
    given |= {"dlatent_size": W, "fmap_base": side, "fmap_max": CHANNELS, "mapping_layers": DEPTH}
    return {**given, "truncation_psi": 0.7, "truncation_cutoff": 8, **changes}


def network(name: str, own: dict[str, Array], kwargs: dict[str, Any], **state: Any) -> Network:
    return Network(
        {
            "version": 3,
            "name": name,
            "static_kwargs": EasyDict(kwargs),
            "components": EasyDict(),
            "build_module_src": TRAP,
            "build_func_name": "G_style",
            "variables": list(own.items()),
            **state,
        }
    )


def checkpoint(
    found: dict[str, Array],
    kwargs: dict[str, Any],
    *,
    flat: bool = False,
    module: str = "dnnlib.tflib.network",
    **state: Any,
) -> bytes:
    """A file with (G, D, Gs). flat: with all variables in Gs itself, as the oldest files."""
    parts: dict[str, Network] = {}
    own = dict(found)
    if not flat:
        for key in ("mapping", "synthesis"):
            prefix = f"G_{key}/"
            inner = {n.removeprefix(prefix): own.pop(n) for n in found if n.startswith(prefix)}
            parts[key] = network(prefix[:-1], inner, kwargs)
    state = {"components": EasyDict(parts), **state}
    generator = network("Gs", own, kwargs, **state)
    judge = network("D", {"4x4/Dense1/bias": np.zeros(1, np.float32)}, {"resolution": SIDE})
    return dump((generator, judge, generator))


def leaky(x: Array) -> Array:
    return np.where(x >= 0, x, 0.2 * x)


def convolved(x: Array, w: Array) -> Array:
    """x [H, W, in], w [3, 3, in, out] → [H, W, out], one zero around."""
    wide = np.pad(x, [(1, 1), (1, 1), (0, 0)])
    h, width = x.shape[:2]
    return sum(wide[a : a + h, b : b + width] @ w[a, b] for a in range(3) for b in range(3))


def scattered(x: Array, w: Array) -> Array:
    """The transposed convolution with stride 2 of four copies of w, each moved by 0 or 1."""
    side = x.shape[0]
    wide = np.zeros((2 * side + 2, 2 * side + 2, w.shape[3]))
    for a in range(4):
        for b in range(4):
            taps = [w[i, j] for i in (a - 1, a) for j in (b - 1, b) if 0 <= i < 3 and 0 <= j < 3]
            wide[a : a + 2 * side : 2, b : b + 2 * side : 2] += x @ sum(taps)
    return wide[1:-1, 1:-1]


def blurred(x: Array) -> Array:
    wide = np.pad(x, [(1, 1), (1, 1), (0, 0)])
    wide = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
    return (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4


def repeated(x: Array) -> Array:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def styles(found: dict[str, Array], z: Array, c: Array | None = None) -> Array:
    """w [W] of one z."""
    f = {name.removeprefix("G_mapping/"): v.astype(np.float64) for name, v in found.items()}
    x = z if c is None else np.concatenate([z, c @ f["LabelConcat/weight"]])
    x = x / np.sqrt(np.mean(x * x) + 1e-8)
    for i in range(DEPTH):
        w = f[f"Dense{i}/weight"]
        x = leaky(x @ w * (math.sqrt(2 / len(w)) * 0.01) + f[f"Dense{i}/bias"] * 0.01)
    return x


def picture(
    found: dict[str, Array], ws: Array, side: int, *, noise: bool = True, fused_from: int = 128
) -> Array:
    """[side, side, 3] of ws [layers, W], at `lod` 0 or as far as it has grown."""
    f = {name.removeprefix("G_synthesis/"): v.astype(np.float64) for name, v in found.items()}
    x, index = f["4x4/Const/const"][0].transpose(1, 2, 0), 0
    image, lod = None, float(f["lod"])
    levels = side.bit_length() - 1
    for level in range(2, levels + 1):
        for i, layer in enumerate(("Const", "Conv") if level == 2 else ("Conv0_up", "Conv1")):
            name = f"{2**level}x{2**level}/{layer}"
            if layer != "Const":
                w = f[f"{name}/weight"]
                w = w * math.sqrt(2 / (9 * w.shape[2]))
                if layer != "Conv0_up":
                    x = convolved(x, w)
                elif 2**level >= fused_from:
                    x = blurred(scattered(x, w))
                else:
                    x = blurred(convolved(repeated(x), w))
            if noise:
                x = x + f[f"noise{2 * level - 4 + i}"][0, 0, :, :, None] * f[f"{name}/Noise/weight"]
            x = leaky(x + f[f"{name}/bias"])
            style = ws[index] @ f[f"{name}/StyleMod/weight"] / math.sqrt(W)
            scale, shift = np.split(style + f[f"{name}/StyleMod/bias"], 2)
            x = x - x.mean(axis=(0, 1))
            x = x / np.sqrt((x * x).mean(axis=(0, 1)) + 1e-8) * (1 + scale) + shift
            index += 1
        rgb = f"ToRGB_lod{levels - level}"
        w = f[f"{rgb}/weight"]
        now = x @ w[0, 0] / math.sqrt(w.shape[2]) + f[f"{rgb}/bias"]
        if image is not None:  # Karras et al. 2018, figure 2
            before, share = repeated(image), min(max(lod - (levels - level), 0), 1)
            now = now + share * (before - now)
        image = now
    assert image is not None
    return image
