// The arithmetic of renderer f64-1 (docs/determinism.md) for WebAssembly, and a float32 preview of it.
//
// Reading order: numbers, latent, dense layers, modulated weights, convolution, filters, input, pixels.
//
// Assumptions: freestanding wasm32 with 128-bit vectors; IEEE arithmetic as written (no fused
// multiply-add, no reordering); the caller owns the memory above `__heap_base` and checks sizes.
//
// A plane holds one vector a pixel: `lanes` channels side by side (2 of float64, 4 of float32), so
// that filters along both axes read like scalar code. An image x is [groups][plane], a group being
// `lanes` channels; lanes beyond the last channel hold zeros or what nobody reads.

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

using u32 = unsigned;
using u64 = unsigned long long;

namespace {

// ---- numbers: the same on every engine, because nothing here comes from a library

constexpr double pi = 3.14159265358979323846;

double root(double x) { return __builtin_sqrt(x); }  // one instruction, correctly rounded
double nearest(double x) { return __builtin_rint(x); }
double absolute(double x) { return __builtin_fabs(x); }

double from_bits(u64 bits) { return __builtin_bit_cast(double, bits); }
u64 to_bits(double x) { return __builtin_bit_cast(u64, x); }

// ln x for normal x > 0: x = m 2^e with m in [sqrt(1/2), sqrt 2), ln m = 2 artanh((m - 1) / (m + 1)).
double natural_log(double x) {
  u64 bits = to_bits(x);
  int exponent = int(bits >> 52) - 1023;
  double m = from_bits((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent += 1;
  }
  const double s = (m - 1) / (m + 1), q = s * s;
  double tail = 0;
  for (int k = 23; k >= 3; k -= 2) tail = (tail + 1.0 / k) * q;
  // ln 2 in two parts, the first with enough zero bits that exponent * high is exact
  const double high = 6.93147180369123816490e-01, low = 1.90821492927058770002e-10;
  return exponent * high + (2 * s + (2 * s * tail + exponent * low));
}

// e^x for |x| < 700: x = n ln 2 + r with |r| <= ln 2 / 2, then the series.
double exponential(double x) {
  const double n = nearest(x * 1.44269504088896338700);
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double sum = 1;
  for (int k = 18; k >= 1; --k) sum = 1 + sum * r / k;
  return sum * from_bits(u64(int(n) + 1023) << 52);
}

// sin and cos of 2 pi x: the quarter turns come off exactly, then the series on |angle| <= pi / 4.
void turn(double x, double& sine, double& cosine) {
  const double r = x - nearest(x);  // exact
  const double quarter = nearest(4 * r);
  const double angle = 2 * pi * (r - 0.25 * quarter), q = angle * angle;
  double s = 1, c = 1;
  for (int k = 18; k >= 2; k -= 2) {
    s = 1 - s * q / (k * (k + 1));
    c = 1 - c * q / (k * (k - 1));
  }
  s *= angle;
  switch (int(quarter) & 3) {
    case 0: sine = s, cosine = c; break;
    case 1: sine = c, cosine = -s; break;
    case 2: sine = -s, cosine = -c; break;
    default: sine = -c, cosine = s;
  }
}

template <class T> T least(T a, T b) { return a < b ? a : b; }
template <class T> T most(T a, T b) { return a > b ? a : b; }

// ---- vectors

typedef double f64x2 __attribute__((vector_size(16)));
typedef float f32x4 __attribute__((vector_size(16)));

template <class V> struct lane;
template <> struct lane<f64x2> { using type = double; static constexpr int count = 2; };
template <> struct lane<f32x4> { using type = float; static constexpr int count = 4; };

f64x2 splat(double x) { return f64x2{x, x}; }
f32x4 splat(float x) { return f32x4{x, x, x, x}; }

// Every lane of x where it is at least 0, else of y.
f64x2 where_positive(f64x2 x, f64x2 y) { return x >= splat(0.0) ? x : y; }
f32x4 where_positive(f32x4 x, f32x4 y) { return x >= splat(0.0f) ? x : y; }

template <class V> V clamp(V x, V limit) {
  x = x < limit ? x : limit;
  return x > -limit ? x : -limit;
}

// lrelu with slope 0.2, times sqrt 2, clamped to +-limit.
template <class V> V activate(V x, V limit) {
  using T = typename lane<V>::type;
  const V rising = splat(T(1.4142135623730951)), falling = splat(T(0.2));
  return clamp(rising * where_positive(x, falling * x), limit);
}

// ---- convolution: a matrix product, blocks of 4 pixels by 2 vectors of output channels

constexpr int depth = 256;   // products added up between two visits of the output
constexpr int across = 128;  // pixels whose inputs stay in the cache

// out[2][4 pixels] += a [count][2 lanes] times b [count][4 pixels]
template <class V, class T = typename lane<V>::type>
inline void multiply(const V* a, const T* b, int count, V* upper, V* lower) {
  V u0 = upper[0], u1 = upper[1], u2 = upper[2], u3 = upper[3];
  V l0 = lower[0], l1 = lower[1], l2 = lower[2], l3 = lower[3];
  for (int k = 0; k < count; ++k, a += 2, b += 4) {
    const V p = a[0], q = a[1];
    V s = splat(b[0]);
    u0 += p * s;
    l0 += q * s;
    s = splat(b[1]);
    u1 += p * s;
    l1 += q * s;
    s = splat(b[2]);
    u2 += p * s;
    l2 += q * s;
    s = splat(b[3]);
    u3 += p * s;
    l3 += q * s;
  }
  upper[0] = u0, upper[1] = u1, upper[2] = u2, upper[3] = u3;
  lower[0] = l0, lower[1] = l1, lower[2] = l2, lower[3] = l3;
}

inline void transpose(const f64x2* x, double* to) {  // 4 pixels of 2 channels -> 2 rows of 4 pixels
  f64x2* rows = reinterpret_cast<f64x2*>(to);
  rows[0] = f64x2{x[0][0], x[1][0]};
  rows[1] = f64x2{x[2][0], x[3][0]};
  rows[2] = f64x2{x[0][1], x[1][1]};
  rows[3] = f64x2{x[2][1], x[3][1]};
}

inline void transpose(const f32x4* x, float* to) {
  f32x4* rows = reinterpret_cast<f32x4*>(to);
  for (int c = 0; c < 4; ++c) rows[c] = f32x4{x[0][c], x[1][c], x[2][c], x[3][c]};
}

// out[o][p] = bias[o] + sum over taps (a, b) and channels of weight * x[c][p + a stride + b] for the
// pixels first <= p < last (multiples of 4) of a plane; rows follow each other, so that the last
// k - 1 pixels of a row mean nothing. x may be read 3 vectors past its end.
// weights: [blocks][k k groups lanes][2 lanes]; panel: vectors from one block to the next.
template <class V, class T = typename lane<V>::type>
void convolve(const V* x, int groups, int plane, int stride, int k, const V* weights, int panel,
              const V* bias, V* out, int out_plane, int blocks, int first, int last, T* scratch) {
  constexpr int lanes = lane<V>::count;
  const int total = k * k * groups * lanes;
  for (int p = first; p < last; p += across) {
    const int count = least(across, last - p) / 4;
    for (int block = 0; block < 2 * blocks; ++block) {
      V* to = out + block * out_plane + p;
      const V start = bias ? bias[block] : splat(T(0));
      for (int i = 0; i < 4 * count; ++i) to[i] = start;
    }
    for (int begin = 0; begin < total; begin += depth) {
      const int end = least(begin + depth, total);
      for (int row = begin; row < end; row += lanes) {
        const int tap = row / (groups * lanes), group = (row / lanes) % groups;
        const V* from = x + group * plane + p + (tap / k) * stride + tap % k;
        T* to = scratch + (row - begin) * 4;
        for (int i = 0; i < count; ++i) transpose(from + 4 * i, to + i * (depth * 4));
      }
      for (int block = 0; block < blocks; ++block) {
        const V* a = weights + block * panel + begin * 2;
        V* to = out + 2 * block * out_plane + p;
        for (int i = 0; i < count; ++i)
          multiply(a, scratch + i * (depth * 4), end - begin, to + 4 * i, to + out_plane + 4 * i);
      }
    }
  }
}

// ---- modulated weights

// weights [outs][ins][taps] -> packed [outs / 2 lanes][taps][ins rounded up to lanes][2 lanes].
// style [ins]. Bit 1 of `how`: each output is divided by its root mean square first; bit 2:
// demodulated (Karras et al. 2020, eq. 1 and 3). All are multiplied by gain.
template <class V, class T = typename lane<V>::type>
void modulate(const float* weights, const double* style, int outs, int ins, int taps, int how,
              double gain, T* packed) {
  constexpr int lanes = lane<V>::count, wide = 2 * lanes;
  const int padded = (ins + lanes - 1) / lanes * lanes;
  const int blocks = (outs + wide - 1) / wide;
  for (int i = 0; i < blocks * taps * padded * wide; ++i) packed[i] = 0;
  for (int o = 0; o < outs; ++o) {
    const float* w = weights + o * ins * taps;
    double before = 1;
    if (how & 1) {
      double sum = 0;
      for (int i = 0; i < ins * taps; ++i) sum += double(w[i]) * double(w[i]);
      before = root(sum / (ins * taps));
    }
    double scale = gain;
    if (how & 2) {
      double sum = 0;
      for (int c = 0; c < ins; ++c)
        for (int t = 0; t < taps; ++t) {
          const double value = w[c * taps + t] / before * style[c];
          sum += value * value;
        }
      scale = gain / root(sum + 1e-8);
    }
    T* to = packed + (o / wide) * taps * padded * wide + o % wide;
    for (int c = 0; c < ins; ++c)
      for (int t = 0; t < taps; ++t)
        to[(t * padded + c) * wide] = T(w[c * taps + t] / before * style[c] * scale);
  }
}

// ---- filters

// Along a line: to[j] = sum over i of f[j + taps - 1 - before - up i] x[i], `size` samples x.
// f already holds the factor `up`. Steps are in vectors.
template <class V, class T = typename lane<V>::type>
inline V raised(const V* x, int step, int size, const T* f, int taps, int up, int before, int j) {
  const int top = j + taps - 1 - before;
  int i = j - before <= 0 ? 0 : (j - before + up - 1) / up;
  const int end = top < 0 ? 0 : least(size, top / up + 1);
  V sum = splat(T(0));
  for (const T* tap = f + top - up * i; i < end; ++i, tap -= up) sum += splat(*tap) * x[i * step];
  return sum;
}

// The filtered lrelu of StyleGAN3 on one plane (docs/determinism.md, "Layer i").
// x: `side` rows of `stride`; fu, fd: taps, fd square where `radial`; out: `size` squared.
template <class V, class T = typename lane<V>::type>
void resample(const V* x, int side, int stride, const T* fu, int up_taps, int up, int before,
              int raised_side, const T* fd, int down_taps, int down, int radial, T limit, int linear,
              V* out, int size, V* scratch) {
  const V bound = splat(limit);
  V* wide = scratch;                              // [side][raised_side]
  V* line = wide + side * raised_side;            // [raised_side]
  V* lowered = line + raised_side;                // [raised_side][size], or all lines where radial
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < raised_side; ++j)
      wide[i * raised_side + j] = raised(x + i * stride, 1, side, fu, up_taps, up, before, j);
  for (int i = 0; i < raised_side; ++i) {
    V* v = radial ? lowered + i * raised_side : line;
    const int top = i + up_taps - 1 - before;
    const int low = i - before <= 0 ? 0 : (i - before + up - 1) / up;
    const int end = top < 0 ? 0 : least(side, top / up + 1);
    for (int j = 0; j < raised_side; ++j) v[j] = splat(T(0));
    for (int r = low; r < end; ++r) {
      const V tap = splat(fu[top - up * r]);
      const V* row = wide + r * raised_side;
      for (int j = 0; j < raised_side; ++j) v[j] += tap * row[j];
    }
    if (linear)
      for (int j = 0; j < raised_side; ++j) v[j] = clamp(v[j], bound);
    else
      for (int j = 0; j < raised_side; ++j) v[j] = activate(v[j], bound);
    if (radial) continue;
    V* to = lowered + i * size;
    for (int j = 0; j < size; ++j) {
      const V* from = v + down * j + down_taps - 1;
      V sum = splat(T(0));
      for (int k = 0; k < down_taps; ++k) sum += splat(fd[k]) * from[-k];
      to[j] = sum;
    }
  }
  if (radial) return;
  for (int i = 0; i < size; ++i) {
    V* to = out + i * size;
    for (int j = 0; j < size; ++j) to[j] = splat(T(0));
    for (int k = 0; k < down_taps; ++k) {
      const V tap = splat(fd[k]);
      const V* row = lowered + (down * i + down_taps - 1 - k) * size;
      for (int j = 0; j < size; ++j) to[j] += tap * row[j];
    }
  }
}

// out[i][j] = sum over a, b of f[a][b] v[down i + n - 1 - a][down j + n - 1 - b]
template <class V, class T = typename lane<V>::type>
void lower(const V* v, int stride, const T* f, int n, int down, V* out, int size) {
  for (int i = 0; i < size; ++i) {
    int j = 0;
    for (; j + 4 <= size; j += 4) {
      V s0 = splat(T(0)), s1 = s0, s2 = s0, s3 = s0;
      for (int a = 0; a < n; ++a) {
        const V* from = v + (down * i + n - 1 - a) * stride + down * j + n - 1;
        const T* tap = f + a * n;
        for (int b = 0; b < n; ++b, --from) {
          const V t = splat(tap[b]);
          s0 += t * from[0];
          s1 += t * from[down];
          s2 += t * from[2 * down];
          s3 += t * from[3 * down];
        }
      }
      V* to = out + i * size + j;
      to[0] = s0, to[1] = s1, to[2] = s2, to[3] = s3;
    }
    for (; j < size; ++j) {
      V sum = splat(T(0));
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b)
          sum += splat(f[a * n + b]) * v[(down * i + n - 1 - a) * stride + down * j + n - 1 - b];
      out[i * size + j] = sum;
    }
  }
}

}  // namespace

