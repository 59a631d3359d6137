"""Triton kernels that go over images once: resampling by a filter, and bias with activation.

Import it only where a GPU is, or under TRITON_INTERPRET=1. A tensor is read and written as tiles of
PIXELS places of one sample times CHANNELS channels, by strides, so that both memory formats of
PyTorch run at unit stride: [n, 1] tiles for contiguous tensors, wide ones for channels_last. Sums
are in float32 whatever the tensors are; partial sums of a tile are stored and not added by atomics,
so results do not depend on the order of programs.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Sizes are odd as a rule: code for even ones of its own would only take time to compile.
RESAMPLE_SIZES = (
    *("channels", "in_h", "in_w", "out_h", "out_w", "pad_x", "pad_y", "tiles_p", "tiles_c"),
    *("x_n", "x_c", "x_h", "x_w", "y_n", "y_c", "y_h", "y_w"),
)


@triton.jit(do_not_specialize=RESAMPLE_SIZES)
def resample_tile(  # type: ignore[no-untyped-def]
    x_ptr,
    f_ptr,
    y_ptr,
    channels,
    in_h,
    in_w,
    out_h,
    out_w,
    pad_x,
    pad_y,
    tiles_p,
    tiles_c,
    x_n,
    x_c,
    x_h,
    x_w,
    y_n,
    y_c,
    y_h,
    y_w,
    gain,
    UP_X: tl.constexpr,
    UP_Y: tl.constexpr,
    DOWN_X: tl.constexpr,
    DOWN_Y: tl.constexpr,
    TAPS_X: tl.constexpr,
    TAPS_Y: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """y[o] = gain * sum over k of f[k] * upsampled[o * down + k - pad], along both axes.

    f [TAPS_Y, TAPS_X] float32 correlates; upsampled has x at multiples of up and zeros between,
    which are not multiplied: an output sees every up-th tap only.
    """
    program = tl.program_id(0)
    tile_p = program % tiles_p
    tile_c = (program // tiles_p) % tiles_c
    sample = (program // (tiles_p * tiles_c)).to(tl.int64)
    pixel = tile_p * PIXELS + tl.arange(0, PIXELS)
    channel = tile_c * CHANNELS + tl.arange(0, CHANNELS)
    real_p = pixel < out_h * out_w
    real = real_p[:, None] & (channel < channels)[None, :]
    oy, ox = pixel // out_w, pixel % out_w
    # The first input sample at or right of the first tap, and the tap that meets it. Shifted by
    # whole samples to be above zero, since division rounds towards it.
    shift_x, shift_y = (pad_x // UP_X + 1) * UP_X, (pad_y // UP_Y + 1) * UP_Y
    begin_x, begin_y = ox * DOWN_X - pad_x + shift_x, oy * DOWN_Y - pad_y + shift_y
    first_x, first_y = (begin_x + UP_X - 1) // UP_X, (begin_y + UP_Y - 1) // UP_Y
    tap_x, tap_y = first_x * UP_X - begin_x, first_y * UP_Y - begin_y
    first_x, first_y = first_x - shift_x // UP_X, first_y - shift_y // UP_Y
    COUNT_X: tl.constexpr = (TAPS_X + UP_X - 1) // UP_X
    COUNT_Y: tl.constexpr = (TAPS_Y + UP_Y - 1) // UP_Y
    x_ptr += sample * x_n + channel[None, :].to(tl.int64) * x_c
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for j in range(COUNT_Y):
        iy, ky = first_y + j, tap_y + j * UP_Y
        real_y = (iy >= 0) & (iy < in_h) & (ky < TAPS_Y) & real_p
        for i in range(COUNT_X):
            ix, kx = first_x + i, tap_x + i * UP_X
            seen = real_y & (ix >= 0) & (ix < in_w) & (kx < TAPS_X)
            place = (iy.to(tl.int64) * x_h + ix.to(tl.int64) * x_w)[:, None]
            value = tl.load(x_ptr + place, mask=seen[:, None] & real, other=0.0)
            tap = tl.load(f_ptr + ky * TAPS_X + kx, mask=seen, other=0.0)
            total += value.to(tl.float32) * tap[:, None]
    y_ptr += sample * y_n + channel[None, :].to(tl.int64) * y_c
    place = (oy.to(tl.int64) * y_h + ox.to(tl.int64) * y_w)[:, None]
    tl.store(y_ptr + place, (total * gain).to(y_ptr.dtype.element_ty), mask=real)


ACTIVATION_SIZES = (
    *("channels", "pixels", "tiles_p", "tiles_c", "step_n", "step_c", "step_p", "noise_n"),
)


@triton.jit
def _tile(  # type: ignore[no-untyped-def]
    channels,
    pixels,
    tiles_p,
    tiles_c,
    step_n,
    step_c,
    step_p,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """This program's sample, tile of places, pixels, channels, and where they lie in a tensor."""
    program = tl.program_id(0)
    tile_p = program % tiles_p
    pixel = tile_p * PIXELS + tl.arange(0, PIXELS)
    channel = ((program // tiles_p) % tiles_c) * CHANNELS + tl.arange(0, CHANNELS)
    sample = (program // (tiles_p * tiles_c)).to(tl.int64)
    real = (pixel < pixels)[:, None] & (channel < channels)[None, :]
    place = sample * step_n + pixel.to(tl.int64)[:, None] * step_p
    place += channel.to(tl.int64)[None, :] * step_c
    return sample, tile_p, pixel, channel, real, place


@triton.jit(do_not_specialize=ACTIVATION_SIZES)
def activate_tile(  # type: ignore[no-untyped-def]
    x_ptr,
    scale_ptr,
    noise_ptr,
    strength_ptr,
    bias_ptr,
    y_ptr,
    channels,
    pixels,
    tiles_p,
    tiles_c,
    step_n,
    step_c,
    step_p,
    noise_n,
    slope,
    gain,
    clamp,
    SCALE: tl.constexpr,
    NOISE: tl.constexpr,
    BIAS: tl.constexpr,
    CLAMP: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """y = clamp(gain * leaky(x * scale[n, c] + strength * noise[n, p] + bias[c])).

    x and y by the same strides step_*; all others are contiguous and float32. A slope of 1 is no
    activation.
    """
    sample, _, pixel, channel, real, place = _tile(
        channels, pixels, tiles_p, tiles_c, step_n, step_c, step_p, PIXELS, CHANNELS
    )
    real_p, real_c = pixel < pixels, channel < channels
    v = tl.load(x_ptr + place, mask=real, other=0.0).to(tl.float32)
    if SCALE:
        v *= tl.load(scale_ptr + sample * channels + channel, mask=real_c, other=0.0)[None, :]
    if NOISE:
        noise = tl.load(noise_ptr + sample * noise_n + pixel, mask=real_p, other=0.0)
        v += (noise * tl.load(strength_ptr))[:, None]
    if BIAS:
        v += tl.load(bias_ptr + channel, mask=real_c, other=0.0)[None, :]
    v = tl.where(v > 0, v, v * slope) * gain
    if CLAMP:
        v = tl.maximum(v, -clamp, propagate_nan=tl.PropagateNan.ALL)
        v = tl.minimum(v, clamp, propagate_nan=tl.PropagateNan.ALL)
    tl.store(y_ptr + place, v.to(y_ptr.dtype.element_ty), mask=real)


@triton.jit(do_not_specialize=ACTIVATION_SIZES)
def apply_slopes_tile(  # type: ignore[no-untyped-def]
    g_ptr,
    y_ptr,
    x_ptr,
    scale_ptr,
    noise_ptr,
    gx_ptr,
    sums_ptr,
    channels,
    pixels,
    tiles_p,
    tiles_c,
    step_n,
    step_c,
    step_p,
    noise_n,
    slope,
    gain,
    clamp,
    SCALE: tl.constexpr,
    NOISE: tl.constexpr,
    CLAMP: tl.constexpr,
    SUMS: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """gx = scale * h, where h = g times the activation's slope, which y tells; all by step_*.

    With SUMS also, for each tile and channel, the sums of h, of h * x (if SCALE) and of h * noise
    (if NOISE): sums [3, samples * tiles_p, channels].
    """
    sample, tile_p, pixel, channel, real, place = _tile(
        channels, pixels, tiles_p, tiles_c, step_n, step_c, step_p, PIXELS, CHANNELS
    )
    real_p, real_c = pixel < pixels, channel < channels
    y = tl.load(y_ptr + place, mask=real, other=0.0).to(tl.float32)
    h = tl.load(g_ptr + place, mask=real, other=0.0).to(tl.float32)
    h *= tl.where(y > 0, gain, gain * slope)
    if CLAMP:
        h = tl.where(tl.abs(y) < clamp, h, 0.0)
    gx = h
    if SCALE:
        scale = tl.load(scale_ptr + sample * channels + channel, mask=real_c, other=0.0)
        gx = h * scale[None, :]
    tl.store(gx_ptr + place, gx.to(gx_ptr.dtype.element_ty), mask=real)
    if SUMS:
        row = (sample * tiles_p + tile_p) * channels + channel
        step = (tl.num_programs(0) // tiles_c).to(tl.int64) * channels
        tl.store(sums_ptr + row, tl.sum(h, axis=0), mask=real_c)
        if SCALE:
            x = tl.load(x_ptr + place, mask=real, other=0.0).to(tl.float32)
            tl.store(sums_ptr + step + row, tl.sum(h * x, axis=0), mask=real_c)
        if NOISE:
            noise = tl.load(noise_ptr + sample * noise_n + pixel, mask=real_p, other=0.0)
            tl.store(sums_ptr + 2 * step + row, tl.sum(h * noise[:, None], axis=0), mask=real_c)


SUM_SIZES = ("channels", "pixels", "tiles_p", "tiles_c", "step_n", "step_c", "step_p")


@triton.jit(do_not_specialize=SUM_SIZES)
def product_sums_tile(  # type: ignore[no-untyped-def]
    a_ptr,
    b_ptr,
    sums_ptr,
    channels,
    pixels,
    tiles_p,
    tiles_c,
    step_n,
    step_c,
    step_p,
    ONE: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """The sums of a * b and, with ONE, of a: [2, samples * tiles_p, channels]."""
    sample, tile_p, _, channel, real, place = _tile(
        channels, pixels, tiles_p, tiles_c, step_n, step_c, step_p, PIXELS, CHANNELS
    )
    real_c = channel < channels
    a = tl.load(a_ptr + place, mask=real, other=0.0).to(tl.float32)
    b = tl.load(b_ptr + place, mask=real, other=0.0).to(tl.float32)
    row = (sample * tiles_p + tile_p) * channels + channel
    tl.store(sums_ptr + row, tl.sum(a * b, axis=0), mask=real_c)
    if ONE:
        step = (tl.num_programs(0) // tiles_c).to(tl.int64) * channels
        tl.store(sums_ptr + step + row, tl.sum(a, axis=0), mask=real_c)


@triton.jit(do_not_specialize=("samples", "tiles", "channels"))
def finish_gradients_tile(  # type: ignore[no-untyped-def]
    sums_ptr,
    gb_ptr,
    gs_ptr,
    samples,
    tiles,
    channels,
    SAMPLES: tl.constexpr,
    TILES: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Of sums [2, samples, tiles, channels]: gb [channels], the total of the first row, and
    gs [samples, channels], the second's over its tiles. A program holds all of some channels at
    once, and adds in an order that nothing changes; `finish_sums_tile` goes through any number.
    """
    sample = tl.arange(0, SAMPLES)[:, None, None]
    tile = tl.arange(0, TILES)[None, :, None]
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    real_c = channel < channels
    real = (sample < samples) & (tile < tiles) & real_c[None, None, :]
    place = (sample * tiles + tile) * channels + channel[None, None, :]
    first = tl.load(sums_ptr + place, mask=real, other=0.0)
    second = tl.load(sums_ptr + samples * tiles * channels + place, mask=real, other=0.0)
    tl.store(gb_ptr + channel, tl.sum(tl.sum(first, axis=1), axis=0), mask=real_c)
    row = tl.arange(0, SAMPLES)[:, None]
    own = row * channels + channel[None, :]
    tl.store(gs_ptr + own, tl.sum(second, axis=1), mask=(row < samples) & real_c[None, :])


@triton.jit(do_not_specialize=SUM_SIZES)
def second_slopes_tile(  # type: ignore[no-untyped-def]
    v_ptr,
    u_ptr,
    g_ptr,
    y_ptr,
    x_ptr,
    scale_ptr,
    gg_ptr,
    gx_ptr,
    sums_ptr,
    channels,
    pixels,
    tiles_p,
    tiles_c,
    step_n,
    step_c,
    step_p,
    slope,
    gain,
    clamp,
    MOVED: tl.constexpr,
    SUMMED: tl.constexpr,
    CLAMP: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """The gradient of v * (scale * h) + u * (sum of h * x), where h = g times the slope d of y.

    v (if MOVED) [n, c, p], u (if SUMMED) [n, c]: gg = d * (v * scale + u * x) by g,
    gx = u * h by x, and for each tile and channel the sums of v * h, by the scale:
    sums [samples * tiles_p, channels].
    """
    sample, tile_p, _, channel, real, place = _tile(
        channels, pixels, tiles_p, tiles_c, step_n, step_c, step_p, PIXELS, CHANNELS
    )
    real_c = channel < channels
    y = tl.load(y_ptr + place, mask=real, other=0.0).to(tl.float32)
    d = tl.where(y > 0, gain, gain * slope)
    if CLAMP:
        d = tl.where(tl.abs(y) < clamp, d, 0.0)
    h = tl.load(g_ptr + place, mask=real, other=0.0).to(tl.float32) * d
    gg = tl.zeros((PIXELS, CHANNELS), tl.float32)
    if MOVED:
        v = tl.load(v_ptr + place, mask=real, other=0.0).to(tl.float32)
        scale = tl.load(scale_ptr + sample * channels + channel, mask=real_c, other=0.0)
        gg += v * scale[None, :]
        row = (sample * tiles_p + tile_p) * channels + channel
        tl.store(sums_ptr + row, tl.sum(v * h, axis=0), mask=real_c)
    if SUMMED:
        u = tl.load(u_ptr + sample * channels + channel, mask=real_c, other=0.0)
        gg += u[None, :] * tl.load(x_ptr + place, mask=real, other=0.0).to(tl.float32)
        tl.store(gx_ptr + place, (u[None, :] * h).to(gx_ptr.dtype.element_ty), mask=real)
    tl.store(gg_ptr + place, (gg * d).to(gg_ptr.dtype.element_ty), mask=real)
