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

// A view as the adjoint sees it: pixel (i, j) projects to bin start + j·step + i·slope of the padded detector row,
// and bin k weighs max(0, 1 − W|k − v|).
struct Seen {
    double start, step, slope, W, reach;
    bool near;               // two bins at most, and few enough per vector of pixels
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

inline bool outside(const Seen &g, double base, double bins, int lanes) {
    return base <= PAD - g.reach - (lanes - 1) * g.step || base >= PAD + bins - 1 + g.reach;
}

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

    // GROUP rows of LANES pixels from (row, column) on, all views: sum is (GROUP, LANES)
    static constexpr int GROUP = 1;

    static void adjoint(const T *y, int64_t stride, const Seen *seen, int64_t views, double bins, double row,
                        double column, T *sum) {
        for (int64_t a = 0; a < views; ++a, y += stride) {
            const Seen &g = seen[a];
            const double base = g.start + g.step * column + g.slope * row;
            if (!g.near || outside(g, base, bins, LANES)) continue;
            const int64_t whole = int64_t(base);
            const T f = T(base - double(whole)), s = T(g.step), w = T(g.W);
            const T *window = y + whole;
            for (int l = 0; l < LANES; ++l) {
                const T v = f + T(l) * s;
                const int i = int(v);
                const T rest = w * (v - T(i));
                sum[l] += std::max(T(0), 1 - rest) * window[i] + std::max(T(0), 1 - w + rest) * window[i + 1];
            }
        }
    }
};

#ifdef WELLPOSED_X86
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")

template <class T> struct Vector;

template <> struct Vector<float> {
    static constexpr int LANES = 16;
    using V = __m512;
    using I = __m512i;
    static V lanes() { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
    static V all(float x) { return _mm512_set1_ps(x); }
    static I ones() { return _mm512_set1_epi32(1); }
    static V load(const float *p) { return _mm512_loadu_ps(p); }
    static void store(float *p, V x) { _mm512_storeu_ps(p, x); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V larger(V a, V b) { return _mm512_max_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
    static I whole(V x) { return _mm512_cvttps_epi32(x); }
    static V part(V x) { return _mm512_reduce_ps(x, 3); }
    static I next(I i) { return _mm512_add_epi32(i, ones()); }
    static V pick(V low, I i, V high) { return _mm512_permutex2var_ps(low, i, high); }
};

template <> struct Vector<double> {
    static constexpr int LANES = 8;
    using V = __m512d;
    using I = __m512i;
    static V lanes() { return _mm512_set_pd(7, 6, 5, 4, 3, 2, 1, 0); }
    static V all(double x) { return _mm512_set1_pd(x); }
    static I ones() { return _mm512_set1_epi64(1); }
    static V load(const double *p) { return _mm512_loadu_pd(p); }
    static void store(double *p, V x) { _mm512_storeu_pd(p, x); }
    static V add(V a, V b) { return _mm512_add_pd(a, b); }
    static V sub(V a, V b) { return _mm512_sub_pd(a, b); }
    static V mul(V a, V b) { return _mm512_mul_pd(a, b); }
    static V larger(V a, V b) { return _mm512_max_pd(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm512_fnmadd_pd(a, b, c); }
    static I whole(V x) { return _mm512_cvttpd_epi64(x); }
    static V part(V x) { return _mm512_reduce_pd(x, 3); }
    static I next(I i) { return _mm512_add_epi64(i, ones()); }
    static V pick(V low, I i, V high) { return _mm512_permutex2var_pd(low, i, high); }
};

template <class T> struct Wide {
    using X = Vector<T>;
    using V = typename X::V;
    static constexpr int LANES = X::LANES, GROUP = 4;

    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return 1 + spread + 2 < 2 * LANES; }

    // the values between columns window[⌊u⌋] and window[⌊u⌋ + 1]
    static V between(const T *window, V u) {
        const auto i = X::whole(u);
        const V low = X::load(window), high = X::load(window + LANES);
        const V left = X::pick(low, i, high), right = X::pick(low, X::next(i), high);
        return X::fma(X::part(u), X::sub(right, left), left);
    }

    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, T *sum) {
        const V spread = X::mul(X::lanes(), X::all(T(step)));
        V total = X::load(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            total = X::add(total, between(x + whole, X::add(spread, X::all(T(t - double(whole))))));
        }
        X::store(sum, total);
    }

    static void rays(const T *x, int64_t stride, double base, double slope, const T *apart, const T *drift, int n,
                     T *sum) {
        const V away = X::load(apart), more = X::load(drift), one = X::all(1);
        V total = X::load(sum), row = X::all(0);
        for (int r = 0; r < n; ++r, x += stride, row = X::add(row, one)) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V own = X::fma(row, more, away);
            total = X::add(total, between(x + whole, X::add(own, X::all(T(t - double(whole))))));
        }
        X::store(sum, total);
    }

    static void adjoint(const T *y, int64_t stride, const Seen *seen, int64_t views, double bins, double row,
                        double column, T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        const V zero = X::all(0), one = X::all(1), lanes = X::lanes();
        for (int64_t a = 0; a < views; ++a, y += stride) {
            const Seen &g = seen[a];
            const double base = g.start + g.step * column + g.slope * row;
            // all rows of the group read zeros, or something; their windows stay within the padding
            if (!g.near || (outside(g, base, bins, LANES) && outside(g, base + (GROUP - 1) * g.slope, bins, LANES)))
                continue;
            const V w = X::all(T(g.W)), rest = X::sub(one, w), spread = X::mul(lanes, X::all(T(g.step)));
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const double t = base + r * g.slope;
                const int64_t whole = int64_t(t);
                const V v = X::add(spread, X::all(T(t - double(whole))));
                const auto i = X::whole(v);
                const V part = X::part(v);
                const V low = X::load(y + whole), high = X::load(y + whole + LANES);
                const V near = X::larger(zero, X::fnma(w, part, one)), far = X::larger(zero, X::fma(w, part, rest));
                total[r] = X::fma(near, X::pick(low, i, high), total[r]);
                total[r] = X::fma(far, X::pick(low, X::next(i), high), total[r]);
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
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
