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

struct Edge { double A, C, half, inverse; };  // crosses row i at column A + iC; also |C| / 2 and 1 / |C|

inline int64_t down(double x) {  // ⌊x⌋, without a call
    const int64_t i = int64_t(x);
    return i - (double(i) > x);
}

struct Beam {
    Edge middle, low, high;
    double length;               // of the ray between two rows
    bool along;                  // runs exactly along columns
    bool turn;                   // runs mainly along the rows: rows and columns change places
};

inline Edge edge_at(const Sheaf &s, double k, bool turn, double *ratio) {
    const double c = std::cos(k * s.arc), n = std::sin(k * s.arc);
    const double x = s.way[0] + k * s.way_step[0], y = s.way[1] + k * s.way_step[1];
    const double way[2] = {c * x - n * y, n * x + c * y};
    const double start[2] = {s.start[0] + k * s.start_step[0], s.start[1] + k * s.start_step[1]};
    *ratio = std::abs(way[0]) - std::abs(way[1]);
    const double slope = way[turn] / way[!turn];
    return {start[turn] - start[!turn] * slope, slope, std::abs(slope) / 2, 1 / std::max(std::abs(slope), 1e-300)};
}

inline Beam beam_at(const Sheaf &s, double k, double pixel) {
    double along, other;
    edge_at(s, k, false, &along);
    const bool turn = along > 0;
    const Edge middle = edge_at(s, k, turn, &other);
    return {middle, edge_at(s, k - 0.5, turn, &other), edge_at(s, k + 0.5, turn, &other),
            pixel * std::sqrt(1 + middle.C * middle.C), std::abs(middle.C) <= 1e-9, turn};
}

inline double limited(double x) { return std::min(std::max(x, 0.0), 1.0); }

// at(pixel, weight) for the pixels of row i, without the length
template <class At> inline void lengths(const Beam &b, double i, At at) {
    const double u = b.middle.A + b.middle.C * i;
    const int64_t left = down(u);
    const double d = u - double(left) - 0.5;
    // a ray along the border of two pixels belongs to both
    const double share = b.along && std::abs(d) < 1e-9 ? 0.5 : limited(0.5 + d * b.middle.inverse);
    at(left, 1 - share);
    at(left + 1, share);
}

inline double integral(double z) {   // of limited()
    const double inside = limited(z);
    return inside * inside / 2 + std::max(z - 1, 0.0);
}

// the share of a pixel that lies before a line at x from its middle, which leans by ±half
inline double before(double x, const Edge &e) {
    if (e.half < 5e-7) return limited(x + 0.5);
    return (integral(x + 0.5 + e.half) - integral(x + 0.5 - e.half)) * e.inverse;
}

template <class At> inline void areas(const Beam &b, double i, At at) {
    const double a = b.low.A + b.low.C * i, z = b.high.A + b.high.C * i;
    const Edge &near = a > z ? b.high : b.low, &far = a > z ? b.low : b.high;
    const double u0 = std::min(a, z), u1 = std::max(a, z), width = u1 - u0;
    if (!(width > 1e-12)) return;
    const int64_t first = down(std::min(u0 - near.half, u1 - far.half) + 0.5);
    const int64_t last = down(std::max(u0 + near.half, u1 + far.half) + 0.5);
    const double scale = 1 / width;
    for (int64_t j = first; j <= last; ++j)
        at(j, (before(u1 - double(j), far) - before(u0 - double(j), near)) * scale);
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

// Rows [from, to) of a padded plane read by one ray, and the same value spread over them.
template <class T, bool STRIP>
double read_ray(const Beam &b, const Image<T> &x, int64_t plane, int64_t from, int64_t to) {
    int first, last;
    rows_met<STRIP>(b, x.width, from, to, &first, &last);
    double sum = 0;              // wide strips add up whole images
    for (int i = first; i < last; ++i) {
        const T *row = x.row(plane, i) + x.pad;
        double part = 0;
        weigh<STRIP>(b, i, [&](int64_t j, double w) {
            if (uint64_t(j) < uint64_t(x.width)) part += w * double(row[j]);
        });
        sum += part;
    }
    return sum;
}

template <class T, bool STRIP>
void spread_ray(const Beam &b, Image<T> &x, int64_t plane, int64_t from, int64_t to, T value) {
    int first, last;
    rows_met<STRIP>(b, x.width, from, to, &first, &last);
    for (int i = first; i < last; ++i) {
        T *row = x.row(plane, i) + x.pad;
        weigh<STRIP>(b, i, [&](int64_t j, double w) {
            if (uint64_t(j) < uint64_t(x.width)) row[j] += T(w) * value;
        });
    }
}

}  // namespace
