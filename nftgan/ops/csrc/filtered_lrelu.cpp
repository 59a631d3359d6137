// Fused upsample, leaky ReLU, downsample on planes of float32 or float64: the
// raised signal never leaves the cache.
//
// One plane at a time, rows in two rings: input rows raised along x, and rows raised along both axes
// with the activation applied. Every sum over filter taps runs across a row at unit stride.
// The adjoint of the whole is the same routine with the filters swapped and the mask in place of the
// activation, so one routine serves forward, backward and double backward.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

// u[m] = sum_k h1[k] xup[m + k - pad], xup zero-inserted; y[q] = sum_k h2[k] v[q * down + off + k].
struct Axis {
    int in, mid, out, up, down, pad, off;
};

constexpr int MAX_TAPS = 64;   // of a filter along one axis
constexpr int MAX_TERMS = 6;   // of a filter that is a sum of separable ones
constexpr int MAX_ROWS = MAX_TAPS * MAX_TERMS;

template <int T, bool ADD, typename F>
void sum_rows(F *__restrict dst, const F *const *rows, const F *h, int n) {
    for (int c = 0; c < n; ++c) {
        F sum = ADD ? dst[c] : F(0);
        for (int t = 0; t < T; ++t) sum += h[t] * rows[t][c];
        dst[c] = sum;
    }
}

template <bool ADD, typename F>
void sum_few(F *__restrict dst, const F *const *rows, const F *h, int taps, int n) {
    switch (taps) {
        case 1: return sum_rows<1, ADD, F>(dst, rows, h, n);
        case 2: return sum_rows<2, ADD, F>(dst, rows, h, n);
        case 3: return sum_rows<3, ADD, F>(dst, rows, h, n);
        case 4: return sum_rows<4, ADD, F>(dst, rows, h, n);
        case 5: return sum_rows<5, ADD, F>(dst, rows, h, n);
        case 6: return sum_rows<6, ADD, F>(dst, rows, h, n);
        case 7: return sum_rows<7, ADD, F>(dst, rows, h, n);
        case 8: return sum_rows<8, ADD, F>(dst, rows, h, n);
        case 9: return sum_rows<9, ADD, F>(dst, rows, h, n);
        case 10: return sum_rows<10, ADD, F>(dst, rows, h, n);
        case 11: return sum_rows<11, ADD, F>(dst, rows, h, n);
        case 12: return sum_rows<12, ADD, F>(dst, rows, h, n);
        case 24: return sum_rows<24, ADD, F>(dst, rows, h, n);
    }
}

// dst[c] = sum_t h[t] rows[t][c]; as many rows at once as the registers and caches like.
template <typename F>
void combine(F *__restrict dst, const F *const *rows, const F *h, int taps, int n) {
    if (taps == 0) {
        std::memset(dst, 0, sizeof(F) * n);
        return;
    }
    int done = taps == 24 ? 24 : std::min(taps, 12);
    sum_few<false, F>(dst, rows, h, done, n);
    for (; done < taps; done += std::min(taps - done, 12))
        sum_few<true, F>(dst, rows + done, h + done, std::min(taps - done, 12), n);
}

int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
int modulo(int a, int b) { return ((a % b) + b) % b; }

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
    int n1, n2, terms1, terms2;
    const F *h2x, *h2y;                    // [terms2, n2]
    std::vector<std::vector<Phase<F>>> px, py;    // [terms1][up]
    int margin, padded;  // of an input row, so that no tap needs a bounds check
    int raised_ring, active_ring, wide_stride;
};

template <typename F>
struct Scratch {
    std::vector<F> row, raised, active, wide, zero, phase;
};

int ring_size(int rows) {
    int size = 1;
    while (size < rows) size *= 2;
    return size;
}

// One input row raised along x, once for each term: the terms lie `stride` apart in dst.
template <typename F>
void raise_row(const Plan<F> &plan, const F *src, F bias, F *dst, size_t stride, Scratch<F> &s) {
    const Axis &a = plan.x;
    F *row = s.row.data();
    std::memset(row, 0, sizeof(F) * plan.padded);
    for (int c = 0; c < a.in; ++c) row[plan.margin + c] = src[c] + bias;
    for (int term = 0; term < plan.terms1; ++term, dst += stride)
        for (int p = 0; p < a.up; ++p) {
            int count = (a.mid - p + a.up - 1) / a.up;
            if (count <= 0) continue;
            const Phase<F> &phase = plan.px[term][p];
            const F *rows[MAX_TAPS];
            int taps = (int)phase.taps.size();
            for (int t = 0; t < taps; ++t) rows[t] = row + plan.margin + phase.start + t;
            F *out = a.up == 1 ? dst : s.phase.data();
            combine(out, rows, phase.taps.data(), taps, count);
            if (a.up > 1)
                for (int j = 0; j < count; ++j) dst[p + a.up * j] = out[j];
        }
}

