// Joseph's projector for parallel rays in the plane, forward and exactly matched adjoint.
//
// A ray of angle θ that runs mainly along the rows' normal crosses row i at column u = A + kB + iC, where k is
// the detector bin. Each row gives (1 − w)·x[⌊u⌋] + w·x[⌊u⌋ + 1], w = u − ⌊u⌋, times the length L between rows
// (Joseph 1982, doi:10.1109/TMI.1982.4307572). Rays that run along the rows see the transposed image.
//
// The one idea: the bins of a vector of lanes read columns that lie in one short window, so two plain loads and
// a register permutation replace gathers from memory. The adjoint gathers as well, from the detector row, so
// nothing is ever added to memory by two threads and results do not depend on their number.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define WELLPOSED_X86 1
#include <immintrin.h>
#endif

namespace {

constexpr int PAD = 40;      // zeros on both sides: a whole window may hang over the border
constexpr int ROWS = 32;     // rows of a block: they stay in the first-level cache for all angles of a task
constexpr int ANGLES = 12;   // angles of a task

struct Angle {
    double A, B, C, L;       // see above, with B > 0 after flipping the detector
    double W;                // steepness of the adjoint's weights: B when matched, 1 to interpolate between bins
    int64_t flip, index;     // whether the bins run backwards; where the angle is in the sinogram
};

template <class T> struct Image {  // planes of padded rows, the padding zero
    int64_t rows, width, stride;
    std::vector<T> data;
    Image(int64_t planes, int64_t rows, int64_t width)
        : rows(rows), width(width), stride(width + 2 * PAD), data(planes * rows * stride, T(0)) {}
    T *row(int64_t plane, int64_t r) { return data.data() + (plane * rows + r) * stride; }
    const T *row(int64_t plane, int64_t r) const { return data.data() + (plane * rows + r) * stride; }
};

template <class F> void parallel_for(int64_t tasks, int threads, F work) {
    std::atomic<int64_t> next{0};
    auto run = [&] {
        for (int64_t i; (i = next.fetch_add(1)) < tasks;) work(i);
    };
    std::vector<std::thread> others;
    for (int64_t t = 1; t < std::min<int64_t>(threads, tasks); ++t) others.emplace_back(run);
    run();
    for (auto &thread : others) thread.join();
}

// ---- one vector of bins over some rows; base is the padded column of lane 0 in row 0 -----------------------

template <class T> struct Plain {
    static constexpr int LANES = 64 / sizeof(T);

    static bool fits(double step) { return (LANES - 1) * step + 6 < PAD; }

    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, T *sum) {
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r, whole = double(int64_t(t));
            const T *window = x + int64_t(whole);
            const T f = T(t - whole), b = T(step);
            for (int l = 0; l < LANES; ++l) {
                const T u = f + T(l) * b;
                const int i = int(u);
                sum[l] += window[i] + (u - T(i)) * (window[i + 1] - window[i]);
            }
        }
    }

    // one row of pixels against one detector row: v = base + lane·step is the bin of a pixel, and bin k weighs
    // max(0, 1 − W|k − v|)
    static void adjoint(const T *y, double base, double step, double W, T *sum) {
        const double whole = double(int64_t(base));
        const T f = T(base - whole), s = T(step), b = T(W);
        const T *window = y + int64_t(whole);
        if (W >= 1) {
            for (int l = 0; l < LANES; ++l) {
                const T v = f + T(l) * s;
                const int i = int(v);
                const T rest = b * (v - T(i));
                sum[l] += std::max(T(0), 1 - rest) * window[i] + std::max(T(0), 1 - b + rest) * window[i + 1];
            }
            return;
        }
        const int reach = int(std::ceil(1 / W));
        for (int l = 0; l < LANES; ++l) {
            const T v = f + T(l) * s;
            const int i = int(v);
            for (int k = i - reach + 1; k <= i + reach; ++k)
                sum[l] += std::max(T(0), 1 - b * std::abs(T(k) - v)) * window[k];
        }
    }
};

