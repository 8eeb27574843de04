// Siddon's projector and strips for rays that lean differently: bunches of neighbouring rays on blocks of rows.
//
// In a fan every ray has its own lean, so pixels do not see rays as rays see pixels. The adjoint adds, ray after ray,
// what the forward projection reads with, so both have the same weights to the last bit; every block of rows belongs
// to one thread. Bunches that part, turn or hardly lean within their block go ray by ray.

#pragma once

#include "sheets.hpp"

namespace {

template <class T, bool STRIP, class K>
bool bunch_of(const Beam *beams, int rays, int64_t top, int rows, int64_t pad, Bunch<T> *b) {
    constexpr int L = K::LANES;
    const double far = double(rows - 1), least_lean = sizeof(T) == 4 ? 1e-3 : 1e-5;
    double begin[2] = {1e300, 1e300}, latest[2] = {-1e300, -1e300}, span = 0;
    const double side = beams[0].high.A + beams[0].high.C * double(top) - beams[0].low.A - beams[0].low.C * double(top);
    auto edges = [&](int l, const Edge **near, const Edge **next) {
        const Beam &beam = beams[std::min(l, rays - 1)];
        *near = !STRIP ? &beam.middle : side > 0 ? &beam.low : &beam.high;
        *next = !STRIP ? &beam.middle : side > 0 ? &beam.high : &beam.low;
    };
    for (int l = 0; l < rays; ++l) {
        const Edge *near, *next;
        edges(l, &near, &next);
        if (beams[l].turn != beams[0].turn || (!STRIP && 2 * near->half < least_lean)) return false;
        for (int end : {0, 1}) {
            const double i = double(top) + end * far, u0 = near->A + near->C * i, u1 = next->A + next->C * i;
            if (STRIP && !(u1 - u0 > 0.05)) return false;
            const double a = u0 - near->half, z = u1 - next->half;
            begin[end] = std::min(begin[end], std::min(a, z)), latest[end] = std::max(latest[end], std::max(a, z));
            span = std::max(span, std::max(u0 + near->half, u1 + next->half) - std::min(a, z));
        }
    }
    b->spread = std::max(latest[0] - begin[0], latest[1] - begin[1]) + 1, b->rays = rays;
    if (!(b->spread + span + 8 < double(pad))) return false;
    b->count = std::max(1, int(std::ceil(span)));
    b->wide = b->spread + b->count + 3 >= K::REACH;
    // a bit early, so that rounding moves no ray before it
    b->slope = rows > 1 ? (begin[1] - begin[0]) / far : 0, b->base = begin[0] + double(pad) + 0.5 - 1e-3;
    for (int l = 0; l < L; ++l) {
        const Edge *pair[2];
        edges(l, &pair[0], &pair[1]);
        for (Line<T> *line : {&b->near, &b->far}) {
            const Edge &e = *pair[line == &b->far];
            line->apart[l] = T(e.A + e.C * double(top) + double(pad) - b->base), line->drift[l] = T(e.C - b->slope);
            line->lean[l] = T(2 * e.half), line->half[l] = T(e.half);
            const double curve = e.half > 5e-7 ? 0.25 / e.half : 0;
            line->inverse[l] = T(STRIP ? curve : e.inverse);
        }
    }
    return true;
}

// Rows [*first, *last) of the block where a bunch may meet the image.
template <class T> void rows_of(const Bunch<T> &b, double pad, double width, int rows, int *first, int *last) {
    rows_inside(b.base, b.slope, pad - b.spread - b.count - 1, pad + width, 0, rows, first, last);
}

template <class T, bool STRIP, class K> using Kind = std::conditional_t<STRIP, typename K::Areas, typename K::Lengths>;

template <class T, bool STRIP, class K>
void bunches_forward_task(const Image<T> &x, int64_t plane, bool turn, const Beam *beams, int64_t bins, T *sums) {
    for (int64_t top = 0; top < x.rows; top += ROWS) {
        const int rows = int(std::min<int64_t>(ROWS, x.rows - top));
        for (int64_t k = 0; k < bins; k += K::LANES) {
            const int rays = int(std::min<int64_t>(K::LANES, bins - k));
            Bunch<T> b;
            if (beams[k].turn == turn && bunch_of<T, STRIP, K>(beams + k, rays, top, rows, x.pad, &b)) {
                int first, last;
                rows_of(b, double(x.pad), double(x.width), rows, &first, &last);
                if (first < last)
                    K::template forward<Kind<T, STRIP, K>>(x.row(plane, top), x.stride, b, first, last, sums + k);
                continue;
            }
            for (int l = 0; l < rays; ++l)
                if (beams[k + l].turn == turn)
                    sums[k + l] += T(read_ray<T, STRIP>(beams[k + l], x, plane, top, top + rows));
        }
    }
}

template <class T, bool STRIP, class K>
void bunches_forward(const T *x, T *y, const Shape &s, const Sheaf *sheaves, const std::vector<int64_t> &views,
                     double pixel) {
    Image<T> images[2] = {{s.planes, s.height, s.width}, {s.planes, s.width, s.height}};
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        pad_image(x + i / 2 * s.height * s.width, s, i % 2, images[i % 2], i / 2);
    });
    const int64_t all = int64_t(views.size());
    parallel_for(s.planes * all, s.threads, [&](int64_t n) {
        const int64_t plane = n / all, view = views[n % all];
        std::vector<Beam> beams(s.bins);
        for (int64_t k = 0; k < s.bins; ++k) beams[k] = beam_at(sheaves[view], double(k), pixel);
        std::vector<T> sums(s.bins + K::LANES, T(0));
        for (int turn : {0, 1})
            bunches_forward_task<T, STRIP, K>(images[turn], plane, turn, beams.data(), s.bins, sums.data());
        T *to = y + (plane * s.views + view) * s.bins;
        for (int64_t k = 0; k < s.bins; ++k) to[k] = T(beams[k].length) * sums[k];
    });
}

