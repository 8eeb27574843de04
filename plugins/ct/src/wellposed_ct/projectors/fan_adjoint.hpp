// The exact adjoint of fans: every row of pixels gathers from the rays that cross it, and no two threads write to one.
//
// A ray that crosses a row between columns m and m + 1, at m + f, gives 1 − f of its value to one and f to the other.
// So over all views each cell between two columns sums its rays' values and their values times f: a ray is looked at
// once, not once for each pixel. Which bins fall into a cell is decided by the crossings themselves, as numbers of fixed
// point: each falls into exactly one. Where to look for them, v of a cell, is a fraction of two linear functions
// of the column, or its arc tangent; it need not be exact, and is interpolated between every vector of cells.

#pragma once

#include <iterator>

#include "fan.hpp"

namespace {

constexpr int64_t BAND = 8;  // rows of a task: as few as keep its sums in the cache, as many as share what it reads

// One view's run, at home in its own padded detector row, in the order of columns.
struct Entry {
    int64_t view;
    Run run;
    double column, row;      // the source; with ``turn``, rows and columns change places
    double ea, eb, qa, qb;   // a pixel at (p, q) from it lies at t = (q·ea − p·eb) / (p·qb − q·qa) …
    double scale, offset;    // … and at number offset + scale·t, or on an arc offset + scale·atan t
    bool arc;
    int64_t bins() const { return run.last - run.first; }
};

inline Entry entry_of(const View &v, int64_t view, const Run &run) {
    const bool arc = v.arc != 0;
    double ec = v.bin_column - v.source_column, er = v.bin_row - v.source_row;
    double qc = v.step_column, qr = v.step_row, middle = 0;
    if (arc) {  // a flat detector one radius away, that touches the arc in the middle of the run
        middle = double(run.first + run.last - 1) / 2;
        const double c = std::cos(middle * v.arc), n = std::sin(middle * v.arc), x = ec, y = er;
        ec = c * x - n * y, er = n * x + c * y, qc = -er, qr = ec;
    }
    const double sign = run.grows ? 1 : -1, first = run.grows ? double(run.first) : double(run.last - 1);
    Entry e{view, run, v.source_column, v.source_row, ec, er, qc, qr, arc ? sign / v.arc : sign, sign * (middle - first),
            arc};
    if (run.turn) std::swap(e.column, e.row), std::swap(e.ea, e.eb), std::swap(e.qa, e.qb);
    return e;
}

// How vectors of cells see a run: cell c lies between columns c − 1 and c. False where cells are too coarse, too fine or
// too near the source for it.
template <class T, class K>
bool sees(const Entry &e, double row, double low, double high, double size, Cells<T> &g) {
    constexpr double N = K::LANES;
    const double q = row - e.row, p = -1 - e.column;
    g.n0 = T(q * e.ea - p * e.eb), g.n1 = T(-e.eb), g.d0 = T(p * e.qb - q * e.qa), g.d1 = T(e.qb);
    g.scale = T(e.scale), g.offset = T(e.offset + PAD), g.arc = e.arc;
    g.first = int64_t(low / N), g.last = int64_t(high / N);
    const double bend = q * (e.eb * e.qa - e.ea * e.qb);
    if (q * e.run.ahead <= 0 || bend * e.scale <= 0) return false;
    double most, least, bow, change;  // bins in a cell, v's second derivative, and that of log v'
    if (e.arc) {
        most = std::abs(e.scale / q), least = most / 2, change = 1 / std::abs(q), bow = 0.65 * change * most;
    } else {
        const double one = p * e.qb - q * e.qa + e.qb * N * double(g.first);
        const double other = one + e.qb * N * double(g.last + 1 - g.first);
        const double near = std::min(std::abs(one), std::abs(other)), far = std::max(std::abs(one), std::abs(other));
        if (one * other <= 0) return false;
        most = std::abs(bend) / (near * near), least = std::abs(bend) / (far * far);
        change = 2 * std::abs(e.qb) / near, bow = change * most;
    }
    const double spare = bow * N * N / 8 + 1e-2 + 1e-6 * size + (e.arc ? 6e-6 * std::abs(e.scale) : 0);
    const double bulge = 1 + change * N;
    g.spare = T(spare), g.density = T(bulge / N), g.taps = int64_t(most * bulge + 2 * spare) + 3;
    g.least = T(PAD - N), g.most = T(e.bins() + PAD + N);
    return change * N < 0.2 && least > 1.0 / 16 && g.taps <= e.bins();
}

// Rays one by one into the cells of one row.
template <class T, class K>
void add_rays(const Entry &e, const double *slope, const T *detector, double row, int64_t width, T *sum, T *moment) {
    for (int64_t n = 0; n < e.bins(); ++n) {
        const double u = e.column + slope[n] * (row - e.row) + 1;
        if (!(u >= 0 && u < double(width + 1))) continue;
        const int64_t cell = int64_t(u);
        sum[cell] += detector[n], moment[cell] += K::ONE * T(u - double(cell)) * detector[n];
    }
}

// What a task of a few planes and rows works with; rows of cells are padded to whole vectors.
template <class T> struct Work {
    int64_t wide;
    std::vector<T> sum, places, nodes, parts, steps;  // sum is (rows, planes, 2, wide): values, and values times f
    std::vector<int32_t> begins, taps, beyond;
    Work(int64_t planes, int64_t width, int64_t bins, int lanes)
        : wide((width / lanes + 2) * lanes), sum(BAND * planes * 2 * wide, T(0)), places(bins + 2 * PAD),
          nodes(wide / lanes + 1 + lanes), parts(nodes.size()), steps(nodes.size()), begins(nodes.size()),
          taps(nodes.size()), beyond(nodes.size()) {}
    Vectors<T> vectors() {
        return {nodes.data(), parts.data(), steps.data(), begins.data(), taps.data(), beyond.data()};
    }
};

// Add one run's rays to the cells of one row; y is the run's padded row.
template <class T, class K, int PLANES>
void gather_row(const Entry &e, const double *slopes, const T *y, int64_t plane, double row, int64_t width,
                Work<T> &w, T *sum) {
    const double q = row - e.row, one = e.column + slopes[0] * q, other = e.column + slopes[e.bins() - 1] * q;
    const double low = std::max(0.0, std::floor(std::min(one, other) - 1e-6) + 1);
    const double high = std::min(double(width), std::floor(std::max(one, other) + 1e-6) + 1);
    if (!(low <= high)) return;
    Cells<T> g;
    if (!K::CELLS || !sees<T, K>(e, row, low, high, double(width + e.bins()), g)) {
        for (int p = 0; p < PLANES; ++p)
            add_rays<T, K>(e, slopes, y + p * plane + PAD, row, width, sum + 2 * p * w.wide, sum + (2 * p + 1) * w.wide);
        return;
    }
    if constexpr (K::CELLS) {
        const Vectors<T> v = w.vectors();
        K::nodes(g, v);
        const T from = v.nodes[0] - g.spare, to = v.nodes[g.last + 1 - g.first] + g.spare;
        // what would read beyond the end of the detector reads up to its end instead, and so begins earlier
        const int64_t latest = e.bins() + K::LANES - g.taps;
        const int64_t begin = std::max<int64_t>(0, std::min(int64_t(from) - PAD - 1, latest));
        const int64_t end = std::min<int64_t>(e.bins(), int64_t(to) - PAD + g.taps);
        K::places(slopes, q, e.column + 1, begin, end, w.places.data() + PAD);
        K::template cells<PLANES>(w.places.data(), y, plane, g, v, sum, w.wide);
    }
}

// Rows [top, top + BAND) of PLANES planes of pixels, from all runs.
template <class T, class K, int PLANES>
void adjoint_rows(const Image<T> &y, const Rays &rays, const std::vector<Entry> &entries, int64_t plane, int64_t top,
                  int64_t rows, int64_t width, T *x) {
    const int64_t count = std::min(BAND, rows - top);
    Work<T> w(PLANES, width, y.width, K::LANES);
    for (int64_t a = 0; a < int64_t(entries.size()); ++a)
        for (int64_t r = 0; r < count; ++r)
            gather_row<T, K, PLANES>(entries[a], rays.slope(entries[a].view, entries[a].run), y.row(plane, a),
                                     y.rows * y.stride, double(top + r), width, w,
                                     w.sum.data() + r * PLANES * 2 * w.wide);
    for (int64_t r = 0; r < count; ++r)
        for (int p = 0; p < PLANES; ++p) {
            const T *sum = w.sum.data() + (r * PLANES + p) * 2 * w.wide, *moment = sum + w.wide;
            T *out = x + ((plane + p) * rows + top + r) * width;
            for (int64_t j = 0; j < width; ++j) out[j] = sum[j + 1] - (moment[j + 1] - moment[j]) * (1 / K::ONE);
        }
}

template <class T, class K>
void adjoint_half(const T *y, const Shape &s, const View *views, const Rays &rays, double pixel, bool turn, T *x) {
    std::vector<Entry> entries;
    for (int64_t a = 0; a < s.views; ++a)
        for (const Run &run : rays.runs[a])
            if (run.turn == turn) entries.push_back(entry_of(views[a], a, run));
    const int64_t count = int64_t(entries.size()), height = turn ? s.width : s.height;
    const int64_t width = turn ? s.height : s.width, bands = (height + BAND - 1) / BAND;
    Image<T> padded(s.planes, count, s.bins);
    parallel_for(count, s.threads, [&](int64_t a) {
        const Entry &e = entries[a];
        const double *slopes = rays.slope(e.view, e.run);
        for (int64_t n = 0; n < e.bins(); ++n) {
            const T between = T(length(slopes[n], pixel));
            for (int64_t p = 0; p < s.planes; ++p)
                padded.row(p, a)[PAD + n] = between * y[(p * s.views + e.view) * s.bins + e.run.bin(n)];
        }
    });
    // planes share the crossings: as many at a time as the registers hold
    const int64_t blocks = (s.planes + K::PLANES - 1) / K::PLANES;
    parallel_for(blocks * bands, s.threads, [&](int64_t i) {
        const int64_t top = i % bands * BAND, end = std::min(s.planes, (i / bands + 1) * K::PLANES);
        int64_t plane = i / bands * K::PLANES;
        if (plane + K::PLANES == end)
            return adjoint_rows<T, K, K::PLANES>(padded, rays, entries, plane, top, height, width, x);
        for (; plane < end; ++plane)
            adjoint_rows<T, K, 1>(padded, rays, entries, plane, top, height, width, x);
    });
}

template <class T, class K> void adjoint_views(const T *y, T *x, const Shape &s, const View *views, double pixel) {
    std::vector<T> turned(s.planes * s.height * s.width);
    const Rays rays = trace_views(s, views);
    adjoint_half<T, K>(y, s, views, rays, pixel, false, x);
    adjoint_half<T, K>(y, s, views, rays, pixel, true, turned.data());
    add_turned(turned.data(), x, s);
}

}  // namespace
