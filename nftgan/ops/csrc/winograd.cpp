// 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2016): a quarter of the multiplications.
//
// A strip of tile rows at a time, so that what lies between the transforms stays in the cache. A row
// is split by its columns modulo 4, and then every sum runs over the tiles of a row at unit stride.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace {

constexpr int OUT = 4, IN = 6, PRODUCTS = IN * IN;

// The matrix product holds TALL x WIDE vectors of sums in registers.
#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, WIDE = 3, TALL = 8;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32, WIDE = 2, TALL = 6;
#else
constexpr int VECTOR_BYTES = 16, WIDE = 3, TALL = 8;
#endif

template <typename F>
struct Vector {
    typedef F type __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(F))));
    static constexpr int lanes = VECTOR_BYTES / sizeof(F);
};

// Interpolation at 0, +-sqrt(1/2), +-sqrt(2) and infinity: as cheap as 0, +-1, +-2, the usual points,
// with half of their error (Barabasz et al. 2020 discuss the choice; these were measured).
constexpr double NEAR = 0.70710678118654752440, FAR = 1.41421356237309504880;

// B^T d.
template <typename F>
inline void input_1d(F d0, F d1, F d2, F d3, F d4, F d5, F *v) {
    const F a = d4 - F(2) * d2, b = F(NEAR) * (d3 - F(2) * d1);
    const F c = d4 - F(0.5) * d2, e = F(FAR) * (d3 - F(0.5) * d1);
    v[0] = d0 - F(2.5) * d2 + d4;
    v[1] = a + b, v[2] = a - b, v[3] = c + e, v[4] = c - e;
    v[5] = d1 - F(2.5) * d3 + d5;
}

// A^T m.
template <typename F>
inline void output_1d(F m0, F m1, F m2, F m3, F m4, F m5, F *y) {
    const F a = m1 + m2, b = F(NEAR) * (m1 - m2), c = m3 + m4, d = F(FAR) * (m3 - m4);
    y[0] = m0 + a + c;
    y[1] = b + d;
    y[2] = F(0.5) * a + F(2) * c;
    y[3] = F(0.5) * b + F(2) * d + m5;
}

// A g: the adjoint of A^T.
template <typename F>
inline void adjoint_1d(F g0, F g1, F g2, F g3, F *z) {
    const F a = g0 + F(0.5) * g2, b = F(NEAR) * (g1 + F(0.5) * g3);
    const F c = g0 + F(2) * g2, d = F(FAR) * (g1 + F(2) * g3);
    z[0] = g0, z[1] = a + b, z[2] = a - b, z[3] = c + d, z[4] = c - d, z[5] = g3;
}

// Where one row of tiles of one plane lies.
struct Strip {
    int height, width, pad, tiles;  // of the plane; tiles in a row
    size_t lot;                     // from one of the 36 products to the next
};

