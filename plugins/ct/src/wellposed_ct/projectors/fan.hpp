// Joseph's projector for any rays in the plane that start in a point per view: fan beams on flat and curved detectors.
//
// Ray k of a view crosses row i at u = A + iC, with A and C of its own; so a vector of lanes reads a window as
// in the parallel case, whose columns drift apart from row to row. The adjoint goes row by row, so that no two
// threads write to one pixel, and adds the same weights, computed by the same expression.

#pragma once

#include <iterator>

#include "lanes.hpp"

namespace {

struct View {                // in pixels: column to the right, row downwards
    double source_column, source_row;
    double bin_column, bin_row;      // bin 0
    double step_column, step_row;    // from bin to bin
    double arc;                      // or bins do not step, but turn about the source by this angle
};

struct Ray { double A, C, L; };

// Rays of one view that cross the rows (or, swapped, the columns), in runs of neighbouring bins that all cross them
// downwards, or all upwards: along such a run, columns on a row grow or fall, and no ray lies along the row.
struct Run { int64_t first, last; };  // bins [first, last)

inline void trace(const View &v, bool turn, double pixel, int64_t bins, std::vector<Ray> &rays,
                  std::vector<Run> &runs) {
    rays.resize(bins);
    runs.clear();
    double before = 0;
    for (int64_t k = 0; k < bins; ++k) {
        const double x = v.bin_column + double(k) * v.step_column - v.source_column;
        const double y = v.bin_row + double(k) * v.step_row - v.source_row;
        const double c = v.arc ? std::cos(k * v.arc) : 1, n = v.arc ? std::sin(k * v.arc) : 0;
        const double dc = c * x - n * y, dr = n * x + c * y;
        const bool upright = std::abs(dr) >= std::abs(dc);
        if (upright == turn) continue;
        const double slope = turn ? dr / dc : dc / dr;
        rays[k] = {turn ? v.source_row - v.source_column * slope : v.source_column - v.source_row * slope, slope,
                   pixel * std::sqrt(1 + slope * slope)};
        const double along = turn ? dc : dr;
        if (runs.empty() || runs.back().last != k || along * before < 0) runs.push_back({k, k});
        runs.back().last = k + 1;
        before = along;
    }
}

template <class T, class K>
void forward_fan(const Image<T> &x, int64_t plane, const View &view, bool turn, double pixel, int64_t bins,
                 T *out) {
    constexpr int N = K::LANES;
    std::vector<Ray> rays;
    std::vector<Run> runs;
    trace(view, turn, pixel, bins, rays, runs);
    for (const Run &run : runs) {
        // columns grow along the run, or fall: both are the same from the other end
        const bool back = run.last - run.first > 1 &&
                          rays[run.first].A + rays[run.first].C * double(x.rows) / 2 >
                              rays[run.last - 1].A + rays[run.last - 1].C * double(x.rows) / 2;
        auto bin = [&](int64_t c) {
            const int64_t n = std::min(c, run.last - run.first - 1);
            return back ? run.last - 1 - n : run.first + n;
        };
        for (int64_t c = 0; c < run.last - run.first; c += N) {
            T sum[N] = {}, apart[N], drift[N];
            const Ray &low = rays[bin(c)], &high = rays[bin(c + N - 1)];
            for (int64_t top = 0; top < x.rows; top += ROWS) {
                const int n = int(std::min<int64_t>(ROWS, x.rows - top));
                const double from = low.A + low.C * double(top) + PAD, to = high.A + high.C * double(top) + PAD;
                const double spread = std::max(to - from, to - from + (high.C - low.C) * n);
                const double least = std::min(to - from, to - from + (high.C - low.C) * n);
                if (least >= 0 && K::spans(spread)) {
                    int first, last;
                    rows_inside(from, low.C, PAD - 1 - spread, PAD + double(x.width), 0, n, &first, &last);
                    if (first == last) continue;
                    const double base = from + low.C * first;
                    for (int l = 0; l < N; ++l) {
                        const Ray &ray = rays[bin(c + l)];
                        apart[l] = T(ray.A + ray.C * double(top + first) + PAD - base);
                        drift[l] = T(ray.C - low.C);
                    }
                    K::rays(x.row(plane, top + first), x.stride, base, low.C, apart, drift, last - first, sum);
                    continue;
                }
                for (int l = 0; l < N; ++l) {
                    const Ray &ray = rays[bin(c + l)];
                    const double own = ray.A + ray.C * double(top) + PAD;
                    int first, last;
                    rows_inside(own, ray.C, PAD - 1, PAD + double(x.width), 0, n, &first, &last);
                    sum[l] += one_ray(x.row(plane, top), x.stride, own, ray.C, first, last);
                }
            }
            for (int64_t l = 0; l < std::min<int64_t>(N, run.last - run.first - c); ++l)
                out[bin(c + l)] = T(rays[bin(c + l)].L) * sum[l];
        }
    }
}

// One view's run of rays, at home in its own padded detector row.
struct Entry {
    int64_t view;
    Run run;
    std::vector<Ray> rays;
};

// How row i of pixels, ``width`` wide, sees a view: see Fanned. Rows and columns change places with ``turn``.
template <class T> Fanned<T> seen_by_row(const View &v, bool turn, double row) {
    const double a = turn ? v.source_row : v.source_column, b = turn ? v.source_column : v.source_row;
    const double ea = (turn ? v.bin_row : v.bin_column) - a, eb = (turn ? v.bin_column : v.bin_row) - b;
    const double ta = turn ? v.step_row : v.step_column, tb = turn ? v.step_column : v.step_row;
    Fanned<T> g{};
    g.d0 = -a * tb - (row - b) * ta, g.d1 = tb;
    g.n0 = a * eb + (row - b) * ea + PAD * g.d0, g.n1 = -eb + PAD * g.d1;
    const double bend = (row - b) * (eb * ta - ea * tb);
    g.bend = T(bend), g.inverse = T(1 / bend), g.ratio = T(tb / bend);
    g.low = 0, g.high = -1;
    return g;
}

// Fill in what vectors of ``lanes`` pixels need between columns ``low`` and ``high``; false where they do not fit.
template <class T, class K> bool fits_lanes(Fanned<T> &g, double low, double high, bool interpolate) {
    const double first = g.d0 + g.d1 * (low - K::LANES), last = g.d0 + g.d1 * (high + K::LANES);
    const double least = std::min(std::abs(first), std::abs(last)), most = std::max(std::abs(first), std::abs(last));
    const double slope = std::abs(g.d1), bend = std::abs(double(g.bend));
    if (first * last <= 0 || slope * 10 * K::LANES > least) return false;
    const double span = (K::LANES - 1) * bend / (least * least);
    g.shift = g.bend < 0 ? span : 0;
    g.reach = interpolate ? span : std::max(1.0, bend / (least * (least - slope)));
    g.taps = interpolate ? 2 : int(std::ceil(2 * g.reach));
    const double all = span + (interpolate ? 0 : 2 * g.reach) + 3;
    g.wide = !K::spans(all - 3);
    if (interpolate) return all < PAD;
    // rounding of v counts q times in a weight, and coarse bins are cheap ray by ray
    const bool fine = most * most < 4 * bend, flat = most * slope * g.reach < 0.01 * bend;
    return all < PAD && fine && flat;
}

// Add one row of pixels from rays of one run: the very weights of the forward projection, for vectors that do not fit.
template <class T>
void add_rays(const Entry &e, const T *detector, double row, int64_t width, T *out) {
    for (int64_t k = e.run.first; k < e.run.last; ++k) {
        const double u = e.rays[k - e.run.first].A + e.rays[k - e.run.first].C * row;
        if (!(u > -1 && u < double(width))) continue;
        const int64_t left = int64_t(std::floor(u));
        const T far = T(u - double(left)) * detector[PAD + k];
        if (left >= 0) out[left] += detector[PAD + k] - far;
        if (left + 1 < width) out[left + 1] += far;
    }
}

// Rows [top, top + GROUP) of pixels, from all entries' detector rows, which carry the rays' lengths.
template <class T, class K>
void adjoint_rows(const T *y, int64_t stride, const std::vector<Entry> &entries, const View *views, bool turn,
                  int64_t top, int64_t rows, int64_t width, T *out) {
    constexpr int G = K::GROUP;
    const int64_t runs = int64_t(entries.size()), wide = width + K::LANES;
    std::vector<Fanned<T>> seen(runs * G);
    std::vector<T> sum(G * wide, T(0)), part(G * K::LANES);
    for (int64_t a = 0; a < runs; ++a)
        for (int r = 0; r < G; ++r) {
            const Entry &e = entries[a];
            const double row = double(top + r);
            const Ray &first = e.rays.front(), &last = e.rays.back();
            const double u0 = first.A + first.C * row, u1 = last.A + last.C * row;
            const double low = std::max(0.0, std::ceil(std::min(u0, u1) - 1));
            const double high = std::min(double(width - 1), std::floor(std::max(u0, u1) + 1));
            Fanned<T> &g = seen[a * G + r];
            g = seen_by_row<T>(views[e.view], turn, row);
            if (low > high || top + r >= rows) continue;
            if (!views[e.view].arc && fits_lanes<T, K>(g, low, high, false))
                g.low = int64_t(low), g.high = int64_t(high);
            else
                add_rays(e, y + a * stride, row, width, sum.data() + r * wide);
        }
    for (int64_t c = 0; c < width; c += K::LANES) {
        std::fill(part.begin(), part.end(), T(0));
        K::fan_adjoint(y, stride, seen.data(), runs, c, part.data());
        for (int r = 0; r < G; ++r)
            for (int l = 0; l < K::LANES; ++l) sum[r * wide + c + l] += part[r * K::LANES + l];
    }
    for (int r = 0; r < G && top + r < rows; ++r)
        std::memcpy(out + (top + r) * width, sum.data() + r * wide, width * sizeof(T));
}

template <class T, class K>
void forward_views(const T *x, T *y, const Shape &s, const View *views, double pixel) {
    Image<T> plain(s.planes, s.height, s.width), turned(s.planes, s.width, s.height);
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        pad_image(x + i / 2 * s.height * s.width, s, i % 2, i % 2 ? turned : plain, i / 2);
    });
    parallel_for(s.planes * s.views, s.threads, [&](int64_t i) {
        for (bool turn : {false, true})
            forward_fan<T, K>(turn ? turned : plain, i / s.views, views[i % s.views], turn, pixel, s.bins,
                              y + i * s.bins);
    });
}

