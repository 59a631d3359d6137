// What `prepare` does with every pixel, in whole numbers: the bytes that Pillow and NumPy give, sooner.
//
// A square is reduced by whole blocks, then filtered by Lanczos in two passes, rows first, each
// rounded to 8 bits; weights have 22 bits after the point. A sum of whole numbers is the same in any
// order, so vectors of any width give one result. Nothing but the given arrays is written, and no
// array is read outside of what its arguments say.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace {

typedef int32_t Sums __attribute__((vector_size(64)));
typedef int32_t Four __attribute__((vector_size(16)));
constexpr int LANES = 16, BITS = 22, HALF = 1 << (BITS - 1);
constexpr double LOBES = 3, PI = 3.14159265358979323846;

inline uint8_t level(int32_t sum) { return uint8_t(std::clamp(sum >> BITS, 0, 255)); }

// Four levels at once.
inline void put(uint8_t *to, Four sums) {
    sums >>= BITS;
#if defined(__SSE2__)
    __m128i whole;
    std::memcpy(&whole, &sums, sizeof whole);
    whole = _mm_packs_epi32(whole, whole);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(whole, whole));
    std::memcpy(to, &bytes, sizeof bytes);
#else
    for (int c = 0; c < 4; c++) to[c] = uint8_t(std::clamp(sums[c], 0, 255));
#endif
}

double sinc(double x) {
    if (x == 0) return 1;
    x *= PI;
    return std::sin(x) / x;
}

double lanczos(double x) { return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0; }

// For each of `outs` places: the first of the `ins` samples that it takes, and their weights.
struct Taps {
    int64_t most;  // samples for one place
    std::vector<int64_t> first, count;
    std::vector<int32_t> weights;  // [outs, most]

    Taps(int64_t ins, double length, int64_t outs) : first(outs), count(outs) {
        const double scale = length / double(outs), spread = std::max(scale, 1.0);
        const double reach = LOBES * spread, inverse = 1.0 / spread;
        most = int64_t(std::ceil(reach)) * 2 + 1;
        weights.assign(outs * most, 0);
        std::vector<double> exact(most);
        for (int64_t out = 0; out < outs; out++) {
            const double center = (double(out) + 0.5) * scale;
            const int64_t low = std::max<int64_t>(int64_t(center - reach + 0.5), 0);
            const int64_t high = std::min<int64_t>(int64_t(center + reach + 0.5), ins);
            double sum = 0;
            for (int64_t k = 0; k < high - low; k++) {
                exact[k] = lanczos((double(k + low) - center + 0.5) * inverse);
                sum += exact[k];
            }
            for (int64_t k = 0; k < high - low; k++) {
                const double weight = (sum != 0 ? exact[k] / sum : exact[k]) * (1 << BITS);
                weights[out * most + k] = int32_t(weight < 0 ? weight - 0.5 : weight + 0.5);
            }
            first[out] = low;
            count[out] = high - low;
        }
    }
};

// Rows of C samples a pixel [rows, pitch] to rows of as many pixels as there are taps.
template <int C>
void across(const uint8_t *in, int64_t pitch, int64_t rows, const Taps &taps, uint8_t *out, int64_t to) {
    const int64_t outs = int64_t(taps.first.size());
    const int64_t used = *std::max_element(taps.count.begin(), taps.count.end());
    const int64_t blocks = (used * C + LANES - 1) / LANES;
    // A weight for each sample of a block, zero where a block ends after the taps, maybe past the row.
    std::vector<int32_t> spread(outs * blocks * LANES, 0);
    for (int64_t x = 0; x < outs; x++)
        for (int64_t k = 0; k < taps.count[x] * C; k++)
            spread[x * blocks * LANES + k] = taps.weights[x * taps.most + k / C];
    std::vector<int32_t> wide(pitch + blocks * LANES, 0);
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t k = 0; k < pitch; k++) wide[k] = in[y * pitch + k];
        const int32_t *weights = spread.data();
        for (int64_t x = 0; x < outs; x++) {
            const int32_t *from = wide.data() + taps.first[x] * C;
            Sums sums = {};
            for (int64_t block = 0; block < blocks; block++, weights += LANES) {
                Sums weight, samples;
                std::memcpy(&weight, weights, sizeof weight);
                std::memcpy(&samples, from + block * LANES, sizeof samples);
                sums += samples * weight;
            }
            Four part[4];
            std::memcpy(part, &sums, sizeof part);
            const Four sum = (part[0] + part[1]) + (part[2] + part[3]) + HALF;
            if (C == 1)
                out[y * to + x] = level(sum[0] + sum[1] + sum[2] + sum[3] - 3 * HALF);
            else
                put(out + y * to + x * C, sum);
        }
    }
}

