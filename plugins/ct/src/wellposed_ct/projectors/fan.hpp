// Joseph's projector for any rays in the plane that start in a point per view: fan beams on a flat detector.
//
// Ray k of a view crosses row i at u = A + iC, with A and C of its own; so a vector of lanes reads a window as
// in the parallel case, whose columns drift apart from row to row. The adjoint goes row by row, so that no two
// threads write to one pixel, and adds the same weights, computed by the same expression.

#pragma once

#include "lanes.hpp"

namespace {

struct View {                // in pixels: column to the right, row downwards
    double source_column, source_row;
    double bin_column, bin_row;      // bin 0
    double step_column, step_row;    // from bin to bin
};

struct Ray { double A, C, L; };

// Rays of one view that cross the rows (or, swapped, the columns), in runs of neighbouring bins.
struct Run { int64_t first, last; };  // bins [first, last)

inline void trace(const View &v, bool turn, double pixel, int64_t bins, std::vector<Ray> &rays,
                  std::vector<Run> &runs) {
    rays.resize(bins);
    runs.clear();
    for (int64_t k = 0; k < bins; ++k) {
        const double dc = v.bin_column + double(k) * v.step_column - v.source_column;
        const double dr = v.bin_row + double(k) * v.step_row - v.source_row;
        const bool upright = std::abs(dr) >= std::abs(dc);
        if (upright == turn) continue;
        const double slope = turn ? dr / dc : dc / dr;
        rays[k] = {turn ? v.source_row - v.source_column * slope : v.source_column - v.source_row * slope, slope,
                   pixel * std::sqrt(1 + slope * slope)};
        if (runs.empty() || runs.back().last != k) runs.push_back({k, k});
        runs.back().last = k + 1;
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

// Rows [top, top + n) of pixels, all views: rays[a] were traced, y are the detector rows of all views. A block of
// rows stays in the cache while the rays pass by.
template <class T>
void adjoint_fan(const T *y, int64_t bins, const std::vector<std::vector<Ray>> &rays,
                 const std::vector<std::vector<Run>> &runs, int64_t top, int n, int64_t width, T *out) {
    const int64_t stride = width + 4;
    std::vector<T> padded(n * stride, T(0));
    for (size_t a = 0; a < rays.size(); ++a) {
        const T *detector = y + int64_t(a) * bins;
        for (const Run &run : runs[a])
            for (int64_t k = run.first; k < run.last; ++k) {
                const Ray &ray = rays[a][k];
                const double base = ray.A + ray.C * double(top) + 2;
                const T value = T(ray.L) * detector[k];
                int first, last;
                rows_inside(base, ray.C, 1, double(width) + 2, 0, n, &first, &last);
                T *row = padded.data() + first * stride;
                for (int r = first; r < last; ++r, row += stride) {
                    const double u = base + ray.C * r;
                    const int64_t whole = int64_t(u);
                    const T right = T(u - double(whole)) * value;
                    row[whole] += value - right;
                    row[whole + 1] += right;
                }
            }
    }
    for (int r = 0; r < n; ++r) std::memcpy(out + r * width, padded.data() + r * stride + 2, width * sizeof(T));
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

template <class T>
void adjoint_views(const T *y, T *x, const Shape &s, const View *views, double pixel) {
    std::vector<T> turned(s.planes * s.height * s.width);
    std::vector<std::vector<Ray>> rays(s.views);
    std::vector<std::vector<Run>> runs(s.views);
    for (bool turn : {false, true}) {
        const int64_t rows = turn ? s.width : s.height, width = turn ? s.height : s.width;
        parallel_for(s.views, s.threads, [&](int64_t a) { trace(views[a], turn, pixel, s.bins, rays[a], runs[a]); });
        const int64_t blocks = (rows + ROWS - 1) / ROWS;
        parallel_for(s.planes * blocks, s.threads, [&](int64_t i) {
            const int64_t plane = i / blocks, top = i % blocks * ROWS;
            adjoint_fan(y + plane * s.views * s.bins, s.bins, rays, runs, top,
                        int(std::min<int64_t>(ROWS, rows - top)), width,
                        (turn ? turned.data() : x) + (plane * rows + top) * width);
        });
    }
    add_turned(turned.data(), x, s);
}

}  // namespace