// One row of tiles of the plane x, times scale, to v[product * lot + tile].
template <typename F>
void input_row(const F *x, const Strip &s, int tile_row, F scale, F *__restrict v, F *scratch) {
    const int lane = s.tiles + 2, length = OUT * lane;
    const F *src[IN];
    F *zero = scratch, *rows = scratch + s.width, *lanes = rows + IN * length;
    std::memset(zero, 0, sizeof(F) * (s.width + IN * length));
    for (int r = 0; r < IN; ++r) {
        int row = tile_row * OUT - s.pad + r;
        src[r] = row < 0 || row >= s.height ? zero : x + (size_t)row * s.width;
    }
    F *out = rows + s.pad;
    const int count = std::min(s.width, length - s.pad);
#pragma GCC ivdep
    for (int c = 0; c < count; ++c) {
        F t[IN];
        input_1d<F>(src[0][c] * scale, src[1][c] * scale, src[2][c] * scale, src[3][c] * scale,
                    src[4][c] * scale, src[5][c] * scale, t);
        for (int r = 0; r < IN; ++r) out[r * length + c] = t[r];
    }
    for (int r = 0; r < IN; ++r, v += IN * s.lot) {
        const F *__restrict row = rows + r * length;
        for (int j = 0; j < lane; ++j)
            for (int p = 0; p < OUT; ++p) lanes[p * lane + j] = row[OUT * j + p];
        const F *p0 = lanes, *p1 = p0 + lane, *p2 = p1 + lane, *p3 = p2 + lane;
        F *v0 = v, *v1 = v0 + s.lot, *v2 = v1 + s.lot, *v3 = v2 + s.lot, *v4 = v3 + s.lot, *v5 = v4 + s.lot;
#pragma GCC ivdep
        for (int j = 0; j < s.tiles; ++j) {
            F t[IN];
            input_1d<F>(p0[j], p1[j], p2[j], p3[j], p0[j + 1], p1[j + 1], t);
            v0[j] = t[0], v1[j] = t[1], v2[j] = t[2], v3[j] = t[3], v4[j] = t[4], v5[j] = t[5];
        }
    }
}

// One row of tiles of the gradient y of an output to z[product * lot + tile].
template <typename F>
void adjoint_row(const F *y, const Strip &s, int tile_row, F *__restrict z, F *scratch) {
    const int lane = s.tiles, band = OUT * lane;
    F *lanes = scratch, *rows = scratch + OUT * band;  // [row][column modulo 4][tile], then raised rows
    std::memset(lanes, 0, sizeof(F) * OUT * band);
    for (int r = 0; r < std::min(OUT, s.height - tile_row * OUT); ++r) {
        const F *__restrict row = y + (size_t)(tile_row * OUT + r) * s.width;
        F *__restrict to = lanes + r * band;
        const int whole = s.width / OUT;
        for (int j = 0; j < whole; ++j)
            for (int p = 0; p < OUT; ++p) to[p * lane + j] = row[OUT * j + p];
        for (int c = whole * OUT; c < s.width; ++c) to[c % OUT * lane + c / OUT] = row[c];
    }
#pragma GCC ivdep
    for (int j = 0; j < band; ++j) {
        F t[IN];
        adjoint_1d<F>(lanes[j], lanes[band + j], lanes[2 * band + j], lanes[3 * band + j], t);
        for (int r = 0; r < IN; ++r) rows[r * band + j] = t[r];
    }
    for (int r = 0; r < IN; ++r, z += IN * s.lot) {
        const F *p0 = rows + r * band, *p1 = p0 + lane, *p2 = p1 + lane, *p3 = p2 + lane;
        F *z0 = z, *z1 = z0 + s.lot, *z2 = z1 + s.lot, *z3 = z2 + s.lot, *z4 = z3 + s.lot, *z5 = z4 + s.lot;
#pragma GCC ivdep
        for (int j = 0; j < lane; ++j) {
            F t[IN];
            adjoint_1d<F>(p0[j], p1[j], p2[j], p3[j], t);
            z0[j] = t[0], z1[j] = t[1], z2[j] = t[2], z3[j] = t[3], z4[j] = t[4], z5[j] = t[5];
        }
    }
}

