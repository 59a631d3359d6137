"""The GPU kernel of filtered_lrelu, in Triton: small banded matrix products along strips.

Import it only where a GPU is, or under TRITON_INTERPRET=1. One program, of one warp, makes a strip
of the output. It walks down the rows at the raised rate, ROWS of them at a time and MID wide, and
for each such band

1. loads the NEW input rows that the band before did not see, cut along x into overlapping patches,
   one for each PATCH raised samples, so that one small matrix U_x raises all: [NEW * PATCHES, KX] @
   [KX, PATCH];
2. raises along y, with the rows of the band before: U_y [ROWS, 2 * NEW] @ [2 * NEW, MID];
3. activates in registers; writes or reads the mask, two bits a sample, four samples a byte, which
   are packed and spread by products too: they move nothing between threads;
4. lowers along x: [ROWS, MID] @ D_x [MID, OUT_X], and adds D_y [2 * DONE, ROWS] @ that to the last
   outputs of the band before, which are done then, and to the first of the next.

So the raised signal is never more than a band in registers, and nothing but input, output and mask
touches memory. Tensor cores take the products of float16 and bfloat16, with sums in float32. A
filter of several terms has its matrices side by side, and what lies between two products is laid
one below the other, so that the same products sum over them.

The raised samples of neighbouring strips overlap by taps2 - down: with 12 taps and down = 2 a strip
has 26 outputs, 52 of 64 raised samples its own. Wider bands overlap less but D_x, which is mostly
zeros, costs more: MID = 128 needs a third more multiply-adds an output.

The mask of a sample: bit 0 where it was not above zero, bit 1 where no gradient passes, since it
was clamped or lies right of the signal. Sample m of a row has bits 2 (m % 4) of byte m // 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import triton
import triton.language as tl

from nftgan.ops.fused import Pass

PATCH = 16
MID = 64
STAGES = 2
"""Bands whose input is under way at once."""

SMALLEST = 16
"""A side of a matrix that tensor cores take."""

HIGHEST = 128
"""Output rows of a strip. Between two strips at most 33 raised rows are made twice."""


@dataclass(frozen=True)
class Strip:
    """Outputs of a program along x, the block (a power of two) that holds them, outputs along y,
    and the bands of `rows` raised rows that it takes to make them."""

    x: int
    block_x: int
    y: int
    rows: int
    bands: int


def strip_for(p: Pass, skew: int) -> Strip:
    """A strip begins on a whole byte of the mask and is as wide as MID raised samples allow, the
    first `skew` of which it does not use. A band is high enough that no filter reaches over more
    than two.
    """
    up, down, taps1, taps2 = p.x.up, p.x.down, p.h1.taps, p.h2.taps
    low = max(up, down) < 4 and taps1 <= SMALLEST + 2 - up and taps2 <= SMALLEST + 1
    rows = SMALLEST if low else 2 * SMALLEST
    whole = max(4 // down, 1)
    x = ((MID - skew - taps2) // down + 1) // whole * whole
    done = rows // down  # outputs of a band
    bands = math.ceil(p.y.out / math.ceil(p.y.out / HIGHEST) / done)
    return Strip(x, max(int(triton.next_power_of_2(x)), SMALLEST), bands * done, rows, bands + 1)


def reach(up: int, taps: int) -> int:
    """How many input samples a patch of raised ones looks at, as a block."""
    return max(int(triton.next_power_of_2((PATCH + up + taps - 3) // up + 1)), SMALLEST)


def warps_for(half: bool) -> int:
    """More than one would each do the same: the products of a band are 16 rows high, one warp's
    share of a tensor core. The products of float32 are shared out.
    """
    return 1 if half else 2


def slots_for(terms: int) -> int:
    return int(triton.next_power_of_2(terms))


@triton.jit
def raised_along_x(  # type: ignore[no-untyped-def]
    x_ptr,
    bias,
    u_x,
    in_y,
    in_x,
    in_h,
    in_w,
    BIAS: tl.constexpr,
    SLOTS1: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Input rows in_y [NEW] at columns in_x [PATCHES, KX] → [SLOTS1, NEW, MID]."""
    NEW: tl.constexpr = in_y.shape[0]
    PATCHES: tl.constexpr = in_x.shape[0]
    KX: tl.constexpr = in_x.shape[1]
    PATCH: tl.constexpr = u_x.shape[1] // SLOTS1
    kind = u_x.dtype
    y = in_y[:, None, None]
    inside = (y >= 0) & (y < in_h) & ((in_x >= 0) & (in_x < in_w))[None, :, :]
    x = tl.load(x_ptr + y * in_w + in_x[None, :, :], mask=inside, other=0.0)
    if BIAS:
        x = tl.where(inside, x + bias, 0.0).to(kind)
    x = tl.reshape(x, (NEW * PATCHES, KX))
    wide = tl.dot(x, u_x, input_precision=PRECISION).to(kind)
    if SLOTS1 > 1:
        wide = tl.reshape(wide, (NEW, PATCHES, SLOTS1, PATCH))
        wide = tl.permute(wide, (2, 0, 1, 3))
    return tl.reshape(wide, (SLOTS1, NEW, PATCHES * PATCH))


