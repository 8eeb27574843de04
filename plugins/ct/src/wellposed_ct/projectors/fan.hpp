// Joseph's projector for any rays in the plane that start in a point per view: fan beams on flat and curved detectors.
//
// Ray k of a view crosses row i at u = a + C(i − b), with (a, b) the source and C its own slope; so a vector of lanes
// reads a window as in the parallel case, whose columns drift apart from row to row.

#pragma once

#include "lanes.hpp"

namespace {

struct View {                // in pixels: column to the right, row downwards
    double source_column, source_row;
    double bin_column, bin_row;      // bin 0
    double step_column, step_row;    // from bin to bin
    double arc;                      // or bins do not step, but turn about the source by this angle
};

// Neighbouring bins whose rays all cross the rows (or, with ``turn``, the columns), and all the same way: on every row
// that they reach, columns grow along the run, or fall, and no ray lies along the row.
struct Run {
    int64_t first, last;     // bins [first, last)
    bool turn, grows;
    double ahead;            // > 0 where rays cross rows downwards
    int64_t bin(int64_t n) const { return grows ? first + n : last - 1 - n; }  // number n in the order of columns
};

// All rays: slopes (views, bins) in columns from row to row, each run in the order of columns.
struct Rays {
    Image<double> slopes;
    std::vector<std::vector<Run>> runs;
    const double *slope(int64_t view, const Run &run) const { return slopes.row(0, view) + PAD + run.first; }
};

inline std::vector<Run> trace(const View &v, const std::vector<double> &cosine, const std::vector<double> &sine,
                              double *slopes) {
    std::vector<Run> runs;
    const int64_t bins = int64_t(cosine.size());
    for (int64_t k = 0; k < bins; ++k) {
        const double x = v.bin_column + double(k) * v.step_column - v.source_column;
        const double y = v.bin_row + double(k) * v.step_row - v.source_row;
        const double dc = cosine[k] * x - sine[k] * y, dr = sine[k] * x + cosine[k] * y;
        const bool turn = std::abs(dr) < std::abs(dc);
        const double ahead = turn ? dc : dr;
        if (runs.empty() || runs.back().turn != turn || ahead * runs.back().ahead < 0)
            runs.push_back({k, k, turn, true, ahead});
        runs.back().last = k + 1, slopes[k] = (turn ? dr : dc) / ahead;
    }
    for (Run &run : runs) {
        run.grows = (slopes[run.last - 1] - slopes[run.first]) * run.ahead >= 0;
        if (!run.grows) std::reverse(slopes + run.first, slopes + run.last);
    }
    return runs;
}

// The rays of all views; bins of all of them turn by one angle, or none does.
inline Rays trace_views(const Shape &s, const View *views) {
    std::vector<double> cosine(s.bins), sine(s.bins);
    for (int64_t k = 0; k < s.bins; ++k)
        cosine[k] = std::cos(double(k) * views[0].arc), sine[k] = std::sin(double(k) * views[0].arc);
    Rays rays{Image<double>(1, s.views, s.bins), std::vector<std::vector<Run>>(s.views)};
    parallel_for(s.views, s.threads, [&](int64_t a) {
        rays.runs[a] = trace(views[a], cosine, sine, rays.slopes.row(0, a) + PAD);
    });
    return rays;
}

// Millimetres of a ray between two rows.
inline double length(double slope, double pixel) { return pixel * std::sqrt(1 + slope * slope); }

// LANES rays of a run, from number c in the order of columns on, over rows [top, top + n).
template <class T, class K>
void forward_rays(const T *x, int64_t stride, int64_t width, const double *at, const double *slope, int n, T *sum) {
    constexpr int N = K::LANES;
    const double from = at[0], to = at[N - 1], more = (slope[N - 1] - slope[0]) * n;
    const double spread = std::max(to - from, to - from + more), least = std::min(to - from, to - from + more);
    int first, last;
    if (least >= 0 && K::spans(spread)) {
        rows_inside(from, slope[0], PAD - 1 - spread, PAD + double(width), 0, n, &first, &last);
        if (first == last) return;
        const double base = from + slope[0] * first;
        T apart[N], drift[N];
        for (int l = 0; l < N; ++l) apart[l] = T(at[l] + slope[l] * first - base), drift[l] = T(slope[l] - slope[0]);
        return K::rays(x + first * stride, stride, base, slope[0], apart, drift, last - first, sum);
    }
    for (int l = 0; l < N; ++l) {
        rows_inside(at[l], slope[l], PAD - 1, PAD + double(width), 0, n, &first, &last);
        sum[l] += one_ray(x, stride, at[l], slope[l], first, last);
    }
}

template <class T, class K>
void forward_run(const Image<T> &x, int64_t plane, const View &view, const Run &run, const double *slopes, double pixel,
                 T *out) {
    constexpr int N = K::LANES;
    const double a = run.turn ? view.source_row : view.source_column;
    const double b = run.turn ? view.source_column : view.source_row;
    const int64_t bins = run.last - run.first, chunks = (bins + N - 1) / N;
    std::vector<double> slope(chunks * N), at(N);
    std::vector<T> sum(chunks * N, T(0));
    for (int64_t n = 0; n < chunks * N; ++n) slope[n] = slopes[std::min(n, bins - 1)];
    for (int64_t top = 0; top < x.rows; top += ROWS)
        for (int64_t c = 0; c < chunks * N; c += N) {
            for (int l = 0; l < N; ++l) at[l] = a + slope[c + l] * (double(top) - b) + PAD;
            forward_rays<T, K>(x.row(plane, top), x.stride, x.width, at.data(), &slope[c],
                               int(std::min<int64_t>(ROWS, x.rows - top)), &sum[c]);
        }
    for (int64_t n = 0; n < bins; ++n) out[run.bin(n)] = T(length(slopes[n], pixel)) * sum[n];
}

template <class T, class K>
void forward_views(const T *x, T *y, const Shape &s, const View *views, double pixel) {
    Image<T> plain(s.planes, s.height, s.width), turned(s.planes, s.width, s.height);
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        pad_image(x + i / 2 * s.height * s.width, s, i % 2, i % 2 ? turned : plain, i / 2);
    });
    const Rays rays = trace_views(s, views);
    parallel_for(s.planes * s.views, s.threads, [&](int64_t i) {
        const int64_t a = i % s.views;
        for (const Run &run : rays.runs[a])
            forward_run<T, K>(run.turn ? turned : plain, i / s.views, views[a], run, rays.slope(a, run), pixel,
                              y + i * s.bins);
    });
}

}  // namespace