// One row of tiles from m[product * lot + tile], times scale, to the plane y.
template <typename F>
void output_row(const F *m, const Strip &s, int tile_row, F scale, F *y, F *scratch) {
    const size_t lane = s.tiles, band = OUT * lane;
    F *part = scratch, *line = part + IN * band;
    for (int r = 0; r < IN; ++r, m += IN * s.lot) {
        const F *m0 = m, *m1 = m0 + s.lot, *m2 = m1 + s.lot, *m3 = m2 + s.lot, *m4 = m3 + s.lot,
                *m5 = m4 + s.lot;
        F *q = part + r * band;
#pragma GCC ivdep
        for (int j = 0; j < s.tiles; ++j) {
            F t[OUT];
            output_1d<F>(m0[j], m1[j], m2[j], m3[j], m4[j], m5[j], t);
            q[j] = t[0], q[lane + j] = t[1], q[2 * lane + j] = t[2], q[3 * lane + j] = t[3];
        }
    }
    const F *s0 = part, *s1 = s0 + band, *s2 = s1 + band, *s3 = s2 + band, *s4 = s3 + band, *s5 = s4 + band;
#pragma GCC ivdep
    for (size_t j = 0; j < band; ++j) {
        F t[OUT];
        output_1d<F>(s0[j], s1[j], s2[j], s3[j], s4[j], s5[j], t);
        for (int r = 0; r < OUT; ++r) line[r * band + j] = t[r] * scale;
    }
    const int first = tile_row * OUT, rows = std::min(OUT, s.height - first), whole = s.width / OUT;
    for (int r = 0; r < rows; ++r) {
        const F *__restrict from = line + r * band;
        F *__restrict to = y + (size_t)(first + r) * s.width;
        for (int j = 0; j < whole; ++j)
            for (int p = 0; p < OUT; ++p) to[OUT * j + p] = from[p * lane + j];
        for (int c = whole * OUT; c < s.width; ++c) to[c] = from[c % OUT * lane + c / OUT];
    }
}

// m[ROWS, VECTORS] = u[inner, ROWS]^T v[inner, VECTORS], all sums in registers.
template <typename F, int ROWS, int VECTORS>
void multiply_tile(const F *__restrict u, const F *__restrict v, int inner, F *__restrict m, size_t stride) {
    using V = typename Vector<F>::type;
    constexpr int lanes = Vector<F>::lanes;
    V sums[ROWS][VECTORS];
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < VECTORS; ++c) sums[r][c] = V{};
    for (int i = 0; i < inner; ++i, u += ROWS, v += stride) {
        V b[VECTORS];
#pragma GCC unroll 4
        for (int c = 0; c < VECTORS; ++c) b[c] = *(const V *)(v + c * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; ++r) {
            const F a = u[r];
#pragma GCC unroll 4
            for (int c = 0; c < VECTORS; ++c) sums[r][c] += a * b[c];
        }
    }
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < VECTORS; ++c) *(V *)(m + r * stride + c * lanes) = sums[r][c];
}

template <typename F, int ROWS>
void multiply_block(const F *u, const F *v, int inner, F *m, size_t stride) {
    constexpr int lanes = Vector<F>::lanes;
    const int vectors = (int)(stride / lanes);
    int t = 0;
    for (; t + WIDE <= vectors; t += WIDE)
        multiply_tile<F, ROWS, WIDE>(u, v + t * lanes, inner, m + t * lanes, stride);
    if (vectors - t == 1) multiply_tile<F, ROWS, 1>(u, v + t * lanes, inner, m + t * lanes, stride);
    if (vectors - t == 2) multiply_tile<F, ROWS, 2>(u, v + t * lanes, inner, m + t * lanes, stride);
}

template <typename F>
void multiply_rows(const F *u, const F *v, int rows, int inner, F *m, size_t stride) {
    switch (rows) {
        case 1: return multiply_block<F, 1>(u, v, inner, m, stride);
        case 2: return multiply_block<F, 2>(u, v, inner, m, stride);
        case 3: return multiply_block<F, 3>(u, v, inner, m, stride);
        case 4: return multiply_block<F, 4>(u, v, inner, m, stride);
        case 5: return multiply_block<F, 5>(u, v, inner, m, stride);
        case 6: return multiply_block<F, 6>(u, v, inner, m, stride);
        case 7: return multiply_block<F, 7>(u, v, inner, m, stride);
        case 8: return multiply_block<F, 8>(u, v, inner, m, stride);
    }
}

