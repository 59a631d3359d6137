"""The GPU kernel of filtered_lrelu, in Triton: small banded matrix products along tiles.

Import it only where a GPU is, or under TRITON_INTERPRET=1. One program, of one warp, makes a tile
of the output. It walks down the rows at the upsampled rate, ROWS of them at a time and MID wide,
and for each such row block

1. loads the NEW input rows that the row block before did not see, cut along x into overlapping
   column blocks, one for each COLUMN_BLOCK upsampled samples, so that one small matrix U_x
   upsamples all: [NEW * COLUMN_BLOCKS, KX] @ [KX, COLUMN_BLOCK];
2. upsamples along y, with the rows of the row block before: U_y [ROWS, 2 * NEW] @ [2 * NEW, MID];
3. activates in registers; writes or reads the signs, two bits a sample, four samples a byte, which
   are packed and spread by products too: they move nothing between threads;
4. downsamples along x: [ROWS, MID] @ D_x [MID, OUT_X], and adds D_y [2 * DONE, ROWS] @ that to the
   last outputs of the row block before, which are done then, and to the first of the next.

So the upsampled signal is never more than a row block in registers, and nothing but input, output
and signs touches memory. Tensor cores take the products of float16 and bfloat16, with sums in
float32. A filter of a rank above one has its matrices side by side, and what lies between two
products is laid one below the other, so that the same products sum over them.

The upsampled samples of neighbouring tiles overlap by down_taps - down: with 12 taps and down = 2 a
tile has 26 outputs, 52 of 64 upsampled samples its own. Wider row blocks overlap less but D_x,
which is mostly zeros, costs more: MID = 128 needs a third more multiply-adds an output.

The signs of a sample: bit 0 where it was not above zero, bit 1 where no gradient passes, since it
was clamped or lies right of the signal. Sample m of a row has bits 2 (m % 4) of byte m // 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import triton
import triton.language as tl

from nftgan.ops.fused import KernelPlan

COLUMN_BLOCK = 16
MID = 64
STAGES = 2
"""Row blocks whose input is under way at once."""

SMALLEST = 16
"""A side of a matrix that tensor cores take."""

HIGHEST = 128
"""Output rows of a tile. Between two tiles at most 33 upsampled rows are made twice."""


@dataclass(frozen=True)
class Tile:
    """Outputs of a program along x, the block (a power of two) that holds them, outputs along y,
    and the row blocks of `rows` upsampled rows that it takes to make them."""

    x: int
    block_x: int
    y: int
    rows: int
    row_blocks: int


def tile_for(p: KernelPlan, skew: int) -> Tile:
    """A tile begins on a whole byte of the signs and is as wide as MID upsampled samples allow, the
    first `skew` of which it does not use. A row block is high enough that no filter reaches over
    more than two.
    """
    up, down, up_taps, down_taps = p.x.up, p.x.down, p.up_filter.taps, p.down_filter.taps
    low = max(up, down) < 4 and up_taps <= SMALLEST + 2 - up and down_taps <= SMALLEST + 1
    rows = SMALLEST if low else 2 * SMALLEST
    whole = max(4 // down, 1)
    x = ((MID - skew - down_taps) // down + 1) // whole * whole
    done = rows // down  # outputs of a row block
    row_blocks = math.ceil(p.y.out / math.ceil(p.y.out / HIGHEST) / done)
    return Tile(
        x, max(int(triton.next_power_of_2(x)), SMALLEST), row_blocks * done, rows, row_blocks + 1
    )


def reach(up: int, taps: int) -> int:
    """How many input samples a column block of upsampled ones looks at, as a block."""
    return max(int(triton.next_power_of_2((COLUMN_BLOCK + up + taps - 3) // up + 1)), SMALLEST)


def warps_for(half: bool) -> int:
    """More than one would each do the same: the products of a row block are 16 rows high, one
    warp's share of a tensor core. The products of float32 are shared out.
    """
    return 1 if half else 2


def rank_block_for(rank: int) -> int:
    return int(triton.next_power_of_2(rank))


@triton.jit
def upsampled_along_x(  # type: ignore[no-untyped-def]
    x_ptr,
    scale,
    bias,
    u_x,
    in_y,
    in_x,
    in_h,
    in_w,
    BEFORE: tl.constexpr,
    BIAS: tl.constexpr,
    UP_RANK_BLOCK: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Input rows in_y [NEW] at columns in_x [COLUMN_BLOCKS, KX] → [UP_RANK_BLOCK, NEW, MID]."""
    NEW: tl.constexpr = in_y.shape[0]
    COLUMN_BLOCKS: tl.constexpr = in_x.shape[0]
    KX: tl.constexpr = in_x.shape[1]
    COLUMN_BLOCK: tl.constexpr = u_x.shape[1] // UP_RANK_BLOCK
    kind = u_x.dtype
    y = in_y[:, None, None]
    inside = (y >= 0) & (y < in_h) & ((in_x >= 0) & (in_x < in_w))[None, :, :]
    x = tl.load(x_ptr + y * in_w + in_x[None, :, :], mask=inside, other=0.0)
    if BEFORE:
        x = (x * scale).to(kind)
    if BIAS:
        x = tl.where(inside, x + bias, 0.0).to(kind)
    x = tl.reshape(x, (NEW * COLUMN_BLOCKS, KX))
    wide = tl.dot(x, u_x, input_precision=PRECISION).to(kind)
    if UP_RANK_BLOCK > 1:
        wide = tl.reshape(wide, (NEW, COLUMN_BLOCKS, UP_RANK_BLOCK, COLUMN_BLOCK))
        wide = tl.permute(wide, (2, 0, 1, 3))
    return tl.reshape(wide, (UP_RANK_BLOCK, NEW, COLUMN_BLOCKS * COLUMN_BLOCK))