#ifdef WELLPOSED_X86
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")

template <class T> struct Wide;

template <> struct Wide<float> {
    static constexpr int LANES = 16;
    using V = __m512;
    static V lanes() { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
    static bool fits(double step) { return 1 + (LANES - 1) * step + 2 < 2 * LANES; }

    static void forward(const float *x, int64_t stride, double base, double slope, double step, int n,
                        float *sum) {
        const V spread = _mm512_mul_ps(lanes(), _mm512_set1_ps(float(step)));
        const __m512i one = _mm512_set1_epi32(1);
        V total = _mm512_loadu_ps(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V u = _mm512_add_ps(spread, _mm512_set1_ps(float(t - double(whole))));
            const __m512i i = _mm512_cvttps_epi32(u);
            const V w = _mm512_sub_ps(u, _mm512_cvtepi32_ps(i));
            const V low = _mm512_loadu_ps(x + whole), high = _mm512_loadu_ps(x + whole + LANES);
            const V left = _mm512_permutex2var_ps(low, i, high);
            const V right = _mm512_permutex2var_ps(low, _mm512_add_epi32(i, one), high);
            total = _mm512_add_ps(total, _mm512_fmadd_ps(w, _mm512_sub_ps(right, left), left));
        }
        _mm512_storeu_ps(sum, total);
    }

    static void adjoint(const float *y, double base, double step, double W, float *sum) {
        if (W < 1) return Plain<float>::adjoint(y, base, step, W, sum);
        const int64_t whole = int64_t(base);
        const V zero = _mm512_setzero_ps(), b = _mm512_set1_ps(float(W)), one = _mm512_set1_ps(1.0f);
        const V v = _mm512_fmadd_ps(lanes(), _mm512_set1_ps(float(step)),
                                    _mm512_set1_ps(float(base - double(whole))));
        const __m512i i = _mm512_cvttps_epi32(v);
        const V rest = _mm512_mul_ps(b, _mm512_sub_ps(v, _mm512_cvtepi32_ps(i)));
        const V low = _mm512_loadu_ps(y + whole), high = _mm512_loadu_ps(y + whole + LANES);
        const V left = _mm512_permutex2var_ps(low, i, high);
        const V right = _mm512_permutex2var_ps(low, _mm512_add_epi32(i, _mm512_set1_epi32(1)), high);
        const V near = _mm512_max_ps(zero, _mm512_sub_ps(one, rest));
        const V far = _mm512_max_ps(zero, _mm512_add_ps(_mm512_sub_ps(one, b), rest));
        const V total = _mm512_fmadd_ps(near, left, _mm512_loadu_ps(sum));
        _mm512_storeu_ps(sum, _mm512_fmadd_ps(far, right, total));
    }
};

template <> struct Wide<double> {
    static constexpr int LANES = 8;
    using V = __m512d;
    static V lanes() { return _mm512_set_pd(7, 6, 5, 4, 3, 2, 1, 0); }
    static bool fits(double step) { return 1 + (LANES - 1) * step + 2 < 2 * LANES; }

    static void forward(const double *x, int64_t stride, double base, double slope, double step, int n,
                        double *sum) {
        const V spread = _mm512_mul_pd(lanes(), _mm512_set1_pd(step));
        const __m512i one = _mm512_set1_epi64(1);
        V total = _mm512_loadu_pd(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V u = _mm512_add_pd(spread, _mm512_set1_pd(t - double(whole)));
            const __m512i i = _mm512_cvttpd_epi64(u);
            const V w = _mm512_sub_pd(u, _mm512_cvtepi64_pd(i));
            const V low = _mm512_loadu_pd(x + whole), high = _mm512_loadu_pd(x + whole + LANES);
            const V left = _mm512_permutex2var_pd(low, i, high);
            const V right = _mm512_permutex2var_pd(low, _mm512_add_epi64(i, one), high);
            total = _mm512_add_pd(total, _mm512_fmadd_pd(w, _mm512_sub_pd(right, left), left));
        }
        _mm512_storeu_pd(sum, total);
    }

    static void adjoint(const double *y, double base, double step, double W, double *sum) {
        if (W < 1) return Plain<double>::adjoint(y, base, step, W, sum);
        const int64_t whole = int64_t(base);
        const V zero = _mm512_setzero_pd(), b = _mm512_set1_pd(W), one = _mm512_set1_pd(1.0);
        const V v = _mm512_fmadd_pd(lanes(), _mm512_set1_pd(step), _mm512_set1_pd(base - double(whole)));
        const __m512i i = _mm512_cvttpd_epi64(v);
        const V rest = _mm512_mul_pd(b, _mm512_sub_pd(v, _mm512_cvtepi64_pd(i)));
        const V low = _mm512_loadu_pd(y + whole), high = _mm512_loadu_pd(y + whole + LANES);
        const V left = _mm512_permutex2var_pd(low, i, high);
        const V right = _mm512_permutex2var_pd(low, _mm512_add_epi64(i, _mm512_set1_epi64(1)), high);
        const V near = _mm512_max_pd(zero, _mm512_sub_pd(one, rest));
        const V far = _mm512_max_pd(zero, _mm512_add_pd(_mm512_sub_pd(one, b), rest));
        const V total = _mm512_fmadd_pd(near, left, _mm512_loadu_pd(sum));
        _mm512_storeu_pd(sum, _mm512_fmadd_pd(far, right, total));
    }
};
#pragma GCC pop_options
#endif

// ---- all angles of one orientation --------------------------------------------------------------------------

// Rows in [first, last) for which low < base + slope·r < high, within [from, to).
void rows_inside(double base, double slope, double low, double high, int from, int to, int *first, int *last) {
    *first = from, *last = to;
    if (std::abs(slope) < 1e-12) {
        if (base <= low || base >= high) *last = from;
        return;
    }
    double r0 = (low - base) / slope, r1 = (high - base) / slope;
    if (r0 > r1) std::swap(r0, r1);
    r0 = std::min(std::max(r0, double(from)), double(to)), r1 = std::min(std::max(r1, double(from)), double(to));
    *first = int(std::ceil(r0)), *last = int(std::floor(r1)) + 1;
    *last = std::min(*last, to);
    // ends are decided by the very expression that the loop evaluates
    auto inside = [&](int r) { const double t = base + slope * r; return t > low && t < high; };
    while (*first < *last && !inside(*first)) ++*first;
    while (*last > *first && !inside(*last - 1)) --*last;
}

template <class T, class K>
void forward_task(const Image<T> &x, int64_t plane, const Angle *angles, int64_t count, int64_t bins, T *out,
                  int64_t views) {
    const int64_t chunks = (bins + K::LANES - 1) / K::LANES;
    std::vector<T> sums(count * chunks * K::LANES, T(0));
    for (int64_t top = 0; top < x.rows; top += ROWS) {
        const int n = int(std::min<int64_t>(ROWS, x.rows - top));
        for (int64_t a = 0; a < count; ++a) {
            const Angle &g = angles[a];
            const double hang = (K::LANES - 1) * g.B;
            const bool wide = K::fits(g.B);
            for (int64_t c = 0; c < chunks; ++c) {
                const double base = g.A + g.C * double(top) + g.B * double(c * K::LANES) + PAD;
                T *sum = sums.data() + (a * chunks + c) * K::LANES;
                int first, last;
                if (wide) {
                    rows_inside(base, g.C, PAD - 1 - hang, PAD + double(x.width), 0, n, &first, &last);
                    if (first < last)
                        K::forward(x.row(plane, top + first), x.stride, base + g.C * first, g.C, g.B,
                                   last - first, sum);
                    continue;
                }
                for (int l = 0; l < K::LANES; ++l) {  // coarse detectors: bin by bin
                    const double own = base + g.B * l;
                    rows_inside(own, g.C, PAD - 1, PAD + double(x.width), 0, n, &first, &last);
                    for (int r = first; r < last; ++r) {
                        const double u = own + g.C * r;
                        const T *p = x.row(plane, top + r) + int64_t(u);
                        sum[l] += p[0] + T(u - double(int64_t(u))) * (p[1] - p[0]);
                    }
                }
            }
        }
    }
    for (int64_t a = 0; a < count; ++a) {
        T *row = out + (plane * views + angles[a].index) * bins;
        const T *sum = sums.data() + a * chunks * K::LANES;
        const T scale = T(angles[a].L);
        for (int64_t k = 0; k < bins; ++k) row[k] = scale * sum[angles[a].flip ? bins - 1 - k : k];
    }
}

// The adjoint for bins so coarse, or so fine, that a vector of pixels does not see one short window of them.
template <class T>
void pixel_by_pixel(const Image<T> &y, const T *detector, const Angle &g, int64_t row, int64_t from, int count,
                    T *sum) {
    const double reach = 1 / g.W, start = g.A + g.C * double(row);
    for (int l = 0; l < count; ++l) {
        const double j = double(from + l), v = (j - start) / g.B;
        const int64_t low = std::max<int64_t>(0, int64_t(std::ceil(v - reach - 1e-9)));
        const int64_t high = std::min<int64_t>(y.width - 1, int64_t(std::floor(v + reach + 1e-9)));
        for (int64_t k = low; k <= high; ++k) {
            // the expression of the forward projection where the weights are to match it to the last bit
            const double far = g.W == g.B ? start + g.B * double(k) - j : g.W * (double(k) - v);
            sum[l] += T(std::max(0.0, 1 - std::abs(far))) * detector[PAD + k];
        }
    }
}

// Pixels of one row: detector rows [from, to) of plane, as many pixels as out has.
template <class T, class K>
void adjoint_task(const Image<T> &y, int64_t plane, const Angle *angles, int64_t from, int64_t to, int64_t row,
                  int64_t width, T *out) {
    const int64_t chunks = (width + K::LANES - 1) / K::LANES;
    std::vector<T> sums(chunks * K::LANES, T(0));
    for (int64_t a = from; a < to; ++a) {
        const Angle &g = angles[a];
        const double step = 1 / g.B, hang = (K::LANES - 1) * step, reach = std::max(1.0, 1 / g.W);
        const double start = -(g.A + g.C * double(row)) * step + PAD;
        const T *detector = y.row(plane, a);
        const bool wide = K::fits(step) && g.B < 4;  // rounding of v counts B times in a weight
        for (int64_t c = 0; c < chunks; ++c) {
            const double base = start + step * double(c * K::LANES);
            T *sum = sums.data() + c * K::LANES;
            if (base <= PAD - reach - hang || base >= PAD + double(y.width) - 1 + reach) continue;
            if (wide) {
                K::adjoint(detector, base, step, g.W, sum);
                continue;
            }
            pixel_by_pixel(y, detector, g, row, c * K::LANES, K::LANES, sum);
        }
    }
    std::memcpy(out, sums.data(), width * sizeof(T));
}

// ---- whole sinograms ----------------------------------------------------------------------------------------

struct Shape {
    int64_t planes, height, width, views, bins;
    int64_t upright;  // angles [0, upright) cross the rows, the others the columns
    int threads;
};

template <class T> void pad_image(const T *x, const Shape &s, bool turn, Image<T> &to, int64_t plane) {
    for (int64_t i = 0; i < to.rows; ++i) {
        T *row = to.row(plane, i) + PAD;
        for (int64_t j = 0; j < to.width; ++j) row[j] = turn ? x[j * s.width + i] : x[i * s.width + j];
    }
}

template <class T> void pad_sinogram(const T *y, const Shape &s, const Angle *angles, Image<T> &to, int64_t i) {
    const Angle &g = angles[i % s.views];
    const T *from = y + (i / s.views * s.views + g.index) * s.bins, scale = T(g.L);
    T *row = to.row(i / s.views, i % s.views) + PAD;
    for (int64_t k = 0; k < s.bins; ++k) row[k] = scale * from[g.flip ? s.bins - 1 - k : k];
}

template <class T, class K> void forward(const T *x, T *y, const Shape &s, const Angle *angles) {
    const bool has_upright = s.upright > 0, has_others = s.upright < s.views;
    Image<T> plain(has_upright ? s.planes : 0, s.height, s.width);
    Image<T> turned(has_others ? s.planes : 0, s.width, s.height);
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        const bool turn = i % 2;
        if (turn ? has_others : has_upright)
            pad_image(x + i / 2 * s.height * s.width, s, turn, turn ? turned : plain, i / 2);
    });
    const int64_t first = (s.upright + ANGLES - 1) / ANGLES;
    const int64_t each = first + (s.views - s.upright + ANGLES - 1) / ANGLES;
    parallel_for(s.planes * each, s.threads, [&](int64_t i) {
        const bool own = i % each < first;
        const int64_t from = own ? i % each * ANGLES : s.upright + (i % each - first) * ANGLES;
        const int64_t count = std::min<int64_t>(ANGLES, (own ? s.upright : s.views) - from);
        forward_task<T, K>(own ? plain : turned, i / each, angles + from, count, s.bins, y, s.views);
    });
}