// src has a row for each term, with a margin of zeros on both sides, so that `off` may lie outside.
template <typename F>
void lower_row(const Plan<F> &plan, const F *src, F *dst, Scratch<F> &s) {
    const Axis &a = plan.x;
    const F *rows[MAX_ROWS];
    int length = a.out + (plan.n2 + a.down - 1) / a.down;
    F *lane = s.phase.data();
    for (int term = 0; term < plan.terms2; ++term, src += plan.wide_stride) {
        const F **mine = rows + term * plan.n2;
        if (a.down == 1) {
            for (int k = 0; k < plan.n2; ++k) mine[k] = src + a.off + k;
            continue;
        }
        for (int k = 0; k < plan.n2; ++k) mine[k] = lane + (k % a.down) * length + k / a.down;
        for (int p = 0; p < a.down; ++p, lane += length)
            for (int j = 0; j < length; ++j) lane[j] = src[a.off + p + a.down * j];
    }
    combine(dst, rows, plan.h2x, plan.terms2 * plan.n2, a.out);
}

enum Mode { ACTIVATE = 0, ACTIVATE_AND_REMEMBER = 1, RECALL = 2 };

template <typename F>
void act_row(F *v, uint8_t *mask, int n, int mode, F gain, F slope, F clamp) {
    if (mode == RECALL) {
        const F factor[4] = {gain, gain * slope, F(0), F(0)};
        for (int c = 0; c < n; ++c) v[c] *= mask[c] == 0 ? factor[0] : mask[c] == 1 ? factor[1] : F(0);
        return;
    }
    const F low = gain * slope;
    if (mode == ACTIVATE_AND_REMEMBER)
        for (int c = 0; c < n; ++c) {
            F u = v[c], w = u * (u >= F(0) ? gain : low);
            mask[c] = (w > clamp || w < -clamp) ? 2 : (u >= F(0) ? 0 : 1);
            v[c] = std::min(std::max(w, -clamp), clamp);
        }
    else
        for (int c = 0; c < n; ++c) {
            F u = v[c], w = u * (u >= F(0) ? gain : low);
            v[c] = std::min(std::max(w, -clamp), clamp);
        }
}

template <typename F>
void run_plane(const Plan<F> &plan, const F *x, F bias, uint8_t *mask, F *y, int mode,
               F gain, F slope, F clamp, Scratch<F> &s) {
    const Axis &ax = plan.x, &ay = plan.y;
    const size_t ring = (size_t)plan.raised_ring * ax.mid;  // of one term
    int raised_next = 0, active_next = 0;
    const F *rows[MAX_ROWS];
    F taps[MAX_ROWS];
    for (int q = 0; q < ay.out; ++q) {
        int from = q * ay.down + ay.off, until = std::min(from + plan.n2, ay.mid);
        for (; active_next < until; ++active_next) {
            F *dst = s.active.data() + (size_t)(active_next % plan.active_ring) * ax.mid;
            if (active_next < from) continue;  // no output looks at it
            int count = 0;
            for (int term = 0; term < plan.terms1; ++term) {
                const Phase<F> &phase = plan.py[term][active_next % ay.up];
                int start = phase.start + active_next / ay.up;
                for (int t = 0; t < (int)phase.taps.size(); ++t) {
                    int i = start + t;
                    if (i < 0 || i >= ay.in) continue;
                    raised_next = std::max(raised_next, std::min(i, start < 0 ? 0 : start));
                    for (; raised_next <= i; ++raised_next)
                        raise_row(plan, x + (size_t)raised_next * ax.in, bias,
                                  s.raised.data() + (size_t)(raised_next % plan.raised_ring) * ax.mid,
                                  ring, s);
                    rows[count] = s.raised.data() + term * ring + (size_t)(i % plan.raised_ring) * ax.mid;
                    taps[count++] = phase.taps[t];
                }
            }
            combine(dst, rows, taps, count, ax.mid);
            act_row(dst, mask ? mask + (size_t)active_next * ax.mid : nullptr, ax.mid, mode, gain,
                    slope, clamp);
        }
        for (int term = 0; term < plan.terms2; ++term) {
            int count = 0;
            for (int k = 0; k < plan.n2; ++k) {
                int m = from + k;
                if (m < 0 || m >= ay.mid) continue;
                rows[count] = s.active.data() + (size_t)(m % plan.active_ring) * ax.mid;
                taps[count++] = plan.h2y[term * plan.n2 + k];
            }
            combine(s.wide.data() + MAX_TAPS + (size_t)term * plan.wide_stride, rows, taps, count, ax.mid);
        }
        lower_row(plan, s.wide.data() + MAX_TAPS, y + (size_t)q * ax.out, s);
    }
    // Rows that no output looked at still own a place in the mask.
    if (mode == ACTIVATE_AND_REMEMBER && active_next < ay.mid)
        std::memset(mask + (size_t)active_next * ax.mid, 2, (size_t)(ay.mid - active_next) * ax.mid);
}

