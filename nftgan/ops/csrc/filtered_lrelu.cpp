// Fused upsample, leaky ReLU, downsample: the upsampled signal never leaves the caches.
//
// As many planes at once as a vector has lanes, so that no sum ever crosses a lane: filters along
// both axes are multiply-adds of whole, aligned vectors with one tap. A tile of columns walks down
// the planes: input rows in a ring; from them one row upsampled along y, then along x, activated,
// downsampled along x into a second ring, from which rows of output are downsampled along y.
// The adjoint of the whole is the same routine with the filters swapped and the signs in place of the
// activation, so one routine serves forward, backward and double backward.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <omp.h>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

// u[m] = sum_k up_filter[k] xup[m + k - pad], xup zero-inserted; y[q] = sum_k down_filter[k] v[q * down + off + k].
struct Axis {
    int in, mid, out, up, down, pad, off;
};

constexpr int MAX_TAPS = 64;  // of a filter along one axis
constexpr int MAX_RANK = 6;  // of a filter that is a sum of separable ones
constexpr int TILE_COLUMNS = 320;    // columns of output at most, so that the rings stay in the second cache

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, BLOCK = 8;  // BLOCK: sums in registers
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32, BLOCK = 6;
#else
constexpr int VECTOR_BYTES = 16, BLOCK = 6;
#endif

template <typename F>
struct Lanes {
    static constexpr int count = VECTOR_BYTES / sizeof(F);
    typedef F Vector __attribute__((vector_size(VECTOR_BYTES)));
    using Int = std::conditional_t<sizeof(F) == 4, int32_t, int64_t>;
    typedef Int Mask __attribute__((vector_size(VECTOR_BYTES)));
    // Two bits a sample: in the lower half whether it was not above zero, in the upper whether clamped.
    using Code = std::conditional_t<(count > 8), uint32_t, std::conditional_t<(count > 4), uint16_t, uint8_t>>;
    static constexpr int half = 4 * sizeof(Code);
};

template <typename F>
using Vec = typename Lanes<F>::Vector;
template <typename F>
using Code = typename Lanes<F>::Code;

template <typename F>
inline Vec<F> splat(F value) {
    return value - Vec<F>{};
}

enum Mode { FORWARD = 0, FORWARD_SAVE_SIGNS = 1, APPLY_SIGNS = 2 };

template <typename F>
struct Activation {
    F gain, slope, clamp;
};

#if defined(__AVX512F__)

