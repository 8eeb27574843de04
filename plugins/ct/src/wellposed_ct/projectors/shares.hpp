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

// Rays that lean differently: the adjoint adds the very shares that the forward projection reads with.
template <class T> struct Leaning {
    using X = Vector<T>;
    using V = typename X::V;
    using I = typename X::I;
    using Index = std::conditional_t<sizeof(I) == 4 * X::LANES, int32_t, int64_t>;
    static constexpr int LANES = X::LANES, REACH = X::REACH, MOST = 64;

    static V line(const Line<T> &line, V row) { return X::fma(row, X::load(line.drift), X::load(line.apart)); }

    // where rays of a bunch begin, and beyond(t), their shares beyond the border after entry t of theirs
    struct Lengths {
        V inverse, start, z;
        Lengths(const Bunch<T> &b, V row, V rest) {
            const V half = X::load(b.near.half), u = X::add(line(b.near, row), rest);
            inverse = X::load(b.near.inverse), start = X::add(X::sub(u, half), X::all(T(0.5)));
            z = X::sub(X::sub(X::all(1), half), X::part(start));
        }
        V beyond(int t) const {
            const V x = X::fnma(X::add(z, X::all(T(t))), inverse, X::all(T(0.5)));
            return X::smaller(X::larger(x, X::all(0)), X::all(1));
        }
    };

    // a strip between two lines: from the areas between a line and a border
    struct Areas {
        V near, far, lean0, lean1, half0, half1, inverse0, inverse1, width, start;
        Areas(const Bunch<T> &b, V row, V rest)
            : lean0(X::load(b.near.lean)), lean1(X::load(b.far.lean)), half0(X::load(b.near.half)),
              half1(X::load(b.far.half)), inverse0(X::load(b.near.inverse)), inverse1(X::load(b.far.inverse)) {
            const V u0 = X::add(line(b.near, row), rest), u1 = X::add(line(b.far, row), rest);
            start = X::add(X::smaller(X::sub(u0, half0), X::sub(u1, half1)), X::all(T(0.5)));
            const V border = X::add(X::sub(start, X::part(start)), X::all(T(0.5)));
            near = X::sub(border, u0), far = X::sub(border, u1), width = X::div(X::all(1), X::sub(u1, u0));
        }
        static V area(V z, V lean, V half, V inverse) {
            const V none = X::all(0), inside = X::smaller(X::larger(X::add(z, half), none), lean);
            return X::fma(X::mul(inside, inside), inverse, X::larger(X::sub(z, half), none));
        }
        V beyond(int t) const {
            const V z = X::all(T(t));
            const V first = area(X::add(near, z), lean0, half0, inverse0);
            const V second = area(X::add(far, z), lean1, half1, inverse1);
            return X::fnma(X::sub(first, second), width, X::all(1));
        }
    };

    template <int COUNT, class Kind, class W> static V read(const Kind &rays, int count, W window) {
        auto i = X::whole(rays.start);
        V left = window.pick(i), total = left;
#pragma GCC unroll 4
        for (int t = 0; t < (COUNT ? COUNT : count); ++t) {
            i = X::next(i);
            const V right = window.pick(i);
            total = X::fma(rays.beyond(t), X::sub(right, left), total), left = right;
        }
        return total;
    }

    template <class Kind> static V read(const Kind &rays, const Bunch<T> &b, const T *x) {
        using Near = typename X::Window;
        if (b.wide) return read<0>(rays, b.count, typename X::Gather(x));
        if (b.count == 1) return read<1>(rays, 1, Near(x));
        if (b.count == 2) return read<2>(rays, 2, Near(x));
        if (b.count == 3) return read<3>(rays, 3, Near(x));
        return read<0>(rays, b.count, Near(x));
    }

    template <class Kind>
    static void forward(const T *x, int64_t stride, const Bunch<T> &b, int first, int last, T *sum) {
        V total = X::load(sum);
        for (int r = first; r < last; ++r) {
            const double at = b.base + b.slope * r;
            const int64_t whole = int64_t(at);
            const Kind rays(b, X::all(T(r)), X::all(T(at - double(whole))));
            total = X::add(total, read(rays, b, x + r * stride + whole));
        }
        X::store(sum, total);
    }

    // What every ray adds to count + 1 pixels of a row, and where the first of them is.
    struct Additions {
        alignas(64) T weights[MOST + 1][LANES];
        alignas(64) Index places[LANES];
        T *row;

        template <int COUNT, class Kind> void find(const Bunch<T> &b, T *x, int64_t stride, int r, V value) {
            const double at = b.base + b.slope * r;
            const int64_t whole = int64_t(at);
            const Kind rays(b, X::all(T(r)), X::all(T(at - double(whole))));
            const I i = X::whole(rays.start);
            std::memcpy(places, &i, sizeof i);
            V rest = value;
#pragma GCC unroll 4
            for (int t = 0; t < (COUNT ? COUNT : b.count); ++t) {
                const V beyond = X::mul(rays.beyond(t), value);
                X::store(weights[t], X::sub(rest, beyond)), rest = beyond;
            }
            X::store(weights[COUNT ? COUNT : b.count], rest);
            row = x + r * stride + whole;
        }
    };

    // Neighbouring rays add to the same pixels, one after the other; some rows at once keep the processor busy.
    template <int COUNT, class Kind>
    static void adjoint(T *x, int64_t stride, const Bunch<T> &b, int first, int last, const T *values) {
        constexpr int SOME = 4;
        Additions some[SOME];
        const V value = X::load(values);
        for (int r = first; r < last; r += SOME) {
            const int n = last - r < SOME ? last - r : SOME;
            for (int q = 0; q < n; ++q) some[q].template find<COUNT, Kind>(b, x, stride, r + q, value);
            for (int l = 0; l < b.rays; ++l)
#pragma GCC unroll 4
                for (int q = 0; q < n; ++q) {
                    T *p = some[q].row + some[q].places[l];
#pragma GCC unroll 4
                    for (int t = 0; t <= (COUNT ? COUNT : b.count); ++t) p[t] += some[q].weights[t][l];
                }
        }
    }

    // values of the bunch's rays, onto rows of an image
    template <class Kind>
    static void adjoint(T *x, int64_t stride, const Bunch<T> &b, int first, int last, const T *values) {
        if (b.count == 1) adjoint<1, Kind>(x, stride, b, first, last, values);
        else if (b.count == 2) adjoint<2, Kind>(x, stride, b, first, last, values);
        else if (b.count == 3) adjoint<3, Kind>(x, stride, b, first, last, values);
        else adjoint<0, Kind>(x, stride, b, first, last, values);
    }
};

}  // namespace WELLPOSED_SET
}  // namespace