// axes: in, mid, out, up, down, pad, off for x, then for y. h1x, h1y: [terms1, n1]; h2x, h2y:
// [terms2, n2]. Returns 0, or 1 when a filter is too long or has too many terms.
template <typename F>
int filtered_lrelu(const F *x, const F *bias, uint8_t *mask, F *y, int64_t planes, int64_t channels,
                   const F *h1x, const F *h1y, int n1, int terms1, const F *h2x, const F *h2y, int n2,
                   int terms2, const int *axes, int mode, F gain, F slope, F clamp) {
    if (n1 > MAX_TAPS || n2 > MAX_TAPS || terms1 > MAX_TERMS || terms2 > MAX_TERMS) return 1;
    Plan<F> plan;
    plan.x = {axes[0], axes[1], axes[2], axes[3], axes[4], axes[5], axes[6]};
    plan.y = {axes[7], axes[8], axes[9], axes[10], axes[11], axes[12], axes[13]};
    plan.n1 = n1, plan.n2 = n2, plan.terms1 = terms1, plan.terms2 = terms2;
    plan.h2x = h2x, plan.h2y = h2y;
    for (int term = 0; term < terms1; ++term) {
        plan.px.push_back(phases(h1x + term * n1, n1, plan.x));
        plan.py.push_back(phases(h1y + term * n1, n1, plan.y));
    }
    int lowest = 0, highest = plan.x.in;
    for (const Phase<F> &p : plan.px[0]) {
        lowest = std::min(lowest, p.start);
        highest = std::max(highest, p.start + plan.x.mid / plan.x.up + 1 + (int)p.taps.size());
    }
    plan.margin = -lowest;
    plan.padded = highest - lowest + 1;
    plan.raised_ring = ring_size(n1 / plan.y.up + 2);
    plan.active_ring = ring_size(n2 + plan.y.down);
    // Zeros around the row: `off` and the last taps may reach outside of it.
    const int reach = std::max(0, plan.x.off + plan.x.out * plan.x.down + n2 + plan.x.down - plan.x.mid);
    plan.wide_stride = MAX_TAPS + plan.x.mid + std::max(MAX_TAPS, reach + 8);
    const size_t in_plane = (size_t)plan.x.in * plan.y.in, out_plane = (size_t)plan.x.out * plan.y.out;
    const size_t mid_plane = (size_t)plan.x.mid * plan.y.mid;
    const int lanes = plan.x.out + (n2 + plan.x.down - 1) / plan.x.down;
#pragma omp parallel
    {
        Scratch<F> s;
        s.row.resize(plan.padded);
        s.raised.resize((size_t)plan.raised_ring * plan.x.mid * terms1);
        s.active.resize((size_t)plan.active_ring * plan.x.mid);
        s.wide.assign((size_t)plan.wide_stride * terms2, F(0));
        s.phase.resize(std::max(plan.x.mid + 8, terms2 * plan.x.down * (lanes + 1)));
#pragma omp for schedule(static)
        for (int64_t i = 0; i < planes; ++i) {
            run_plane(plan, x + i * in_plane, bias ? bias[i % channels] : F(0),
                      mask ? mask + i * mid_plane : nullptr, y + i * out_plane, mode, gain, slope,
                      clamp, s);
        }
    }
    return 0;
}

}  // namespace

#define NFTGAN_EXPORT(NAME, F)                                                                       \
    extern "C" int NAME(const F *x, const F *bias, uint8_t *mask, F *y, int64_t planes,              \
                        int64_t channels, const F *h1x, const F *h1y, int n1, int terms1,            \
                        const F *h2x, const F *h2y, int n2, int terms2, const int *axes, int mode,   \
                        F gain, F slope, F clamp) {                                                  \
        return filtered_lrelu<F>(x, bias, mask, y, planes, channels, h1x, h1y, n1, terms1, h2x, h2y, \
                                 n2, terms2, axes, mode, gain, slope, clamp);                        \
    }

NFTGAN_EXPORT(nftgan_filtered_lrelu_f32, float)
NFTGAN_EXPORT(nftgan_filtered_lrelu_f64, double)
