// The exact adjoint of the projector in space: the same weights, gathered along z and added across.
//
// Tasks own slices of the main axis, and blocks of z, so no two threads write to one voxel, and each voxel adds up
// its rays in one order.

#pragma once

#include "cone.hpp"

namespace {

// Detector columns with rows along memory, padded by zeros and by one column on both sides; an odd number of
// cache lines apart.
template <class T> struct Detector {
    int64_t columns, stride;
    std::vector<T> data;
    std::vector<char> single;    // views in which some rays go one by one
    explicit Detector(const Shape3 &s)
        : columns(s.columns), stride(((s.rows + 2 * PAD) / 16 | 1) * 16 + 32),
          data(s.views * (s.columns + 2) * stride, T(0)),
          single(s.views, 0) {}
    T *at(int64_t v, int64_t c) { return data.data() + (v * (columns + 2) + c + 1) * stride + PAD; }
};

template <class T> T at_row(const T *y, const Shape3 &s, int64_t v, int64_t c, int64_t r, const char *turned) {
    return y[(v * s.rows + (turned[v] ? s.rows - 1 - r : r)) * s.columns + c];
}

// Rows times the lengths; zero where rays go one by one.
template <class T>
void load_view(const T *y, const Shape3 &s, const View3 *views, const char *turned, int64_t v, Detector<T> &to) {
    const bool stands = upright(views[v]);
    to.single[v] = !stands;
    if (!stands) return;
    std::vector<Column> columns(s.columns);
    for (int64_t c = 0; c < s.columns; ++c) columns[c] = column_of(views[v], c, s.voxel);
    for (int64_t c0 = 0; c0 < s.columns; c0 += TILE)
        for (int64_t r = 0; r < s.rows; ++r)
            for (int64_t c = c0; c < std::min(s.columns, c0 + TILE); ++c) {
                if (steep(columns[c], r)) {
                    to.single[v] = 1;
                    continue;
                }
                to.at(v, c)[r] = T(length(columns[c], r, s.voxel)) * at_row(y, s, v, c, r, turned);
            }
}

// LANES voxels whose bins do not fit a window, or weigh with more rounding.
template <class T>
void voxel_by_voxel(const T *bins, int64_t rows, double base, double step, int64_t z, int64_t count, T part, T *left,
                    T *right) {
    for (int64_t l = 0; l < count; ++l) {
        const double at = double(z + l), v = (at - base) / step, reach = 1 / step + 1e-9;
        const int64_t low = std::max<int64_t>(0, int64_t(std::ceil(std::max(v - reach, -1.0))));
        const int64_t high = std::min<int64_t>(rows - 1, int64_t(std::floor(std::min(v + reach, double(rows)))));
        T value = 0;
        for (int64_t k = low; k <= high; ++k)
            value += T(std::max(0.0, 1 - std::abs(base + double(k) * step - at))) * bins[k];
        left[l] += (1 - part) * value, right[l] += part * value;
    }
}

// One detector column onto voxels [z0, z1) of slices [first, last).
template <class T, class K>
void adjoint_column(const T *bins, int64_t next, const Shape3 &s, const Column &col, int64_t first,
                    int64_t last, int64_t z0, int64_t z1, Volume<T> &x) {
    narrow(col.across, col.across_slope, -1, double(s.size(col.other)), col.ray, &first, &last);
    if (first >= last) return;
    const int m = col.ray.main;
    auto step = [&](int64_t i) { return col.step + double(i) * col.step_slope; };
    auto base = [&](int64_t i) { return col.z + double(i) * col.z_slope; };
    auto top = [&](int64_t i) { return base(i) + double(s.rows - 1) * step(i); };
    const double low = std::min(base(first), base(last - 1)), high = std::max(top(first), top(last - 1));
    if (low >= double(z1) || high <= double(z0 - 1)) return;
    if (low - 1 > double(z0)) z0 += int64_t(low - 1 - double(z0)) / K::LANES * K::LANES;
    if (high + 1 < double(z1)) z1 = int64_t(high) + 2;
    const double least = std::min(step(first), step(last - 1)), most = std::max(step(first), step(last - 1));
    const int taps = least >= 1 ? 2 : int(std::min(100.0, std::ceil(2 / least)));
    if (most < 4 && K::gathers(1 / least, taps)) {
        int64_t at[3] = {-1, -1, -PAD};
        at[m] = first;
        const Walk walk = {col.across + col.across_slope * double(first) + 1, col.across_slope, base(first),
                           col.z_slope, step(first), col.step_slope, x.stride[m], x.stride[col.other],
                           double(s.rows + PAD)};
        K::backward(bins - PAD, next, walk, int(last - first), z0, z1, taps, x.at(at[X], at[Y], at[Z]));
        return;
    }
    for (int64_t i = first; i < last; ++i) {
        const double at = col.across + col.across_slope * double(i), whole = std::floor(at);
        int64_t voxel[3] = {0, 0, z0};
        voxel[m] = i, voxel[col.other] = int64_t(whole);
        T *left = x.at(voxel[X], voxel[Y], z0);
        voxel_by_voxel(bins, s.rows, base(i), step(i), z0, z1 - z0, T(at - whole), left, left + x.stride[col.other]);
    }
}

template <class T, class K>
void adjoint_by_vectors(Detector<T> &y, const Shape3 &s, const View3 *views, Volume<T> &x) {
    const int64_t blocks = (s.depth + BLOCK - 1) / BLOCK;
    std::vector<Column> columns(s.views * s.columns);
    parallel_for(s.views, s.threads, [&](int64_t v) {
        for (int64_t c = 0; c < s.columns; ++c) columns[v * s.columns + c] = column_of(views[v], c, s.voxel);
    });
    for (int main : {Y, X}) {
        const int64_t slabs = (s.size(main) + SLICES - 1) / SLICES;
        parallel_for(slabs * blocks, s.threads, [&](int64_t task) {
            const int64_t top = task / blocks * SLICES, z = task % blocks * BLOCK;
            for (int64_t v = 0; v < s.views; ++v) {
                if (!upright(views[v])) continue;
                for (int64_t c = 0; c < s.columns; ++c) {
                    const Column &col = columns[v * s.columns + c];
                    if (col.ray.main == main)
                        adjoint_column<T, K>(y.at(v, c), y.stride, s, col, top, std::min(top + SLICES, s.size(main)), z,
                                             std::min(z + BLOCK, s.depth), x);
                }
            }
        });
    }
}

// Rays that go one by one, slab by slab of their main axis.
template <class T>
void adjoint_by_rays(const T *y, const std::vector<char> &single, const Shape3 &s, const View3 *views,
                     const char *turned, Volume<T> &x) {
    for (int main : {Y, X, Z}) {
        const int64_t slabs = std::min<int64_t>(s.size(main), 2 * s.threads);
        parallel_for(slabs, s.threads, [&](int64_t slab) {
            const int64_t first = slab * s.size(main) / slabs, last = (slab + 1) * s.size(main) / slabs;
            const int64_t a = x.stride[main == X ? Y : X], b = x.stride[main == Z ? Y : Z];
            for (int64_t i = 0; i < s.views * s.columns * s.rows; ++i) {
                const int64_t v = i / (s.columns * s.rows), c = i / s.rows % s.columns, r = i % s.rows;
                if (!single[v]) {
                    i = (v + 1) * s.columns * s.rows - 1;
                    continue;
                }
                const Ray3 ray = trace(views[v], double(c), double(r), s.voxel);
                if (ray.main != main || (upright(views[v]) && !steep(column_of(views[v], c, s.voxel), r))) continue;
                const T value = T(ray.length) * at_row(y, s, v, c, r, turned);
                visit<T>(ray, s, first, last, [&](const int64_t *at, T u, T w) {
                    T *p = x.at(at[X], at[Y], at[Z]);
                    const T low = (1 - w) * value, high = w * value;
                    p[0] += (1 - u) * low, p[a] += u * low, p[b] += (1 - u) * high, p[b + a] += u * high;
                });
            }
        });
    }
}

template <class T, class K>
void adjoint3(const T *y, T *x, const Shape3 &s, const View3 *views, const char *turned) {
    for (int64_t plane = 0; plane < s.planes; ++plane, y += s.views * s.rows * s.columns) {
        Detector<T> detector(s);
        Volume<T> padded(s);
        parallel_for(s.views, s.threads, [&](int64_t v) { load_view(y, s, views, turned, v, detector); });
        adjoint_by_vectors<T, K>(detector, s, views, padded);
        adjoint_by_rays(y, detector.single, s, views, turned, padded);
        store(padded, x + plane * s.depth * s.height * s.width, s);
    }
}

}  // namespace