# Sizes of layers are odd as a rule: code for even ones of its own would only take time to compile.
SIZES = (
    *("channels", "strips_x", "strips_y", "in_w", "in_h", "mid_w", "mid_h", "out_w", "out_h"),
    *(
        "first_x",
        "first_y",
        "phase_x",
        "phase_y",
        "first_byte",
        "skew",
        "off_y",
        "strip_h",
        "bands",
    ),
)


@triton.jit(do_not_specialize=SIZES)
def filtered_lrelu_strip(  # type: ignore[no-untyped-def]
    x_ptr,
    b_ptr,
    mask_ptr,
    y_ptr,
    h1x_ptr,
    h1y_ptr,
    h2x_ptr,
    h2y_ptr,
    channels,
    strips_x,
    strips_y,
    in_w,
    in_h,
    mid_w,
    mid_h,
    out_w,
    out_h,
    first_x,
    first_y,
    phase_x,
    phase_y,
    first_byte,
    skew,
    off_y,
    strip_h,
    bands,
    gain,
    slope,
    clamp,
    UP: tl.constexpr,
    DOWN: tl.constexpr,
    TAPS1: tl.constexpr,
    TAPS2: tl.constexpr,
    TERMS1: tl.constexpr,
    TERMS2: tl.constexpr,
    SLOTS1: tl.constexpr,
    SLOTS2: tl.constexpr,
    MODE: tl.constexpr,
    BIAS: tl.constexpr,
    CLAMP: tl.constexpr,
    STRIP_X: tl.constexpr,
    OUT_X: tl.constexpr,
    MID: tl.constexpr,
    ROWS: tl.constexpr,
    PATCH: tl.constexpr,
    KX: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """One strip of one plane. x [planes, in_h, in_w], y [planes, out_h, out_w], mask [planes,
    mid_h, (mid_w + 3) // 4], h1 [TERMS1, TAPS1] and h2 [TERMS2, TAPS2] correlate.

    gain: of the activation, above 0; slope: 0 to 1. first, phase: see `gpu.start`, of the band's
    first raised sample, `skew` left of the first that the strip uses. MODE: 0 activates, 1 also
    remembers, 2 recalls. A NaN or infinity spoils its strip, where PyTorch's spoils its
    neighbours.
    """
    PATCHES: tl.constexpr = MID // PATCH
    NEW: tl.constexpr = ROWS // UP
    KY: tl.constexpr = 2 * NEW
    DONE: tl.constexpr = ROWS // DOWN
    BYTES: tl.constexpr = MID // 4
    kind = y_ptr.dtype.element_ty
    strips = strips_x * strips_y
    pid = tl.program_id(0)
    plane = (pid // strips).to(tl.int64)
    strip_x = (pid % strips) % strips_x
    strip_y = (pid % strips) // strips_x
    x_ptr += plane * in_w * in_h
    bias = tl.load(b_ptr + plane % channels).to(kind) if BIAS else 0.0

    patch = tl.arange(0, PATCHES)
    k_x = tl.arange(0, KX)
    k_new = tl.arange(0, NEW)
    row = tl.arange(0, ROWS)
    mid_j = tl.arange(0, MID)
    limit, low = tl.full((1, 1), clamp, kind), tl.full((1, 1), slope, kind)
    out_i = tl.arange(0, 2 * DONE)

    in_x = (
        strip_x * (STRIP_X * DOWN // UP) + first_x + (PATCH // UP) * patch[:, None] + k_x[None, :]
    )
    # Columns of U_x and rows of U_y: one term after the other, as many as the next power of two.
    term_ux = tl.arange(0, SLOTS1 * PATCH) // PATCH
    tap_ux = k_x[:, None] * UP - phase_x - (tl.arange(0, SLOTS1 * PATCH) % PATCH)[None, :]
    is_ux = (tap_ux >= 0) & (tap_ux < TAPS1) & (term_ux < TERMS1)[None, :]
    u_x = tl.load(h1x_ptr + (term_ux * TAPS1)[None, :] + tap_ux, mask=is_ux, other=0.0)
    term_uy = tl.arange(0, SLOTS1 * KY) // KY
    tap_uy = (tl.arange(0, SLOTS1 * KY) % KY)[None, :] * UP - phase_y - row[:, None]
    is_uy = (tap_uy >= 0) & (tap_uy < TAPS1) & (term_uy < TERMS1)[None, :]
    u_y = tl.load(h1y_ptr + (term_uy * TAPS1)[None, :] + tap_uy, mask=is_uy, other=0.0)
    u_y = (u_y * gain).to(kind)  # [ROWS, SLOTS1 * KY]
    term_dx = tl.arange(0, SLOTS2 * OUT_X) // OUT_X
    tap_dx = mid_j[:, None] - skew - (tl.arange(0, SLOTS2 * OUT_X) % OUT_X)[None, :] * DOWN
    is_dx = (tap_dx >= 0) & (tap_dx < TAPS2) & (term_dx < TERMS2)[None, :]
    d_x = tl.load(h2x_ptr + (term_dx * TAPS2)[None, :] + tap_dx, mask=is_dx, other=0.0)
    term_dy = tl.arange(0, SLOTS2 * ROWS) // ROWS
    tap_dy = (tl.arange(0, SLOTS2 * ROWS) % ROWS)[None, :] - (out_i[:, None] - DONE) * DOWN
    is_dy = (tap_dy >= 0) & (tap_dy < TAPS2) & (term_dy < TERMS2)[None, :]
    d_y = tl.load(h2y_ptr + (term_dy * TAPS2)[None, :] + tap_dy, mask=is_dy, other=0.0).to(kind)
    if MODE != 0:
        mask_w = (mid_w + 3) // 4
        mask_ptr += plane * mask_w * mid_h
        byte_j = tl.arange(0, BYTES)
        byte_x = strip_x * (STRIP_X * DOWN // 4) + first_byte + byte_j
    if MODE == 1:
        own = (mid_j[:, None] >> 2) == byte_j[None, :]  # [MID, BYTES]
        pack = tl.where(own, 1 << ((mid_j[:, None] & 3) * 2), 0).to(tl.float16)
        # Samples right of the signal, in the last byte of a row.
        tail = 0xAA & (0xFF << ((mid_w & 3) * 2))
        tail = tl.where((byte_x == mask_w - 1) & ((mid_w & 3) != 0), tail, 0)
        # What strips share is written by the one that begins with it, so that no two differ.
        mine_x = ((byte_j < STRIP_X * DOWN // 4) | (strip_x == strips_x - 1)) & (byte_x < mask_w)
    if MODE == 2:
        spread = (byte_j[:, None] == (mid_j[None, :] >> 2)).to(tl.float16)  # [BYTES, MID]
        bit = 1 << ((mid_j & 3) * 2)
        real_x = (byte_x >= 0) & (byte_x < mask_w)

    in_y = strip_y * (strip_h * DOWN // UP) + first_y + k_new
    old = raised_along_x(x_ptr, bias, u_x, in_y, in_x, in_h, in_w, BIAS, SLOTS1, PRECISION)
    y_x = strip_x * STRIP_X + tl.arange(0, OUT_X)
    kept_x = (tl.arange(0, OUT_X) < STRIP_X) & (y_x < out_w)
    y_ptr += plane * out_w * out_h
    total = tl.zeros((2 * DONE, OUT_X), tl.float32)
    for band in range(bands):
        in_y += NEW
        new = raised_along_x(x_ptr, bias, u_x, in_y, in_x, in_h, in_w, BIAS, SLOTS1, PRECISION)
        wide = tl.permute(tl.join(old, new), (0, 3, 1, 2))
        u = tl.dot(u_y, tl.reshape(wide, (SLOTS1 * KY, MID)), input_precision=PRECISION)
        old = new

        mid_y = strip_y * (strip_h * DOWN) + off_y + band * ROWS + row
        if MODE == 2:
            real = ((mid_y >= 0) & (mid_y < mid_h))[:, None] & real_x[None, :]
            place = mid_y[:, None] * mask_w + byte_x[None, :]
            byte = tl.load(mask_ptr + place, mask=real, other=0xAA)
            # Each byte in the thread of each of its samples, as the last bits of 2^23 + byte.
            base = tl.full((ROWS, MID), 8388608.0, tl.float32)
            code = tl.dot(byte.to(tl.float16), spread, base).to(tl.int32, bitcast=True)
            u = tl.where((code & bit[None, :]) == 0, u, u * slope)
            u = tl.where((code & (bit * 2)[None, :]) == 0, u, 0.0)
        else:
            u = u.to(kind)  # the GPU does two halves at once
            if MODE == 1:
                code = tl.where(u > 0, 0.0, 1.0)
            u = tl.maximum(u, u * low, propagate_nan=tl.PropagateNan.ALL)
            if CLAMP:
                if MODE == 1:
                    code += tl.where(tl.abs(u) > limit, 2.0, 0.0)
                u = tl.maximum(u, -limit, propagate_nan=tl.PropagateNan.ALL)
                u = tl.minimum(u, limit, propagate_nan=tl.PropagateNan.ALL)
            if MODE == 1:
                byte = tl.dot(code.to(tl.float16), pack).to(tl.int32) | tail[None, :]
                mine_y = (band * ROWS + row < strip_h * DOWN) | (strip_y == strips_y - 1)
                mine_y &= mid_y < mid_h
                place = mid_y[:, None] * mask_w + byte_x[None, :]
                mine = mine_y[:, None] & mine_x[None, :]
                tl.store(mask_ptr + place, byte.to(tl.uint8), mask=mine)

        u = u.to(kind)
        narrow = tl.dot(u, d_x, input_precision=PRECISION).to(kind)
        if SLOTS2 > 1:
            narrow = tl.reshape(narrow, (ROWS, SLOTS2, OUT_X))
            narrow = tl.reshape(tl.permute(narrow, (1, 0, 2)), (SLOTS2 * ROWS, OUT_X))
        total = tl.dot(d_y, narrow, total, input_precision=PRECISION)
        # The rows of the band before are done; those of this one go on with the next.
        halves = tl.permute(tl.reshape(total, (2, DONE, OUT_X)), (1, 2, 0))
        ready, begun = tl.split(halves)
        y_y = strip_y * strip_h + (band - 1) * DONE + tl.arange(0, DONE)
        kept = ((y_y < out_h) & (band > 0))[:, None] & kept_x[None, :]
        tl.store(y_ptr + y_y[:, None] * out_w + y_x[None, :], ready.to(kind), mask=kept)
        halves = tl.permute(tl.join(begun, tl.zeros_like(begun)), (2, 0, 1))
        total = tl.reshape(halves, (2 * DONE, OUT_X))
