// What all projectors share: padded images, threads, and which instructions the processor has.
//
// The innermost loops are written once, in loops.hpp, and compiled once for each instruction set.

#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "vectors.hpp"

namespace {

constexpr int PAD = 64;      // zeros on both sides: a whole window may hang over the border
constexpr int ROWS = 32;     // rows of a block: they stay in the first-level cache for all angles of a task

// A view as the adjoint sees it: pixel (i, j) projects to bin start + j·step + i·slope of the padded detector row,
// and bin k weighs max(0, 1 − W|k − v|).
struct Seen {
    double start, step, slope, W, reach;
    bool near;               // two bins at most, and few enough per vector of pixels
};

// A view of a fan as a row of pixels sees it: pixel j lies at v = (n0 + n1·j) / (d0 + d1·j), counted in bins of the
// padded detector row, and dv/dj = bend / (d0 + d1·j)².
template <class T> struct Fanned {
    double n0, n1, d0, d1;
    T bend, scale;           // scale of the weights 1/d²
    double reach, shift;     // bins that a vector of pixels spans, and those of them that lie before the first pixel's
    bool near, wide;         // whether it spans few enough, and more than a window
};

// Cells between columns as the adjoint of fans sees them: the vector of cells n begins at number
// offset + scale·f((n0 + n1·c) / (d0 + d1·c)) of the padded detector row, c = n·LANES, with f = id, or the arc tangent.
template <class T> struct Cells {
    T n0, n1, d0, d1, scale, offset;
    bool arc;
    int64_t first, last;     // vectors that rays fall into
    T spare;                 // by how many bins interpolation between vectors may be wrong
    T density;               // the most bins in a cell, relative to the bins of its vector
    int64_t taps;            // beyond the end of a vector, no bin so far away is in a cell
    T least, most;           // beyond these there is nothing
};

// The vectors of cells of a row, number by number: where they begin, in whole bins and the rest, and each cell after it;
// how many bins a cell may hold; and whether they lie beyond a window.
template <class T> struct Vectors {
    T *nodes, *parts, *steps;
    int32_t *begins, *taps, *wide;
};

template <class T> struct Image {  // planes of padded rows, the padding zero
    int64_t rows, width, pad, stride;
    std::vector<T> data;
    Image(int64_t planes, int64_t rows, int64_t width, int64_t pad = PAD)
        : rows(rows), width(width), pad(pad), stride(width + 2 * pad), data(planes * rows * stride, T(0)) {}
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
    // ends are decided by the very expression that the loop evaluates
    auto inside = [&](int r) { const double t = base + slope * r; return t > low && t < high; };
    if (from < to && inside(from) && inside(to - 1)) return;
    double r0 = (low - base) / slope, r1 = (high - base) / slope;
    if (std::abs(slope) < 1e-12) r0 = from, r1 = to;  // a ray along the border may drift out of it all the same
    if (r0 > r1) std::swap(r0, r1);
    r0 = std::min(std::max(r0, double(from)), double(to)), r1 = std::min(std::max(r1, double(from)), double(to));
    *first = int(std::ceil(r0)), *last = int(std::floor(r1)) + 1;
    *last = std::min(*last, to);
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
        T *row = to.row(plane, i) + to.pad;
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

// The best instruction set of this processor: 0 portable, 1 AVX2 with FMA, 2 AVX-512.
inline int instructions() {
#ifdef WELLPOSED_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

}  // namespace

#define WELLPOSED_LOOPS "loops.hpp"
#include "each_set.hpp"

namespace {

// Call work(lanes) with the widest lanes that the processor has and ``most`` allows.
template <class T, class F> void with_lanes(int most, F work) {
#ifdef WELLPOSED_X86
    const int level = std::min(most, instructions());
    if (level >= 2) return work(avx512::Lanes<T>());
    if (level == 1) return work(avx2::Lanes<T>());
#endif
    work(portable::Lanes<T>());
}

}  // namespace
