// 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2016): a quarter of the multiplications.
//
// Tiles of 4x4 outputs are counted through over rows and samples and transformed 48 at a time, their
// columns split modulo 4 in registers, so that every sum runs over tiles at unit stride. With few
// channels a thread does all steps for its own tiles; with many all threads share them. Here are the
// convolution, both its gradients, and what the gradients of channel scales need; which of them is
// called when, winograd.py decides. Nothing but the given arrays is written.

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

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
    typedef F type __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(F)), may_alias));
    typedef typename std::conditional<sizeof(F) == 4, int32_t, int64_t>::type integer;
    typedef integer index __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int lanes = VECTOR_BYTES / sizeof(F);
};

// Interpolation at 0, +-sqrt(1/2), +-sqrt(2) and infinity: as cheap as 0, +-1, +-2, the usual points,
// with half of their error (Barabasz et al. 2020 discuss the choice; these were measured).
constexpr double NEAR = 0.70710678118654752440, FAR = 1.41421356237309504880;

// B^T d.
template <typename F, typename V>
inline void input_1d(V d0, V d1, V d2, V d3, V d4, V d5, V *v) {
    const V a = d4 - F(2) * d2, b = F(NEAR) * (d3 - F(2) * d1);
    const V c = d4 - F(0.5) * d2, e = F(FAR) * (d3 - F(0.5) * d1);
    v[0] = d0 - F(2.5) * d2 + d4;
    v[1] = a + b, v[2] = a - b, v[3] = c + e, v[4] = c - e;
    v[5] = d1 - F(2.5) * d3 + d5;
}

// A^T m.
template <typename F, typename V>
inline void output_1d(V m0, V m1, V m2, V m3, V m4, V m5, V *y) {
    const V a = m1 + m2, b = F(NEAR) * (m1 - m2), c = m3 + m4, d = F(FAR) * (m3 - m4);
    y[0] = m0 + a + c;
    y[1] = b + d;
    y[2] = F(0.5) * a + F(2) * c;
    y[3] = F(0.5) * b + F(2) * d + m5;
}

// A g: the adjoint of A^T.
template <typename F, typename V>
inline void adjoint_1d(V g0, V g1, V g2, V g3, V *z) {
    const V a = g0 + F(0.5) * g2, b = F(NEAR) * (g1 + F(0.5) * g3);
    const V c = g0 + F(2) * g2, d = F(FAR) * (g1 + F(2) * g3);
    z[0] = g0, z[1] = a + b, z[2] = a - b, z[3] = c + d, z[4] = c - d, z[5] = g3;
}

// Tiles of 4x4 outputs cover the planes of all samples, row by row, and are counted through.
struct Plane {
    int height, width, pad, tiles_x, tiles_y;
};

// The part of a row of tiles: its sample, the first row and column of its outputs, how many tiles
// came before it, and how many it has.
struct Part {
    int sample, top, left, done, many;
};

// Calls go(part) for the rows that the tiles [first, first + count) are parts of.
template <typename Go>
inline void each_part(const Plane &p, int first, int count, Go go) {
    for (int done = 0, many; done < count; done += many) {
        const int row = (first + done) / p.tiles_x, tile = (first + done) % p.tiles_x;
        many = std::min(p.tiles_x - tile, count - done);
        go(Part{row / p.tiles_y, OUT * (row % p.tiles_y), OUT * tile, done, many});
    }
}

constexpr int MOST = 48;  // tiles at once

// Of the elements of a and then b: every second one; or those of both by turns, first half or second.
enum Order { EVEN, ODD, LOW, HIGH };

template <typename F, Order ORDER>
inline typename Vector<F>::type pick(typename Vector<F>::type a, typename Vector<F>::type b) {
    constexpr int lanes = Vector<F>::lanes;
    typename Vector<F>::index from;
    for (int i = 0; i < lanes; ++i)
        from[i] = ORDER <= ODD ? 2 * i + (ORDER == ODD) : i / 2 + i % 2 * lanes + (ORDER == HIGH) * lanes / 2;
#if defined(__clang__)
    typename Vector<F>::type picked;
    for (int i = 0; i < lanes; ++i) picked[i] = from[i] < lanes ? a[from[i]] : b[from[i] - lanes];
    return picked;
#else
    return __builtin_shuffle(a, b, from);
#endif
}

