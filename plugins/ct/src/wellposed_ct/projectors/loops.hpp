// The innermost loops over a vector of lanes; lanes.hpp includes this once for each instruction set.
//
// The one idea: the bins of a vector of lanes read columns that lie in one short window, so two plain loads and
// a register permutation replace gathers from memory. base is always the padded column of lane 0 in row 0.

namespace {
namespace WELLPOSED_SET {

inline bool outside(const Seen &g, double base, double bins, int lanes) {
    return base <= PAD - g.reach - (lanes - 1) * g.step || base >= PAD + bins - 1 + g.reach;
}

template <class T> struct Lanes {
    using X = Vector<T>;
    using V = typename X::V;
    using Window = typename X::Window;
    static constexpr int LANES = X::LANES, GROUP = 4;

    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return spread + 3 < X::REACH; }

    // the values between columns ⌊u⌋ and ⌊u⌋ + 1 of a window
    template <class W> static V between(W window, V u) {
        const auto i = X::whole(u);
        const V left = window.pick(i), right = window.pick(X::next(i));
        return X::fma(X::part(u), X::sub(right, left), left);
    }

    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, T *sum) {
        const V spread = X::mul(X::lanes(), X::all(T(step)));
        V total = X::load(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            total = X::add(total, between(Window(x + whole), X::add(spread, X::all(T(t - double(whole))))));
        }
        X::store(sum, total);
    }

