"""Triton kernels of weight normalisation and demodulation, forward and backward.

A program does one output channel or one sample, or a tile of one. All sums are in float32 and in a
fixed order; nothing is added by atomics, so that results do not depend on the order of programs.
The letters are those of `gpu_scales`: w a weight, s styles, r ratios, n norms, m sizes, a the plain
scale, z the scale with its gain.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _power_gradient(gz_ptr, z_ptr, a_ptr, place, real):  # type: ignore[no-untyped-def]
    """The gradient of what z = gain / sqrt(power + least) takes the root of."""
    a = tl.load(a_ptr + place, mask=real, other=0.0)
    z = tl.load(z_ptr + place, mask=real, other=0.0)
    return -0.5 * tl.load(gz_ptr + place, mask=real, other=0.0) * z * a * a


@triton.jit
def _share_gradient(  # type: ignore[no-untyped-def]
    gz_ptr, z_ptr, a_ptr, x_ptr, i, o, inputs, outputs, samples, INPUTS: tl.constexpr
):
    """The gradient of the shares r[o, i] of the inputs i in the norm of output o."""
    found = tl.zeros((INPUTS,), tl.float32)
    for n in range(samples):
        x = tl.load(x_ptr + n * inputs + i, mask=i < inputs, other=0.0)
        found += _power_gradient(gz_ptr, z_ptr, a_ptr, n * outputs + o, True) * x * x
    return found


@triton.jit(do_not_specialize=("inputs", "taps"))
def normalize_weights_tile(  # type: ignore[no-untyped-def]
    w_ptr,
    y_ptr,
    r_ptr,
    n_ptr,
    inputs,
    taps,
    tiny,
    INPUTS: tl.constexpr,
    TAPS: tl.constexpr,
):
    """One output channel: its norm n, y = w / sqrt(n), and r[i], the share of n of each input."""
    row = tl.program_id(0).to(tl.int64) * inputs
    tap = tl.arange(0, TAPS)
    total = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        real = (i < inputs)[:, None] & (tap < taps)[None, :]
        w = tl.load(w_ptr + (row + i)[:, None] * taps + tap[None, :], mask=real, other=0.0)
        total += tl.sum(w * w, axis=1)
    norm = tl.maximum(tl.sum(total, axis=0), tiny)
    tl.store(n_ptr + tl.program_id(0), norm)
    root = 1.0 / tl.sqrt(norm)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        real = (i < inputs)[:, None] & (tap < taps)[None, :]
        place = (row + i)[:, None] * taps + tap[None, :]
        w = tl.load(w_ptr + place, mask=real, other=0.0) * root
        tl.store(y_ptr + place, w.to(y_ptr.dtype.element_ty), mask=real)
        tl.store(r_ptr + row + i, tl.sum(w * w, axis=1), mask=i < inputs)


@triton.jit(do_not_specialize=("inputs", "outputs", "tiles"))
def demodulate_tile(  # type: ignore[no-untyped-def]
    s_ptr,
    r_ptr,
    n_ptr,
    magnitude_ptr,
    x_ptr,
    m_ptr,
    a_ptr,
    z_ptr,
    inputs,
    outputs,
    tiles,
    tiny,
    least,
    NORMALIZE: tl.constexpr,
    GAIN: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
):
    """One sample and a tile of outputs: x = s / sqrt(m) with m the mean square of s, and
    a = 1 / sqrt(sum of r * x^2 + least), z = a, with GAIN over the root of the magnitude.

    Without NORMALIZE the least is divided by n and m.
    """
    sample, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    row = sample.to(tl.int64) * inputs
    total = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        s = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0)
        total += s * s
    size = tl.maximum(tl.sum(total, axis=0) / inputs, tiny)
    root = 1.0 / tl.sqrt(size)
    o = tile * OUTPUTS + tl.arange(0, OUTPUTS)
    power = tl.zeros((OUTPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        x = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0) * root
        if tile == 0:
            tl.store(x_ptr + row + i, x, mask=i < inputs)
        real = (o < outputs)[:, None] & (i < inputs)[None, :]
        place = o.to(tl.int64)[:, None] * inputs + i[None, :]
        r = tl.load(r_ptr + place, mask=real, other=0.0)
        power += tl.sum(r * (x * x)[None, :], axis=1)
    if tile == 0:
        tl.store(m_ptr + sample, size)
    low = least
    if not NORMALIZE:
        low = least / (tl.load(n_ptr + o, mask=o < outputs, other=1.0) * size)
    a = 1.0 / tl.sqrt(power + low)
    z = a
    if GAIN:
        z = a / tl.sqrt(tl.load(magnitude_ptr))
    place = sample.to(tl.int64) * outputs + o
    tl.store(a_ptr + place, a, mask=o < outputs)
    tl.store(z_ptr + place, z, mask=o < outputs)


@triton.jit(do_not_specialize=("inputs", "taps", "outputs", "samples"))
def weights_gradient_tile(  # type: ignore[no-untyped-def]
    gy_ptr,
    gz_ptr,
    w_ptr,
    r_ptr,
    n_ptr,
    x_ptr,
    m_ptr,
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
    WEIGHTS: tl.constexpr,
    SCALES: tl.constexpr,
    INPUTS: tl.constexpr,
    TAPS: tl.constexpr,
):
    """One output channel: the gradient of w by that of y (if WEIGHTS) and of z (if SCALES)."""
    o = tl.program_id(0)
    row = o.to(tl.int64) * inputs
    tap = tl.arange(0, TAPS)
    norm = tl.load(n_ptr + o)
    root = 1.0 / tl.sqrt(norm)
    safe = tl.where(norm > tiny, norm, 1.0)
    of_norm = 0.0
    if SCALES and not NORMALIZE:
        for n in range(samples):
            gp = _power_gradient(gz_ptr, z_ptr, a_ptr, n * outputs + o, True)
            of_norm -= gp * least / (tl.load(m_ptr + n) * safe * safe)
    dots = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        real = (i < inputs)[:, None] & (tap < taps)[None, :]
        place = (row + i)[:, None] * taps + tap[None, :]
        if WEIGHTS:
            w = tl.load(w_ptr + place, mask=real, other=0.0)
            gy = tl.load(gy_ptr + place, mask=real, other=0.0).to(tl.float32)
            dots -= 0.5 * root * tl.sum(gy * w, axis=1) / safe
        if SCALES:
            gr = _share_gradient(
                gz_ptr, z_ptr, a_ptr, x_ptr, i, o, inputs, outputs, samples, INPUTS
            )
            r = tl.load(r_ptr + row + i, mask=i < inputs, other=0.0)
            dots -= gr * r / safe
    of_norm = tl.where(norm > tiny, of_norm + tl.sum(dots, axis=0), 0.0)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        real = (i < inputs)[:, None] & (tap < taps)[None, :]
        place = (row + i)[:, None] * taps + tap[None, :]
        w = tl.load(w_ptr + place, mask=real, other=0.0)
        of_square = tl.zeros((INPUTS,), tl.float32) + of_norm
        if SCALES:
            gr = _share_gradient(
                gz_ptr, z_ptr, a_ptr, x_ptr, i, o, inputs, outputs, samples, INPUTS
            )
            of_square += gr / safe
        gw = 2.0 * w * of_square[:, None]
        if WEIGHTS:
            gw += root * tl.load(gy_ptr + place, mask=real, other=0.0).to(tl.float32)
        tl.store(gw_ptr + place, gw, mask=real)


@triton.jit(do_not_specialize=("inputs", "outputs", "tiles"))
def scale_gradient_tile(  # type: ignore[no-untyped-def]
    gx_ptr,
    gz_ptr,
    r_ptr,
    x_ptr,
    a_ptr,
    z_ptr,
    g_ptr,
    inputs,
    outputs,
    tiles,
    INPUT: tl.constexpr,
    SCALES: tl.constexpr,
    INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr,
):
    """One sample and a tile of inputs: g, all of the gradient of x: its own and that through z."""
    sample, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    i = tile * INPUTS + tl.arange(0, INPUTS)
    place = sample.to(tl.int64) * inputs + i
    g = tl.zeros((INPUTS,), tl.float32)
    if SCALES:
        for start in range(0, outputs, OUTPUTS):
            o = start + tl.arange(0, OUTPUTS)
            at = sample.to(tl.int64) * outputs + o
            gp = _power_gradient(gz_ptr, z_ptr, a_ptr, at, o < outputs)
            real = (o < outputs)[:, None] & (i < inputs)[None, :]
            r = tl.load(r_ptr + o.to(tl.int64)[:, None] * inputs + i[None, :], mask=real, other=0.0)
            g += tl.sum(gp[:, None] * r, axis=0)
        g *= 2.0 * tl.load(x_ptr + place, mask=i < inputs, other=0.0)
    if INPUT:
        g += tl.load(gx_ptr + place, mask=i < inputs, other=0.0)
    tl.store(g_ptr + place, g, mask=i < inputs)


@triton.jit(do_not_specialize=("inputs", "outputs"))
def styles_gradient_tile(  # type: ignore[no-untyped-def]
    g_ptr,
    gz_ptr,
    s_ptr,
    n_ptr,
    m_ptr,
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
    """One sample: the gradient of s by g, that of x = s / sqrt(m), and by that of the least."""
    sample = tl.program_id(0)
    row = sample.to(tl.int64) * inputs
    size = tl.load(m_ptr + sample)
    root = 1.0 / tl.sqrt(size)
    dots = tl.zeros((INPUTS,), tl.float32)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        s = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0)
        dots += s * tl.load(g_ptr + row + i, mask=i < inputs, other=0.0)
    safe = tl.where(size > tiny, size, 1.0)
    of_size = -0.5 * root * tl.sum(dots, axis=0) / safe
    if SCALES and not NORMALIZE:
        sums = tl.zeros((OUTPUTS,), tl.float32)
        for start in range(0, outputs, OUTPUTS):
            o = start + tl.arange(0, OUTPUTS)
            at = sample.to(tl.int64) * outputs + o
            gp = _power_gradient(gz_ptr, z_ptr, a_ptr, at, o < outputs)
            sums += gp / tl.load(n_ptr + o, mask=o < outputs, other=1.0)
        of_size -= least / (safe * safe) * tl.sum(sums, axis=0)
    of_size = tl.where(size > tiny, of_size * 2.0 / inputs, 0.0)
    for start in range(0, inputs, INPUTS):
        i = start + tl.arange(0, INPUTS)
        s = tl.load(s_ptr + row + i, mask=i < inputs, other=0.0)
        g = tl.load(g_ptr + row + i, mask=i < inputs, other=0.0)
        tl.store(gs_ptr + row + i, root * g + s * of_size, mask=i < inputs)


@triton.jit(do_not_specialize=("samples", "channels", "outputs"))
def magnitude_tile(  # type: ignore[no-untyped-def]
    squares_ptr,
    x_ptr,
    z_ptr,
    ema_ptr,
    gained_ptr,
    samples,
    channels,
    outputs,
    share,
    beta,
    tiny,
    SCALE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One program: moves the average of magnitudes towards that of this input, whose channels x
    has scaled; share is one over its numbers. gained = z / sqrt(average), without SCALE z is 1.
    """
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, samples * channels, BLOCK):
        place = start + tl.arange(0, BLOCK)
        real = place < samples * channels
        x = tl.load(x_ptr + place, mask=real, other=1.0)
        squares = tl.load(squares_ptr + place, mask=real, other=0.0)
        total += squares / tl.maximum(x * x, tiny)
    mean = tl.sum(total, axis=0) * share
    ema = mean + (tl.load(ema_ptr) - mean) * beta
    gain = 1.0 / tl.sqrt(ema)
    for start in range(0, samples * outputs, BLOCK):
        place = start + tl.arange(0, BLOCK)
        real = place < samples * outputs
        z = tl.full((BLOCK,), 1.0, tl.float32)
        if SCALE:
            z = tl.load(z_ptr + place, mask=real, other=0.0)
        tl.store(gained_ptr + place, z * gain, mask=real)
    tl.store(ema_ptr, ema)