// The runs of all views that cross the rows, or with ``turn`` the columns.
inline std::vector<Entry> entries_of(const Shape &s, const View *views, bool turn, double pixel) {
    std::vector<std::vector<Entry>> found(s.views);
    parallel_for(s.views, s.threads, [&](int64_t a) {
        std::vector<Ray> rays;
        std::vector<Run> runs;
        trace(views[a], turn, pixel, s.bins, rays, runs);
        for (const Run &run : runs)
            found[a].push_back({a, run, {rays.begin() + run.first, rays.begin() + run.last}});
    });
    std::vector<Entry> entries;
    for (auto &some : found) std::move(some.begin(), some.end(), std::back_inserter(entries));
    return entries;
}

template <class T, class K> void adjoint_views(const T *y, T *x, const Shape &s, const View *views, double pixel) {
    std::vector<T> turned(s.planes * s.height * s.width);
    for (bool turn : {false, true}) {
        const int64_t rows = turn ? s.width : s.height, width = turn ? s.height : s.width;
        const auto entries = entries_of(s, views, turn, pixel);
        const int64_t count = int64_t(entries.size()), groups = (rows + K::GROUP - 1) / K::GROUP;
        Image<T> padded(s.planes, count, s.bins);
        parallel_for(s.planes * count, s.threads, [&](int64_t i) {
            const Entry &e = entries[i % count];
            const T *from = y + (i / count * s.views + e.view) * s.bins;
            T *row = padded.row(i / count, i % count) + PAD;
            for (int64_t k = e.run.first; k < e.run.last; ++k) row[k] = T(e.rays[k - e.run.first].L) * from[k];
        });
        parallel_for(s.planes * groups, s.threads, [&](int64_t i) {
            const int64_t plane = i / groups;
            adjoint_rows<T, K>(padded.data.data() + plane * count * padded.stride, padded.stride, entries, views, turn,
                               i % groups * K::GROUP, rows, width,
                               (turn ? turned.data() : x) + plane * rows * width);
        });
    }
    add_turned(turned.data(), x, s);
}

