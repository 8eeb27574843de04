// Joseph's projector in space: every ray takes, from each slice across its main axis, the value between four voxels.
//
// Joseph (1982), doi:10.1109/TMI.1982.4307572. Upright views go by vectors of detector rows; rays of tilted
// detectors, and rays that are steeper than they are long, go one by one, with the same weights.

#pragma once

#include "volume.hpp"

namespace {

constexpr int PAIR = 4;          // vectors of rows that share the work on their column
constexpr int64_t VIEWS = 16;     // views of a task: a block of the volume serves all of them
constexpr int64_t SLICES = 8;   // slices of a block

// ---- the innermost loops ------------------------------------------------------------------------------------

// A column of rays from slice to slice; x is slice 0's voxel (-1, -PAD), coordinates are padded.
struct Walk {
    double across, across_slope, z, z_slope, step, step_slope;
    int64_t along, beside;       // strides from slice to slice, and from voxel to voxel across
    double end;                  // z from which on there is nothing
};

template <class T> struct PlainColumn {
    static constexpr int LANES = 64 / sizeof(T);
    static bool fits(double step) { return (LANES - 1) * step + 6 < PAD; }

    static void forward(const T *x, const Walk &w, int n, T *sum) {
        for (int i = 0; i < n; ++i, x += w.along) {
            const double at = w.across + w.across_slope * i;
            const int64_t j = int64_t(at);
            const T part = T(at - double(j));
            const T *left = x + j * w.beside, *right = left + w.beside;
            const double step = w.step + w.step_slope * i, base = w.z + w.z_slope * i;
            for (int g = 0; g < PAIR; ++g) {
                const double t = base + g * LANES * step;
                if (t < 0 || t >= w.end) continue;
                blend(left, right, t, step, part, T(1), sum + g * LANES);
            }
        }
    }

    // add scale times the values between two columns at t, t + step, …
    static void blend(const T *left, const T *right, double t, double step, T part, T scale, T *sum) {
        const int64_t whole = int64_t(t);
        const T f = T(t - double(whole)), s = T(step);
        for (int l = 0; l < LANES; ++l) {
            const T u = f + T(l) * s;
            const int64_t k = whole + int(u);
            const T low = left[k] + part * (right[k] - left[k]);
            const T high = left[k + 1] + part * (right[k + 1] - left[k + 1]);
            sum[l] += scale * (low + (u - T(int(u))) * (high - low));
        }
    }

    static bool gathers(double inverse, int taps) { return taps <= 8 && (LANES - 1) * inverse + taps + 3 < PAD; }

    // LANES voxels from the bins of a window: the first bin that weighs lies right of p, weights fall with step
    static void spread(const T *window, double f, double step, double inverse, int taps, T part, T *left,
                       T *right) {
        for (int l = 0; l < LANES; ++l) {
            const T p = T(f) + T(l) * T(inverse);
            const int k = int(p);
            T d = T(step) * (1 - (p - T(k))) - 1, value = 0;
            for (int t = 1; t <= taps; ++t, d += T(step)) value += std::max(T(0), 1 - std::abs(d)) * window[k + t];
            left[l] += (1 - part) * value, right[l] += part * value;
        }
    }
};

#ifdef WELLPOSED_X86
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
template <class T> struct WideColumn {
    using R = Vector<T>;
    using V = typename R::V;
    static constexpr int LANES = R::LANES;
    static bool fits(double step) { return (LANES - 1) * step + 3 < 2 * LANES; }

    // the values between two columns at t + spread
    static V between(const T *left, const T *right, double t, V spread, V part) {
        const int64_t whole = int64_t(t);
        const V u = R::add(spread, R::all(T(t - double(whole))));
        const auto k = R::whole(u);
        const V a = R::load(left + whole), b = R::load(left + whole + LANES);
        const V low = R::fma(part, R::sub(R::load(right + whole), a), a);
        const V high = R::fma(part, R::sub(R::load(right + whole + LANES), b), b);
        const V near = R::pick(low, k, high), far = R::pick(low, R::next(k), high);
        return R::fma(R::part(u), R::sub(far, near), near);
    }

    static void blend(const T *left, const T *right, double t, double step, T part, T scale, T *sum) {
        const V value = between(left, right, t, R::mul(R::lanes(), R::all(T(step))), R::all(part));
        R::store(sum, R::fma(R::all(scale), value, R::load(sum)));
    }

    static void forward(const T *x, const Walk &w, int n, T *sum) {
        V total[PAIR];
        for (int g = 0; g < PAIR; ++g) total[g] = R::load(sum + g * LANES);
        const V lanes = R::lanes();
        for (int i = 0; i < n; ++i, x += w.along) {
            const double at = w.across + w.across_slope * i;
            const int64_t j = int64_t(at);
            const V part = R::all(T(at - double(j)));
            const T *left = x + j * w.beside, *right = left + w.beside;
            const double step = w.step + w.step_slope * i, base = w.z + w.z_slope * i;
            const V spread = R::mul(lanes, R::all(T(step)));
            for (int g = 0; g < PAIR; ++g) {
                const double t = base + g * LANES * step;
                if (t < 0 || t >= w.end) continue;
                total[g] = R::add(total[g], between(left, right, t, spread, part));
            }
        }
        for (int g = 0; g < PAIR; ++g) R::store(sum + g * LANES, total[g]);
    }

    static bool gathers(double inverse, int taps) {
        return taps <= 4 && (LANES - 1) * inverse + taps + 2 < 2 * LANES;
    }

    static void spread(const T *window, double f, double step, double inverse, int taps, T part, T *left,
                       T *right) {
        const V one = R::all(1), zero = R::all(0), s = R::all(T(step));
        const V p = R::fma(R::lanes(), R::all(T(inverse)), R::all(T(f)));
        const V low = R::load(window), high = R::load(window + LANES);
        auto k = R::next(R::whole(p));
        V d = R::fma(s, R::sub(one, R::part(p)), R::sub(zero, one)), value = zero;
        for (int t = 0; t < taps; ++t, d = R::add(d, s), k = R::next(k)) {
            const V weight = R::larger(zero, R::sub(one, R::larger(d, R::sub(zero, d))));
            value = R::fma(weight, R::pick(low, k, high), value);
        }
        const V more = R::all(part);
        R::store(left, R::fma(R::sub(one, more), value, R::load(left)));
        R::store(right, R::fma(more, value, R::load(right)));
    }
};
#pragma GCC pop_options
#endif

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
