// Joseph's projector in space: every ray takes, from each slice across its main axis, the value between four voxels.
//
// Joseph (1982), doi:10.1109/TMI.1982.4307572. Upright views go by vectors of detector rows; rays of tilted
// detectors, and rays that are steeper than they are long, go one by one, with the same weights.

#pragma once

#include "columns.hpp"

namespace {

constexpr int64_t VIEWS = 16;     // views of a task: a block of the volume serves all of them

// Visit the slices [first, last) of a ray: at(index of slice, voxel below, weights of the four voxels).
template <class T, class Visit>
void visit(const Ray3 &ray, const Shape3 &s, int64_t first, int64_t last, Visit at) {
    const int a = ray.main == X ? Y : X, b = ray.main == Z ? Y : Z;
    narrow(ray.start[a], ray.slope[a], -1, double(s.size(a)), ray, &first, &last);
    narrow(ray.start[b], ray.slope[b], -1, double(s.size(b)), ray, &first, &last);
    for (int64_t i = first; i < last; ++i) {
        const double u = ray.start[a] + ray.slope[a] * double(i), v = ray.start[b] + ray.slope[b] * double(i);
        int64_t voxel[3];
        voxel[ray.main] = i, voxel[a] = int64_t(std::floor(u)), voxel[b] = int64_t(std::floor(v));
        at(voxel, T(u - double(voxel[a])), T(v - double(voxel[b])));
    }
}

template <class T> T one_ray(const Volume<T> &x, const Ray3 &ray, const Shape3 &s) {
    const int64_t a = x.stride[ray.main == X ? Y : X], b = x.stride[ray.main == Z ? Y : Z];
    T sum = 0;
    visit<T>(ray, s, 0, s.size(ray.main), [&](const int64_t *at, T u, T v) {
        const T *p = x.at(at[X], at[Y], at[Z]);
        const T low = p[0] + u * (p[a] - p[0]), high = p[b] + u * (p[b + a] - p[b]);
        sum += low + v * (high - low);
    });
    return T(ray.length) * sum;
}

// ---- forward ------------------------------------------------------------------------------------------------

// Rows [row, row + PAIR·LANES) of one column on slices [top, top + n).
template <class T, class K>
void forward_column(const Volume<T> &x, const Shape3 &s, const Column &col, int64_t row, int64_t top, int64_t n,
                    T *sum) {
    const int m = col.ray.main;
    int64_t first = top, last = top + n;
    narrow(col.across, col.across_slope, -1, double(s.size(col.other)), col.ray, &first, &last);
    if (first >= last) return;
    auto step = [&](int64_t i) { return col.step + double(i) * col.step_slope; };
    auto base = [&](int64_t i) { return col.z + double(i) * col.z_slope + double(row) * step(i); };
    const double hang = double(PAIR * K::LANES - 1) * std::max(step(first), step(last - 1));
    const double low = std::min(base(first), base(last - 1)), high = std::max(base(first), base(last - 1));
    if (high + hang <= -1 || low >= double(s.depth)) return;
    int64_t at[3] = {-1, -1, -PAD};
    at[m] = first;
    const Walk walk = {col.across + col.across_slope * double(first) + 1, col.across_slope,
                       base(first) + PAD, col.z_slope + double(row) * col.step_slope, step(first), col.step_slope,
                       x.stride[m], x.stride[col.other], double(s.depth + PAD)};
    K::forward(x.at(at[X], at[Y], at[Z]), walk, int(last - first), sum);
}

template <class K> bool by_vectors(const Column &col, const Shape3 &s) {
    const double n = double(s.size(col.ray.main)), step = std::max(col.step, col.step + n * col.step_slope);
    return K::fits(step);
}

// Views [from, to) and rows [row, row + PAIR·LANES).
template <class T, class K>
void forward_views(const Volume<T> &x, const Shape3 &s, const View3 *views, const char *turned, int64_t from,
                   int64_t to, int64_t row, T *y) {
    constexpr int64_t N = PAIR * K::LANES;
    std::vector<T> sums((to - from) * s.columns * N, T(0));
    std::vector<Column> columns((to - from) * s.columns);
    std::vector<char> fast(columns.size());
    for (int64_t k = 0; k < int64_t(columns.size()); ++k) {
        const View3 &view = views[from + k / s.columns];
        columns[k] = column_of(view, k % s.columns, s.voxel);
        fast[k] = upright(view) && by_vectors<K>(columns[k], s);
    }
    for (int main : {Y, X})
        for (int64_t top = 0; top < s.size(main); top += SLICES)
            for (int64_t k = 0; k < int64_t(columns.size()); ++k) {
                if (fast[k] && columns[k].ray.main == main)
                    forward_column<T, K>(x, s, columns[k], row, top, std::min(SLICES, s.size(main) - top),
                                         sums.data() + k * N);
            }
    for (int64_t v = from; v < to; ++v)
        for (int64_t r = row; r < std::min(row + N, s.rows); ++r) {
            T *out = y + (v * s.rows + (turned[v] ? s.rows - 1 - r : r)) * s.columns;
            for (int64_t c = 0; c < s.columns; ++c) {
                const int64_t k = (v - from) * s.columns + c;
                out[c] = fast[k] && !steep(columns[k], r)
                             ? T(length(columns[k], r, s.voxel)) * sums[k * N + r - row]
                             : one_ray(x, trace(views[v], double(c), double(r), s.voxel), s);
            }
        }
}

template <class T, class K>
void forward3(const T *x, T *y, const Shape3 &s, const View3 *views, const char *turned) {
    constexpr int64_t N = PAIR * K::LANES;
    const int64_t groups = (s.views + VIEWS - 1) / VIEWS, bands = (s.rows + N - 1) / N;
    Volume<T> padded(s);
    for (int64_t plane = 0; plane < s.planes; ++plane) {
        load(x + plane * s.depth * s.height * s.width, padded, s);
        parallel_for(groups * bands, s.threads, [&](int64_t i) {
            const int64_t from = i / bands * VIEWS;
            forward_views<T, K>(padded, s, views, turned, from, std::min(from + VIEWS, s.views), i % bands * N,
                                y + plane * s.views * s.rows * s.columns);
        });
    }
}

}  // namespace