// Views whose rays are given, onto rows [top, top + rows) of one orientation.
template <class T, bool STRIP, class K>
void bunches_adjoint_task(const T *from, const Beam *beams, int64_t bins, bool turn, int64_t plane, int64_t top,
                          int rows, Image<T> &x) {
    for (int64_t k = 0; k < bins; k += K::LANES) {
        const int rays = int(std::min<int64_t>(K::LANES, bins - k));
        T values[K::LANES] = {};
        for (int l = 0; l < rays; ++l) values[l] = T(beams[k + l].length) * from[k + l];
        Bunch<T> b;
        if (beams[k].turn == turn && bunch_of<T, STRIP, K>(beams + k, rays, top, rows, x.pad, &b)) {
            int first, last;
            rows_of(b, double(x.pad), double(x.width), rows, &first, &last);
            K::template adjoint<Kind<T, STRIP, K>>(x.row(plane, top), x.stride, b, first, last, values);
            continue;
        }
        for (int l = 0; l < rays; ++l)
            if (beams[k + l].turn == turn) spread_ray<T, STRIP>(beams[k + l], x, plane, top, top + rows, values[l]);
    }
}

// Add the back-projection of the views given to x.
template <class T, bool STRIP, class K>
void bunches_adjoint(const T *y, T *x, const Shape &s, const Sheaf *sheaves, const std::vector<int64_t> &views,
                     double pixel) {
    Image<T> images[2] = {{s.planes, s.height, s.width}, {s.planes, s.width, s.height}};
    const int64_t all = int64_t(views.size());
    std::vector<Beam> beams(std::min(BATCH, all) * s.bins);
    for (int64_t begin = 0; begin < all; begin += BATCH) {
        const int64_t count = std::min(BATCH, all - begin);
        parallel_for(count * s.bins, s.threads, [&](int64_t n) {
            beams[n] = beam_at(sheaves[views[begin + n / s.bins]], double(n % s.bins), pixel);
        });
        for (int turn : {0, 1}) {
            Image<T> &image = images[turn];
            const int64_t blocks = (image.rows + ROWS - 1) / ROWS;
            parallel_for(s.planes * blocks, s.threads, [&](int64_t n) {
                const int64_t plane = n / blocks, top = n % blocks * ROWS;
                const int rows = int(std::min<int64_t>(ROWS, image.rows - top));
                for (int64_t v = 0; v < count; ++v)
                    bunches_adjoint_task<T, STRIP, K>(y + (plane * s.views + views[begin + v]) * s.bins,
                                                      beams.data() + v * s.bins, s.bins, turn, plane, top, rows, image);
            });
        }
    }
    parallel_for(s.planes * s.height, s.threads, [&](int64_t n) {
        const int64_t plane = n / s.height, i = n % s.height;
        const T *row = images[0].row(plane, i) + PAD;
        for (int64_t j = 0; j < s.width; ++j) x[n * s.width + j] += row[j] + images[1].row(plane, j)[PAD + i];
    });
}

}  // namespace