// ---- filtered back-projection -----------------------------------------------------------------------------

// One row of pixels from one view, for vectors that do not fit.
template <class T>
void smear_row(const Fanned<T> &g, const T *detector, double bins, int64_t width, T *out) {
    for (int64_t j = 0; j < width; ++j) {
        const double d = g.d0 + g.d1 * double(j), v = (g.n0 + g.n1 * double(j)) / d;
        if (!(v > PAD - 1 && v < PAD + bins)) continue;
        const int64_t low = int64_t(v);
        const T f = T(v - double(low));
        out[j] += T(g.scale / (d * d)) * (detector[low] + f * (detector[low + 1] - detector[low]));
    }
}

// The same on a curved detector: the angle to the first of a few pixels, and the small ones to its neighbours.
template <class T>
void smear_arc(const View &v, const T *detector, double bins, double row, int64_t width, double scale, T *out) {
    constexpr int FEW = 16;
    const double ec = v.bin_column - v.source_column, er = v.bin_row - v.source_row, b = row - v.source_row;
    for (int64_t j = 0; j < width; j += FEW) {
        const double a = double(j) - v.source_column, far = a * a + b * b;
        const double base = std::atan2(ec * b - er * a, ec * a + er * b) / v.arc + PAD;
        const bool near = FEW * FEW < 0.01 * far;
        for (int64_t l = 0; l < std::min<int64_t>(FEW, width - j); ++l) {
            // tan of the angle from (a, b) to (a + l, b)
            const double t = -b * double(l) / (far + a * double(l)), t2 = t * t;
            const double small = t * (1 - t2 * (1. / 3 - t2 * (1. / 5 - t2 * (1. / 7 - t2 * (1. / 9 - t2 / 11)))));
            const double at = base + (near ? small : std::atan2(-b * double(l), far + a * double(l))) / v.arc;
            if (!(at > PAD - 1 && at < PAD + bins)) continue;
            const int64_t low = int64_t(at);
            const T f = T(at - double(low)), weight = T(scale / (far + double(l) * (2 * a + double(l))));
            out[j + l] += weight * (detector[low] + f * (detector[low + 1] - detector[low]));
        }
    }
}