// What the transforms of MOST tiles of a plane need between their steps; stays in the first cache.
template <typename F>
struct Scratch {
    static constexpr int lanes = Vector<F>::lanes, edge = OUT * MOST + 2 + 2 * lanes;
    F rows[IN][edge], raised[IN][edge];
    F lane[OUT][MOST + lanes];      // columns by their number modulo 4
    F next[2][MOST + 2 * lanes];    // columns 4 and 5 of each tile
    F last[IN][2][MOST];            // the same of the last tile of each row
    int ends[MOST];                 // those tiles
};

template <typename F>
inline typename Vector<F>::type &at(F *x) {
    return *(typename Vector<F>::type *)x;
}

template <typename F>
inline const typename Vector<F>::type &at(const F *x) {
    return *(const typename Vector<F>::type *)x;
}

// Whole vectors of [0, count) to out; the last one lane by lane if nothing may be written past it.
template <typename F>
inline void store(F *out, typename Vector<F>::type value, int left, bool spill) {
    if (spill || left >= Vector<F>::lanes)
        at(out) = value;
    else
        for (int i = 0; i < left; ++i) out[i] = value[i];
}

// Splits a row of count tiles into its columns modulo 4.
template <typename F>
inline void split(const F *row, int count, Scratch<F> &s) {
    constexpr int lanes = Vector<F>::lanes;
    for (int j = 0; j < count; j += lanes) {
        const auto a = at(row + OUT * j), b = at(row + OUT * j + lanes);
        const auto c = at(row + OUT * j + 2 * lanes), d = at(row + OUT * j + 3 * lanes);
        const auto even = pick<F, EVEN>(a, b), also_even = pick<F, EVEN>(c, d);
        const auto odd = pick<F, ODD>(a, b), also_odd = pick<F, ODD>(c, d);
        at(s.lane[0] + j) = pick<F, EVEN>(even, also_even);
        at(s.lane[1] + j) = pick<F, EVEN>(odd, also_odd);
        at(s.lane[2] + j) = pick<F, ODD>(even, also_even);
        at(s.lane[3] + j) = pick<F, ODD>(odd, also_odd);
    }
}

// B^T d B of the tiles [first, first + count) of a channel, to v[product * lot + tile]. x: the
// channel's plane in the first sample, the next one is `step` further; scale by sample, or null.
template <typename F>
void input_tiles(const F *x, size_t step, const F *scale, int scale_step, const Plane &p, int first,
                 int count, F *v, size_t lot, bool spill, Scratch<F> &s) {
    constexpr int lanes = Vector<F>::lanes;
    int parts = 0;
    each_part(p, first, count, [&](Part part) {
        const int top = part.top - p.pad, from = part.left - p.pad, columns = OUT * part.many + 2;
        const int before = std::min(columns, std::max(0, -from));
        const int have = std::max(0, std::min(p.width - from, columns) - before);
        for (int r = 0; r < IN; ++r) {
            F *to = s.rows[r];
            if (top + r < 0 || top + r >= p.height) {
                std::memset(to, 0, sizeof(F) * columns);
                continue;
            }
            for (int c = 0; c < before; ++c) to[c] = 0;
            std::memcpy(to + before, x + part.sample * step + (size_t)(top + r) * p.width + from + before,
                        sizeof(F) * have);
            for (int c = before + have; c < columns; ++c) to[c] = 0;
        }
        const F gain = scale ? scale[(size_t)part.sample * scale_step] : F(1);
        for (int c = 0; c < columns; c += lanes) {
            typename Vector<F>::type t[IN];
            input_1d<F>(at(s.rows[0] + c) * gain, at(s.rows[1] + c) * gain, at(s.rows[2] + c) * gain,
                        at(s.rows[3] + c) * gain, at(s.rows[4] + c) * gain, at(s.rows[5] + c) * gain, t);
            for (int r = 0; r < IN; ++r) at(s.raised[r] + OUT * part.done + c) = t[r];
        }
        // The next part is written over these two columns.
        for (int r = 0; r < IN; ++r)
            for (int c = 0; c < 2; ++c) s.last[r][c][parts] = s.raised[r][OUT * (part.done + part.many) + c];
        s.ends[parts++] = part.done + part.many - 1;
    });
    for (int r = 0; r < IN; ++r, v += IN * lot) {
        split<F>(s.raised[r], count, s);
        for (int c = 0; c < 2; ++c) {
            for (int j = 0; j < count; j += lanes) at(s.next[c] + j) = at(s.lane[c] + j + 1);
            for (int i = 0; i < parts; ++i) s.next[c][s.ends[i]] = s.last[r][c][i];
        }
        for (int j = 0; j < count; j += lanes) {
            typename Vector<F>::type t[IN];
            input_1d<F>(at(s.lane[0] + j), at(s.lane[1] + j), at(s.lane[2] + j), at(s.lane[3] + j),
                        at(s.next[0] + j), at(s.next[1] + j), t);
            for (int c = 0; c < IN; ++c) store<F>(v + c * lot + j, t[c], count - j, spill);
        }
    }
}