// Rows [rows, pitch] to as many rows [outs, pitch] as there are taps.
void down(const uint8_t *in, int64_t pitch, const Taps &taps, uint8_t *out) {
    const int64_t outs = int64_t(taps.first.size());
    std::vector<int32_t> sums(pitch);
    for (int64_t y = 0; y < outs; y++) {
        const uint8_t *from = in + taps.first[y] * pitch;
        std::fill(sums.begin(), sums.end(), HALF);
        for (int64_t k = 0; k < taps.count[y]; k++) {
            const int32_t weight = taps.weights[y * taps.most + k];
            for (int64_t x = 0; x < pitch; x++) sums[x] += from[k * pitch + x] * weight;
        }
        for (int64_t x = 0; x < pitch; x++) out[y * pitch + x] = level(sums[x]);
    }
}

// Means of `wide` neighbours in the sums of `high` rows, for every place where they may begin.
void means(const uint32_t *column, int64_t places, int64_t pixel, int64_t wide, int64_t high, uint8_t *out) {
    const uint32_t many = uint32_t(high * wide), half = many / 2;
    const uint32_t inverse = uint32_t(4294967296.0f / float(256 * many));
    for (int64_t k = 0; k < places; k++) {
        uint32_t sum = half;
        for (int64_t i = 0; i < wide; i++) sum += column[k + i * pixel];
        out[k] = uint8_t((sum * inverse) >> 24);
    }
}

// Means of whole blocks of factor x factor pixels, what is left at the right and below by itself.
template <int C>  // samples of a pixel; three are written as four
void reduced(const uint8_t *in, int64_t row, int64_t pixel, int64_t side, int64_t factor, uint8_t *out,
             int64_t pitch) {
    constexpr int WRITTEN = C == 3 ? 4 : C;
    const int64_t outs = (side + factor - 1) / factor, whole = side / factor, left = side % factor;
    const int64_t bytes = (side - 1) * pixel + C;  // the array may end with its last sample
    std::vector<uint32_t> column(bytes);
    std::vector<uint8_t> mean(bytes + WRITTEN);
    for (int64_t y = 0; y < outs; y++) {
        const uint8_t *from = in + y * factor * row;
        const int64_t high = std::min(factor, side - y * factor);
        if (factor == 1) {
            std::memcpy(mean.data(), from, bytes);
        } else {
            for (int64_t k = 0; k < bytes; k++) column[k] = from[k];
            for (int64_t j = 1; j < high; j++)
                for (int64_t k = 0; k < bytes; k++) column[k] += from[j * row + k];
            if (factor == 2)  // by far the most frequent: its loop is unrolled
                means(column.data(), bytes - pixel, pixel, 2, high, mean.data());
            else
                for (int64_t x = 0; x < whole; x++)
                    means(column.data() + x * factor * pixel, C, pixel, factor, high,
                          mean.data() + x * factor * pixel);
            if (left)
                means(column.data() + whole * factor * pixel, C, pixel, left, high,
                      mean.data() + whole * factor * pixel);
        }
        for (int64_t x = 0; x < outs; x++)
            std::memcpy(out + y * pitch + x * WRITTEN, mean.data() + x * factor * pixel, WRITTEN);
    }
}

