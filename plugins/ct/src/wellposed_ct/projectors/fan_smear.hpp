// Filtered back-projection of fans: not the adjoint, but the value between two bins where a pixel lies.

#pragma once

#include "fan.hpp"

namespace {

// How row i of pixels sees a view: see Fanned.
template <class T> Fanned<T> seen_by_row(const View &v, double row) {
    const double a = v.source_column, q = row - v.source_row;
    const double ec = v.bin_column - a, er = v.bin_row - v.source_row;
    Fanned<T> g{};
    g.d0 = -a * v.step_row - q * v.step_column, g.d1 = v.step_row;
    g.n0 = a * er + q * ec + PAD * g.d0, g.n1 = -er + PAD * g.d1;
    g.bend = T(q * (er * v.step_column - ec * v.step_row));
    return g;
}

// Fill in what vectors of pixels need along a row ``width`` wide; ``near`` tells whether they fit.
template <class T, class K> void fit_lanes(Fanned<T> &g, double width) {
    const double first = g.d0 - g.d1 * K::LANES, last = g.d0 + g.d1 * (width - 1 + K::LANES);
    const double least = std::min(std::abs(first), std::abs(last)), bend = std::abs(double(g.bend));
    g.reach = (K::LANES - 1) * bend / (least * least);
    g.shift = g.bend < 0 ? g.reach : 0;
    g.wide = !K::spans(g.reach);
    g.near = first * last > 0 && std::abs(g.d1) * 10 * K::LANES <= least && g.reach + 3 < PAD;
}

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
                const Fanned<T> axis = seen_by_row<T>(views[a], axis_row);
                g = seen_by_row<T>(views[a], double(top + r));
                g.scale = T(std::pow(axis.d0 + axis.d1 * axis_column, 2));
                fit_lanes<T, K>(g, double(s.width));
                if (g.near) continue;
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