// A y A^T of those tiles of the gradient y of an output.
template <typename F>
void adjoint_tiles(const F *y, size_t step, const F *scale, int scale_step, const Plane &p, int first,
                   int count, F *z, size_t lot, bool spill, Scratch<F> &s) {
    constexpr int lanes = Vector<F>::lanes;
    each_part(p, first, count, [&](Part part) {
        const int columns = OUT * part.many, have = std::min(p.width - part.left, columns);
        for (int r = 0; r < OUT; ++r) {
            F *to = s.rows[r];
            const bool inside = part.top + r < p.height;
            if (inside)
                std::memcpy(to, y + part.sample * step + (size_t)(part.top + r) * p.width + part.left,
                            sizeof(F) * have);
            for (int c = inside ? have : 0; c < columns; ++c) to[c] = 0;
        }
        const F gain = scale ? scale[(size_t)part.sample * scale_step] : F(1);
        for (int c = 0; c < columns; c += lanes) {
            typename Vector<F>::type t[IN];
            adjoint_1d<F>(at(s.rows[0] + c) * gain, at(s.rows[1] + c) * gain, at(s.rows[2] + c) * gain,
                          at(s.rows[3] + c) * gain, t);
            for (int r = 0; r < IN; ++r) at(s.raised[r] + OUT * part.done + c) = t[r];
        }
    });
    for (int r = 0; r < IN; ++r, z += IN * lot) {
        split<F>(s.raised[r], count, s);
        for (int j = 0; j < count; j += lanes) {
            typename Vector<F>::type t[IN];
            adjoint_1d<F>(at(s.lane[0] + j), at(s.lane[1] + j), at(s.lane[2] + j), at(s.lane[3] + j), t);
            for (int c = 0; c < IN; ++c) store<F>(z + c * lot + j, t[c], count - j, spill);
        }
    }
}