@triton.jit(do_not_specialize=("samples", "channels", "tiles"))
def finish_sums_tile(  # type: ignore[no-untyped-def]
    sums_ptr,
    scale_ptr,
    products_ptr,
    ones_ptr,
    samples,
    channels,
    tiles,
    ONE: tl.constexpr,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """A tile of channels of `product_sums`: products[n, c] and, with ONE, ones[c], the sum over
    samples of the second, each over the scale [n, c].
    """
    c = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    row = tl.arange(0, ROWS)
    ones = tl.zeros((CHANNELS,), tl.float32)
    step = samples * tiles * channels
    for n in range(samples):
        products = tl.zeros((ROWS, CHANNELS), tl.float32)
        plain = tl.zeros((ROWS, CHANNELS), tl.float32)
        for start in range(0, tiles, ROWS):
            t = start + row
            real = (t < tiles)[:, None] & (c < channels)[None, :]
            place = (n * tiles + t)[:, None] * channels + c[None, :]
            products += tl.load(sums_ptr + place, mask=real, other=0.0)
            if ONE:
                plain += tl.load(sums_ptr + step + place, mask=real, other=0.0)
        place = n * channels + c
        scale = tl.load(scale_ptr + place, mask=c < channels, other=1.0)
        tl.store(products_ptr + place, tl.sum(products, axis=0) / scale, mask=c < channels)
        if ONE:
            ones += tl.sum(plain, axis=0) / scale
    if ONE:
        tl.store(ones_ptr + c, ones, mask=c < channels)
