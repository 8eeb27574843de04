// The innermost loops of the projectors in space over vectors of rows and of voxels; columns.hpp includes this once for
// each instruction set.
//
// The one idea: where rows are finer than voxels, a vector of rows reads two neighbouring vectors of voxels that lie
// on whole cache lines, and the next vector of rows reads the second one again. So voxels are blended across once,
// and a row costs two permutations. Where slices are crossed is worked out for all slices of a block at once.

namespace {
namespace WELLPOSED_SET {

// Where every slice is crossed, and where PARTS vectors along it begin: in vectors, and from there in numbers.
template <class T, int PARTS> struct Crossed {
    int32_t voxel[SLICES], start[PARTS][SLICES];
    T part[SLICES], offset[PARTS][SLICES];

    void across(const Walk &w) {
        for (int i = 0; i < SLICES; ++i) {
            const double at = w.across + w.across_slope * i;
            voxel[i] = int32_t(at), part[i] = T(at - double(voxel[i]));
        }
    }

    // vector p begins at first + p·each on a slice; starts are multiples of GRAIN, and lie in zeros beyond end
    template <int GRAIN> void along(const double *first, const double *each, int parts, double end) {
        for (int p = 0; p < parts; ++p)
            for (int i = 0; i < SLICES; ++i) {
                double t = first[i] + p * each[i];
                t = t > 0 ? t : 0, t = t < end ? t : end;
                const int32_t whole = int32_t(t * (1.0 / GRAIN)) * GRAIN;
                start[p][i] = whole, offset[p][i] = T(t - double(whole));
            }
    }
};

template <class T> struct Columns {
    using R = Vector<T>;
    using V = typename R::V;
    using Gather = typename R::Gather;
    static constexpr int LANES = R::LANES;

    // Two vectors to pick from within registers; Gather is for what lies further apart.
    struct Pair {
        V low, high;
        explicit Pair(const T *p) : low(R::load(p)), high(R::load(p + LANES)) {}
        template <class I> V pick(I i) const { return R::pick(low, i, high); }
    };

    static bool fits(double step) { return (LANES - 1) * step + 6 < PAD; }
    static bool pairs(double step) { return (LANES - 1) * step + 3 < 2 * LANES; }

    // the values between two columns at t + spread
    template <class Window> static V between(const T *left, const T *right, double t, V spread, V part) {
        const int64_t whole = int64_t(t);
        const V u = R::add(spread, R::all(T(t - double(whole))));
        const auto k = R::whole(u), next = R::next(k);
        const Window a(left + whole), b(right + whole);
        V near = a.pick(k), far = a.pick(next);
        near = R::fma(part, R::sub(b.pick(k), near), near), far = R::fma(part, R::sub(b.pick(next), far), far);
        return R::fma(R::part(u), R::sub(far, near), near);
    }

    static V between(const T *left, const T *right, double t, double step, V part) {
        const V spread = R::mul(R::lanes(), R::all(T(step)));
        if (!R::PICKS || !pairs(step)) return between<Gather>(left, right, t, spread, part);
        const int64_t whole = int64_t(t);
        const V u = R::add(spread, R::all(T(t - double(whole))));
        const auto k = R::whole(u);
        const Pair a(left + whole), b(right + whole);
        const V low = R::fma(part, R::sub(b.low, a.low), a.low), high = R::fma(part, R::sub(b.high, a.high), a.high);
        const V near = R::pick(low, k, high), far = R::pick(low, R::next(k), high);
        return R::fma(R::part(u), R::sub(far, near), near);
    }

    // add scale times the values between two columns at t, t + step, …
    static void blend(const T *left, const T *right, double t, double step, T part, T scale, T *sum) {
        const V value = between(left, right, t, step, R::all(part));
        R::store(sum, R::fma(R::all(scale), value, R::load(sum)));
    }

    static V blend(const T *left, const T *right, V rest, V part) {
        return R::fma(part, R::load(right), R::mul(rest, R::load(left)));
    }

    static void forward(const T *x, const Walk &w, int n, T *sum) {
        if (std::max(w.step, w.step_at(n - 1)) > 1 || !R::PICKS) return forward_coarse(x, w, n, sum);
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
        for (int i = 0; i < n; ++i, x += w.along) {
            const double at = w.across + w.across_slope * i, step = w.step_at(i), base = w.z + w.z_slope * i;
            const int64_t j = int64_t(at);
            const T *left = x + j * w.beside, *right = left + w.beside;
            for (int g = 0; g < PAIR; ++g) {
                const double t = base + g * LANES * step;
                if (t < 0 || t >= w.end) continue;
                total[g] = R::add(total[g], between(left, right, t, step, R::all(T(at - double(j)))));
            }
        }
        for (int g = 0; g < PAIR; ++g) R::store(sum + g * LANES, total[g]);
    }

    static bool gathers(double inverse, int taps) { return taps <= 8 && (LANES - 1) * inverse + taps + 3 < PAD; }

    // Voxels [z0, z1) of n slices, from the rows of a column; w.end is the row from which on there is nothing, and
    // vectors begin at z0; the next column lies next numbers on.
    static void backward(const T *bins, int64_t next, const Walk &w, int n, int64_t z0, int64_t z1, int taps, T *x) {
        const double least = std::min(w.step, w.step_at(n - 1)), most = std::max(w.step, w.step_at(n - 1));
        const bool near = R::PICKS && (LANES - 1) / least + taps + 2 < 2 * LANES;
        const bool three = taps == 3 && 3 * least >= 2 && most <= 1;
        if (near) three ? backward<Pair, true>(bins, next, w, n, z0, z1, taps, x)
                        : backward<Pair, false>(bins, next, w, n, z0, z1, taps, x);
        else three ? backward<Gather, true>(bins, next, w, n, z0, z1, taps, x)
                   : backward<Gather, false>(bins, next, w, n, z0, z1, taps, x);
    }

    template <class Window, bool THREE>
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
        for (int i = 0; i < n; ++i, x += w.along) {
            T *left = x + c.voxel[i] * w.beside + z0 + PAD, *right = left + w.beside;
            const double step = w.step_at(i);
            const V s = R::all(T(step)), p = R::mul(R::lanes(), R::all(T(1 / step)));
            const V part = R::all(c.part[i]), rest = R::all(1 - c.part[i]);
            for (int j = 0; j < parts; ++j, left += LANES, right += LANES) {
                const V at = R::add(p, R::all(c.offset[j][i]));
                const Window window(bins + c.start[j][i]);
                const V value = THREE ? three_rows(window, at, s) : rows(window, at, s, taps);
                R::store(left, R::fma(rest, value, R::load(left)));
                R::store(right, R::fma(part, value, R::load(right)));
            }
        }
    }