// G g of three taps.
inline void weight_1d(double g0, double g1, double g2, double *u) {
    const double near = (g0 + 0.5 * g2) / -1.5, near_odd = NEAR * g1 / -1.5;
    const double far = (g0 + 2 * g2) / 6, far_odd = FAR * g1 / 6;
    u[0] = g0, u[1] = near + near_odd, u[2] = near - near_odd, u[3] = far + far_odd, u[4] = far - far_odd;
    u[5] = g2;
}

// G w G^T of w [outer, inner, 3, 3], in double throughout, in the order that `winograd` reads.
template <typename F>
void transform_weight(const F *w, F *u, int outer, int inner) {
#pragma omp parallel for schedule(static)
    for (int first = 0; first < outer; first += TALL) {
        const int rows = std::min(TALL, outer - first);
        for (int i = 0; i < inner; ++i)
            for (int r = 0; r < rows; ++r) {
                const F *g = w + ((size_t)(first + r) * inner + i) * 9;
                double half[3][IN], whole[IN];
                for (int c = 0; c < 3; ++c) weight_1d(g[c], g[3 + c], g[6 + c], half[c]);
                for (int a = 0; a < IN; ++a) {
                    weight_1d(half[0][a], half[1][a], half[2][a], whole);
                    for (int b = 0; b < IN; ++b)
                        u[((size_t)(IN * a + b) * outer + first) * inner + (size_t)i * rows + r] = (F)whole[b];
                }
            }
    }
}

constexpr size_t STRIP_BYTES = 24 << 20;  // of transformed input and output together

// x [n, inner, h, w] -> y [n, outer, oh, ow]; u: [36][outer / TALL][inner][TALL], the last block as
// tall as what is left. scale_in [n, inner] and scale_out [n, outer], or null.
template <typename F>
int winograd(const F *x, const F *u, const F *scale_in, const F *scale_out, F *y, int n, int inner,
             int outer, int h, int w, int pad) {
    const int oh = h + 2 * pad - 2, ow = w + 2 * pad - 2;
    const int tiles_x = (ow + OUT - 1) / OUT, tiles_y = (oh + OUT - 1) / OUT;
    if (oh < 1 || ow < 1 || pad < 0 || pad > 2) return 1;
    const size_t tile_bytes = sizeof(F) * PRODUCTS * (size_t)(inner + outer);
    const int all = n * tiles_y;
    const int most = (int)std::max<size_t>(1, STRIP_BYTES / (tile_bytes * tiles_x));
    const int parts = (all + most - 1) / most, rows = (all + parts - 1) / parts;
    const size_t lanes = Vector<F>::lanes;
    const size_t stride = ((size_t)rows * tiles_x + lanes - 1) / lanes * lanes;
    const int blocks = (outer + TALL - 1) / TALL;
    // The 36 products of a tile must not meet in the same lines of a cache.
    const Strip in = {h, w, pad, tiles_x, inner * stride + 3 * lanes};
    const Strip out = {oh, ow, 0, tiles_x, outer * stride + 3 * lanes};
    // Not a vector: clearing all of it would take as long as a small convolution.
    const std::unique_ptr<F[]> between(new F[PRODUCTS * (in.lot + out.lot)]);
    F *const v = between.get(), *const m = v + PRODUCTS * in.lot;
    const size_t used = (size_t)rows * tiles_x;
#pragma omp parallel
    {
        std::vector<F> scratch((size_t)2 * PRODUCTS * (tiles_x + 2) + w);
        for (int first = 0; first < all; first += rows) {
            const int count = std::min(rows, all - first);
#pragma omp for schedule(static)
            for (int c = 0; c < inner; ++c) {
                // Numbers that nobody reads must still not be slow ones.
                for (int k = 0; first == 0 && k < PRODUCTS; ++k)
                    std::memset(v + k * in.lot + c * stride + used, 0, sizeof(F) * (stride - used));
                for (int r = 0; r < count; ++r) {
                    const int sample = (first + r) / tiles_y;
                    const size_t plane = (size_t)sample * inner + c;
                    input_row<F>(x + plane * h * w, in, (first + r) % tiles_y,
                                 scale_in ? scale_in[plane] : F(1), v + c * stride + (size_t)r * tiles_x,
                                 scratch.data());
                }
            }
#pragma omp for schedule(static) collapse(2)
            for (int k = 0; k < PRODUCTS; ++k)
                for (int block = 0; block < blocks; ++block) {
                    const int o = block * TALL;
                    multiply_rows<F>(u + ((size_t)k * outer + o) * inner, v + k * in.lot,
                                     std::min(TALL, outer - o), inner, m + k * out.lot + o * stride, stride);
                }
#pragma omp for schedule(static)
            for (int c = 0; c < outer; ++c)
                for (int r = 0; r < count; ++r) {
                    const int sample = (first + r) / tiles_y;
                    const size_t plane = (size_t)sample * outer + c;
                    output_row<F>(m + c * stride + (size_t)r * tiles_x, out, (first + r) % tiles_y,
                                  scale_out ? scale_out[plane] : F(1), y + plane * oh * ow, scratch.data());
                }
        }
    }
    return 0;
}

