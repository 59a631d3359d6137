// Bias, noise, leaky ReLU, gain and clamp in one pass over memory, and its gradients in another.
//
// Planes are taken one by one and their numbers in order, so that neither threads nor the rest of a
// batch change a result. The slopes of the backward pass come from the output: its sign is that of what
// was activated, and what lies on the clamp was clamped.

#include <cstdint>
#include <omp.h>
#include <type_traits>

namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

constexpr int64_t ALONE = 1 << 15;  // numbers that are not worth waking other threads for

template <typename F>
struct Vector {
    typedef F type __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(F)), may_alias));
    static constexpr int lanes = VECTOR_BYTES / sizeof(F);
};

// A plane has `size` numbers, a sample `channels` planes.
struct Sizes {
    int64_t planes, channels, size;
};

template <typename F>
struct Act {
    F slope, gain, clamp;

    // Of a number or a vector; what is not a number stays none.
    template <typename V>
    V of(V v) const {
        const V none = V{}, most = none + clamp;
        v *= v > none ? none + gain : none + gain * slope;
        v = v < -most ? -most : v;
        return v > most ? most : v;
    }

    // Of its output.
    template <typename V>
    V slope_at(V y) const {
        const V none = V{};
        const V slope_there = y > none ? none + gain : none + gain * slope;
        return y < none + clamp ? (y > none - clamp ? slope_there : none) : none;
    }
};

using Whole = std::true_type;   // a vector
using Single = std::false_type;  // or one number

// Calls go(number of the first, Whole or Single) for [0, size), vector by vector.
template <typename F, typename Go>
inline void each(int64_t size, Go go) {
    int64_t i = 0;
    for (; i + Vector<F>::lanes <= size; i += Vector<F>::lanes) go(i, Whole());
    for (; i < size; ++i) go(i, Single());
}

template <typename F>
inline typename Vector<F>::type load(const F *x, Whole) {
    return *(const typename Vector<F>::type *)x;
}

template <typename F>
inline F load(const F *x, Single) {
    return *x;
}

template <typename F>
inline void store(F *y, typename Vector<F>::type value, Whole) {
    *(typename Vector<F>::type *)y = value;
}

template <typename F>
inline void store(F *y, F value, Single) {
    *y = value;
}

// y = clamp(gain * act(x + strength * noise + b)), b or noise null where there is none; noise_step: from one
// sample's noise to the next one's.
template <typename F>
void activate(const F *x, const F *b, const F *noise, int64_t noise_step, F strength, F *y, Sizes s, Act<F> act) {
#pragma omp parallel for schedule(static) if (s.planes * s.size > ALONE)
    for (int64_t p = 0; p < s.planes; ++p) {
        const F *const from = x + p * s.size, *const field = noise ? noise + p / s.channels * noise_step : nullptr;
        F *const to = y + p * s.size;
        const F bias = b ? b[p % s.channels] : F(0);
        each<F>(s.size, [&](int64_t i, auto kind) {
            auto v = load(from + i, kind);
            if (field) v += strength * load(field + i, kind);
            store(to + i, act.of(v + bias), kind);
        });
    }
}

// The sum of a vector's numbers, and a number's.
template <typename F>
inline F total(typename Vector<F>::type v) {
    F sum = 0;
    for (int l = 0; l < Vector<F>::lanes; ++l) sum += v[l];
    return sum;
}

// gx = g * slope where y was made; to sums [planes] those of gx, to products [planes] those of gx with the
// noise, or null.
template <typename F>
void slopes(const F *g, const F *y, const F *noise, int64_t noise_step, F *gx, F *sums, F *products, Sizes s,
            Act<F> act) {
    using Wide = typename Vector<F>::type;
#pragma omp parallel for schedule(static) if (s.planes * s.size > ALONE)
    for (int64_t p = 0; p < s.planes; ++p) {
        const F *const from = g + p * s.size, *const made = y + p * s.size;
        const F *const field = products ? noise + p / s.channels * noise_step : nullptr;
        F *const to = gx + p * s.size;
        Wide sum = {}, product = {};
        F rest = 0, rest_product = 0;
        each<F>(s.size, [&](int64_t i, auto kind) {
            const auto v = load(from + i, kind) * act.slope_at(load(made + i, kind));
            store(to + i, v, kind);
            if constexpr (decltype(kind)::value) {
                sum += v;
                if (field) product += v * load(field + i, kind);
            } else {
                rest += v;
                if (field) rest_product += v * field[i];
            }
        });
        if (sums) sums[p] = total<F>(sum) + rest;
        if (products) products[p] = total<F>(product) + rest_product;
    }
}

}  // namespace

#define NFTGAN_EXPORT(SUFFIX, F)                                                                              \
    extern "C" void nftgan_activate_##SUFFIX(const F *x, const F *b, const F *noise, int64_t noise_step,     \
                                             F strength, F *y, int64_t planes, int64_t channels,             \
                                             int64_t size, F slope, F gain, F clamp) {                       \
        activate<F>(x, b, noise, noise_step, strength, y, {planes, channels, size}, {slope, gain, clamp});   \
    }                                                                                                         \
    extern "C" void nftgan_slopes_##SUFFIX(const F *g, const F *y, const F *noise, int64_t noise_step, F *gx, \
                                           F *sums, F *products, int64_t planes, int64_t channels,           \
                                           int64_t size, F slope, F gain, F clamp) {                         \
        slopes<F>(g, y, noise, noise_step, gx, sums, products, {planes, channels, size}, {slope, gain, clamp}); \
    }

NFTGAN_EXPORT(f32, float)
NFTGAN_EXPORT(f64, double)