template <class T, class K> void adjoint(const T *y, T *x, const Shape &s, const Angle *angles) {
    Image<T> rows(s.planes, s.views, s.bins);
    std::vector<T> turned(s.upright < s.views ? s.planes * s.height * s.width : 0);
    parallel_for(s.planes * s.views, s.threads, [&](int64_t i) { pad_sinogram(y, s, angles, rows, i); });
    parallel_for(s.planes * s.height, s.threads, [&](int64_t i) {
        adjoint_task<T, K>(rows, i / s.height, angles, 0, s.upright, i % s.height, s.width, x + i * s.width);
    });
    if (turned.empty()) return;
    parallel_for(s.planes * s.width, s.threads, [&](int64_t i) {
        adjoint_task<T, K>(rows, i / s.width, angles, s.upright, s.views, i % s.width, s.height,
                           turned.data() + i * s.height);
    });
    parallel_for(s.planes * s.height, s.threads, [&](int64_t i) {
        const T *plane = turned.data() + i / s.height * s.height * s.width + i % s.height;
        for (int64_t j = 0; j < s.width; ++j) x[i * s.width + j] += plane[j * s.height];
    });
}

bool wide_lanes() {
#ifdef WELLPOSED_X86
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

template <class T>
int run(bool back, const T *from, T *to, const Shape &s, const Angle *angles, bool wide) try {
#ifdef WELLPOSED_X86
    if (wide && wide_lanes()) {
        back ? adjoint<T, Wide<T>>(from, to, s, angles) : forward<T, Wide<T>>(from, to, s, angles);
        return 0;
    }
#endif
    back ? adjoint<T, Plain<T>>(from, to, s, angles) : forward<T, Plain<T>>(from, to, s, angles);
    return 0;
} catch (...) {  // out of memory, or no thread to be had: nothing may fly through a C boundary
    return 1;
}

}  // namespace

extern "C" {

// 1: vectors of 512 bits are used; the version of this interface in the upper bits.
int wellposed_ct_abi() { return (2 << 8) | int(wide_lanes()); }

// x is (planes, height, width), y is (planes, views, bins); the sinogram or image written is overwritten.
int wellposed_ct_joseph_f32(int back, const float *from, float *to, const Shape *s, const Angle *angles, int wide) {
    return run(back, from, to, *s, angles, wide);
}

int wellposed_ct_joseph_f64(int back, const double *from, double *to, const Shape *s, const Angle *angles,
                            int wide) {
    return run(back, from, to, *s, angles, wide);
}
}
