"""Triton kernels of the second derivative of demodulation.

As in `triton_scales` a program does one output channel or one sample, or a tile of one, and all
sums are in a fixed order. The letters are those of `gpu_demodulation`: for styles s that move
along v, x = s / sqrt(m) moves along t and the scale z along tz.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nftgan.ops.triton_scales import _power_gradient


@triton.jit(do_not_specialize=("inputs", "outputs", "tiles"))
def move_scales_tile(  # type: ignore[no-untyped-def]
    v_ptr,
    gz_ptr,
    r_ptr,
    n_ptr,
    x_ptr,
    m_ptr,
    a_ptr,
    z_ptr,
    t_ptr,
    c_ptr,
    tz_ptr,
    gp_ptr,
    inputs,
    outputs,
    tiles,
    tiny,
    least,
    NORMALIZE: tl.constexpr,
    SCALES: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
):
    """One sample and a tile of outputs: how x and z move when s moves along v: t, tz; with SCALES
    also gp, the gradient of gz * tz by what z takes the root of. c: half of how m moves, over m.
    """
    sample, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    row = sample.to(tl.int64) * inputs
    size = tl.load(m_ptr + sample)
    root = 1.0 / tl.sqrt(size)
    total = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        v = tl.load(v_ptr + row + i, mask=i < inputs, other=0.0)
        total += v * tl.load(x_ptr + row + i, mask=i < inputs, other=0.0)
    c = tl.where(size > tiny, tl.sum(total, axis=0) * root / inputs, 0.0)
    o = tile * OUTPUTS + tl.arange(0, OUTPUTS)
    moved = tl.zeros((OUTPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        x = tl.load(x_ptr + row + i, mask=i < inputs, other=0.0)
        t = tl.load(v_ptr + row + i, mask=i < inputs, other=0.0) * root - x * c
        if tile == 0:
            tl.store(t_ptr + row + i, t, mask=i < inputs)
        real = (o < outputs)[:, None] & (i < inputs)[None, :]
        place = o.to(tl.int64)[:, None] * inputs + i[None, :]
        r = tl.load(r_ptr + place, mask=real, other=0.0)
        moved += tl.sum(r * (2.0 * x * t)[None, :], axis=1)
    if tile == 0:
        tl.store(c_ptr + sample, c)
    if not NORMALIZE:
        moved -= 2.0 * c * least / (tl.load(n_ptr + o, mask=o < outputs, other=1.0) * size)
    place = sample.to(tl.int64) * outputs + o
    a = tl.load(a_ptr + place, mask=o < outputs, other=0.0)
    z = tl.load(z_ptr + place, mask=o < outputs, other=0.0)
    tl.store(tz_ptr + place, -0.5 * z * a * a * moved, mask=o < outputs)
    if SCALES:
        gz = tl.load(gz_ptr + place, mask=o < outputs, other=0.0)
        tl.store(gp_ptr + place, 0.75 * gz * z * a * a * a * a * moved, mask=o < outputs)


@triton.jit(do_not_specialize=("inputs", "outputs", "tiles"))
def moved_gradient_tile(  # type: ignore[no-untyped-def]
    gx_ptr,
    gz_ptr,
    gp_ptr,
    r_ptr,
    x_ptr,
    t_ptr,
    c_ptr,
    a_ptr,
    z_ptr,
    ht_ptr,
    hx_ptr,
    inputs,
    outputs,
    tiles,
    INPUT: tl.constexpr,
    SCALES: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
):
    """One sample and a tile of inputs: the gradients of gx * t + gz * tz, ht by t and hx by x."""
    sample, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    i = tile * INPUTS + tl.arange(0, INPUTS)
    place = sample.to(tl.int64) * inputs + i
    x = tl.load(x_ptr + place, mask=i < inputs, other=0.0)
    ht = tl.zeros((INPUTS,), tl.float32)
    hx = tl.zeros((INPUTS,), tl.float32)
    if SCALES:
        by_power = tl.zeros((INPUTS,), tl.float32)
        by_moved = tl.zeros((INPUTS,), tl.float32)
        for start in range(0, outputs, OUTPUTS):
            o = start + tl.arange(0, OUTPUTS)
            at = sample.to(tl.int64) * outputs + o
            real = (o < outputs)[:, None] & (i < inputs)[None, :]
            r = tl.load(r_ptr + o.to(tl.int64)[:, None] * inputs + i[None, :], mask=real, other=0.0)
            gp = tl.load(gp_ptr + at, mask=o < outputs, other=0.0)
            gq = _power_gradient(gz_ptr, z_ptr, a_ptr, at, o < outputs)
            by_power += tl.sum(gp[:, None] * r, axis=0)
            by_moved += tl.sum(gq[:, None] * r, axis=0)
        t = tl.load(t_ptr + place, mask=i < inputs, other=0.0)
        ht = 2.0 * x * by_moved
        hx = 2.0 * (x * by_power + t * by_moved)
    if INPUT:
        ht += tl.load(gx_ptr + place, mask=i < inputs, other=0.0)
    tl.store(ht_ptr + place, ht, mask=i < inputs)
    tl.store(hx_ptr + place, hx - tl.load(c_ptr + sample) * ht, mask=i < inputs)


@triton.jit(do_not_specialize=("inputs", "outputs"))
def moved_styles_tile(  # type: ignore[no-untyped-def]
    v_ptr,
    gz_ptr,
    gp_ptr,
    ht_ptr,
    hx_ptr,
    s_ptr,
    n_ptr,
    m_ptr,
    c_ptr,
    a_ptr,
    z_ptr,
    gs_ptr,
    inputs,
    outputs,
    tiny,
    least,
    NORMALIZE: tl.constexpr,
    SCALES: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
):
    """One sample: the gradient of gx * t + gz * tz by s, of those by t and x."""
    sample = tl.program_id(0)
    row = sample.to(tl.int64) * inputs
    size, c = tl.load(m_ptr + sample), tl.load(c_ptr + sample)
    root = 1.0 / tl.sqrt(size)
    of_root = tl.zeros((INPUTS,), tl.float32)
    of_c = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        s = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0)
        ht = tl.load(ht_ptr + row + i, mask=i < inputs, other=0.0)
        of_root += s * tl.load(hx_ptr + row + i, mask=i < inputs, other=0.0)
        of_root += ht * tl.load(v_ptr + row + i, mask=i < inputs, other=0.0)
        of_c -= ht * s * root
    safe = tl.where(size > tiny, size, 1.0)
    gc = tl.sum(of_c, axis=0)
    g_size = -0.5 * root * tl.sum(of_root, axis=0) / safe
    if SCALES and not NORMALIZE:
        low_c = tl.zeros((OUTPUTS,), tl.float32)
        low_m = tl.zeros((OUTPUTS,), tl.float32)
        for start in range(0, outputs, OUTPUTS):
            o = start + tl.arange(0, OUTPUTS)
            at = sample.to(tl.int64) * outputs + o
            low = least / (tl.load(n_ptr + o, mask=o < outputs, other=1.0) * safe)
            gq = _power_gradient(gz_ptr, z_ptr, a_ptr, at, o < outputs)
            gp = tl.load(gp_ptr + at, mask=o < outputs, other=0.0)
            low_c += gq * low
            low_m += (gp - 2.0 * c * gq) * low
        gc -= 2.0 * tl.sum(low_c, axis=0)
        g_size -= tl.sum(low_m, axis=0) / safe
    g_size = tl.where(size > tiny, g_size - gc * c / safe, 0.0)
    gc = tl.where(size > tiny, gc, 0.0)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        s = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0)
        v = tl.load(v_ptr + row + i, mask=i < inputs, other=0.0)
        hx = tl.load(hx_ptr + row + i, mask=i < inputs, other=0.0)
        gs = root * hx + gc * v / (inputs * safe) + g_size * 2.0 * s / inputs
        tl.store(gs_ptr + row + i, gs, mask=i < inputs)


@triton.jit
def _moved_share(  # type: ignore[no-untyped-def]
    gz_ptr,
    gp_ptr,
    a_ptr,
    z_ptr,
    x_ptr,
    t_ptr,
    i,
    o,
    inputs,
    outputs,
    samples,
    INPUTS: tl.constexpr,
):
    """The gradient of the shares r[o, i] of the inputs i in the norm of output o."""
    found = tl.zeros((INPUTS,), tl.float32)
    for n in range(samples):
        x = tl.load(x_ptr + n * inputs + i, mask=i < inputs, other=0.0)
        t = tl.load(t_ptr + n * inputs + i, mask=i < inputs, other=0.0)
        gq = _power_gradient(gz_ptr, z_ptr, a_ptr, n * outputs + o, True)
        found += tl.load(gp_ptr + n * outputs + o) * x * x + 2.0 * gq * x * t
    return found


@triton.jit(do_not_specialize=("inputs", "taps", "outputs", "samples"))
def moved_weights_tile(  # type: ignore[no-untyped-def]
    gz_ptr,
    gp_ptr,
    w_ptr,
    r_ptr,
    n_ptr,
    x_ptr,
    m_ptr,
    t_ptr,
    c_ptr,
    a_ptr,
    z_ptr,
    gw_ptr,
    inputs,
    taps,
    outputs,
    samples,
    tiny,
    least,
    NORMALIZE: tl.constexpr,
    INPUTS: tl.constexpr,
    TAPS: tl.constexpr,
):
    """One output channel: the gradient of gz * tz by w."""
    o = tl.program_id(0)
    row = o.to(tl.int64) * inputs
    tap = tl.arange(0, TAPS)
    norm = tl.load(n_ptr + o)
    safe = tl.where(norm > tiny, norm, 1.0)
    of_norm = 0.0
    if not NORMALIZE:
        for n in range(samples):
            at = n * outputs + o
            gq = _power_gradient(gz_ptr, z_ptr, a_ptr, at, True)
            g_low = tl.load(gp_ptr + at) - 2.0 * tl.load(c_ptr + n) * gq
            of_norm -= g_low * least / (tl.load(m_ptr + n) * safe * safe)
    dots = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        gr = _moved_share(
            gz_ptr, gp_ptr, a_ptr, z_ptr, x_ptr, t_ptr, i, o, inputs, outputs, samples, INPUTS
        )
        dots -= gr * tl.load(r_ptr + row + i, mask=i < inputs, other=0.0) / safe
    of_norm = tl.where(norm > tiny, of_norm + tl.sum(dots, axis=0), 0.0)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        real = (i < inputs)[:, None] & (tap < taps)[None, :]
        place = (row + i)[:, None] * taps + tap[None, :]
        gr = _moved_share(
            gz_ptr, gp_ptr, a_ptr, z_ptr, x_ptr, t_ptr, i, o, inputs, outputs, samples, INPUTS
        )
        w = tl.load(w_ptr + place, mask=real, other=0.0)
        tl.store(gw_ptr + place, 2.0 * w * (of_norm + gr / safe)[:, None], mask=real)