// A^T m A of those tiles from m[product * lot + tile], to the channel's planes of all samples.
template <typename F>
void output_tiles(const F *m, size_t lot, const Plane &p, int first, int count, const F *scale,
                  int scale_step, F *y, size_t step, Scratch<F> &s) {
    constexpr int lanes = Vector<F>::lanes;
    for (int r = 0; r < IN; ++r, m += IN * lot)
        for (int j = 0; j < count; j += lanes) {
            typename Vector<F>::type t[OUT];
            output_1d<F>(at(m + j), at(m + lot + j), at(m + 2 * lot + j), at(m + 3 * lot + j),
                         at(m + 4 * lot + j), at(m + 5 * lot + j), t);
            const auto low = pick<F, LOW>(t[0], t[2]), high = pick<F, HIGH>(t[0], t[2]);
            const auto odd_low = pick<F, LOW>(t[1], t[3]), odd_high = pick<F, HIGH>(t[1], t[3]);
            F *to = s.raised[r] + OUT * j;
            at(to) = pick<F, LOW>(low, odd_low), at(to + lanes) = pick<F, HIGH>(low, odd_low);
            at(to + 2 * lanes) = pick<F, LOW>(high, odd_high), at(to + 3 * lanes) = pick<F, HIGH>(high, odd_high);
        }
    for (int c = 0; c < OUT * count; c += lanes) {
        typename Vector<F>::type t[OUT];
        output_1d<F>(at(s.raised[0] + c), at(s.raised[1] + c), at(s.raised[2] + c), at(s.raised[3] + c),
                     at(s.raised[4] + c), at(s.raised[5] + c), t);
        for (int r = 0; r < OUT; ++r) at(s.rows[r] + c) = t[r];
    }
    each_part(p, first, count, [&](Part part) {
        const int columns = std::min(p.width - part.left, OUT * part.many);
        const F gain = scale ? scale[(size_t)part.sample * scale_step] : F(1);
        for (int r = 0; r < std::min(OUT, p.height - part.top); ++r) {
            const F *__restrict source = s.rows[r] + OUT * part.done;
            F *__restrict to = y + part.sample * step + (size_t)(part.top + r) * p.width + part.left;
            for (int c = 0; c < columns; ++c) to[c] = source[c] * gain;
        }
    });
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
void multiply_block(const F *u, const F *v, int inner, F *m, size_t stride, int count) {
    constexpr int lanes = Vector<F>::lanes;
    const int vectors = (count + lanes - 1) / lanes;
    int t = 0;
    for (; t + WIDE <= vectors; t += WIDE)
        multiply_tile<F, ROWS, WIDE>(u, v + t * lanes, inner, m + t * lanes, stride);
    if (vectors - t == 1) multiply_tile<F, ROWS, 1>(u, v + t * lanes, inner, m + t * lanes, stride);
    if (vectors - t == 2) multiply_tile<F, ROWS, 2>(u, v + t * lanes, inner, m + t * lanes, stride);
}

// go(the number of rows as a constant), so that a block of any height has its sums in registers.
template <typename Go>
inline void with_rows(int rows, Go go) {
    static_assert(TALL <= 8, "as many cases");
    switch (rows) {
        case 1: return go(std::integral_constant<int, 1>());
        case 2: return go(std::integral_constant<int, 2>());
        case 3: return go(std::integral_constant<int, 3>());
        case 4: return go(std::integral_constant<int, 4>());
        case 5: return go(std::integral_constant<int, 5>());
        case 6: return go(std::integral_constant<int, 6>());
        case 7: return go(std::integral_constant<int, 7>());
        case 8: return go(std::integral_constant<int, 8>());
    }
}

template <typename F>
void multiply_rows(const F *u, const F *v, int rows, int inner, F *m, size_t stride, int count) {
    with_rows(rows, [&](auto tall) { multiply_block<F, decltype(tall)::value>(u, v, inner, m, stride, count); });
}

// G g of three taps.
template <typename V>
inline void weight_1d(V g0, V g1, V g2, V *u) {
    const V near = (g0 + 0.5 * g2) / -1.5, near_odd = NEAR * g1 / -1.5;
    const V far = (g0 + 2.0 * g2) / 6.0, far_odd = FAR * g1 / 6.0;
    u[0] = g0, u[1] = near + near_odd, u[2] = near - near_odd, u[3] = far + far_odd, u[4] = far - far_odd;
    u[5] = g2;
}

// G^T t: its adjoint.
template <typename F, typename V>
inline void weight_adjoint_1d(V t0, V t1, V t2, V t3, V t4, V t5, V *g) {
    const V near = (t1 + t2) * F(-1 / 1.5), far = (t3 + t4) * F(1 / 6.0);
    g[0] = t0 + near + far;
    g[1] = (t1 - t2) * F(-NEAR / 1.5) + (t3 - t4) * F(FAR / 6.0);
    g[2] = F(0.5) * near + F(2) * far + t5;
}

// G w G^T of w [outer, inner, 3, 3], in double throughout, in the order that `winograd` reads. Of the
// transposed convolution if `back`: w is [inner, outer, 3, 3], and its taps are taken in reverse.
template <typename F>
void transform_weight(const F *w, F *u, int outer, int inner, int back) {
    typedef double V __attribute__((vector_size(64)));
    static_assert(TALL <= 8, "a block of rows is one vector");
    const size_t by_outer = back ? 9 : 9 * (size_t)inner, by_inner = back ? 9 * (size_t)outer : 9;
#pragma omp parallel for schedule(static)
    for (int first = 0; first < outer; first += TALL) {
        const int rows = std::min(TALL, outer - first);
        V g[9] = {}, half[3][IN], whole[IN];
        for (int i = 0; i < inner; ++i) {
            const F *from = w + first * by_outer + i * by_inner;
            for (int r = 0; r < rows; ++r)
                for (int t = 0; t < 9; ++t) g[t][r] = from[r * by_outer + (back ? 8 - t : t)];
            for (int c = 0; c < 3; ++c) weight_1d<V>(g[c], g[3 + c], g[6 + c], half[c]);
            for (int a = 0; a < IN; ++a) {
                weight_1d<V>(half[0][a], half[1][a], half[2][a], whole);
                for (int b = 0; b < IN; ++b) {
                    F *to = u + ((size_t)(IN * a + b) * outer + first) * inner + (size_t)i * rows;
                    for (int r = 0; r < rows; ++r) to[r] = (F)whole[b][r];
                }
            }
        }
    }
}

constexpr size_t STRIP_BYTES = 24 << 20;    // of transformed input and output of all threads together
constexpr size_t PRIVATE_BYTES = 900 << 10;  // of the transformed input of one thread: its own cache

// What a convolution is: sizes, and where its tensors lie.
template <typename F>
struct Convolution {
    const F *x, *u, *scale_in, *scale_out;
    F *y;
    int inner, outer;
    Plane in, out;
    int tiles;  // of all samples

    void raise(int channel, int first, int count, F *v, size_t lot, Scratch<F> &s) const {
        const size_t plane = (size_t)in.height * in.width;
        input_tiles<F>(x + channel * plane, inner * plane, scale_in ? scale_in + channel : nullptr, inner, in,
                       first, count, v, lot, true, s);
    }

    void lower(const F *m, size_t lot, int channel, int first, int count, Scratch<F> &s) const {
        const size_t plane = (size_t)out.height * out.width;
        output_tiles<F>(m, lot, out, first, count, scale_out ? scale_out + channel : nullptr, outer,
                        y + channel * plane, outer * plane, s);
    }
};

// Every thread has tiles of its own, and what it computes of them never leaves its cache.
template <typename F>
void by_thread(const Convolution<F> &c) {
    constexpr int slack = 3 * Vector<F>::lanes;  // the 36 products must not meet in the same lines
    const int strips = (c.tiles + MOST - 1) / MOST;
    const size_t lot = (size_t)c.inner * MOST + slack, part = TALL * MOST + slack;
#pragma omp parallel
    {
        // Zeros: numbers that nobody reads must still not be slow ones.
        const std::unique_ptr<F[]> between(new F[PRODUCTS * (lot + part)]());
        const std::unique_ptr<Scratch<F>> scratch(new Scratch<F>());
        F *const v = between.get(), *const m = v + PRODUCTS * lot;
#pragma omp for schedule(static)
        for (int strip = 0; strip < strips; ++strip) {
            const int first = (int)((int64_t)c.tiles * strip / strips);
            const int count = (int)((int64_t)c.tiles * (strip + 1) / strips) - first;
            for (int i = 0; i < c.inner; ++i) c.raise(i, first, count, v + (size_t)i * MOST, lot, *scratch);
            for (int o = 0; o < c.outer; o += TALL) {
                const int rows = std::min(TALL, c.outer - o);
                for (int k = 0; k < PRODUCTS; ++k)
                    multiply_rows<F>(c.u + ((size_t)k * c.outer + o) * c.inner, v + k * lot, rows, c.inner,
                                     m + k * part, MOST, count);
                for (int r = 0; r < rows; ++r)
                    c.lower(m + (size_t)r * MOST, part, o + r, first, count, *scratch);
            }
        }
    }
}

// Many channels: all threads share the tiles, so that the weights are read but once for many of them.
template <typename F>
void together(const Convolution<F> &c) {
    constexpr int slack = 3 * Vector<F>::lanes;
    const size_t tile_bytes = sizeof(F) * PRODUCTS * (size_t)(c.inner + c.outer);
    const int most = (int)std::max<size_t>(1, STRIP_BYTES / (tile_bytes * MOST));
    const int all = (c.tiles + MOST - 1) / MOST, parts = (all + most - 1) / most;
    const size_t stride = (size_t)((all + parts - 1) / parts) * MOST;
    const int blocks = (c.outer + TALL - 1) / TALL;
    const size_t in_lot = c.inner * stride + slack, out_lot = c.outer * stride + slack;
    // Not cleared: that would take as long as a small convolution.
    const std::unique_ptr<F[]> between(new F[PRODUCTS * (in_lot + out_lot)]);
    F *const v = between.get(), *const m = v + PRODUCTS * in_lot;
#pragma omp parallel
    {
        const std::unique_ptr<Scratch<F>> scratch(new Scratch<F>());
        for (int start = 0; start < c.tiles; start += stride) {
            const int count = std::min<int>(stride, c.tiles - start), pieces = (count + MOST - 1) / MOST;
#pragma omp for schedule(static) collapse(2)
            for (int i = 0; i < c.inner; ++i)
                for (int piece = 0; piece < pieces; ++piece) {
                    const int first = piece * MOST;
                    c.raise(i, start + first, std::min(MOST, count - first), v + i * stride + first, in_lot,
                            *scratch);
                }
#pragma omp for schedule(static) collapse(2)
            for (int k = 0; k < PRODUCTS; ++k)
                for (int block = 0; block < blocks; ++block) {
                    const int o = block * TALL;
                    multiply_rows<F>(c.u + ((size_t)k * c.outer + o) * c.inner, v + k * in_lot,
                                     std::min(TALL, c.outer - o), c.inner, m + k * out_lot + o * stride, stride,
                                     count);
                }
#pragma omp for schedule(static) collapse(2)
            for (int o = 0; o < c.outer; ++o)
                for (int piece = 0; piece < pieces; ++piece) {
                    const int first = piece * MOST;
                    c.lower(m + o * stride + first, out_lot, o, start + first, std::min(MOST, count - first),
                            *scratch);
                }
        }
    }
}

// x [n, inner, h, w] -> y [n, outer, oh, ow]; u: [36][outer / TALL][inner][TALL], the last block as
// tall as what is left. scale_in [n, inner] and scale_out [n, outer], or null.
template <typename F>
int winograd(const F *x, const F *u, const F *scale_in, const F *scale_out, F *y, int n, int inner,
             int outer, int h, int w, int pad) {
    const int oh = h + 2 * pad - 2, ow = w + 2 * pad - 2;
    const int tiles_x = (ow + OUT - 1) / OUT, tiles_y = (oh + OUT - 1) / OUT;
    if (oh < 1 || ow < 1 || pad < 0 || pad > 2) return 1;
    const Convolution<F> c = {x, u, scale_in, scale_out, y, inner, outer, {h, w, pad, tiles_x, tiles_y},
                              {oh, ow, 0, tiles_x, tiles_y}, n * tiles_x * tiles_y};
    if (sizeof(F) * PRODUCTS * (size_t)inner * MOST <= PRIVATE_BYTES)
        by_thread(c);
    else
        together(c);
    return 0;
}

// Transposes lanes rows of as many elements; in and out are the distances of their rows.
template <typename F>
inline void transpose(const F *x, size_t in, F *y, size_t out) {
    constexpr int lanes = Vector<F>::lanes;
    typename Vector<F>::type a[lanes], b[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) a[i] = at(x + i * in);
#pragma GCC unroll 4
    for (int step = 1; step < lanes; step *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < lanes / 2; ++i) {
            b[2 * i] = pick<F, LOW>(a[i], a[i + lanes / 2]);
            b[2 * i + 1] = pick<F, HIGH>(a[i], a[i + lanes / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) a[i] = b[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) at(y + i * out) = a[i];
}

// sums[ROWS, VECTORS] += z[ROWS, count] v[count, VECTORS].
template <typename F, int ROWS, int VECTORS>
void gather_tile(const F *__restrict z, const F *__restrict v, int count, F *__restrict sums, size_t stride) {
    using V = typename Vector<F>::type;
    constexpr int lanes = Vector<F>::lanes;
    V kept[ROWS][VECTORS];
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < VECTORS; ++c) kept[r][c] = at(sums + r * stride + c * lanes);
    for (int t = 0; t < count; ++t, ++z, v += stride) {
        V b[VECTORS];
#pragma GCC unroll 4
        for (int c = 0; c < VECTORS; ++c) b[c] = at(v + c * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; ++r) {
            const F a = z[r * MOST];
#pragma GCC unroll 4
            for (int c = 0; c < VECTORS; ++c) kept[r][c] += a * b[c];
        }
    }
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < VECTORS; ++c) at(sums + r * stride + c * lanes) = kept[r][c];
}

template <typename F, int ROWS>
void gather_block(const F *z, const F *v, int count, F *sums, size_t stride) {
    constexpr int lanes = Vector<F>::lanes;
    size_t c = 0;
    for (; c + 2 * lanes <= stride; c += 2 * lanes) gather_tile<F, ROWS, 2>(z, v + c, count, sums + c, stride);
    if (c < stride) gather_tile<F, ROWS, 1>(z, v + c, count, sums + c, stride);
}

template <typename F>
void gather_rows(const F *z, const F *v, int rows, int count, F *sums, size_t stride) {
    with_rows(rows, [&](auto tall) { gather_block<F, decltype(tall)::value>(z, v, count, sums, stride); });
}

// Of the input x [n, inner, h, w] and the output's gradient y [n, outer, oh, ow] the gradient of the
// weight: g [outer, inner, 3, 3]. scale_in [n, inner] of x and scale_out [n, outer] of y, or null.
// Every thread sums the products over tiles of its own.
template <typename F>
void correlate(const F *x, const F *y, const F *scale_in, const F *scale_out, F *g, int n, int inner,
               int outer, int h, int w, int pad) {
    const int oh = h + 2 * pad - 2, ow = w + 2 * pad - 2;
    const int tiles_x = (ow + OUT - 1) / OUT, tiles_y = (oh + OUT - 1) / OUT;
    const int tiles = n * tiles_x * tiles_y, strips = (tiles + MOST - 1) / MOST;
    const Plane in = {h, w, pad, tiles_x, tiles_y}, out = {oh, ow, 0, tiles_x, tiles_y};
    const size_t x_plane = (size_t)h * w, y_plane = (size_t)oh * ow;
    constexpr int lanes = Vector<F>::lanes, slack = 3 * lanes;
    const size_t wide = (size_t)(inner + lanes - 1) / lanes * lanes;
    const size_t v_lot = wide * MOST + slack, z_lot = (size_t)outer * MOST + slack, lot = outer * wide;
    const int most = omp_get_max_threads();
    const std::unique_ptr<F[]> all(new F[most * PRODUCTS * lot]);  // each thread clears its own
    F *const sums = all.get();
    int threads = 1;
#pragma omp parallel num_threads(most)
    {
#pragma omp single
        threads = omp_get_num_threads();
        // Zeros: the channels beyond the last one are read too.
        const std::unique_ptr<F[]> between(new F[PRODUCTS * (v_lot + z_lot) + MOST * wide]());
        const std::unique_ptr<Scratch<F>> scratch(new Scratch<F>());
        F *const v = between.get(), *const z = v + PRODUCTS * v_lot, *const turned = z + PRODUCTS * z_lot;
        F *const own = sums + omp_get_thread_num() * PRODUCTS * lot;
        std::memset(own, 0, sizeof(F) * PRODUCTS * lot);
#pragma omp for schedule(static)
        for (int strip = 0; strip < strips; ++strip) {
            const int first = (int)((int64_t)tiles * strip / strips);
            const int count = (int)((int64_t)tiles * (strip + 1) / strips) - first;
            for (int i = 0; i < inner; ++i)
                input_tiles<F>(x + i * x_plane, inner * x_plane, scale_in ? scale_in + i : nullptr, inner, in,
                               first, count, v + (size_t)i * MOST, v_lot, true, *scratch);
            for (int o = 0; o < outer; ++o)
                adjoint_tiles<F>(y + o * y_plane, outer * y_plane, scale_out ? scale_out + o : nullptr, outer,
                                 out, first, count, z + (size_t)o * MOST, z_lot, true, *scratch);
            for (int k = 0; k < PRODUCTS; ++k) {
                for (size_t i = 0; i < wide; i += lanes)
                    for (int t = 0; t < count; t += lanes)
                        transpose<F>(v + k * v_lot + i * MOST + t, MOST, turned + t * wide + i, wide);
                for (int o = 0; o < outer; o += TALL)
                    gather_rows<F>(z + k * z_lot + (size_t)o * MOST, turned, std::min(TALL, outer - o), count,
                                   own + k * lot + o * wide, wide);
            }
        }
        // In the order of the threads, so that the sum is the same every time.
#pragma omp for schedule(static)
        for (int o = 0; o < outer; ++o)
            for (size_t i = 0; i < wide; i += lanes) {
                typename Vector<F>::type t[PRODUCTS], half[3][IN], taps[3];
                for (int k = 0; k < PRODUCTS; ++k) {
                    const F *from = sums + k * lot + o * wide + i;
                    t[k] = at(from);
                    for (int other = 1; other < threads; ++other) t[k] += at(from + other * PRODUCTS * lot);
                }
                for (int b = 0; b < IN; ++b) {
                    weight_adjoint_1d<F>(t[b], t[6 + b], t[12 + b], t[18 + b], t[24 + b], t[30 + b], taps);
                    for (int r = 0; r < 3; ++r) half[r][b] = taps[r];
                }
                const int many = std::min<int>(lanes, inner - (int)i);
                for (int r = 0; r < 3; ++r) {
                    weight_adjoint_1d<F>(half[r][0], half[r][1], half[r][2], half[r][3], half[r][4], half[r][5],
                                         taps);
                    for (int c = 0; c < 3; ++c)
                        for (int l = 0; l < many; ++l)
                            g[((size_t)o * inner + i + l) * 9 + 3 * r + c] = taps[c][l];
                }
            }
    }
}

// Tiles [first, first + count) of the input x [n, inner, h, w] and of the output's gradient
// y [n, outer, oh, ow] to v [36, inner, count] and z [36, outer, count].
template <typename F>
void spread(const F *x, const F *y, F *v, F *z, int inner, int outer, int h, int w, int pad, int first,
            int count) {
    const int oh = h + 2 * pad - 2, ow = w + 2 * pad - 2, pieces = (count + MOST - 1) / MOST;
    const int tiles_x = (ow + OUT - 1) / OUT, tiles_y = (oh + OUT - 1) / OUT;
    const Plane in = {h, w, pad, tiles_x, tiles_y}, out = {oh, ow, 0, tiles_x, tiles_y};
    const size_t x_plane = (size_t)h * w, y_plane = (size_t)oh * ow;
#pragma omp parallel
    {
        const std::unique_ptr<Scratch<F>> scratch(new Scratch<F>());
#pragma omp for schedule(static) collapse(2)
        for (int c = 0; c < inner + outer; ++c)
            for (int piece = 0; piece < pieces; ++piece) {
                const int begin = piece * MOST, many = std::min(MOST, count - begin), o = c - inner;
                const bool spill = begin + many < count;  // another channel follows the last piece
                if (c < inner)
                    input_tiles<F>(x + c * x_plane, inner * x_plane, nullptr, 0, in, first + begin, many,
                                   v + (size_t)c * count + begin, (size_t)inner * count, spill, *scratch);
                else
                    adjoint_tiles<F>(y + o * y_plane, outer * y_plane, nullptr, 0, out, first + begin, many,
                                     z + (size_t)o * count + begin, (size_t)outer * count, spill, *scratch);
            }
    }
}

// sums[plane] = sum of x * y, and then y *= scale[plane] if there is one: planes of `size` each.
template <typename F>
void settle(const F *x, F *y, const F *scale, F *sums, int planes, int size) {
    constexpr int lanes = Vector<F>::lanes;
#pragma omp parallel for schedule(static)
    for (int p = 0; p < planes; ++p) {
        const F *__restrict a = x + (size_t)p * size;
        F *__restrict b = y + (size_t)p * size;
        typename Vector<F>::type parts[4] = {};
        int i = 0;
        for (; i + 4 * lanes <= size; i += 4 * lanes)
            for (int k = 0; k < 4; ++k) parts[k] += at(a + i + k * lanes) * at(b + i + k * lanes);
        F sum = 0;
        for (int k = 0; k < 4; ++k)
            for (int l = 0; l < lanes; ++l) sum += parts[k][l];
        for (; i < size; ++i) sum += a[i] * b[i];
        sums[p] = sum;
        if (scale)
            for (int c = 0; c < size; ++c) b[c] *= scale[p];
    }
}

}  // namespace