inline __mmask16 at_most(__m512 a, __m512 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
inline __mmask8 at_most(__m512d a, __m512d b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
inline __mmask16 is_less(__m512 a, __m512 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
inline __mmask8 is_less(__m512d a, __m512d b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
inline __m512 times(__m512 v, __mmask16 where, float f) { return _mm512_mask_mul_ps(v, where, v, _mm512_set1_ps(f)); }
inline __m512d times(__m512d v, __mmask8 where, double f) { return _mm512_mask_mul_pd(v, where, v, _mm512_set1_pd(f)); }
// In this order of the operands, what is not a number stays none.
inline __m512 within(__m512 v, __m512 c) { return _mm512_max_ps(-c, _mm512_min_ps(c, v)); }
inline __m512d within(__m512d v, __m512d c) { return _mm512_max_pd(-c, _mm512_min_pd(c, v)); }
inline __m512 without(__m512 v, __mmask16 where) { return _mm512_maskz_mov_ps((__mmask16)~where, v); }
inline __m512d without(__m512d v, __mmask8 where) { return _mm512_maskz_mov_pd((__mmask8)~where, v); }

#else

// One bit for each lane.
template <typename F>
inline unsigned bits(typename Lanes<F>::Mask m) {
#if defined(__AVX__)
    if constexpr (sizeof(F) == 4) return _mm256_movemask_ps((__m256)m);
    else return _mm256_movemask_pd((__m256d)m);
#elif defined(__SSE2__)
    if constexpr (sizeof(F) == 4) return _mm_movemask_ps((__m128)m);
    else return _mm_movemask_pd((__m128d)m);
#else
    unsigned result = 0;
    for (int l = 0; l < Lanes<F>::count; ++l) result |= (unsigned)(m[l] & 1) << l;
    return result;
#endif
}

#endif

// What happens to a upsampled sample: MODE of the activation, or -1 to leave it.
template <typename F, int MODE>
inline Vec<F> act(Vec<F> u, const Activation<F> &a, Code<F> *code) {
    using V = Vec<F>;
#if defined(__AVX512F__)
    using W = std::conditional_t<sizeof(F) == 4, __m512, __m512d>;
    using M = std::conditional_t<sizeof(F) == 4, __mmask16, __mmask8>;
    if constexpr (MODE == FORWARD || MODE == FORWARD_SAVE_SIGNS) {
        const M negative = at_most((W)u, (W)V{});
        const W w = times((W)(u * a.gain), negative, a.slope), high = (W)splat<F>(a.clamp);
        if constexpr (MODE == FORWARD_SAVE_SIGNS)
            *code = (Code<F>)(negative | (unsigned)(is_less(high, w) | is_less(w, -high)) << Lanes<F>::half);
        return (V)within(w, high);
    } else if constexpr (MODE == APPLY_SIGNS) {
        const unsigned c = *code;
        return (V)without(times((W)(u * a.gain), (M)c, a.slope), (M)(c >> Lanes<F>::half));
    }
    return u;
#else
    using M = typename Lanes<F>::Mask;
    if constexpr (MODE == FORWARD || MODE == FORWARD_SAVE_SIGNS) {
        const M negative = u <= V{};
        V w = u * a.gain;
        w = negative ? w * a.slope : w;
        const V high = splat<F>(a.clamp), low = -high;
        const M above = w > high, below = w < low;
        if constexpr (MODE == FORWARD_SAVE_SIGNS) {
            *code = (Code<F>)(bits<F>(negative) | bits<F>(above | below) << Lanes<F>::half);
        }
        w = above ? high : w;
        return below ? low : w;
    } else if constexpr (MODE == APPLY_SIGNS) {
        const unsigned c = *code;
        const F factor[4] = {a.gain, a.gain * a.slope, F(0), F(0)};
        for (int l = 0; l < Lanes<F>::count; ++l) u[l] *= factor[(c >> l & 1) | (c >> (Lanes<F>::half + l) & 1) << 1];
    }
    return u;
#endif
}

// BLOCK sums at once: dst[r * step] = sum_t h[t] src[r * S + t], added to dst where ADD.
template <typename F, int T, int S, int B, bool ADD, int MODE>
inline void correlate_block(const Vec<F> *__restrict src, Vec<F> *__restrict dst, int step, const F *h,
                            const Activation<F> &a, Code<F> *code) {
    Vec<F> sums[B];
#pragma GCC unroll 8
    for (int r = 0; r < B; ++r) sums[r] = ADD ? dst[r * step] : Vec<F>{};
#pragma GCC unroll 64
    for (int i = 0; i < (B - 1) * S + T; ++i) {
        const Vec<F> v = src[i];
#pragma GCC unroll 8
        for (int r = 0; r < B; ++r)
            if (i - r * S >= 0 && i - r * S < T) sums[r] += h[i - r * S] * v;
    }
#pragma GCC unroll 8
    for (int r = 0; r < B; ++r) dst[r * step] = act<F, MODE>(sums[r], a, code + r * step);
}

template <typename F, int T, int S, bool ADD, int MODE>
void correlate_fixed(const Vec<F> *src, Vec<F> *dst, int count, int step, const F *taps,
                     const Activation<F> &a, Code<F> *code) {
    F h[T];
    for (int t = 0; t < T; ++t) h[t] = taps[t];
    int j = 0;
    for (; j + BLOCK <= count; j += BLOCK)
        correlate_block<F, T, S, BLOCK, ADD, MODE>(src + j * S, dst + j * step, step, h, a, code + j * step);
    for (; j < count; ++j)
        correlate_block<F, T, S, 1, ADD, MODE>(src + j * S, dst + j * step, step, h, a, code + j * step);
}

template <typename F, bool ADD, int MODE>
void correlate_any(const Vec<F> *src, Vec<F> *dst, int count, int step, const F *taps, int n, int stride,
                   const Activation<F> &a, Code<F> *code) {
    for (int j = 0; j < count; ++j) {
        Vec<F> sum = ADD ? dst[j * step] : Vec<F>{};
        for (int t = 0; t < n; ++t) sum += taps[t] * src[j * stride + t];
        dst[j * step] = act<F, MODE>(sum, a, code + j * step);
    }
}

// dst[j * step] = act(sum_t taps[t] src[j * stride + t]), for j < count.
template <typename F, bool ADD, int MODE>
void correlate(const Vec<F> *src, Vec<F> *dst, int count, int step, const F *taps, int n, int stride,
               const Activation<F> &a, Code<F> *code) {
    if (n == 1 && stride == 1) return correlate_fixed<F, 1, 1, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 2 && stride == 1) return correlate_fixed<F, 2, 1, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 4 && stride == 1) return correlate_fixed<F, 4, 1, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 4 && stride == 2) return correlate_fixed<F, 4, 2, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 6 && stride == 1) return correlate_fixed<F, 6, 1, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 12 && stride == 2) return correlate_fixed<F, 12, 2, ADD, MODE>(src, dst, count, step, taps, a, code);
    if (n == 24 && stride == 4) return correlate_fixed<F, 24, 4, ADD, MODE>(src, dst, count, step, taps, a, code);
    correlate_any<F, ADD, MODE>(src, dst, count, step, taps, n, stride, a, code);
}