// ---- the latent: MT19937 and Marsaglia's polar method, as numpy.random.RandomState(seed).randn

EXPORT(normals) void normals(u32 seed, int count, double* to) {
  static u32 state[624];
  state[0] = seed;
  for (int i = 1; i < 624; ++i) state[i] = 1812433253u * (state[i - 1] ^ (state[i - 1] >> 30)) + i;
  int at = 624;
  auto word = [&]() -> u32 {
    if (at == 624) {
      for (int i = 0; i < 624; ++i) {
        const u32 y = (state[i] & 0x80000000u) | (state[(i + 1) % 624] & 0x7fffffffu);
        state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
      }
      at = 0;
    }
    u32 y = state[at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  };
  auto uniform = [&]() -> double {
    const double high = word() >> 5;
    return (high * 67108864.0 + (word() >> 6)) / 9007199254740992.0;
  };
  for (int done = 0; done < count;) {
    const double first = 2 * uniform() - 1, second = 2 * uniform() - 1;
    const double square = first * first + second * second;
    if (square >= 1 || square == 0) continue;
    const double factor = root(-2 * natural_log(square) / square);
    to[done++] = factor * second;
    if (done < count) to[done++] = factor * first;
  }
}

// ---- numbers for the schedule

EXPORT(log) double log_of(double x) { return natural_log(x); }
EXPORT(exp) double exp_of(double x) { return exponential(x); }
EXPORT(sin_turns) double sin_turns(double x) {
  double s, c;
  turn(x, s, c);
  return s;
}
EXPORT(cos_turns) double cos_turns(double x) {
  double s, c;
  turn(x, s, c);
  return c;
}

// ---- dense layers, float64

// y [outs] = rate / sqrt(ins) W x + rate b
EXPORT(dense) void dense(const float* w, const float* b, const double* x, double* y, int outs,
                         int ins, double rate) {
  const double scale = rate / root(ins);
  for (int o = 0; o < outs; ++o) {
    double s0 = 0, s1 = 0;
    const float* row = w + o * ins;
    int i = 0;
    for (; i + 2 <= ins; i += 2) {
      s0 += row[i] * x[i];
      s1 += row[i + 1] * x[i + 1];
    }
    if (i < ins) s0 += row[i] * x[i];
    y[o] = (s0 + s1) * scale + rate * b[o];
  }
}

// x / sqrt(mean(x^2) + epsilon), in place
EXPORT(unit) void unit(double* x, int count, double epsilon) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += x[i] * x[i];
  const double size = root(sum / count + epsilon);
  for (int i = 0; i < count; ++i) x[i] /= size;
}