#define NFTGAN_EXPORT(SUFFIX, F)                                                                       \
    extern "C" void nftgan_winograd_weight_##SUFFIX(const F *w, F *u, int outer, int inner, int back) { \
        transform_weight<F>(w, u, outer, inner, back);                                                 \
    }                                                                                                  \
    extern "C" void nftgan_winograd_spread_##SUFFIX(const F *x, const F *y, F *v, F *z, int inner,     \
                                                    int outer, int h, int w, int pad, int first,       \
                                                    int count) {                                       \
        spread<F>(x, y, v, z, inner, outer, h, w, pad, first, count);                                  \
    }                                                                                                  \
    extern "C" void nftgan_winograd_correlate_##SUFFIX(const F *x, const F *y, const F *scale_in,      \
                                                       const F *scale_out, F *g, int n, int inner,     \
                                                       int outer, int h, int w, int pad) {             \
        correlate<F>(x, y, scale_in, scale_out, g, n, inner, outer, h, w, pad);                        \
    }                                                                                                  \
    extern "C" void nftgan_winograd_settle_##SUFFIX(const F *x, F *y, const F *scale, F *sums,         \
                                                    int planes, int size) {                            \
        settle<F>(x, y, scale, sums, planes, size);                                                    \
    }                                                                                                  \
    extern "C" int nftgan_winograd_##SUFFIX(const F *x, const F *u, const F *scale_in,                 \
                                            const F *scale_out, F *y, int n, int inner, int outer,     \
                                            int h, int w, int pad) {                                   \
        return winograd<F>(x, u, scale_in, scale_out, y, n, inner, outer, h, w, pad);                  \
    }

NFTGAN_EXPORT(f32, float)
NFTGAN_EXPORT(f64, double)