template <typename F, bool ADD>
void correlate_act(const Vec<F> *src, Vec<F> *dst, int count, int step, const F *taps, int n,
                   const Activation<F> &a, Code<F> *code, int mode) {
    switch (mode) {
        case FORWARD: return correlate<F, ADD, FORWARD>(src, dst, count, step, taps, n, 1, a, code);
        case FORWARD_SAVE_SIGNS:
            return correlate<F, ADD, FORWARD_SAVE_SIGNS>(src, dst, count, step, taps, n, 1, a, code);
        case APPLY_SIGNS: return correlate<F, ADD, APPLY_SIGNS>(src, dst, count, step, taps, n, 1, a, code);
        default: return correlate<F, ADD, -1>(src, dst, count, step, taps, n, 1, a, code);
    }
}

template <typename F, int T, int B>
inline void combine_block(Vec<F> *__restrict dst, const Vec<F> *const *rows, const F *h, bool add, int c) {
    Vec<F> sums[B];
#pragma GCC unroll 8
    for (int r = 0; r < B; ++r) sums[r] = add ? dst[c + r] : Vec<F>{};
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        const F tap = h[t];
#pragma GCC unroll 8
        for (int r = 0; r < B; ++r) sums[r] += tap * rows[t][c + r];
    }
#pragma GCC unroll 8
    for (int r = 0; r < B; ++r) dst[c + r] = sums[r];
}

template <typename F, int T>
void combine_fixed(Vec<F> *dst, const Vec<F> *const *rows, const F *h, bool add, int n) {
    int c = 0;
    for (; c + 4 <= n; c += 4) combine_block<F, T, 4>(dst, rows, h, add, c);
    for (; c < n; ++c) combine_block<F, T, 1>(dst, rows, h, add, c);
}

