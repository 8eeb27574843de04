// Projectors that weigh pixels by what a ray or a strip covers of them: Siddon's lengths and areas of strips.
//
// In one row of pixels, a ray that runs mainly across the rows covers the columns from u − |C|/2 to u + |C|/2, so at
// most two pixels, in proportion (Siddon 1985, doi:10.1118/1.595715). A strip lies between two such rays, the edges
// of a bin; a pixel counts by its area between them. Forward and adjoint call the same function for every weight, and
// every row of pixels belongs to one thread.

#pragma once

#include "lanes.hpp"

namespace {

constexpr int64_t BATCH = 64;    // views whose rays are kept at a time

// Rays of a view, bin by bin: from start + k·start_step along way + k·way_step, turned by k·arc; (column, row).
struct Sheaf {
    double start[2], start_step[2], way[2], way_step[2], arc;
};

struct Edge { double A, C; };    // crosses row i at column A + iC

struct Beam {
    Edge middle, low, high;
    double length;               // of the ray between two rows
    bool turn;                   // runs mainly along the rows: rows and columns change places
};

inline Edge edge_at(const Sheaf &s, double k, bool turn, double *ratio) {
    const double c = std::cos(k * s.arc), n = std::sin(k * s.arc);
    const double x = s.way[0] + k * s.way_step[0], y = s.way[1] + k * s.way_step[1];
    const double way[2] = {c * x - n * y, n * x + c * y};
    const double start[2] = {s.start[0] + k * s.start_step[0], s.start[1] + k * s.start_step[1]};
    *ratio = std::abs(way[0]) - std::abs(way[1]);
    const double slope = way[turn] / way[!turn];
    return {start[turn] - start[!turn] * slope, slope};
}

inline Beam beam_at(const Sheaf &s, double k, double pixel) {
    double along, other;
    edge_at(s, k, false, &along);
    const bool turn = along > 0;
    const Edge middle = edge_at(s, k, turn, &other);
    return {middle, edge_at(s, k - 0.5, turn, &other), edge_at(s, k + 0.5, turn, &other),
            pixel * std::sqrt(1 + middle.C * middle.C), turn};
}

inline double limited(double x) { return std::min(std::max(x, 0.0), 1.0); }

// at(pixel, weight) for the pixels of row i, without the length
template <class At> void lengths(const Beam &b, double i, At at) {
    const double u = b.middle.A + b.middle.C * i, left = std::floor(u), d = u - left - 0.5;
    const double spread = std::abs(b.middle.C);
    // a ray along the border of two pixels belongs to both
    const double share = spread > 1e-9 ? limited(0.5 + d / spread) : d > 1e-9 ? 1 : d < -1e-9 ? 0 : 0.5;
    at(int64_t(left), 1 - share);
    at(int64_t(left) + 1, share);
}

// the share of a pixel that lies before a line at x from its middle, which leans by ±half
inline double before(double x, double half) {
    if (half < 5e-7) return limited(x + 0.5);
    auto integral = [](double z) { return z <= 0 ? 0 : z >= 1 ? z - 0.5 : z * z / 2; };
    return (integral(x + 0.5 + half) - integral(x + 0.5 - half)) / (2 * half);
}

template <class At> void areas(const Beam &b, double i, At at) {
    double u0 = b.low.A + b.low.C * i, u1 = b.high.A + b.high.C * i, h0 = std::abs(b.low.C) / 2,
           h1 = std::abs(b.high.C) / 2;
    if (u0 > u1) std::swap(u0, u1), std::swap(h0, h1);
    const double width = u1 - u0;
    if (!(width > 1e-12)) return;
    const int64_t first = int64_t(std::floor(std::min(u0 - h0, u1 - h1) + 0.5));
    const int64_t last = int64_t(std::floor(std::max(u0 + h0, u1 + h1) + 0.5));
    for (int64_t j = first; j <= last; ++j)
        at(j, (before(u1 - double(j), h1) - before(u0 - double(j), h0)) / width);
}

template <bool STRIP, class At> void weigh(const Beam &b, double i, At at) {
    if (STRIP) areas(b, i, at);
    else lengths(b, i, at);
}

// Rows in [from, to) whose pixels a beam may meet.
template <bool STRIP> void rows_met(const Beam &b, int64_t width, int64_t from, int64_t to, int *first, int *last) {
    double margin = 2;
    for (double i : {double(from), double(to)})
        for (const Edge &e : {b.low, b.high})
            if (STRIP) margin = std::max(margin, 2 + std::abs(e.A + e.C * i - b.middle.A - b.middle.C * i));
    rows_inside(b.middle.A, b.middle.C, -margin, double(width) + margin, int(from), int(to), first, last);
}

template <class T, bool STRIP> void footprints_forward(const T *x, T *y, const Shape &s, const Sheaf *sheaves, double pixel) {
    std::vector<T> turned(s.planes * s.height * s.width);
    parallel_for(s.planes * s.width, s.threads, [&](int64_t n) {
        const T *from = x + n / s.width * s.height * s.width + n % s.width;
        for (int64_t i = 0; i < s.height; ++i) turned[n * s.height + i] = from[i * s.width];
    });
    parallel_for(s.planes * s.views, s.threads, [&](int64_t n) {
        const int64_t plane = n / s.views * s.height * s.width;
        for (int64_t k = 0; k < s.bins; ++k) {
            const Beam b = beam_at(sheaves[n % s.views], double(k), pixel);
            const int64_t rows = b.turn ? s.width : s.height, width = b.turn ? s.height : s.width;
            const T *image = (b.turn ? turned.data() : x) + plane;
            int first, last;
            rows_met<STRIP>(b, width, 0, rows, &first, &last);
            T sum = 0;
            for (int i = first; i < last; ++i) {
                const T *row = image + i * width;
                weigh<STRIP>(b, i, [&](int64_t j, double w) {
                    if (uint64_t(j) < uint64_t(width)) sum += T(w) * row[j];
                });
            }
            y[n * s.bins + k] = T(b.length) * sum;
        }
    });
}

template <class T, bool STRIP> void footprints_adjoint(const T *y, T *x, const Shape &s, const Sheaf *sheaves, double pixel) {
    std::vector<T> turned(s.planes * s.height * s.width, T(0));
    std::fill(x, x + s.planes * s.height * s.width, T(0));
    std::vector<Beam> beams(std::min(BATCH, s.views) * s.bins);
    for (int64_t begin = 0; begin < s.views; begin += BATCH) {
        const int64_t count = std::min(BATCH, s.views - begin);
        parallel_for(count * s.bins, s.threads, [&](int64_t n) {
            beams[n] = beam_at(sheaves[begin + n / s.bins], double(n % s.bins), pixel);
        });
        for (bool turn : {false, true}) {
            const int64_t rows = turn ? s.width : s.height, width = turn ? s.height : s.width;
            const int64_t blocks = (rows + ROWS - 1) / ROWS;
            parallel_for(s.planes * blocks, s.threads, [&](int64_t n) {
                const int64_t plane = n / blocks, top = n % blocks * ROWS, end = std::min(rows, top + ROWS);
                const T *from = y + (plane * s.views + begin) * s.bins;
                T *image = (turn ? turned.data() : x) + plane * rows * width;
                for (int64_t k = 0; k < count * s.bins; ++k) {
                    const Beam &b = beams[k];
                    if (b.turn != turn) continue;
                    const T value = T(b.length) * from[k];
                    int first, last;
                    rows_met<STRIP>(b, width, top, end, &first, &last);
                    for (int i = first; i < last; ++i) {
                        T *row = image + i * width;
                        weigh<STRIP>(b, i, [&](int64_t j, double w) {
                            if (uint64_t(j) < uint64_t(width)) row[j] += T(w) * value;
                        });
                    }
                }
            });
        }
    }
    add_turned(turned.data(), x, s);
}

}  // namespace