    // Three rows weigh with the same side of the hat each where steps lie in [2/3, 1].
    template <class Window> static V three_rows(const Window &window, V at, V s) {
        const V one = R::all(1), zero = R::all(0);
        const V below = R::fnma(s, R::part(at), s), above = R::sub(R::add(one, one), s);
        auto k = R::next(R::whole(at));
        V value = R::mul(below, window.pick(k));
        const V middle = R::sub(one, R::size(R::sub(below, R::sub(one, s))));
        k = R::next(k), value = R::fma(middle, window.pick(k), value);
        const V end = R::larger(zero, R::sub(R::sub(above, s), below));
        k = R::next(k);
        return R::fma(end, window.pick(k), value);
    }

    template <class Window> static V rows(const Window &window, V p, V s, int taps) {
        const V one = R::all(1), zero = R::all(0);
        auto k = R::next(R::whole(p));
        V d = R::fma(s, R::sub(one, R::part(p)), R::sub(zero, one)), value = zero;
        for (int t = 0; t < taps; ++t, d = R::add(d, s), k = R::next(k)) {
            const V weight = R::larger(zero, R::sub(one, R::size(d)));
            value = R::fma(weight, window.pick(k), value);
        }
        return value;
    }
};

}  // namespace WELLPOSED_SET
}  // namespace