// dst[c] = sum_t h[t] rows[t][c].
template <typename F>
void combine(Vec<F> *dst, const Vec<F> *const *rows, const F *h, int taps, int n) {
    bool add = false;
    while (taps >= 12) combine_fixed<F, 12>(dst, rows, h, add, n), rows += 12, h += 12, taps -= 12, add = true;
    while (taps >= 6) combine_fixed<F, 6>(dst, rows, h, add, n), rows += 6, h += 6, taps -= 6, add = true;
    while (taps >= 2) combine_fixed<F, 2>(dst, rows, h, add, n), rows += 2, h += 2, taps -= 2, add = true;
    if (taps) combine_fixed<F, 1>(dst, rows, h, add, n), add = true;
    if (!add) std::memset((void *)dst, 0, sizeof(Vec<F>) * n);
}

#if !defined(__clang__)

// Within every square of 2 S x 2 S numbers, the corners beside the diagonal change places.
template <typename F, int S, size_t... K>
inline void swap_corners(Vec<F> *v, std::index_sequence<K...>) {
    constexpr int L = Lanes<F>::count;
    using M = typename Lanes<F>::Mask;
    const M upper = {((int)K & S ? L + (int)K - S : (int)K)...}, lower = {((int)K & S ? L + (int)K : (int)K + S)...};
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i)
        if (!(i & S)) {
            const Vec<F> a = v[i], b = v[i + S];
            v[i] = __builtin_shuffle(a, b, upper), v[i + S] = __builtin_shuffle(a, b, lower);
        }
}

#endif

// A square of lanes x lanes numbers turned over.
template <typename F>
inline void transpose(Vec<F> *v) {
    constexpr int L = Lanes<F>::count;
#if defined(__clang__)
    for (int i = 0; i < L; ++i)
        for (int j = 0; j < i; ++j) {
            const F kept = v[i][j];
            v[i][j] = v[j][i], v[j][i] = kept;
        }
#else
    constexpr auto every = std::make_index_sequence<L>{};
    if constexpr (L > 8) swap_corners<F, 8>(v, every);
    if constexpr (L > 4) swap_corners<F, 4>(v, every);
    if constexpr (L > 2) swap_corners<F, 2>(v, every);
    swap_corners<F, 1>(v, every);
#endif
}

int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
int modulo(int a, int b) { return ((a % b) + b) % b; }
int ring_size(int rows) {
    int size = 1;
    while (size < rows) size *= 2;
    return size;
}

// Taps that meet a sample when the output index is `phase` modulo `up`: h[first], h[first + up], ...
template <typename F>
struct Phase {
    int start;  // input index that the first tap meets for output index `phase`
    std::vector<F> taps;
};

template <typename F>
std::vector<Phase<F>> phases(const F *h, int n, const Axis &a) {
    std::vector<Phase<F>> result(a.up);
    for (int p = 0; p < a.up; ++p) {
        int first = modulo(a.pad - p, a.up);
        result[p].start = floor_div(p + first - a.pad, a.up);
        for (int k = first; k < n; k += a.up) result[p].taps.push_back(h[k]);
    }
    return result;
}

// Each filter is a sum, over its rank, of (taps along y) x (taps along x); a separable one has rank one.
template <typename F>
struct Plan {
    Axis x, y;
    int down_taps, up_rank, down_rank;
    const F *down_filter_x, *down_filter_y;                         // [down_rank, down_taps]
    std::vector<std::vector<Phase<F>>> px, py;  // [up_rank][up]
    int tile, tiles;                          // columns of output in one, and how many
    int inputs, mids;                           // columns of input and of upsampled samples in one
    int in_ring, out_ring;                      // rows
    Activation<F> activation;
    int mode;
};

template <typename F>
struct Scratch {
    Vec<F> *zero, *input, *tall, *active, *downsampled, *line;
    Code<F> *code;
    void *memory;

    explicit Scratch(const Plan<F> &p) {
        const size_t widest = std::max({p.inputs, p.mids, p.tile}) + 2 * Lanes<F>::count;
        const size_t input_size = (size_t)p.in_ring * p.inputs, downsampled_size = (size_t)p.out_ring * p.down_rank * p.tile;
        const size_t total = 4 * widest + input_size + downsampled_size;
        memory = ::operator new(total * sizeof(Vec<F>) + widest * sizeof(Code<F>), std::align_val_t(64));
        std::memset(memory, 0, total * sizeof(Vec<F>) + widest * sizeof(Code<F>));
        zero = (Vec<F> *)memory, tall = zero + widest, active = tall + widest, line = active + widest;
        input = line + widest, downsampled = input + input_size;
        code = (Code<F> *)(downsampled + downsampled_size);
    }
    ~Scratch() { ::operator delete(memory, std::align_val_t(64)); }
    Scratch(const Scratch &) = delete;
};