template <int C>
void resize(const uint8_t *in, int64_t row, int64_t pixel, int64_t side, int64_t factor, int64_t outs,
            uint8_t *out) {
    constexpr int HELD = C == 3 ? 4 : C;
    const int64_t ins = (side + factor - 1) / factor;
    const Taps taps(ins, float(double(side) / double(factor)), outs);
    const int64_t pitch = ins * HELD, to = outs * HELD;
    std::vector<uint8_t> small(ins * pitch, 0);
    reduced<C>(in, row, pixel, side, factor, small.data(), pitch);
    std::vector<uint8_t> narrow(ins * to), done(outs * to);
    across<HELD>(small.data(), pitch, ins, taps, narrow.data(), to);
    down(narrow.data(), to, taps, done.data());
    for (int64_t y = 0; y < outs; y++)
        for (int64_t x = 0; x < outs; x++)
            for (int c = 0; c < C; c++) out[(y * outs + x) * C + c] = done[y * to + x * HELD + c];
}

#if defined(__SSE2__)
typedef __m128i Pixel;  // 16-bit samples

template <int C>
inline Pixel loaded(const uint8_t *from) {
    uint16_t low, high;  // read as they were written, or the processor waits for its own memory
    std::memcpy(&low, from, sizeof low);
    if (C == 4)
        std::memcpy(&high, from + 2, sizeof high);
    else
        high = from[2];
    const int32_t bytes = int32_t(uint32_t(low) | uint32_t(high) << 16);
    return _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), _mm_setzero_si128());
}

template <int C>
inline void stored(uint8_t *to, Pixel pixel) {
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(pixel, pixel));
    const uint16_t low = uint16_t(bytes), high = uint16_t(bytes >> 16);
    std::memcpy(to, &low, sizeof low);
    if (C == 4)
        std::memcpy(to + 2, &high, sizeof high);
    else
        to[2] = uint8_t(high);
}

inline Pixel sum_of(Pixel a, Pixel b) { return _mm_and_si128(_mm_add_epi16(a, b), _mm_set1_epi16(255)); }

inline Pixel mean_of(Pixel a, Pixel b) { return _mm_srli_epi16(_mm_add_epi16(a, b), 1); }

inline Pixel size_of(Pixel x) { return _mm_max_epi16(x, _mm_sub_epi16(_mm_setzero_si128(), x)); }

inline Pixel chosen(Pixel mask, Pixel yes, Pixel no) {
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

// Paeth's guess from the pixels at the left, above, and in the corner between.
inline Pixel guess_of(Pixel left, Pixel above, Pixel corner) {
    const Pixel to_left = _mm_sub_epi16(above, corner), to_above = _mm_sub_epi16(left, corner);
    const Pixel a = size_of(to_left), b = size_of(to_above), c = size_of(_mm_add_epi16(to_left, to_above));
    const Pixel least = _mm_min_epi16(_mm_min_epi16(a, b), c);
    const Pixel other = chosen(_mm_cmpeq_epi16(least, b), above, corner);
    return chosen(_mm_cmpeq_epi16(least, a), left, other);
}
#else
struct Pixel {
    int samples[4] = {};
};

template <int C>
inline Pixel loaded(const uint8_t *from) {
    Pixel pixel;
    for (int c = 0; c < C; c++) pixel.samples[c] = from[c];
    return pixel;
}

template <int C>
inline void stored(uint8_t *to, const Pixel &pixel) {
    for (int c = 0; c < C; c++) to[c] = uint8_t(pixel.samples[c]);
}

inline Pixel sum_of(Pixel a, const Pixel &b) {
    for (int c = 0; c < 4; c++) a.samples[c] = (a.samples[c] + b.samples[c]) & 255;
    return a;
}

inline Pixel mean_of(Pixel a, const Pixel &b) {
    for (int c = 0; c < 4; c++) a.samples[c] = (a.samples[c] + b.samples[c]) >> 1;
    return a;
}

// Paeth's guess from the pixels at the left, above, and in the corner between.
inline Pixel guess_of(Pixel left, const Pixel &above, const Pixel &corner) {
    for (int i = 0; i < 4; i++) {
        const int to_left = above.samples[i] - corner.samples[i], to_above = left.samples[i] - corner.samples[i];
        const int a = std::abs(to_left), b = std::abs(to_above), c = std::abs(to_left + to_above);
        if (a > b || a > c) left.samples[i] = b <= c ? above.samples[i] : corner.samples[i];
    }
    return left;
}
#endif

// One row's filter undone, `above` the finished row before it (PNG, section 9).
template <int C>
bool unfiltered(int filter, uint8_t *row, const uint8_t *above, int64_t bytes) {
    Pixel left = {}, corner = {};
    switch (filter) {
        case 0:
            return true;
        case 1:
            for (int64_t k = 0; k < bytes; k += C) {
                left = sum_of(loaded<C>(row + k), left);
                stored<C>(row + k, left);
            }
            return true;
        case 2:
            for (int64_t k = 0; k < bytes; k++) row[k] = uint8_t(row[k] + above[k]);
            return true;
        case 3:
            for (int64_t k = 0; k < bytes; k += C) {
                left = sum_of(loaded<C>(row + k), mean_of(left, loaded<C>(above + k)));
                stored<C>(row + k, left);
            }
            return true;
        case 4:
            for (int64_t k = 0; k < bytes; k += C) {
                const Pixel over = loaded<C>(above + k);
                left = sum_of(loaded<C>(row + k), guess_of(left, over, corner));
                stored<C>(row + k, left);
                corner = over;
            }
            return true;
        default:
            return false;
    }
}

template <int C>
bool unfilter(uint8_t *rows, int64_t height, int64_t bytes) {
    const std::vector<uint8_t> nothing(bytes, 0);
    const uint8_t *above = nothing.data();
    for (int64_t y = 0; y < height; y++) {
        uint8_t *row = rows + y * (bytes + 1);
        if (!unfiltered<C>(row[0], row + 1, above, bytes)) return false;
        above = row + 1;
    }
    return true;
}

inline int64_t weight_of(uint8_t difference) { return std::abs(int(int8_t(difference))); }

}  // namespace