    // the same for rays of their own: lane l is at base + apart[l] in row 0, and drifts away from lane 0
    static void rays(const T *x, int64_t stride, double base, double slope, const T *apart, const T *drift, int n,
                     T *sum) {
        const V away = X::load(apart), more = X::load(drift), one = X::all(1);
        V total = X::load(sum), row = X::all(0);
        for (int r = 0; r < n; ++r, x += stride, row = X::add(row, one)) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            const V own = X::fma(row, more, away);
            total = X::add(total, between(Window(x + whole), X::add(own, X::all(T(t - double(whole))))));
        }
        X::store(sum, total);
    }

    // GROUP rows of LANES pixels from (row, column) on, all views: sum is (GROUP, LANES)
    static void adjoint(const T *y, int64_t stride, const Seen *seen, int64_t views, double bins, double row,
                        double column, T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        const V zero = X::all(0), one = X::all(1), lanes = X::lanes();
        for (int64_t a = 0; a < views; ++a, y += stride) {
            const Seen &g = seen[a];
            const double base = g.start + g.step * column + g.slope * row;
            // all rows of the group read zeros, or something; their windows stay within the padding
            if (!g.near || (outside(g, base, bins, LANES) && outside(g, base + (GROUP - 1) * g.slope, bins, LANES)))
                continue;
            const V w = X::all(T(g.W)), rest = X::sub(one, w), spread = X::mul(lanes, X::all(T(g.step)));
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const double t = base + r * g.slope;
                const int64_t whole = int64_t(t);
                const V v = X::add(spread, X::all(T(t - double(whole))));
                const auto i = X::whole(v);
                const V part = X::part(v);
                const Window window(y + whole);
                const V near = X::larger(zero, X::fnma(w, part, one)), far = X::larger(zero, X::fma(w, part, rest));
                total[r] = X::fma(near, window.pick(i), total[r]);
                total[r] = X::fma(far, window.pick(X::next(i)), total[r]);
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
    }

    // 1 / (1 − z) to rounding, for |z| ≤ 0.1, or with one factor less for |z| ≤ 0.01
    static V inverse_near_one(V z, int less) {
        V x = X::add(X::all(1), z);
        for (int factors = (sizeof(T) == 4 ? 2 : 3) - less; factors > 0; --factors) {
            z = X::mul(z, z);
            x = X::fma(x, z, x);
        }
        return x;
    }

    // total plus what bins i, i + 1, … at distances t, t + 1, … add to pixels; see fan_adjoint
    template <int TAPS, class W>
    static V add_bins(W window, typename X::I i, V t, V q, V e, V total) {
        const V zero = X::all(0), one = X::all(1);
        V z = X::mul(e, t), qt = X::mul(q, t);
#pragma GCC unroll 4
        for (int tap = 0; tap < TAPS; ++tap, i = X::next(i), qt = X::add(qt, q), z = X::add(z, e)) {
            const V u = X::mul(qt, inverse_near_one(z, 1));
            total = X::fma(X::larger(zero, X::sub(one, X::size(u))), window.pick(i), total);
        }
        return total;
    }

    template <class W>
    static V add_bins(int taps, W window, typename X::I i, V t, V q, V e, V total) {
        if (taps == 3) return add_bins<3>(window, i, t, q, e, total);
        if (taps == 2) return add_bins<2>(window, i, t, q, e, total);
        if (taps == 4) return add_bins<4>(window, i, t, q, e, total);
        for (; taps > 0; --taps, i = X::next(i), t = X::add(t, X::all(1)))
            total = add_bins<1>(window, i, t, q, e, total);
        return total;
    }

    // The same for fans: seen is (runs, GROUP), y is (runs, stride), sum is (GROUP, LANES). Bin k reads a pixel that
    // lies at v with max(0, 1 − |u_k − j|), and u_k − j = q·t / (1 − e·t) for t = k − v, exactly.
    static void fan_adjoint(const T *y, int64_t stride, const Fanned<T> *seen, int64_t runs, int64_t column, T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        const V lanes = X::lanes();
        for (int64_t a = 0; a < runs; ++a, y += stride) {
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const Fanned<T> &g = seen[a * GROUP + r];
                if (column + LANES <= g.low || column > g.high) continue;
                const double d = g.d0 + g.d1 * double(column), inverse = 1 / d;
                const double start = (g.n0 + g.n1 * double(column)) * inverse - g.reach;
                const int64_t whole = int64_t(start - g.shift);
                const T slope = T(g.d1), close = T(inverse);
                const V step = X::all(g.bend * close * close), bow = X::all(-slope * close);
                const V v = X::add(X::mul(X::mul(lanes, step), inverse_near_one(X::mul(lanes, bow), 0)),
                                   X::all(T(start - double(whole))));
                const V across = X::fma(lanes, X::all(slope), X::all(T(d)));
                const V q = X::mul(across, X::mul(across, X::all(g.inverse)));
                const V e = X::mul(across, X::all(g.ratio));
                const V t = X::sub(X::all(T(1 - g.reach)), X::part(v));
                const auto i = X::next(X::whole(v));
                total[r] = g.wide ? add_bins(g.taps, typename X::Gather(y + whole), i, t, q, e, total[r])
                                  : add_bins(g.taps, Window(y + whole), i, t, q, e, total[r]);
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
    }

    // The values of all views between the two bins where a pixel lies, each times scale / d².
    static void fan_smear(const T *y, int64_t stride, const Fanned<T> *seen, int64_t runs, double bins, int64_t column,
                          T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        const V lanes = X::lanes();
        for (int64_t a = 0; a < runs; ++a, y += stride) {
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const Fanned<T> &g = seen[a * GROUP + r];
                const double inverse = 1 / (g.d0 + g.d1 * double(column));
                const double start = (g.n0 + g.n1 * double(column)) * inverse, least = start - g.shift;
                // not near, or the whole vector off the detector
                if (!g.taps || !(least + g.reach > PAD - 1 && least < PAD + bins)) continue;
                const int64_t whole = int64_t(least);
                const T close = T(inverse);
                const V nearer = inverse_near_one(X::mul(lanes, X::all(T(-g.d1) * close)), 0);
                const V spread = X::mul(X::mul(lanes, X::all(g.bend * close * close)), nearer);
                const V weight = X::mul(X::mul(nearer, nearer), X::all(g.scale * close * close));
                const V at = X::add(spread, X::all(T(start - double(whole))));
                const V value = g.wide ? between(typename X::Gather(y + whole), at) : between(Window(y + whole), at);
                total[r] = X::fma(weight, value, total[r]);
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
    }
};

}  // namespace WELLPOSED_SET
}  // namespace