EXPORT(leaky) void leaky(double* x, int count) {
  for (int i = 0; i < count; ++i) x[i] = 1.4142135623730951 * (x[i] >= 0 ? x[i] : 0.2 * x[i]);
}

// ---- the kernels in both precisions

#define BOTH(name, V, T)                                                                          \
  EXPORT(modulate_##name)                                                                         \
  void modulate_##name(const float* w, const double* style, int outs, int ins, int taps, int how, \
                       double gain, T* packed) {                                                  \
    modulate<V>(w, style, outs, ins, taps, how, gain, packed);                                    \
  }                                                                                               \
  EXPORT(convolve_##name)                                                                         \
  void convolve_##name(const V* x, int groups, int plane, int stride, int k, const V* weights,    \
                       int panel, const V* bias, V* out, int out_plane, int blocks, int first,    \
                       int last, T* scratch) {                                                    \
    convolve<V>(x, groups, plane, stride, k, weights, panel, bias, out, out_plane, blocks, first, \
                last, scratch);                                                                   \
  }                                                                                               \
  /* `count` planes: convolution's output -> the layer's output; radial: with a square filter */  \
  EXPORT(resample_##name)                                                                         \
  void resample_##name(const V* x, int plane, int side, int stride, const T* fu, int up_taps,     \
                       int up, int before, int raised_side, const T* fd, int down_taps, int down, \
                       int radial, double limit, int linear, V* out, int size, int count,         \
                       V* scratch) {                                                              \
    for (int g = 0; g < count; ++g) {                                                             \
      V* to = out + g * size * size;                                                              \
      resample<V>(x + g * plane, side, stride, fu, up_taps, up, before, raised_side, fd,          \
                  down_taps, down, radial, T(limit), linear, to, size, scratch);                  \
      if (radial)                                                                                 \
        lower<V>(scratch + side * raised_side + raised_side, raised_side, fd, down_taps, down,    \
                 to, size);                                                                       \
    }                                                                                             \
  }                                                                                               \
  EXPORT(lower_##name)                                                                            \
  void lower_##name(const V* x, int stride, const T* f, int n, V* out, int size) {                \
    lower<V>(x, stride, f, n, 1, out, size);                                                      \
  }                                                                                               \
  /* wide[2 i + a][2 j + b] += x[i][j] for `count` planes with rows of `row` and `stride` */       \
  EXPORT(spread_##name)                                                                           \
  void spread_##name(const V* x, int plane, int side, int row, V* wide, int wide_plane, int stride,\
                     int a, int b, int count) {                                                   \
    for (int g = 0; g < count; ++g)                                                               \
      for (int i = 0; i < side; ++i) {                                                            \
        const V* from = x + g * plane + i * row;                                                  \
        V* to = wide + g * wide_plane + (2 * i + a) * stride + b;                                 \
        for (int j = 0; j < side; ++j) to[2 * j] += from[j];                                      \
      }                                                                                           \
  }                                                                                               \
  /* StyleGAN2's end of a layer: noise (or none), bias, lrelu or not, clamp; rows of `stride` */  \
  EXPORT(finish_##name)                                                                           \
  void finish_##name(const V* x, int plane, int stride, int side, const float* noise,             \
                     double strength, const V* bias, double limit, int linear, V* out,            \
                     int count) {                                                                 \
    const V bound = splat(T(limit));                                                              \
    for (int g = 0; g < count; ++g)                                                               \
      for (int i = 0; i < side; ++i)                                                              \
        for (int j = 0; j < side; ++j) {                                                          \
          V v = x[g * plane + i * stride + j];                                                    \
          if (noise) v += splat(T(noise[i * side + j] * strength));                               \
          v += bias[g];                                                                           \
          out[(g * side + i) * side + j] = linear ? clamp(v, bound) : activate(v, bound);         \
        }                                                                                         \
  }                                                                                               \
  /* planes of side^2 -> the middle of planes with rows of `stride`, `edge` zeros before */       \
  EXPORT(place_##name)                                                                            \
  void place_##name(const V* x, int side, V* to, int plane, int stride, int edge, int count) {    \
    for (int g = 0; g < count; ++g)                                                               \
      for (int i = 0; i < side; ++i) {                                                            \
        V* row = to + g * plane + (i + edge) * stride + edge;                                     \
        const V* from = x + (g * side + i) * side;                                                \
        for (int j = 0; j < side; ++j) row[j] = from[j];                                          \
      }                                                                                           \
  }                                                                                               \
  /* StyleGAN3's waves: amplitude sin(2 pi (u_column f'_x + u_row f'_y + p')), one a channel */   \
  EXPORT(waves_##name)                                                                            \
  void waves_##name(const float* freqs, const float* phases, const double* m, int channels,       \
                    int size, double rate, double cutoff, T* x, double* scratch) {                \
    constexpr int lanes = lane<V>::count;                                                         \
    for (int c = 0; c < channels; ++c) {                                                          \
      const double f0 = freqs[2 * c], f1 = freqs[2 * c + 1];                                      \
      const double phase = phases[c] + f0 * m[2] + f1 * m[5];                                     \
      const double fx = f0 * m[0] + f1 * m[3], fy = f0 * m[1] + f1 * m[4];                        \
      const double over = root(fx * fx + fy * fy) - cutoff;                                       \
      const double amplitude = least(most(1 - over / (rate / 2 - cutoff), 0.0), 1.0);             \
      for (int k = 0; k < size; ++k) {                                                            \
        const double u = (k + 0.5 - size / 2.0) / rate;                                           \
        turn(u * fx, scratch[4 * k], scratch[4 * k + 1]);                                         \
        turn(u * fy + phase, scratch[4 * k + 2], scratch[4 * k + 3]);                             \
      }                                                                                           \
      T* plane = x + (c / lanes) * size * size * lanes + c % lanes;                               \
      for (int i = 0; i < size; ++i) {                                                            \
        const double s = amplitude * scratch[4 * i + 2], t = amplitude * scratch[4 * i + 3];      \
        for (int j = 0; j < size; ++j)                                                            \
          plane[(i * size + j) * lanes] = T(scratch[4 * j] * t + scratch[4 * j + 1] * s);         \
      }                                                                                           \
    }                                                                                             \
  }                                                                                               \
  /* x [groups][pixels] -> RGB or RGBA bytes; grey is repeated. Returns the margin in levels. */    \
  EXPORT(quantize_##name)                                                                         \
  double quantize_##name(const T* x, int pixels, int channels, double scale,                      \
                         unsigned char* to) {                                                     \
    constexpr int lanes = lane<V>::count;                                                         \
    const int parts = channels == 4 ? 4 : 3;                                                      \
    double margin = 1e300;                                                                        \
    for (int p = 0; p < pixels; ++p)                                                              \
      for (int c = 0; c < parts; ++c) {                                                           \
        const int from = channels == 1 ? 0 : c;                                                   \
        const double value = x[((from / lanes) * pixels + p) * lanes + from % lanes];             \
        const double level = 127.5 * (value * scale) + 128;                                       \
        const double step = least(most(nearest(level), 1.0), 255.0);                              \
        margin = least(margin, absolute(level - step));                                           \
        to[parts * p + c] = (unsigned char)least(most(level, 0.0), 255.0);                        \
      }                                                                                           \
    return margin;                                                                                \
  }

BOTH(f64, f64x2, double)
BOTH(f32, f32x4, float)