extern "C" {

// The square `in` [side, side] of 1 or 3 samples, `row` and `pixel` bytes from one to the next, to
// `out` [outs, outs]. 0 when done, 1 for want of memory.
int nftgan_resize(const uint8_t *in, int64_t row, int64_t pixel, int64_t samples, int64_t side,
                  int64_t factor, int64_t outs, uint8_t *out) {
    try {
        samples == 3 ? resize<3>(in, row, pixel, side, factor, outs, out)
                     : resize<1>(in, row, pixel, side, factor, outs, out);
        return 0;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

// The rows [height, 1 + width * samples] of a PNG without their filters, in place, of 3 or 4 samples
// of 8 bits. 0 when done, 1 for want of memory, 2 for a filter that does not exist.
int nftgan_unfilter(uint8_t *rows, int64_t height, int64_t width, int64_t samples) {
    try {
        const bool known = samples == 3 ? unfilter<3>(rows, height, width * 3)
                                        : unfilter<4>(rows, height, width * 4);
        return known ? 0 : 2;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

// `pixels` [height, bytes] as rows [height, 1 + bytes] of one filter, Sub or Up: the one that leaves
// less, as the sum of absolute signed bytes.
void nftgan_filter(const uint8_t *pixels, int64_t height, int64_t bytes, int64_t samples, uint8_t *rows) {
    int64_t sub = 0, up = 0;
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + y * bytes;
        int32_t one = 0, two = 0;
        for (int64_t k = 0; k < samples; k++) one += int32_t(weight_of(row[k]));
        for (int64_t k = samples; k < bytes; k++) one += int32_t(weight_of(uint8_t(row[k] - row[k - samples])));
        if (y == 0)
            for (int64_t k = 0; k < bytes; k++) two += int32_t(weight_of(row[k]));
        else
            for (int64_t k = 0; k < bytes; k++) two += int32_t(weight_of(uint8_t(row[k] - row[k - bytes])));
        sub += one, up += two;
    }
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + y * bytes;
        uint8_t *to = rows + y * (bytes + 1);
        *to++ = up < sub ? 2 : 1;
        if (up >= sub) {
            std::memcpy(to, row, samples);
            for (int64_t k = samples; k < bytes; k++) to[k] = uint8_t(row[k] - row[k - samples]);
        } else if (y == 0) {
            std::memcpy(to, row, bytes);
        } else {
            for (int64_t k = 0; k < bytes; k++) to[k] = uint8_t(row[k] - row[k - bytes]);
        }
    }
}

}  // extern "C"