# Sizes of layers are odd as a rule: code for even ones of its own would only take time to compile.
SIZES = (
    *("channels", "tiles_x", "tiles_y", "in_w", "in_h", "mid_w", "mid_h", "out_w", "out_h"),
    *(
        "first_x",
        "first_y",
        "phase_x",
        "phase_y",
        "first_byte",
        "skew",
        "off_y",
        "tile_h",
        "row_blocks",
    ),
)


@triton.jit(do_not_specialize=SIZES)
def filtered_lrelu_tile(  # type: ignore[no-untyped-def]  # noqa: C901 (Triton drops the branches)
    x_ptr,
    b_ptr,
    signs_ptr,
    y_ptr,
    before_ptr,
    after_ptr,
    up_filter_x_ptr,
    up_filter_y_ptr,
    down_filter_x_ptr,
    down_filter_y_ptr,
    channels,
    tiles_x,
    tiles_y,
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
    tile_h,
    row_blocks,
    gain,
    slope,
    clamp,
    UP: tl.constexpr,
    DOWN: tl.constexpr,
    UP_TAPS: tl.constexpr,
    DOWN_TAPS: tl.constexpr,
    UP_RANK: tl.constexpr,
    DOWN_RANK: tl.constexpr,
    UP_RANK_BLOCK: tl.constexpr,
    DOWN_RANK_BLOCK: tl.constexpr,
    MODE: tl.constexpr,
    BIAS: tl.constexpr,
    BEFORE: tl.constexpr,
    AFTER: tl.constexpr,
    CLAMP: tl.constexpr,
    TILE_X: tl.constexpr,
    OUT_X: tl.constexpr,
    MID: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMN_BLOCK: tl.constexpr,
    KX: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """One tile of one plane. x [planes, in_h, in_w], y [planes, out_h, out_w], signs [planes,
    mid_h, (mid_w + 3) // 4], up_filter [UP_RANK, UP_TAPS] and down_filter [DOWN_RANK, DOWN_TAPS]
    correlate; before [planes] multiplies x, after [planes] y, both float32.

    gain: of the activation, above 0; slope: 0 to 1. first, phase: see `gpu.start`, of the row
    block's first upsampled sample, `skew` left of the first that the tile uses. MODE: see `fused`:
    FORWARD, FORWARD_SAVE_SIGNS or APPLY_SIGNS. A NaN or infinity spoils its tile, where PyTorch's
    spoils its neighbours.
    """
    COLUMN_BLOCKS: tl.constexpr = MID // COLUMN_BLOCK
    NEW: tl.constexpr = ROWS // UP
    KY: tl.constexpr = 2 * NEW
    DONE: tl.constexpr = ROWS // DOWN
    BYTES: tl.constexpr = MID // 4
    kind = y_ptr.dtype.element_ty
    tiles = tiles_x * tiles_y
    pid = tl.program_id(0)
    plane = (pid // tiles).to(tl.int64)
    tile_x = (pid % tiles) % tiles_x
    tile_y = (pid % tiles) // tiles_x
    x_ptr += plane * in_w * in_h
    bias = tl.load(b_ptr + plane % channels).to(kind) if BIAS else 0.0
    before = tl.load(before_ptr + plane) if BEFORE else 1.0
    after = tl.load(after_ptr + plane) if AFTER else 1.0

    column_block = tl.arange(0, COLUMN_BLOCKS)
    k_x = tl.arange(0, KX)
    k_new = tl.arange(0, NEW)
    row = tl.arange(0, ROWS)
    mid_j = tl.arange(0, MID)
    limit, low = tl.full((1, 1), clamp, kind), tl.full((1, 1), slope, kind)
    out_i = tl.arange(0, 2 * DONE)

    in_x = (
        tile_x * (TILE_X * DOWN // UP)
        + first_x
        + (COLUMN_BLOCK // UP) * column_block[:, None]
        + k_x[None, :]
    )
    # Columns of U_x and rows of U_y: one term after the other, as many as the next power of two.
    rank_ux = tl.arange(0, UP_RANK_BLOCK * COLUMN_BLOCK) // COLUMN_BLOCK
    tap_ux = (
        k_x[:, None] * UP
        - phase_x
        - (tl.arange(0, UP_RANK_BLOCK * COLUMN_BLOCK) % COLUMN_BLOCK)[None, :]
    )
    is_ux = (tap_ux >= 0) & (tap_ux < UP_TAPS) & (rank_ux < UP_RANK)[None, :]
    u_x = tl.load(up_filter_x_ptr + (rank_ux * UP_TAPS)[None, :] + tap_ux, mask=is_ux, other=0.0)
    rank_uy = tl.arange(0, UP_RANK_BLOCK * KY) // KY
    tap_uy = (tl.arange(0, UP_RANK_BLOCK * KY) % KY)[None, :] * UP - phase_y - row[:, None]
    is_uy = (tap_uy >= 0) & (tap_uy < UP_TAPS) & (rank_uy < UP_RANK)[None, :]
    u_y = tl.load(up_filter_y_ptr + (rank_uy * UP_TAPS)[None, :] + tap_uy, mask=is_uy, other=0.0)
    u_y = (u_y * gain).to(kind)  # [ROWS, UP_RANK_BLOCK * KY]
    rank_dx = tl.arange(0, DOWN_RANK_BLOCK * OUT_X) // OUT_X
    tap_dx = mid_j[:, None] - skew - (tl.arange(0, DOWN_RANK_BLOCK * OUT_X) % OUT_X)[None, :] * DOWN
    is_dx = (tap_dx >= 0) & (tap_dx < DOWN_TAPS) & (rank_dx < DOWN_RANK)[None, :]
    d_x = tl.load(
        down_filter_x_ptr + (rank_dx * DOWN_TAPS)[None, :] + tap_dx, mask=is_dx, other=0.0
    )
    rank_dy = tl.arange(0, DOWN_RANK_BLOCK * ROWS) // ROWS
    tap_dy = (tl.arange(0, DOWN_RANK_BLOCK * ROWS) % ROWS)[None, :] - (out_i[:, None] - DONE) * DOWN
    is_dy = (tap_dy >= 0) & (tap_dy < DOWN_TAPS) & (rank_dy < DOWN_RANK)[None, :]
    d_y = tl.load(
        down_filter_y_ptr + (rank_dy * DOWN_TAPS)[None, :] + tap_dy, mask=is_dy, other=0.0
    ).to(kind)
    if MODE != 0:
        signs_w = (mid_w + 3) // 4
        signs_ptr += plane * signs_w * mid_h
        byte_j = tl.arange(0, BYTES)
        byte_x = tile_x * (TILE_X * DOWN // 4) + first_byte + byte_j
    if MODE == 1:
        own = (mid_j[:, None] >> 2) == byte_j[None, :]  # [MID, BYTES]
        pack = tl.where(own, 1 << ((mid_j[:, None] & 3) * 2), 0).to(tl.float16)
        # Samples right of the signal, in the last byte of a row.
        tail = 0xAA & (0xFF << ((mid_w & 3) * 2))
        tail = tl.where((byte_x == signs_w - 1) & ((mid_w & 3) != 0), tail, 0)
        # What tiles share is written by the one that begins with it, so that no two differ.
        mine_x = ((byte_j < TILE_X * DOWN // 4) | (tile_x == tiles_x - 1)) & (byte_x < signs_w)
    if MODE == 2:
        spread = (byte_j[:, None] == (mid_j[None, :] >> 2)).to(tl.float16)  # [BYTES, MID]
        bit = 1 << ((mid_j & 3) * 2)
        real_x = (byte_x >= 0) & (byte_x < signs_w)

    in_y = tile_y * (tile_h * DOWN // UP) + first_y + k_new
    old = upsampled_along_x(
        x_ptr, before, bias, u_x, in_y, in_x, in_h, in_w, BEFORE, BIAS, UP_RANK_BLOCK, PRECISION
    )
    y_x = tile_x * TILE_X + tl.arange(0, OUT_X)
    kept_x = (tl.arange(0, OUT_X) < TILE_X) & (y_x < out_w)
    y_ptr += plane * out_w * out_h
    total = tl.zeros((2 * DONE, OUT_X), tl.float32)
    for row_block in range(row_blocks):
        in_y += NEW
        new = upsampled_along_x(
            x_ptr, before, bias, u_x, in_y, in_x, in_h, in_w, BEFORE, BIAS, UP_RANK_BLOCK, PRECISION
        )
        wide = tl.permute(tl.join(old, new), (0, 3, 1, 2))
        u = tl.dot(u_y, tl.reshape(wide, (UP_RANK_BLOCK * KY, MID)), input_precision=PRECISION)
        old = new

        mid_y = tile_y * (tile_h * DOWN) + off_y + row_block * ROWS + row
        if MODE == 2:
            real = ((mid_y >= 0) & (mid_y < mid_h))[:, None] & real_x[None, :]
            place = mid_y[:, None] * signs_w + byte_x[None, :]
            byte = tl.load(signs_ptr + place, mask=real, other=0xAA)
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
                mine_y = (row_block * ROWS + row < tile_h * DOWN) | (tile_y == tiles_y - 1)
                mine_y &= mid_y < mid_h
                place = mid_y[:, None] * signs_w + byte_x[None, :]
                mine = mine_y[:, None] & mine_x[None, :]
                tl.store(signs_ptr + place, byte.to(tl.uint8), mask=mine)

        u = u.to(kind)
        narrow = tl.dot(u, d_x, input_precision=PRECISION).to(kind)
        if DOWN_RANK_BLOCK > 1:
            narrow = tl.reshape(narrow, (ROWS, DOWN_RANK_BLOCK, OUT_X))
            narrow = tl.reshape(tl.permute(narrow, (1, 0, 2)), (DOWN_RANK_BLOCK * ROWS, OUT_X))
        total = tl.dot(d_y, narrow, total, input_precision=PRECISION)
        # The rows of the row block before are done; those of this one go on with the next.
        halves = tl.permute(tl.reshape(total, (2, DONE, OUT_X)), (1, 2, 0))
        ready, begun = tl.split(halves)
        y_y = tile_y * tile_h + (row_block - 1) * DONE + tl.arange(0, DONE)
        kept = ((y_y < out_h) & (row_block > 0))[:, None] & kept_x[None, :]
        if AFTER:
            ready *= after
        tl.store(y_ptr + y_y[:, None] * out_w + y_x[None, :], ready.to(kind), mask=kept)
        halves = tl.permute(tl.join(begun, tl.zeros_like(begun)), (2, 0, 1))
        total = tl.reshape(halves, (2 * DONE, OUT_X))
