// What all projectors share: padded images, threads, and the innermost loops over a vector of lanes.
//
// The one idea: the bins of a vector of lanes read columns that lie in one short window, so two plain loads and
// a register permutation replace gathers from memory.

#pragma once

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

    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return spread + 6 < PAD; }

    // the same for rays of their own: lane l is at base + apart[l] in row 0, and drifts away from lane 0
    static void rays(const T *x, int64_t stride, double base, double slope, const T *apart, const T *drift,
                     int n, T *sum) {
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r, whole = double(int64_t(t));
            const T *window = x + int64_t(whole);
            const T f = T(t - whole);
            for (int l = 0; l < LANES; ++l) {
                const T u = f + apart[l] + T(r) * drift[l];
                const int i = int(u);
                sum[l] += window[i] + (u - T(i)) * (window[i + 1] - window[i]);
            }
        }
    }

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
    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return 1 + spread + 2 < 2 * LANES; }

    static void rays(const float *x, int64_t stride, double base, double slope, const float *apart,
                     const float *drift, int n, float *sum) {
        const V away = _mm512_loadu_ps(apart), more = _mm512_loadu_ps(drift), one = _mm512_set1_ps(1);
        V total = _mm512_loadu_ps(sum), row = _mm512_setzero_ps();
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V own = _mm512_fmadd_ps(row, more, away);
            const V u = _mm512_add_ps(own, _mm512_set1_ps(float(t - double(whole))));
            const __m512i i = _mm512_cvttps_epi32(u);
            const V w = _mm512_sub_ps(u, _mm512_cvtepi32_ps(i));
            const V low = _mm512_loadu_ps(x + whole), high = _mm512_loadu_ps(x + whole + LANES);
            const V left = _mm512_permutex2var_ps(low, i, high);
            const V right = _mm512_permutex2var_ps(low, _mm512_add_epi32(i, _mm512_set1_epi32(1)), high);
            total = _mm512_add_ps(total, _mm512_fmadd_ps(w, _mm512_sub_ps(right, left), left));
            row = _mm512_add_ps(row, one);
        }
        _mm512_storeu_ps(sum, total);
    }

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
    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return 1 + spread + 2 < 2 * LANES; }

    static void rays(const double *x, int64_t stride, double base, double slope, const double *apart,
                     const double *drift, int n, double *sum) {
        const V away = _mm512_loadu_pd(apart), more = _mm512_loadu_pd(drift), one = _mm512_set1_pd(1);
        V total = _mm512_loadu_pd(sum), row = _mm512_setzero_pd();
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V own = _mm512_fmadd_pd(row, more, away);
            const V u = _mm512_add_pd(own, _mm512_set1_pd(double(t - double(whole))));
            const __m512i i = _mm512_cvttpd_epi64(u);
            const V w = _mm512_sub_pd(u, _mm512_cvtepi64_pd(i));
            const V low = _mm512_loadu_pd(x + whole), high = _mm512_loadu_pd(x + whole + LANES);
            const V left = _mm512_permutex2var_pd(low, i, high);
            const V right = _mm512_permutex2var_pd(low, _mm512_add_epi64(i, _mm512_set1_epi64(1)), high);
            total = _mm512_add_pd(total, _mm512_fmadd_pd(w, _mm512_sub_pd(right, left), left));
            row = _mm512_add_pd(row, one);
        }
        _mm512_storeu_pd(sum, total);
    }

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

// One ray over rows [first, last): the innermost loop where a vector of lanes does not fit.
template <class T> T one_ray(const T *x, int64_t stride, double base, double slope, int first, int last) {
    T sum = 0;
    for (int r = first; r < last; ++r) {
        const double u = base + slope * r;
        const T *p = x + r * stride + int64_t(u);
        sum += p[0] + T(u - double(int64_t(u))) * (p[1] - p[0]);
    }
    return sum;
}

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

// Add the transposed half of a back-projection.
template <class T> void add_turned(const T *turned, T *x, const Shape &s) {
    parallel_for(s.planes * s.height, s.threads, [&](int64_t i) {
        const T *plane = turned + i / s.height * s.height * s.width + i % s.height;
        for (int64_t j = 0; j < s.width; ++j) x[i * s.width + j] += plane[j * s.height];
    });
}

inline bool wide_lanes() {
#ifdef WELLPOSED_X86
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

}  // namespace