// The sum over views of the values between two bins where a pixel lies, over U², U being its distance from the
// source, along the central ray if the detector is flat, relative to that of the point (column, row).
template <class T, class K>
void smear_views(const T *y, T *x, const Shape &s, const View *views, double axis_column, double axis_row) {
    constexpr int G = K::GROUP;
    Image<T> padded(s.planes, s.views, s.bins);
    parallel_for(s.planes * s.views, s.threads, [&](int64_t i) {
        std::memcpy(padded.row(i / s.views, i % s.views) + PAD, y + i * s.bins, s.bins * sizeof(T));
    });
    const int64_t groups = (s.height + G - 1) / G, wide = s.width + K::LANES;
    parallel_for(s.planes * groups, s.threads, [&](int64_t i) {
        const int64_t top = i % groups * G;
        const T *rows = padded.row(i / groups, 0);
        std::vector<Fanned<T>> seen(s.views * G);
        std::vector<T> sum(G * wide, T(0)), part(G * K::LANES);
        for (int64_t a = 0; a < s.views; ++a)
            for (int r = 0; r < G; ++r) {
                Fanned<T> &g = seen[a * G + r];
                if (views[a].arc) {
                    const double far = std::hypot(axis_column - views[a].source_column, axis_row - views[a].source_row);
                    smear_arc(views[a], rows + a * padded.stride, double(s.bins), double(top + r), s.width, far * far,
                              sum.data() + r * wide);
                    continue;
                }
                const Fanned<T> axis = seen_by_row<T>(views[a], false, axis_row);
                g = seen_by_row<T>(views[a], false, double(top + r));
                g.scale = T(std::pow(axis.d0 + axis.d1 * axis_column, 2));
                if (fits_lanes<T, K>(g, 0, double(s.width - 1), true)) continue;
                g.taps = 0;
                smear_row(g, rows + a * padded.stride, double(s.bins), s.width, sum.data() + r * wide);
            }
        for (int64_t c = 0; c < s.width; c += K::LANES) {
            std::fill(part.begin(), part.end(), T(0));
            K::fan_smear(rows, padded.stride, seen.data(), s.views, double(s.bins), c, part.data());
            for (int r = 0; r < G; ++r)
                for (int l = 0; l < K::LANES; ++l) sum[r * wide + c + l] += part[r * K::LANES + l];
        }
        for (int r = 0; r < G && top + r < s.height; ++r)
            std::memcpy(x + (i / groups * s.height + top + r) * s.width, sum.data() + r * wide,
                        s.width * sizeof(T));
    });
}

}  // namespace
