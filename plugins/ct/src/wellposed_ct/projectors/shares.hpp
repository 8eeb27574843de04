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

    // The ray is spread evenly: bins or pixels without a width of their own.
    struct Even {
        V inverse, before;
        explicit Even(const Spread<T> &s) : inverse(X::all(s.inverse)), before(X::all(s.before)) {}
        V beyond(V z) const { return limited(X::fnma(z, inverse, X::all(T(0.5))), X::all(0), X::all(1)); }
        template <int COUNT, class W> V read(int count, W window, V at) const { return across<COUNT>(*this, count, window, at); }
    };

    // Spread as two even stretches make it together: rising over the shorter one, flat, and falling.
    struct Sloped {
        V reach, flat, inverse, curve, before;
        explicit Sloped(const Spread<T> &s)
            : reach(X::all(s.reach)), flat(X::all(s.flat)), inverse(X::all(s.inverse)), curve(X::all(s.curve)),
              before(X::all(s.before)) {}
        V beyond(V z) const {
            const V none = X::all(0), inside = limited(z, X::sub(none, reach), reach);
            const V slope = X::sub(inside, limited(inside, X::sub(none, flat), flat));
            return X::fma(X::mul(slope, X::size(slope)), curve, X::fnma(inside, inverse, X::all(T(0.5))));
        }
        template <int COUNT, class W> V read(int count, W window, V at) const { return across<COUNT>(*this, count, window, at); }
    };

    template <int COUNT, class Share, class W> static V across(const Share &share, int count, W window, V at) {
        auto i = X::whole(at);
        V z = X::sub(share.before, X::part(at)), left = window.pick(i), total = left;
#pragma GCC unroll 4
        for (int t = 0; t < (COUNT ? COUNT : count); ++t) {
            i = X::next(i);
            const V right = window.pick(i);
            total = X::fma(share.beyond(z), X::sub(right, left), total);
            left = right, z = X::add(z, X::all(1));
        }
        return total;
    }

    // The same weights seen from a pixel: rays a step apart, each with a weight that rises, is one, and falls.
    struct Rays {
        V height, steep, before;
        explicit Rays(const Spread<T> &s)
            : height(X::all(s.reach * s.inverse)), steep(X::all(s.inverse)), before(X::all(s.before)) {}
        template <int COUNT, class W> V read(int count, W window, V at) const {
            auto i = X::whole(at);
            V z = X::sub(before, X::part(at)), total = X::all(0);
#pragma GCC unroll 4
            for (int t = 0; t < (COUNT ? COUNT : count); ++t) {
                i = X::next(i);
                const V weight = limited(X::fnma(steep, X::size(z), height), X::all(0), X::all(1));
                total = X::fma(weight, window.pick(i), total), z = X::add(z, X::all(1));
            }
            return total;
        }
    };

    // read(count, window, at) for as many borders as there are, from registers where they reach
    template <class Share> static V read(const Share &share, const Spread<T> &s, const T *x, V at) {
        using Near = typename X::Window;
        if (s.wide) return share.template read<0>(s.count, typename X::Gather(x), at);
        if (s.count == 1) return share.template read<1>(1, Near(x), at);
        if (s.count == 2) return share.template read<2>(2, Near(x), at);
        if (s.count == 3) return share.template read<3>(3, Near(x), at);
        return share.template read<0>(s.count, Near(x), at);
    }

    // Lane l begins at base + l·step on row 0, and slope further on every row.
    template <class Share>
    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, const Spread<T> &s,
                        T *sum) {
        const Share share(s);
        const V lanes = X::mul(X::lanes(), X::all(T(step)));
        V total = X::load(sum);
        for (int r = 0; r < n; ++r, x += stride) {
            const double t = base + slope * r;
            const int64_t whole = int64_t(t);
            total = X::add(total, read(share, s, x + whole, X::add(lanes, X::all(T(t - double(whole))))));
        }
        X::store(sum, total);
    }

    // GROUP rows of LANES pixels from (row, column) on, all views: sum is (GROUP, LANES)
    template <class Share>
    static void adjoint(const T *y, int64_t stride, const Seat<T> *views, int64_t count, double row, double column,
                        T *sum) {
        V total[GROUP];
        for (int r = 0; r < GROUP; ++r) total[r] = X::load(sum + r * LANES);
        for (int64_t a = 0; a < count; ++a, y += stride) {
            const Seat<T> &g = views[a];
            const double base = g.start + g.step * column + g.slope * row;
            // all rows of the group read zeros, or something; their windows stay within the padding
            if (g.outside(base) && g.outside(base + (GROUP - 1) * g.slope)) continue;
            const Share share(g.spread);
            const V lanes = X::mul(X::lanes(), X::all(T(g.step)));
#pragma GCC unroll 4
            for (int r = 0; r < GROUP; ++r) {
                const double t = base + r * g.slope;
                const int64_t whole = int64_t(t);
                total[r] = X::add(total[r], read(share, g.spread, y + whole, X::add(lanes, X::all(T(t - double(whole))))));
            }
        }
        for (int r = 0; r < GROUP; ++r) X::store(sum + r * LANES, total[r]);
    }
};

}  // namespace WELLPOSED_SET
}  // namespace