// Columns [from, from + count) of one row of `planes` planes, plus bias, as vectors; zeros outside.
template <typename F>
void read_row(const F *x, size_t plane, int planes, int width, int from, int count, const F *bias, Vec<F> *dst) {
    constexpr int L = Lanes<F>::count;
    const int first = std::max(from, 0), until = std::min(from + count, width);
    for (int c = from; c < std::min(first, from + count); ++c) dst[c - from] = Vec<F>{};
    for (int c = std::max(until, from); c < from + count; ++c) dst[c - from] = Vec<F>{};
    Vec<F> b;
    for (int l = 0; l < L; ++l) b[l] = bias ? bias[l] : F(0);
    int c = first;
    if (planes == L && until - first >= L)
        for (; c < until; c += L) {
            const int at = std::min(c, until - L);  // the last square overlaps the one before
            Vec<F> block[L];
#pragma GCC unroll 16
            for (int l = 0; l < L; ++l) std::memcpy(&block[l], x + l * plane + at, sizeof(Vec<F>));
            transpose<F>(block);
#pragma GCC unroll 16
            for (int l = 0; l < L; ++l) dst[at - from + l] = block[l] + b;
        }
    for (; c < until; ++c) {
        Vec<F> v{};
        for (int l = 0; l < planes; ++l) v[l] = x[l * plane + c];
        dst[c - from] = v + b;
    }
}

template <typename F>
void write_row(const Vec<F> *src, int count, int planes, F *y, size_t plane) {
    constexpr int L = Lanes<F>::count;
    int c = 0;
    if (planes == L && count >= L)
        for (; c < count; c += L) {
            const int at = std::min(c, count - L);
            Vec<F> block[L];
#pragma GCC unroll 16
            for (int l = 0; l < L; ++l) block[l] = src[at + l];
            transpose<F>(block);
#pragma GCC unroll 16
            for (int l = 0; l < L; ++l) std::memcpy(y + l * plane + at, &block[l], sizeof(Vec<F>));
        }
    for (; c < count; ++c)
        for (int l = 0; l < planes; ++l) y[l * plane + c] = src[c][l];
}

