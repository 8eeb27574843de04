// The innermost loops of Siddon's projector and of strips over a vector of lanes; sheets.hpp includes this once for
// each instruction set.
//
// The one idea: a ray, or a strip, is spread over a stretch of a row. What of it lies beyond a border of two pixels
// falls from one to nothing as the border moves through the stretch; so a row gives its first pixel, and at every
// border that share of the difference between its neighbours. A stretch meets few borders, all lanes equally many.

namespace {
namespace WELLPOSED_SET {

template <class T> struct Shares {
    using X = Vector<T>;
    using V = typename X::V;
    static constexpr int LANES = X::LANES, GROUP = 4;

    static V limited(V x, V low, V high) { return X::smaller(X::larger(x, low), high); }

    // Reads of a spread, from entry t of a row on and step further from lane to lane. Share::beyond(z) is what of the
    // spread lies beyond a border that is z from its middle.
    template <class Share> struct Borders {
        Share share;
        V before, lanes;
        Borders(const Spread<T> &s, double step)
            : share(s), before(X::all(s.before)), lanes(X::mul(X::lanes(), X::all(T(step)))) {}

        template <int COUNT, class W> V read(int count, W window, V at, T) const {
            auto i = X::whole(at);
            V z = X::sub(before, X::part(at)), left = window.pick(i), total = left;
#pragma GCC unroll 4
            for (int t = 0; t < (COUNT ? COUNT : count); ++t) {
                i = X::next(i);
                const V right = window.pick(i);
                total = X::fma(share.beyond(z), X::sub(right, left), total);
                left = right, z = X::add(z, X::all(1));
            }
            return total;
        }
    };

    // One even stretch.
    struct Even {
        V inverse;
        explicit Even(const Spread<T> &s) : inverse(X::all(s.inverse)) {}
        V beyond(V z) const { return limited(X::fnma(z, inverse, X::all(T(0.5))), X::all(0), X::all(1)); }
    };

    // Two even stretches, one spread by the other: rising over the shorter one, flat, and falling.
    struct Sloped {
        V reach, flat, inverse, curve;
        explicit Sloped(const Spread<T> &s)
            : reach(X::all(s.reach)), flat(X::all(s.flat)), inverse(X::all(s.inverse)), curve(X::all(s.curve)) {}
        V beyond(V z) const {
            const V none = X::all(0), inside = limited(z, X::sub(none, reach), reach);
            const V slope = X::sub(inside, limited(inside, X::sub(none, flat), flat));
            return X::fma(X::mul(slope, X::size(slope)), curve, X::fnma(inside, inverse, X::all(T(0.5))));
        }
    };

    // Rays a step apart as pixels see them: weights that rise, are one, and fall. They count 1/|C| times what a ray is
    // away from a pixel, so that is worked out in pixels, as by the forward projection, and not from t.
    struct Rays {
        V half, inverse, apart, lanes;
        Rays(const Spread<T> &s, double step)
            : half(X::all(s.half)), inverse(X::all(s.steep)), apart(X::all(s.apart)),
              lanes(X::mul(X::lanes(), X::all(T(step)))) {}

        template <int COUNT, class W> V read(int count, W window, V at, T away) const {
            auto i = X::whole(at);
            const V first = X::sub(X::mul(X::sub(at, X::part(at)), apart), X::lanes());
            V d = X::add(first, X::all(away)), total = X::all(0);
#pragma GCC unroll 4
            for (int t = 0; t < (COUNT ? COUNT : count); ++t) {
                i = X::next(i);
                const V weight = limited(X::mul(X::sub(half, X::size(d)), inverse), X::all(0), X::all(1));
                total = X::fma(weight, window.pick(i), total), d = X::add(d, apart);
            }
            return total;
        }
    };

    // read() from entry whole + rest of a row on, from registers where they reach so far
    template <class Reads> static V read(const Reads &reads, const Spread<T> &s, const T *x, double rest, double away) {
        using Near = typename X::Window;
        const V at = X::add(reads.lanes, X::all(T(rest)));
        if (s.wide) return reads.template read<0>(s.count, typename X::Gather(x), at, T(away));
        if (s.count == 1) return reads.template read<1>(1, Near(x), at, T(away));
        if (s.count == 2) return reads.template read<2>(2, Near(x), at, T(away));
        if (s.count == 3) return reads.template read<3>(3, Near(x), at, T(away));
        return reads.template read<0>(s.count, Near(x), at, T(away));
    }

    // n rows for LANES bins: lane 0 begins at base on row 0, and slope further on every row.
    template <class Reads>
    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, const Spread<T> &s,
                        T *sum) {
        const Reads reads(s, step);
        V total = X::load(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            total = X::add(total, read(reads, s, x + whole, t - double(whole), 0));
        }
        X::store(sum, total);
    }

    // GROUP rows of LANES pixels from (row, column) on, all views: sum is (GROUP, LANES)
    template <class Reads>
    static void adjoint(const T *y, int64_t stride, const Seat<T> *views, int64_t count, double row, double column,
                        T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        for (int64_t a = 0; a < count; ++a, y += stride) {
            const Seat<T> &g = views[a];
            const double base = g.start + g.step * column + g.slope * row;
            // all rows of the group read zeros, or something; their windows stay within the padding
            if (g.outside(base) && g.outside(base + (GROUP - 1) * g.slope)) continue;
            const Reads reads(g.spread, g.step);
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const double t = base + r * g.slope;
                const int64_t whole = int64_t(t);
                const double away = g.A + g.C * (row + r) + g.B * double(whole + 1) - column;
                total[r] = X::add(total[r], read(reads, g.spread, y + whole, t - double(whole), away));
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
    }
};

}  // namespace WELLPOSED_SET
}  // namespace