// Rows [first, first + count) of tiles, counted over all samples, of the input x [n, inner, h, w] and
// of the output's gradient y [n, outer, oh, ow] to v [36, inner, count * tiles] and z [36, outer, ...].
template <typename F>
void spread(const F *x, const F *y, F *v, F *z, int inner, int outer, int h, int w, int pad, int first,
            int count) {
    const int oh = h + 2 * pad - 2, ow = w + 2 * pad - 2;
    const int tiles_x = (ow + OUT - 1) / OUT, tiles_y = (oh + OUT - 1) / OUT;
    const size_t stride = (size_t)count * tiles_x;
    const Strip in = {h, w, pad, tiles_x, inner * stride}, out = {oh, ow, 0, tiles_x, outer * stride};
#pragma omp parallel
    {
        std::vector<F> scratch((size_t)2 * PRODUCTS * (tiles_x + 2) + w);
#pragma omp for schedule(static) nowait
        for (int c = 0; c < inner; ++c)
            for (int r = 0; r < count; ++r) {
                const size_t plane = (size_t)((first + r) / tiles_y) * inner + c;
                input_row<F>(x + plane * h * w, in, (first + r) % tiles_y, F(1),
                             v + c * stride + (size_t)r * tiles_x, scratch.data());
            }
#pragma omp for schedule(static)
        for (int c = 0; c < outer; ++c)
            for (int r = 0; r < count; ++r) {
                const size_t plane = (size_t)((first + r) / tiles_y) * outer + c;
                adjoint_row<F>(y + plane * oh * ow, out, (first + r) % tiles_y,
                               z + c * stride + (size_t)r * tiles_x, scratch.data());
            }
    }
}

}  // namespace

#define NFTGAN_EXPORT(SUFFIX, F)                                                                     \
    extern "C" void nftgan_winograd_weight_##SUFFIX(const F *w, F *u, int outer, int inner) {        \
        transform_weight<F>(w, u, outer, inner);                                                     \
    }                                                                                                \
    extern "C" void nftgan_winograd_spread_##SUFFIX(const F *x, const F *y, F *v, F *z, int inner,   \
                                                    int outer, int h, int w, int pad, int first,     \
                                                    int count) {                                     \
        spread<F>(x, y, v, z, inner, outer, h, w, pad, first, count);                                \
    }                                                                                                \
    extern "C" int nftgan_winograd_##SUFFIX(const F *x, const F *u, const F *scale_in,               \
                                            const F *scale_out, F *y, int n, int inner, int outer,   \
                                            int h, int w, int pad) {                                 \
        return winograd<F>(x, u, scale_in, scale_out, y, n, inner, outer, h, w, pad);                \
    }

NFTGAN_EXPORT(f32, float)
NFTGAN_EXPORT(f64, double)
