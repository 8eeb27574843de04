// The weighted back-projection of Feldkamp, Davis & Kress (1984, doi:10.1364/JOSAA.1.000612) for upright panels.
//
// A column of voxels along z projects to one detector column, at rows that grow evenly with z: the loop of the
// forward projection with volume and panel exchanged. The value between four pixels is divided by the square of
// the voxel's distance from the source, in distances of the panel.

#pragma once

#include "cone_adjoint.hpp"

namespace {

struct Seen3 { double column[4], row[4], depth[4]; };  // of (x, y, z, 1): each but the last times the last

inline Seen3 seen3(const View3 &v) {
    // with m the matrix of columns u, v, and from the source to pixel 0: m⁻¹(voxel − source)
    const double *u = v.Q[1], *w = v.Q[2], *q = v.Q[0];
    Seen3 seen;
    auto cross = [](const double *a, const double *b, double *out) {
        for (int i = 0; i < 3; ++i) out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
    };
    cross(w, q, seen.column), cross(q, u, seen.row), cross(u, w, seen.depth);
    const double det = u[0] * seen.column[0] + u[1] * seen.column[1] + u[2] * seen.column[2];
    for (double *row : {seen.column, seen.row, seen.depth}) {
        for (int i = 0; i < 3; ++i) row[i] /= det;
        row[3] = -(row[0] * v.P[0][0] + row[1] * v.P[0][1] + row[2] * v.P[0][2]);
    }
    return seen;
}

// All voxels at (x, y) from one view; sum is along z, with room for a vector beyond the end.
template <class T, class K>
void smear_column(Detector<T> &y, const Shape3 &s, int64_t view, const Seen3 &seen, int64_t x, int64_t row, T *sum) {
    auto at = [&](const double *of) { return of[X] * double(x) + of[Y] * double(row) + of[3]; };
    const double depth = at(seen.depth);
    if (depth <= 0) return;
    const double column = at(seen.column) / depth, base = at(seen.row) / depth, step = seen.row[Z] / depth;
    if (column <= -1 || column >= double(s.columns)) return;
    const double whole = std::floor(column);
    const T part = T(column - whole), scale = T(1 / (depth * depth));
    const T *left = y.at(view, int64_t(whole)), *right = y.at(view, int64_t(whole) + 1);
    if (K::fits(step)) {
        for (int64_t z = 0; z < s.depth; z += K::LANES) {
            const double t = base + double(z) * step;
            if (t + (K::LANES - 1) * step <= -1 || t >= double(s.rows)) continue;
            K::blend(left - PAD, right - PAD, t + PAD, step, part, scale, sum + z);
        }
        return;
    }
    for (int64_t z = 0; z < s.depth; ++z) {
        const double t = base + double(z) * step;
        if (t <= -1 || t >= double(s.rows)) continue;
        const int64_t k = int64_t(std::floor(t));
        const T low = left[k] + part * (right[k] - left[k]), high = left[k + 1] + part * (right[k + 1] - left[k + 1]);
        sum[z] += scale * (low + T(t - double(k)) * (high - low));
    }
}

template <class T, class K>
void smear3(const T *y, T *x, const Shape3 &s, const View3 *views, const char *turned) {
    const int64_t across = (s.width + TILE - 1) / TILE, down = (s.height + TILE - 1) / TILE;
    const int64_t room = s.depth + K::LANES;
    std::vector<Seen3> seen(s.views);
    for (int64_t v = 0; v < s.views; ++v) seen[v] = seen3(views[v]);
    for (int64_t plane = 0; plane < s.planes; ++plane, y += s.views * s.rows * s.columns) {
        Detector<T> detector(s);
        parallel_for(s.views, s.threads, [&](int64_t v) {
            for (int64_t c0 = 0; c0 < s.columns; c0 += TILE)
                for (int64_t r = 0; r < s.rows; ++r)
                    for (int64_t c = c0; c < std::min(s.columns, c0 + TILE); ++c)
                        detector.at(v, c)[r] = at_row(y, s, v, c, r, turned);
        });
        parallel_for(across * down, s.threads, [&](int64_t task) {
            const int64_t x0 = task % across * TILE, y0 = task / across * TILE;
            const int64_t x1 = std::min(x0 + TILE, s.width), y1 = std::min(y0 + TILE, s.height);
            std::vector<T> sums(TILE * TILE * room, T(0));
            for (int64_t v = 0; v < s.views; ++v)
                for (int64_t j = y0; j < y1; ++j)
                    for (int64_t i = x0; i < x1; ++i)
                        smear_column<T, K>(detector, s, v, seen[v], i, j,
                                           sums.data() + ((j - y0) * TILE + i - x0) * room);
            for (int64_t z = 0; z < s.depth; ++z)
                for (int64_t j = y0; j < y1; ++j)
                    for (int64_t i = x0; i < x1; ++i)
                        x[((plane * s.depth + z) * s.height + j) * s.width + i] =
                            sums[((j - y0) * TILE + i - x0) * room + z];
        });
    }
}

}  // namespace