// One tile of one lot of planes; signs is that of the lot, y that of its first plane.
template <typename F>
void run_tile(const Plan<F> &p, const F *x, const F *bias, int planes, Code<F> *signs, F *y, int tile, Scratch<F> &s) {
    const Axis &ax = p.x, &ay = p.y;
    const size_t in_plane = (size_t)ax.in * ay.in, out_plane = (size_t)ax.out * ay.out;
    const int q0 = tile * p.tile, q1 = std::min(q0 + p.tile, ax.out), width = q1 - q0;
    // Upsampled columns: those that this tile looks at, and of them those that exist.
    const int m0 = q0 * ax.down + ax.off, m1 = (q1 - 1) * ax.down + ax.off + p.down_taps;
    const int first = std::max(m0, 0), until = std::max(std::min(m1, ax.mid), first);
    // Tiles share upsampled columns; each saves its own signs.
    const int next = std::max(q1 * ax.down + ax.off, 0);
    const int own0 = first, own1 = tile == p.tiles - 1 ? until : std::min(next, until);
    int i0 = ax.in;
    for (int m = first; m < std::min(first + ax.up, until); ++m)
        for (const auto &term : p.px) i0 = std::min(i0, term[m % ax.up].start + m / ax.up);
    std::memset((void *)s.active, 0, sizeof(Vec<F>) * (m1 - m0));
    int in_next = 0, mid_next = 0;
    const Vec<F> *rows[MAX_TAPS * MAX_RANK];
    F taps[MAX_TAPS * MAX_RANK];
    for (int q = 0; q < ay.out; ++q) {
        const int from = q * ay.down + ay.off, end = std::min(from + p.down_taps, ay.mid);
        mid_next = std::max(mid_next, from);
        for (; mid_next < end; ++mid_next) {
            Code<F> *const codes = signs ? signs + (size_t)mid_next * ax.mid : nullptr;
            if (p.mode == APPLY_SIGNS) std::memcpy(s.code + (first - m0), codes + first, sizeof(Code<F>) * (until - first));
            for (int term = 0; term < p.up_rank; ++term) {
                const Phase<F> &phase = p.py[term][mid_next % ay.up];
                const int start = phase.start + mid_next / ay.up, n = (int)phase.taps.size();
                in_next = std::max(in_next, std::min(start, ay.in));
                for (; in_next < std::min(start + n, ay.in); ++in_next)
                    read_row<F>(x + (size_t)in_next * ax.in, in_plane, planes, ax.in, i0, p.inputs, bias,
                                s.input + (size_t)(in_next % p.in_ring) * p.inputs);
                for (int t = 0; t < n; ++t)
                    rows[t] = start + t < 0 || start + t >= ay.in ? s.zero : s.input + (size_t)((start + t) % p.in_ring) * p.inputs;
                combine<F>(s.tall, rows, phase.taps.data(), n, p.inputs);
                const bool last = term == p.up_rank - 1;
                for (int m = first; m < std::min(first + ax.up, until); ++m) {
                    const Phase<F> &along = p.px[term][m % ax.up];
                    const Vec<F> *src = s.tall + (along.start + m / ax.up - i0);
                    const int count = (until - m + ax.up - 1) / ax.up, up_taps = (int)along.taps.size();
                    Vec<F> *dst = s.active + (m - m0);
                    Code<F> *code = s.code + (m - m0);
                    if (term == 0) correlate_act<F, false>(src, dst, count, ax.up, along.taps.data(), up_taps, p.activation, code, last ? p.mode : -1);
                    else correlate_act<F, true>(src, dst, count, ax.up, along.taps.data(), up_taps, p.activation, code, last ? p.mode : -1);
                }
            }
            if (p.mode == FORWARD_SAVE_SIGNS && own1 > own0)
                std::memcpy(codes + own0, s.code + (own0 - m0), sizeof(Code<F>) * (own1 - own0));
            Vec<F> *downsampled = s.downsampled + (size_t)(mid_next % p.out_ring) * p.down_rank * p.tile;
            for (int term = 0; term < p.down_rank; ++term)
                correlate<F, false, -1>(s.active, downsampled + term * p.tile, width, 1, p.down_filter_x + term * p.down_taps, p.down_taps, ax.down, p.activation, s.code);
        }
        int count = 0;
        for (int term = 0; term < p.down_rank; ++term)
            for (int k = 0; k < p.down_taps; ++k) {
                const int m = from + k;
                if (m < 0 || m >= ay.mid) continue;
                rows[count] = s.downsampled + ((size_t)(m % p.out_ring) * p.down_rank + term) * p.tile;
                taps[count++] = p.down_filter_y[term * p.down_taps + k];
            }
        combine<F>(s.line, rows, taps, count, width);
        write_row<F>(s.line, width, planes, y + (size_t)q * ax.out + q0, out_plane);
    }
}

