// The innermost loops of the projectors in space: one detector column on a few slices.
//
// The one idea: where rows are finer than voxels, a vector of rows reads two neighbouring vectors of voxels that lie
// on whole cache lines, and the next vector of rows reads the second one again. So voxels are blended across once,
// and a row costs two permutations. Where slices are crossed is worked out for all slices of a block at once.

#pragma once

#include "volume.hpp"

namespace {

constexpr int PAIR = 4;          // vectors of rows that share the work on their column
constexpr int64_t SLICES = 8;    // slices of a block
constexpr int64_t BLOCK = 128;   // voxels along z of a task of the adjoint
constexpr int AHEAD = 3;         // columns from now whose rows the adjoint asks the memory for

// A column of rays from slice to slice; x is slice 0's voxel (-1, -PAD), coordinates are padded.
struct Walk {
    double across, across_slope, z, z_slope, step, step_slope;
    int64_t along, beside;       // strides from slice to slice, and from voxel to voxel across
    double end;                  // z from which on there is nothing
    double step_at(int i) const { return step + step_slope * i; }
};

// Where every slice is crossed, and where PARTS vectors along it begin: in vectors, and from there in numbers.
template <class T, int PARTS> struct Crossed {
    int64_t voxel[SLICES];
    T part[SLICES], offset[PARTS][SLICES];
    int64_t start[PARTS][SLICES];

    void across(const Walk &w) {
        for (int i = 0; i < SLICES; ++i) {
            const double at = w.across + w.across_slope * i;
            voxel[i] = int64_t(at), part[i] = T(at - double(voxel[i]));
        }
    }

    // vector p begins at first + p·each on a slice; starts are multiples of GRAIN, and lie in zeros beyond end
    template <int GRAIN> void along(const double *first, const double *each, int parts, double end) {
        for (int p = 0; p < parts; ++p)
            for (int i = 0; i < SLICES; ++i) {
                double t = first[i] + p * each[i];
                t = t > 0 ? t : 0, t = t < end ? t : end;
                const int64_t whole = int64_t(t * (1.0 / GRAIN)) * GRAIN;
                start[p][i] = whole, offset[p][i] = T(t - double(whole));
            }
    }
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

    static void backward(const T *bins, int64_t, const Walk &w, int n, int64_t z0, int64_t z1, int taps, T *x) {
        for (int i = 0; i < n; ++i, x += w.along) {
            const double at = w.across + w.across_slope * i, step = w.step_at(i), inverse = 1 / step;
            const int64_t j = int64_t(at);
            T *left = x + j * w.beside + PAD, *right = left + w.beside;
            for (int64_t z = z0; z < z1; z += LANES) {
                const double start = (double(z) - w.z - w.z_slope * i) * inverse - inverse + PAD;
                if (start <= 0 || start >= w.end) continue;
                spread(bins + int64_t(start), start - double(int64_t(start)), step, inverse, taps, T(at - double(j)),
                       left + z, right + z);
            }
        }
    }

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

    static V blend(const T *left, const T *right, V rest, V part) {
        return R::fma(part, R::load(right), R::mul(rest, R::load(left)));
    }

    static void forward(const T *x, const Walk &w, int n, T *sum) {
        if (std::max(w.step, w.step_at(n - 1)) > 1) return forward_coarse(x, w, n, sum);
        double first[SLICES], each[SLICES];
        for (int i = 0; i < SLICES; ++i) first[i] = w.z + w.z_slope * i, each[i] = LANES * w.step_at(i);
        Crossed<T, PAIR> c;
        c.across(w), c.template along<LANES>(first, each, PAIR, std::ceil(w.end / LANES) * LANES);
        V total[PAIR];
        for (int g = 0; g < PAIR; ++g) total[g] = R::load(sum + g * LANES);
        const V lanes = R::lanes();
        for (int i = 0; i < n; ++i, x += w.along) {
            const T *left = x + c.voxel[i] * w.beside, *right = left + w.beside;
            const V step = R::all(T(w.step_at(i))), part = R::all(c.part[i]), rest = R::all(1 - c.part[i]);
            int64_t at = c.start[0][i];
            V low = blend(left + at, right + at, rest, part);
            V high = blend(left + at + LANES, right + at + LANES, rest, part);
#pragma GCC unroll 4
            for (int g = 0; g < PAIR; ++g) {
                const int64_t here = c.start[g][i];
                if (here != at) {
                    low = here == at + LANES ? high : blend(left + here, right + here, rest, part);
                    high = blend(left + here + LANES, right + here + LANES, rest, part);
                    at = here;
                }
                const V u = R::fma(lanes, step, R::all(c.offset[g][i]));
                const auto k = R::whole(u);
                const V near = R::pick(low, k, high), far = R::pick(low, R::next(k), high);
                total[g] = R::fma(R::part(u), R::sub(far, near), R::add(total[g], near));
            }
        }
        for (int g = 0; g < PAIR; ++g) R::store(sum + g * LANES, total[g]);
    }

    static void forward_coarse(const T *x, const Walk &w, int n, T *sum) {
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

    // Voxels [z0, z1) of n slices, from the rows of a column; w.end is the row from which on there is nothing, and
    // vectors begin at z0; the next column lies next numbers on. Three rows weigh
    // with the same side of the hat each where steps lie in [2/3, 1].
    static void backward(const T *bins, int64_t next, const Walk &w, int n, int64_t z0, int64_t z1, int taps, T *x) {
        constexpr int PARTS = int(BLOCK / LANES);
        double first[SLICES], each[SLICES];
        for (int i = 0; i < SLICES; ++i) {
            const double inverse = 1 / w.step_at(i);
            first[i] = (double(z0) - w.z - w.z_slope * i) * inverse - inverse + PAD, each[i] = LANES * inverse;
        }
        const int parts = int((z1 - z0 + LANES - 1) / LANES);
        Crossed<T, PARTS> c;
        c.across(w), c.template along<1>(first, each, parts, w.end);
        for (int j = 0; j < parts; ++j) {
            const T *soon = bins + AHEAD * next + c.start[j][0];
            __builtin_prefetch(soon), __builtin_prefetch(soon + LANES);
        }
        const double least = std::min(w.step, w.step_at(n - 1)), most = std::max(w.step, w.step_at(n - 1));
        const bool three = taps == 3 && 3 * least >= 2 && most <= 1;
        for (int i = 0; i < n; ++i, x += w.along) {
            T *left = x + c.voxel[i] * w.beside + z0 + PAD, *right = left + w.beside;
            const double step = w.step_at(i);
            const V s = R::all(T(step)), p = R::mul(R::lanes(), R::all(T(1 / step)));
            const V part = R::all(c.part[i]), rest = R::all(1 - c.part[i]);
            for (int j = 0; j < parts; ++j, left += LANES, right += LANES) {
                const V at = R::add(p, R::all(c.offset[j][i])), value =
                    three ? three_rows(bins + c.start[j][i], at, s) : rows(bins + c.start[j][i], at, s, taps);
                R::store(left, R::fma(rest, value, R::load(left)));
                R::store(right, R::fma(part, value, R::load(right)));
            }
        }
    }

    static V three_rows(const T *window, V at, V s) {
        const V one = R::all(1), zero = R::all(0), low = R::load(window), high = R::load(window + LANES);
        const V below = R::fnma(s, R::part(at), s), above = R::sub(R::add(one, one), s);
        auto k = R::next(R::whole(at));
        V value = R::mul(below, R::pick(low, k, high));
        const V middle = R::sub(one, R::size(R::sub(below, R::sub(one, s))));
        k = R::next(k), value = R::fma(middle, R::pick(low, k, high), value);
        const V end = R::larger(zero, R::sub(R::sub(above, s), below));
        k = R::next(k);
        return R::fma(end, R::pick(low, k, high), value);
    }

    static V rows(const T *window, V p, V s, int taps) {
        const V one = R::all(1), zero = R::all(0);
        const V low = R::load(window), high = R::load(window + LANES);
        auto k = R::next(R::whole(p));
        V d = R::fma(s, R::sub(one, R::part(p)), R::sub(zero, one)), value = zero;
        for (int t = 0; t < taps; ++t, d = R::add(d, s), k = R::next(k)) {
            const V weight = R::larger(zero, R::sub(one, R::larger(d, R::sub(zero, d))));
            value = R::fma(weight, R::pick(low, k, high), value);
        }
        return value;
    }
};
#pragma GCC pop_options
#endif

}  // namespace
