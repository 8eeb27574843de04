// Joseph's projector for parallel rays in the plane, forward and exactly matched adjoint; and the C interface.
//
// A ray of angle θ that runs mainly across the rows crosses row i at column u = A + kB + iC, where k is the
// detector bin. Each row gives (1 − w)·x[⌊u⌋] + w·x[⌊u⌋ + 1], w = u − ⌊u⌋, times the length L between rows
// (Joseph 1982, doi:10.1109/TMI.1982.4307572). Rays that run along the rows see the transposed image. The
// adjoint gathers as well, from the detector row, so nothing is ever added to memory by two threads and
// results do not depend on their number.

#include "fan_adjoint.hpp"
#include "fan_smear.hpp"

namespace {

constexpr int ANGLES = 12;   // angles of a task

struct Angle {
    double A, B, C, L;       // see above, with B > 0 after flipping the detector
    double W;                // steepness of the adjoint's weights: B when matched, 1 to interpolate between bins
    int64_t flip, index;     // whether the bins run backwards; where the angle is in the sinogram
};

template <class T, class K>
void forward_task(const Image<T> &x, int64_t plane, const Angle *angles, int64_t count, int64_t bins, T *out,
                  int64_t views) {
    const int64_t chunks = (bins + K::LANES - 1) / K::LANES;
    std::vector<T> sums(count * chunks * K::LANES, T(0));
    for (int64_t top = 0; top < x.rows; top += ROWS) {
        const int n = int(std::min<int64_t>(ROWS, x.rows - top));
        for (int64_t a = 0; a < count; ++a) {
            const Angle &g = angles[a];
            const double hang = (K::LANES - 1) * g.B;
            const bool wide = K::fits(g.B);
            for (int64_t c = 0; c < chunks; ++c) {
                const double base = g.A + g.C * double(top) + g.B * double(c * K::LANES) + PAD;
                T *sum = sums.data() + (a * chunks + c) * K::LANES;
                int first, last;
                if (wide) {
                    rows_inside(base, g.C, PAD - 1 - hang, PAD + double(x.width), 0, n, &first, &last);
                    if (first < last)
                        K::forward(x.row(plane, top + first), x.stride, base + g.C * first, g.C, g.B,
                                   last - first, sum);
                    continue;
                }
                for (int l = 0; l < K::LANES; ++l) {  // coarse detectors: bin by bin
                    rows_inside(base + g.B * l, g.C, PAD - 1, PAD + double(x.width), 0, n, &first, &last);
                    sum[l] += one_ray(x.row(plane, top), x.stride, base + g.B * l, g.C, first, last);
                }
            }
        }
    }
    for (int64_t a = 0; a < count; ++a) {
        T *row = out + (plane * views + angles[a].index) * bins;
        const T *sum = sums.data() + a * chunks * K::LANES;
        const T scale = T(angles[a].L);
        for (int64_t k = 0; k < bins; ++k) row[k] = scale * sum[angles[a].flip ? bins - 1 - k : k];
    }
}

// The adjoint for bins so coarse, or so fine, that a vector of pixels does not see one short window of them.
template <class T>
void pixel_by_pixel(const T *detector, int64_t bins, const Angle &g, double row, double column, int count, T *sum) {
    const double reach = 1 / g.W, start = g.A + g.C * row;
    for (int l = 0; l < count; ++l) {
        const double j = column + l, v = (j - start) / g.B;
        const int64_t low = std::max<int64_t>(0, int64_t(std::ceil(v - reach - 1e-9)));
        const int64_t high = std::min<int64_t>(bins - 1, int64_t(std::floor(v + reach + 1e-9)));
        for (int64_t k = low; k <= high; ++k) {
            // the expression of the forward projection where the weights are to match it to the last bit
            const double far = g.W == g.B ? start + g.B * double(k) - j : g.W * (double(k) - v);
            sum[l] += T(std::max(0.0, 1 - std::abs(far))) * detector[PAD + k];
        }
    }
}

template <class K> std::vector<Seen> seen_by_pixels(const Angle *angles, int64_t count) {
    std::vector<Seen> seen(count);
    for (int64_t a = 0; a < count; ++a) {
        const Angle &g = angles[a];
        const double step = 1 / g.B;
        // rounding of v counts B times in a weight, so coarse bins are left to pixel_by_pixel
        const bool near = g.W >= 1 && g.B < 4 && K::fits(step);
        seen[a] = {-g.A * step + PAD, step, -g.C * step, g.W, std::max(1.0, 1 / g.W), near};
    }
    return seen;
}

// Pixels of rows [top, top + GROUP), from all detector rows of y from the first on.
template <class T, class K>
void adjoint_task(const T *y, int64_t stride, const Angle *angles, const std::vector<Seen> &seen, int64_t bins,
                  int64_t top, int64_t rows, int64_t width, T *out) {
    const int64_t views = int64_t(seen.size());
    for (int64_t c = 0; c < width; c += K::LANES) {
        T sum[K::GROUP * K::LANES] = {};
        K::adjoint(y, stride, seen.data(), views, double(bins), double(top), double(c), sum);
        for (int r = 0; r < K::GROUP; ++r) {
            for (int64_t a = 0; a < views; ++a)
                if (!seen[a].near)
                    pixel_by_pixel(y + a * stride, bins, angles[a], double(top + r), double(c), K::LANES,
                                   sum + r * K::LANES);
            if (top + r < rows)
                std::memcpy(out + (top + r) * width + c, sum + r * K::LANES,
                            std::min<int64_t>(K::LANES, width - c) * sizeof(T));
        }
    }
}

// ---- whole sinograms ----------------------------------------------------------------------------------------

template <class T> void pad_sinogram(const T *y, const Shape &s, const Angle *angles, Image<T> &to, int64_t i) {
    const Angle &g = angles[i % s.views];
    const T *from = y + (i / s.views * s.views + g.index) * s.bins, scale = T(g.L);
    T *row = to.row(i / s.views, i % s.views) + PAD;
    for (int64_t k = 0; k < s.bins; ++k) row[k] = scale * from[g.flip ? s.bins - 1 - k : k];
}

template <class T, class K> void forward(const T *x, T *y, const Shape &s, const Angle *angles) {
    const bool has_upright = s.upright > 0, has_others = s.upright < s.views;
    Image<T> plain(has_upright ? s.planes : 0, s.height, s.width);
    Image<T> turned(has_others ? s.planes : 0, s.width, s.height);
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        const bool turn = i % 2;
        if (turn ? has_others : has_upright)
            pad_image(x + i / 2 * s.height * s.width, s, turn, turn ? turned : plain, i / 2);
    });
    const int64_t first = (s.upright + ANGLES - 1) / ANGLES;
    const int64_t each = first + (s.views - s.upright + ANGLES - 1) / ANGLES;
    parallel_for(s.planes * each, s.threads, [&](int64_t i) {
        const bool own = i % each < first;
        const int64_t from = own ? i % each * ANGLES : s.upright + (i % each - first) * ANGLES;
        const int64_t count = std::min<int64_t>(ANGLES, (own ? s.upright : s.views) - from);
        forward_task<T, K>(own ? plain : turned, i / each, angles + from, count, s.bins, y, s.views);
    });
}