// axes: in, mid, out, up, down, pad, off for x, then for y. up_filter_x, up_filter_y: [up_rank, up_taps]; down_filter_x, down_filter_y:
// [down_rank, down_taps]. signs: [lots of planes, mid rows, mid columns]. Returns 0, or 1 when a filter is too
// long or has too high a rank.
template <typename F>
int filtered_lrelu(const F *x, const F *bias, Code<F> *signs, F *y, int64_t planes, int64_t channels,
                   const F *up_filter_x, const F *up_filter_y, int up_taps, int up_rank, const F *down_filter_x, const F *down_filter_y, int down_taps,
                   int down_rank, const int *axes, int mode, F gain, F slope, F clamp) {
    constexpr int L = Lanes<F>::count;
    if (up_taps > MAX_TAPS || down_taps > MAX_TAPS || up_rank > MAX_RANK || down_rank > MAX_RANK) return 1;
    Plan<F> p;
    p.x = {axes[0], axes[1], axes[2], axes[3], axes[4], axes[5], axes[6]};
    p.y = {axes[7], axes[8], axes[9], axes[10], axes[11], axes[12], axes[13]};
    p.down_taps = down_taps, p.up_rank = up_rank, p.down_rank = down_rank;
    p.down_filter_x = down_filter_x, p.down_filter_y = down_filter_y, p.mode = mode, p.activation = {gain, slope, clamp};
    for (int term = 0; term < up_rank; ++term) {
        p.px.push_back(phases(up_filter_x + term * up_taps, up_taps, p.x));
        p.py.push_back(phases(up_filter_y + term * up_taps, up_taps, p.y));
    }
    const int64_t lots = (planes + L - 1) / L;
    // Narrower tiles cost more at their rims, an idle thread costs more still.
    const int64_t idle = (omp_get_max_threads() + lots - 1) / lots;
    const int narrow = (int)std::min<int64_t>(idle, std::max(1, p.x.out / 32));
    p.tiles = std::max((p.x.out + TILE_COLUMNS - 1) / TILE_COLUMNS, narrow);
    p.tile = (p.x.out + p.tiles - 1) / p.tiles;
    p.tiles = (p.x.out + p.tile - 1) / p.tile;
    p.mids = (p.tile - 1) * p.x.down + down_taps;
    p.inputs = p.mids / p.x.up + (up_taps + p.x.up - 1) / p.x.up + 3;
    p.in_ring = ring_size(up_taps / p.y.up + 3);
    p.out_ring = ring_size(down_taps + p.y.down);
    const size_t in_plane = (size_t)p.x.in * p.y.in, out_plane = (size_t)p.x.out * p.y.out;
    const size_t mid_plane = (size_t)p.x.mid * p.y.mid;
#pragma omp parallel
    {
        Scratch<F> s(p);
        F biases[L];
#pragma omp for schedule(static) collapse(2)
        for (int64_t lot = 0; lot < lots; ++lot)
            for (int tile = 0; tile < p.tiles; ++tile) {
                const int64_t first = lot * L;
                const int count = (int)std::min<int64_t>(L, planes - first);
                for (int l = 0; l < L; ++l) biases[l] = bias ? bias[(first + l) % channels] : F(0);
                run_tile<F>(p, x + first * in_plane, bias ? biases : nullptr, count,
                             signs ? signs + lot * mid_plane : nullptr, y + first * out_plane, tile, s);
            }
    }
    return 0;
}

}  // namespace

#define NFTGAN_EXPORT(SUFFIX, F)                                                                     \
    extern "C" int nftgan_lanes_##SUFFIX() { return Lanes<F>::count; }                               \
    extern "C" int nftgan_filtered_lrelu_##SUFFIX(                                                   \
        const F *x, const F *bias, void *signs, F *y, int64_t planes, int64_t channels, const F *up_filter_x, \
        const F *up_filter_y, int up_taps, int up_rank, const F *down_filter_x, const F *down_filter_y, int down_taps, int down_rank,            \
        const int *axes, int mode, F gain, F slope, F clamp) {                                       \
        return filtered_lrelu<F>(x, bias, (Code<F> *)signs, y, planes, channels, up_filter_x, up_filter_y, up_taps,        \
                                 up_rank, down_filter_x, down_filter_y, down_taps, down_rank, axes, mode, gain, slope, clamp);      \
    }

NFTGAN_EXPORT(f32, float)
NFTGAN_EXPORT(f64, double)
