// Fused upsample, leaky ReLU, downsample: the raised signal never leaves the caches.
//
// As many planes at once as a vector has lanes, so that no sum ever crosses a lane: filters along
// both axes are multiply-adds of whole, aligned vectors with one tap. A strip of columns walks down
// the planes: input rows in a ring; from them one row raised along y, then along x, activated,
// lowered along x into a second ring, from which rows of output are lowered along y.
// The adjoint of the whole is the same routine with the filters swapped and the mask in place of the
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

// u[m] = sum_k h1[k] xup[m + k - pad], xup zero-inserted; y[q] = sum_k h2[k] v[q * down + off + k].
struct Axis {
    int in, mid, out, up, down, pad, off;
};

constexpr int MAX_TAPS = 64;  // of a filter along one axis
constexpr int MAX_TERMS = 6;  // of a filter that is a sum of separable ones
constexpr int STRIP = 320;    // columns of output at most, so that the rings stay in the second cache

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

enum Mode { ACTIVATE = 0, ACTIVATE_AND_REMEMBER = 1, RECALL = 2 };

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

// What happens to a raised sample: MODE of the activation, or -1 to leave it.
template <typename F, int MODE>
inline Vec<F> act(Vec<F> u, const Activation<F> &a, Code<F> *code) {
    using V = Vec<F>;
#if defined(__AVX512F__)
    using W = std::conditional_t<sizeof(F) == 4, __m512, __m512d>;
    using M = std::conditional_t<sizeof(F) == 4, __mmask16, __mmask8>;
    if constexpr (MODE == ACTIVATE || MODE == ACTIVATE_AND_REMEMBER) {
        const M negative = at_most((W)u, (W)V{});
        const W w = times((W)(u * a.gain), negative, a.slope), high = (W)splat<F>(a.clamp);
        if constexpr (MODE == ACTIVATE_AND_REMEMBER)
            *code = (Code<F>)(negative | (unsigned)(is_less(high, w) | is_less(w, -high)) << Lanes<F>::half);
        return (V)within(w, high);
    } else if constexpr (MODE == RECALL) {
        const unsigned c = *code;
        return (V)without(times((W)(u * a.gain), (M)c, a.slope), (M)(c >> Lanes<F>::half));
    }
    return u;
#else
    using M = typename Lanes<F>::Mask;
    if constexpr (MODE == ACTIVATE || MODE == ACTIVATE_AND_REMEMBER) {
        const M negative = u <= V{};
        V w = u * a.gain;
        w = negative ? w * a.slope : w;
        const V high = splat<F>(a.clamp), low = -high;
        const M above = w > high, below = w < low;
        if constexpr (MODE == ACTIVATE_AND_REMEMBER) {
            *code = (Code<F>)(bits<F>(negative) | bits<F>(above | below) << Lanes<F>::half);
        }
        w = above ? high : w;
        return below ? low : w;
    } else if constexpr (MODE == RECALL) {
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
        case ACTIVATE: return correlate<F, ADD, ACTIVATE>(src, dst, count, step, taps, n, 1, a, code);
        case ACTIVATE_AND_REMEMBER:
            return correlate<F, ADD, ACTIVATE_AND_REMEMBER>(src, dst, count, step, taps, n, 1, a, code);
        case RECALL: return correlate<F, ADD, RECALL>(src, dst, count, step, taps, n, 1, a, code);
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

// Each filter is a sum over terms of (taps along y) x (taps along x); a separable one has one term.
template <typename F>
struct Plan {
    Axis x, y;
    int n2, terms1, terms2;
    const F *h2x, *h2y;                         // [terms2, n2]
    std::vector<std::vector<Phase<F>>> px, py;  // [terms1][up]
    int strip, strips;                          // columns of output in one, and how many
    int inputs, mids;                           // columns of input and of raised samples in one
    int in_ring, out_ring;                      // rows
    Activation<F> activation;
    int mode;
};

template <typename F>
struct Scratch {
    Vec<F> *zero, *input, *tall, *active, *lowered, *line;
    Code<F> *code;
    void *memory;

    explicit Scratch(const Plan<F> &p) {
        const size_t widest = std::max({p.inputs, p.mids, p.strip}) + 2 * Lanes<F>::count;
        const size_t input_size = (size_t)p.in_ring * p.inputs, lowered_size = (size_t)p.out_ring * p.terms2 * p.strip;
        const size_t total = 4 * widest + input_size + lowered_size;
        memory = ::operator new(total * sizeof(Vec<F>) + widest * sizeof(Code<F>), std::align_val_t(64));
        std::memset(memory, 0, total * sizeof(Vec<F>) + widest * sizeof(Code<F>));
        zero = (Vec<F> *)memory, tall = zero + widest, active = tall + widest, line = active + widest;
        input = line + widest, lowered = input + input_size;
        code = (Code<F> *)(lowered + lowered_size);
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

// One strip of one lot of planes; mask is that of the lot, y that of its first plane.
template <typename F>
void run_strip(const Plan<F> &p, const F *x, const F *bias, int planes, Code<F> *mask, F *y, int strip, Scratch<F> &s) {
    const Axis &ax = p.x, &ay = p.y;
    const size_t in_plane = (size_t)ax.in * ay.in, out_plane = (size_t)ax.out * ay.out;
    const int q0 = strip * p.strip, q1 = std::min(q0 + p.strip, ax.out), width = q1 - q0;
    // Raised columns: those that this strip looks at, and of them those that exist.
    const int m0 = q0 * ax.down + ax.off, m1 = (q1 - 1) * ax.down + ax.off + p.n2;
    const int first = std::max(m0, 0), until = std::max(std::min(m1, ax.mid), first);
    // Strips share raised columns; each remembers its own.
    const int next = std::max(q1 * ax.down + ax.off, 0);
    const int own0 = first, own1 = strip == p.strips - 1 ? until : std::min(next, until);
    int i0 = ax.in;
    for (int m = first; m < std::min(first + ax.up, until); ++m)
        for (const auto &term : p.px) i0 = std::min(i0, term[m % ax.up].start + m / ax.up);
    std::memset((void *)s.active, 0, sizeof(Vec<F>) * (m1 - m0));
    int in_next = 0, mid_next = 0;
    const Vec<F> *rows[MAX_TAPS * MAX_TERMS];
    F taps[MAX_TAPS * MAX_TERMS];
    for (int q = 0; q < ay.out; ++q) {
        const int from = q * ay.down + ay.off, end = std::min(from + p.n2, ay.mid);
        mid_next = std::max(mid_next, from);
        for (; mid_next < end; ++mid_next) {
            Code<F> *const codes = mask ? mask + (size_t)mid_next * ax.mid : nullptr;
            if (p.mode == RECALL) std::memcpy(s.code + (first - m0), codes + first, sizeof(Code<F>) * (until - first));
            for (int term = 0; term < p.terms1; ++term) {
                const Phase<F> &phase = p.py[term][mid_next % ay.up];
                const int start = phase.start + mid_next / ay.up, n = (int)phase.taps.size();
                in_next = std::max(in_next, std::min(start, ay.in));
                for (; in_next < std::min(start + n, ay.in); ++in_next)
                    read_row<F>(x + (size_t)in_next * ax.in, in_plane, planes, ax.in, i0, p.inputs, bias,
                                s.input + (size_t)(in_next % p.in_ring) * p.inputs);
                for (int t = 0; t < n; ++t)
                    rows[t] = start + t < 0 || start + t >= ay.in ? s.zero : s.input + (size_t)((start + t) % p.in_ring) * p.inputs;
                combine<F>(s.tall, rows, phase.taps.data(), n, p.inputs);
                const bool last = term == p.terms1 - 1;
                for (int m = first; m < std::min(first + ax.up, until); ++m) {
                    const Phase<F> &along = p.px[term][m % ax.up];
                    const Vec<F> *src = s.tall + (along.start + m / ax.up - i0);
                    const int count = (until - m + ax.up - 1) / ax.up, n1 = (int)along.taps.size();
                    Vec<F> *dst = s.active + (m - m0);
                    Code<F> *code = s.code + (m - m0);
                    if (term == 0) correlate_act<F, false>(src, dst, count, ax.up, along.taps.data(), n1, p.activation, code, last ? p.mode : -1);
                    else correlate_act<F, true>(src, dst, count, ax.up, along.taps.data(), n1, p.activation, code, last ? p.mode : -1);
                }
            }
            if (p.mode == ACTIVATE_AND_REMEMBER && own1 > own0)
                std::memcpy(codes + own0, s.code + (own0 - m0), sizeof(Code<F>) * (own1 - own0));
            Vec<F> *lowered = s.lowered + (size_t)(mid_next % p.out_ring) * p.terms2 * p.strip;
            for (int term = 0; term < p.terms2; ++term)
                correlate<F, false, -1>(s.active, lowered + term * p.strip, width, 1, p.h2x + term * p.n2, p.n2, ax.down, p.activation, s.code);
        }
        int count = 0;
        for (int term = 0; term < p.terms2; ++term)
            for (int k = 0; k < p.n2; ++k) {
                const int m = from + k;
                if (m < 0 || m >= ay.mid) continue;
                rows[count] = s.lowered + ((size_t)(m % p.out_ring) * p.terms2 + term) * p.strip;
                taps[count++] = p.h2y[term * p.n2 + k];
            }
        combine<F>(s.line, rows, taps, count, width);
        write_row<F>(s.line, width, planes, y + (size_t)q * ax.out + q0, out_plane);
    }
}

// axes: in, mid, out, up, down, pad, off for x, then for y. h1x, h1y: [terms1, n1]; h2x, h2y:
// [terms2, n2]. mask: [lots of planes, mid rows, mid columns]. Returns 0, or 1 when a filter is too
// long or has too many terms.
template <typename F>
int filtered_lrelu(const F *x, const F *bias, Code<F> *mask, F *y, int64_t planes, int64_t channels,
                   const F *h1x, const F *h1y, int n1, int terms1, const F *h2x, const F *h2y, int n2,
                   int terms2, const int *axes, int mode, F gain, F slope, F clamp) {
    constexpr int L = Lanes<F>::count;
    if (n1 > MAX_TAPS || n2 > MAX_TAPS || terms1 > MAX_TERMS || terms2 > MAX_TERMS) return 1;
    Plan<F> p;
    p.x = {axes[0], axes[1], axes[2], axes[3], axes[4], axes[5], axes[6]};
    p.y = {axes[7], axes[8], axes[9], axes[10], axes[11], axes[12], axes[13]};
    p.n2 = n2, p.terms1 = terms1, p.terms2 = terms2;
    p.h2x = h2x, p.h2y = h2y, p.mode = mode, p.activation = {gain, slope, clamp};
    for (int term = 0; term < terms1; ++term) {
        p.px.push_back(phases(h1x + term * n1, n1, p.x));
        p.py.push_back(phases(h1y + term * n1, n1, p.y));
    }
    const int64_t lots = (planes + L - 1) / L;
    // Narrower strips cost more at their rims, an idle thread costs more still.
    const int64_t idle = (omp_get_max_threads() + lots - 1) / lots;
    const int narrow = (int)std::min<int64_t>(idle, std::max(1, p.x.out / 32));
    p.strips = std::max((p.x.out + STRIP - 1) / STRIP, narrow);
    p.strip = (p.x.out + p.strips - 1) / p.strips;
    p.strips = (p.x.out + p.strip - 1) / p.strip;
    p.mids = (p.strip - 1) * p.x.down + n2;
    p.inputs = p.mids / p.x.up + (n1 + p.x.up - 1) / p.x.up + 3;
    p.in_ring = ring_size(n1 / p.y.up + 3);
    p.out_ring = ring_size(n2 + p.y.down);
    const size_t in_plane = (size_t)p.x.in * p.y.in, out_plane = (size_t)p.x.out * p.y.out;
    const size_t mid_plane = (size_t)p.x.mid * p.y.mid;
#pragma omp parallel
    {
        Scratch<F> s(p);
        F biases[L];
#pragma omp for schedule(static) collapse(2)
        for (int64_t lot = 0; lot < lots; ++lot)
            for (int strip = 0; strip < p.strips; ++strip) {
                const int64_t first = lot * L;
                const int count = (int)std::min<int64_t>(L, planes - first);
                for (int l = 0; l < L; ++l) biases[l] = bias ? bias[(first + l) % channels] : F(0);
                run_strip<F>(p, x + first * in_plane, bias ? biases : nullptr, count,
                             mask ? mask + lot * mid_plane : nullptr, y + first * out_plane, strip, s);
            }
    }
    return 0;
}

}  // namespace

#define NFTGAN_EXPORT(SUFFIX, F)                                                                     \
    extern "C" int nftgan_lanes_##SUFFIX() { return Lanes<F>::count; }                               \
    extern "C" int nftgan_filtered_lrelu_##SUFFIX(                                                   \
        const F *x, const F *bias, void *mask, F *y, int64_t planes, int64_t channels, const F *h1x, \
        const F *h1y, int n1, int terms1, const F *h2x, const F *h2y, int n2, int terms2,            \
        const int *axes, int mode, F gain, F slope, F clamp) {                                       \
        return filtered_lrelu<F>(x, bias, (Code<F> *)mask, y, planes, channels, h1x, h1y, n1,        \
                                 terms1, h2x, h2y, n2, terms2, axes, mode, gain, slope, clamp);      \
    }

NFTGAN_EXPORT(f32, float)
NFTGAN_EXPORT(f64, double)
