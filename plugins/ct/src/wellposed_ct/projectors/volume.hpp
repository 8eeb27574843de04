// What the projectors in space share: views, rays, and the volume laid out so that z runs along memory.
//
// The one idea: where detector rows run along z, all rays of a detector column cross a slice y = i at one x, and
// at z that grow evenly with the row. So a vector of rows blends two columns of voxels and then reads one short
// window of z, as the parallel beam does in the plane.

#pragma once

#include "lanes.hpp"

#include <limits>

namespace {

constexpr int X = 0, Y = 1, Z = 2;

// Ray of column c and row r: P[0] + c·P[1] + r·P[2] is a point of it, Q its direction likewise; in voxels (x to the
// right, y downwards, z).
struct View3 {
    double P[3][3], Q[3][3];
    int64_t starts;          // whether the ray starts in P, or is a whole line
};

struct Shape3 {
    int64_t planes, depth, height, width, views, rows, columns;
    double voxel[3];         // mm
    int threads;
    int64_t size(int axis) const { return axis == X ? width : axis == Y ? height : depth; }
};

// A ray meets slice i of its main axis at start + i·slope in the two other axes, for i in (after, before).
struct Ray3 {
    int main;
    double start[3], slope[3], length, after, before;
};

#if defined(__GNUC__)
__attribute__((noinline))    // one compilation, so that ties of direction are broken alike everywhere
#endif
Ray3 trace(const View3 &v, double c, double r, const double *voxel) {
    double p[3], q[3];
    for (int a : {X, Y, Z}) {
        p[a] = v.P[0][a] + c * v.P[1][a] + r * v.P[2][a];
        q[a] = v.Q[0][a] + c * v.Q[1][a] + r * v.Q[2][a];
    }
    const double x = std::abs(q[X]), y = std::abs(q[Y]), z = std::abs(q[Z]);
    Ray3 ray;
    ray.main = y >= x && y >= z ? Y : x >= z ? X : Z;
    const int m = ray.main;
    double square = 0;
    for (int a : {X, Y, Z}) {
        ray.slope[a] = q[a] / q[m];
        ray.start[a] = p[a] - p[m] * ray.slope[a];
        square += ray.slope[a] * voxel[a] * ray.slope[a] * voxel[a];
    }
    ray.length = std::sqrt(square);
    const double far = std::numeric_limits<double>::infinity();
    ray.after = v.starts && q[m] > 0 ? p[m] : -far;
    ray.before = v.starts && q[m] < 0 ? p[m] : far;
    return ray;
}

// Slices of [from, to) on which low < base + slope·i < high and after < i < before.
inline void narrow(double base, double slope, double low, double high, const Ray3 &ray, int64_t *first,
                   int64_t *last) {
    if (*first >= *last) return;
    if (ray.after >= double(*first)) *first = std::min(*last, int64_t(std::floor(ray.after)) + 1);
    if (ray.before < double(*last)) *last = std::max(*first, int64_t(std::ceil(ray.before)));
    if (*first >= *last) return;
    // most rays enter and leave a block within it, and need no division
    const double start = base + slope * double(*first), stop = base + slope * double(*last - 1);
    if (std::min(start, stop) > low && std::max(start, stop) < high) return;
    int from = int(*first), to = int(*last), begin, end;
    rows_inside(base, slope, low, high, from, to, &begin, &end);
    *first = begin, *last = std::max(begin, end);
}

// One plane with one voxel of zeros around x, two around y, and PAD around z: a crossing that rounding moved off the
// border reads zeros, if of the next row. Lines begin on cache lines, an odd number of them apart, so that
// neighbouring lines do not compete for one place in the cache.
template <class T> struct Volume {
    static constexpr int64_t LINE = 64 / sizeof(T);
    int64_t stride[3];
    std::vector<T> data;
    int64_t origin;
    explicit Volume(const Shape3 &s)
        : stride{((s.depth + 2 * PAD + LINE - 1) / LINE | 1) * LINE, 0, 1} {
        stride[Y] = stride[X] * (s.width + 2);
        data.assign((s.height + 4) * stride[Y] + LINE, T(0));
        origin = (64 - int64_t(reinterpret_cast<uintptr_t>(data.data()) % 64)) % 64 / int64_t(sizeof(T));
    }
    T *at(int64_t x, int64_t y, int64_t z) {
        return data.data() + origin + (x + 1) * stride[X] + (y + 2) * stride[Y] + z + PAD;
    }
    const T *at(int64_t x, int64_t y, int64_t z) const { return const_cast<Volume *>(this)->at(x, y, z); }
};

constexpr int64_t TILE = 16;

// Copy between (depth, height, width) and the layout above, in tiles that stay in the cache.
template <class T, class Copy> void in_tiles(const Shape3 &s, Copy copy) {
    parallel_for(s.height, s.threads, [&](int64_t y) {
        for (int64_t x0 = 0; x0 < s.width; x0 += TILE)
            for (int64_t z0 = 0; z0 < s.depth; z0 += TILE)
                for (int64_t z = z0; z < std::min(s.depth, z0 + TILE); ++z)
                    for (int64_t x = x0; x < std::min(s.width, x0 + TILE); ++x) copy(x, y, z);
    });
}

template <class T> void load(const T *from, Volume<T> &to, const Shape3 &s) {
    in_tiles<T>(s, [&](int64_t x, int64_t y, int64_t z) { *to.at(x, y, z) = from[(z * s.height + y) * s.width + x]; });
}

template <class T> void store(Volume<T> &from, T *to, const Shape3 &s) {
    in_tiles<T>(s, [&](int64_t x, int64_t y, int64_t z) { to[(z * s.height + y) * s.width + x] = *from.at(x, y, z); });
}

inline bool upright(const View3 &v) {  // whether detector rows run along z
    // parallel rays so steep go one by one, and of those along z no column crosses a slice
    if (!v.starts && std::abs(v.Q[0][Z]) > std::max(std::abs(v.Q[0][X]), std::abs(v.Q[0][Y]))) return false;
    const double least = 1e-12 * (std::abs(v.P[2][Z]) + std::abs(v.Q[2][Z]));
    for (int a : {X, Y})
        if (std::abs(v.P[2][a]) > least || std::abs(v.Q[2][a]) > least) return false;
    return least > 0;
}

// Rows counted from the other end where they run down.
inline bool turn_rows(View3 &v, int64_t rows) {
    if (v.P[2][Z] + v.Q[2][Z] >= 0) return false;
    for (int a : {X, Y, Z}) {
        v.P[0][a] += double(rows - 1) * v.P[2][a], v.P[2][a] = -v.P[2][a];
        v.Q[0][a] += double(rows - 1) * v.Q[2][a], v.Q[2][a] = -v.Q[2][a];
    }
    return true;
}

// A detector column of an upright view: on slice i its rays are at across + i·across_slope, and row k is at
// z + i·z_slope + k·(step + i·step_slope).
struct Column {
    Ray3 ray;                // of row 0
    int other;               // the axis that is neither main nor z
    double across, across_slope, z, z_slope, step, step_slope;
    double lift, rise;       // direction in z of row 0 and from row to row, of a direction of 1 along main
};

inline Column column_of(const View3 &v, int64_t c, const double *voxel) {
    Column col;
    View3 level = v;         // the direction of row 0 without its part along z decides the main axis
    level.Q[0][Z] = level.Q[1][Z] = 0;
    col.ray = trace(level, double(c), 0, voxel);
    const int m = col.ray.main;
    col.other = m == Y ? X : Y;
    col.across = col.ray.start[col.other], col.across_slope = col.ray.slope[col.other];
    const double p = v.P[0][m] + double(c) * v.P[1][m], q = v.Q[0][m] + double(c) * v.Q[1][m];
    col.lift = (v.Q[0][Z] + double(c) * v.Q[1][Z]) / q, col.rise = v.Q[2][Z] / q;
    col.z = v.P[0][Z] + double(c) * v.P[1][Z] - p * col.lift, col.z_slope = col.lift;
    col.step = v.P[2][Z] - p * col.rise, col.step_slope = col.rise;
    return col;
}

inline bool steep(const Column &col, int64_t row) { return std::abs(col.lift + double(row) * col.rise) > 1; }

inline double length(const Column &col, int64_t row, const double *voxel) {
    const double up = (col.lift + double(row) * col.rise) * voxel[Z];
    return std::sqrt(col.ray.length * col.ray.length + up * up);
}

}  // namespace