// The rows of all planes from one orientation's views [from, to).
template <class T, class K>
void adjoint_half(Image<T> &y, const Shape &s, const Angle *angles, int64_t from, int64_t to, int64_t rows,
                  int64_t width, T *out) {
    const auto seen = seen_by_pixels<K>(angles + from, to - from);
    const int64_t groups = (rows + K::GROUP - 1) / K::GROUP;
    parallel_for(s.planes * groups, s.threads, [&](int64_t i) {
        adjoint_task<T, K>(y.row(i / groups, from), y.stride, angles + from, seen, s.bins, i % groups * K::GROUP,
                           rows, width, out + i / groups * rows * width);
    });
}

template <class T, class K> void adjoint(const T *y, T *x, const Shape &s, const Angle *angles) {
    Image<T> rows(s.planes, s.views, s.bins);
    parallel_for(s.planes * s.views, s.threads, [&](int64_t i) { pad_sinogram(y, s, angles, rows, i); });
    adjoint_half<T, K>(rows, s, angles, 0, s.upright, s.height, s.width, x);
    if (s.upright == s.views) return;
    std::vector<T> turned(s.planes * s.height * s.width);
    adjoint_half<T, K>(rows, s, angles, s.upright, s.views, s.width, s.height, turned.data());
    add_turned(turned.data(), x, s);
}

template <class F> int guarded(F work) try {
    work();
    return 0;
} catch (...) {  // out of memory, or no thread to be had: nothing may fly through a C boundary
    return 1;
}

template <class T> int run(bool back, const T *from, T *to, const Shape &s, const Angle *angles, int most) {
    return guarded([&] {
        with_lanes<T>(most, [&](auto lanes) {
            using K = decltype(lanes);
            back ? adjoint<T, K>(from, to, s, angles) : forward<T, K>(from, to, s, angles);
        });
    });
}

template <class T>
int run_views(bool back, const T *from, T *to, const Shape &s, const View *views, double pixel, int most) {
    return guarded([&] {
        with_lanes<T>(most, [&](auto lanes) {
            using K = decltype(lanes);
            back ? adjoint_views<T, K>(from, to, s, views, pixel) : forward_views<T, K>(from, to, s, views, pixel);
        });
    });
}

template <class T>
int run_smear(const T *y, T *x, const Shape &s, const View *views, double column, double row, int most) {
    return guarded([&] {
        with_lanes<T>(most, [&](auto lanes) { smear_views<T, decltype(lanes)>(y, x, s, views, column, row); });
    });
}

}  // namespace

extern "C" {

int wellposed_ct_interface() { return 7; }

// The best instruction set of this machine: 0 portable code, 1 AVX2 with FMA, 2 AVX-512.
int wellposed_ct_instructions() { return instructions(); }

// x is (planes, height, width), y is (planes, views, bins); the sinogram or image written is overwritten. ``most``
// is the best instruction set to use.
#define WELLPOSED_KERNELS(NAME, T)                                                                                   \
    int wellposed_ct_joseph_##NAME(const T *from, T *to, const Shape *s, int back, const Angle *angles, int most) {   \
        return run(back, from, to, *s, angles, most);                                                                \
    }                                                                                                                \
    int wellposed_ct_fan_##NAME(const T *from, T *to, const Shape *s, int back, const View *views, double pixel,      \
                                int most) {                                                                          \
        return run_views(back, from, to, *s, views, pixel, most);                                                    \
    }                                                                                                                \
    int wellposed_ct_fan_smear_##NAME(const T *y, T *x, const Shape *s, const View *views, double column, double row, \
                                      int most) {                                                                    \
        return run_smear(y, x, *s, views, column, row, most);                                                        \
    }

WELLPOSED_KERNELS(f32, float)
WELLPOSED_KERNELS(f64, double)
}
