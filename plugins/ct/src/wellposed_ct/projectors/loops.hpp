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
    static constexpr int LANES = X::LANES, PLANES = X::PLANES, GROUP = 4;
    static constexpr bool CELLS = X::CELLS;
    static constexpr T ONE = X::ONE;

    static bool fits(double step) { return spans((LANES - 1) * step); }
    static bool spans(double spread) { return spread + 3 < X::REACH; }

    // the values between columns ⌊u⌋ and ⌊u⌋ + 1 of a window
    template <class W> static V between(W window, V u) {
        const auto i = X::whole(u);
        const V left = window.pick(i), right = window.pick(X::next(i));
        return X::fma(X::part(u), X::sub(right, left), left);
    }

    // Where lane 0 is in ROWS rows: its whole column, from the first row's start on, and the rest.
    struct Starts {
        int32_t at[ROWS];
        T part[ROWS];
        Starts(double base, double slope, int64_t stride) {
            const int32_t next = int32_t(stride);
            for (int r = 0; r < ROWS; ++r) {
                const double t = base + slope * r;
                const int32_t whole = int32_t(t);
                at[r] = r * next + whole, part[r] = T(t - double(whole));
            }
        }
    };

    static void forward(const T *x, int64_t stride, double base, double slope, double step, int n, T *sum) {
        const Starts starts(base, slope, stride);
        const V spread = X::mul(X::lanes(), X::all(T(step)));
        V total = X::load(sum);
        for (int r = 0; r < n; ++r)
            total = X::add(total, between(Window(x + starts.at[r]), X::add(spread, X::all(starts.part[r]))));
        X::store(sum, total);
    }

    // the same for rays of their own: lane l is at base + apart[l] in row 0, and drifts away from lane 0
    static void rays(const T *x, int64_t stride, double base, double slope, const T *apart, const T *drift, int n,
                     T *sum) {
        const Starts starts(base, slope, stride);
        const V away = X::load(apart), more = X::load(drift), one = X::all(1);
        V total = X::load(sum), row = X::all(0);
        for (int r = 0; r < n; ++r, row = X::add(row, one)) {
            const V own = X::fma(row, more, away);
            total = X::add(total, between(Window(x + starts.at[r]), X::add(own, X::all(starts.part[r]))));
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

    // 1 / (1 − z) to rounding, for |z| ≤ 0.1
    static V inverse_near_one(V z) {
        V x = X::add(X::all(1), z);
        for (int factors = sizeof(T) == 4 ? 2 : 3; factors > 0; --factors) {
            z = X::mul(z, z);
            x = X::fma(x, z, x);
        }
        return x;
    }

    // Where the vectors of cells first … last begin on the detector, and how their lanes go on.
    static void nodes(const Cells<T> &g, const Vectors<T> &v) {
        for (int64_t n = g.first; n <= g.last + 1; n += LANES) {
            const V cell = X::fma(X::lanes(), X::all(T(LANES)), X::all(T(n * LANES)));
            V t = X::div(X::fma(cell, X::all(g.n1), X::all(g.n0)), X::fma(cell, X::all(g.d1), X::all(g.d0)));
            if (g.arc) t = arc_tangent(t);
            X::store(v.nodes + n - g.first, X::fma(t, X::all(g.scale), X::all(g.offset)));
        }
        split(v.nodes, g.last - g.first + 1, g.spare, g.density, v.parts, v.steps, v.begins, v.taps, v.wide);
    }

    static void split(const T *__restrict nodes, int64_t count, T spare, T density, T *__restrict parts,
                      T *__restrict steps, int32_t *__restrict begins, int32_t *__restrict taps,
                      int32_t *__restrict wide) {
        for (int64_t n = 0; n < count; ++n) {
            const T start = nodes[n] - spare, span = nodes[n + 1] - nodes[n];
            const int32_t whole = int32_t(start), most = int32_t(span * density + 2 * spare) + 1;
            begins[n] = whole, parts[n] = start - T(whole), steps[n] = span * (T(1) / LANES), taps[n] = most;
            wide[n] = span + T(most) >= T(X::REACH - 3);
        }
    }

    // within 6e-6 for |t| ≤ 1.15, which runs of rays of one orientation do not exceed
    static V arc_tangent(V t) {
        const V square = X::mul(t, t);
        V x = X::all(T(-0.0072602758));
        for (double c : {0.0400906686, -0.1036675793, 0.1879359062, -0.3316362568, 0.9999299664})
            x = X::fma(x, square, X::all(T(c)));
        return X::mul(t, x);
    }

    // where rays [begin, end) cross a row, in cells
    static void places(const double *__restrict slope, double row, double source, int64_t begin, int64_t end,
                       T *__restrict out) {
        source += X::FIX;
        for (int64_t n = begin; n < end; ++n) out[n] = X::place(source + slope[n] * row);
    }

    // Add to the sums (PLANES, 2, next) of cells the rays that fall into them, and these times where in the cell.
    template <int PLANES>
    static void cells(const T *places, const T *y, int64_t plane, const Cells<T> &g, const Vectors<T> &v, T *sum,
                      int64_t next) {
        const V lanes = X::lanes(), least = X::all(g.least);
        const int32_t *begins = v.begins, *many = v.taps, *wide = v.wide;
        const T *parts = v.parts, *steps = v.steps;
        const int64_t count = g.last - g.first + 1;
        V cell = X::cells(g.first * LANES);
        sum += g.first * LANES;
        for (int64_t n = 0; n < count; ++n, sum += LANES, cell = X::onward(cell)) {
            const int taps = many[n];
            if (!wide[n]) {
                const T *at = places + begins[n], *from = y + begins[n];
                const auto i = X::next(X::whole(X::fma(lanes, X::all(steps[n]), X::all(parts[n]))));
                if (taps == 2) add_cells<PLANES, 2, Window>(2, at, from, plane, i, cell, sum, next);
                else if (taps == 1) add_cells<PLANES, 1, Window>(1, at, from, plane, i, cell, sum, next);
                else if (taps == 3) add_cells<PLANES, 3, Window>(3, at, from, plane, i, cell, sum, next);
                else add_cells<PLANES, 0, Window>(taps, at, from, plane, i, cell, sum, next);
                continue;
            }
            const V start = X::all(parts[n] + T(begins[n])), most = X::all(g.most - T(taps));
            const V at = X::larger(X::fma(lanes, X::all(steps[n]), start), least);
            const V inside = X::sub(most, X::larger(X::sub(most, at), X::all(0)));
            add_cells<PLANES, 0, typename X::Gather>(taps, places, y, plane, X::next(X::whole(inside)), cell, sum, next);
        }
    }

    template <int PLANES, int TAPS, class W>
    static void add_cells(int taps, const T *places, const T *y, int64_t plane, typename X::I i, V cell, T *sum,
                          int64_t next) {
        const W at(places);
        V total[PLANES], moment[PLANES];
        for (int p = 0; p < PLANES; ++p)
            total[p] = X::load(sum + 2 * p * next), moment[p] = X::load(sum + (2 * p + 1) * next);
#pragma GCC unroll 4
        for (int tap = 0; tap < (TAPS ? TAPS : taps); ++tap, i = X::next(i)) {
            const V apart = X::apart(at.pick(i), cell), part = X::share(apart);
            const auto mine = X::within(apart);
#pragma GCC unroll 4
            for (int p = 0; p < PLANES; ++p) {
                const V value = X::keep(mine, W(y + p * plane).pick(i));
                total[p] = X::add(total[p], value), moment[p] = X::fma(part, value, moment[p]);
            }
        }
        for (int p = 0; p < PLANES; ++p)
            X::store(sum + 2 * p * next, total[p]), X::store(sum + (2 * p + 1) * next, moment[p]);
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
                if (!g.near || !(least + g.reach > PAD - 1 && least < PAD + bins)) continue;
                const int64_t whole = int64_t(least);
                const T close = T(inverse);
                const V nearer = inverse_near_one(X::mul(lanes, X::all(T(-g.d1) * close)));
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
