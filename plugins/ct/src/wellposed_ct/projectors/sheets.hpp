// Siddon's projector and strips for parallel rays, by vectors of bins and of pixels.
//
// A ray of bin k crosses row i at column u = A + kB + iC, and is spread over |C| around it; its strip is as wide as
// both that and B. So projecting is reading rows of pixels through such spreads. The adjoint reads detector rows:
// from a pixel, k is spread by its width and by the lean, both in bins. Both compute the same weights to rounding.

#pragma once

#include "footprints.hpp"

namespace {

// Where a line of every ray of a bunch crosses the rows of a block: from the bunch's base; its lean |C|, and what
// weights need of that.
template <class T> struct Line {
    static constexpr int LANES = 64 / sizeof(T);
    alignas(64) T apart[LANES], drift[LANES], lean[LANES], half[LANES], inverse[LANES];
};

// Neighbouring rays on a block of rows: none begins before base + row·slope, and each meets at most count borders.
template <class T> struct Bunch {
    Line<T> near, far;           // of a strip its two edges, of a ray only near
    double base, slope, spread;  // the farthest begins spread after that
    int count, rays;
    bool wide;                   // whether they span more than a window
};

// How far a read is spread around its middle, in entries of what is read.
template <class T> struct Spread {
    T reach, flat, inverse, curve;   // half of it; half of its flat part; 1 / the longer stretch, 1 / (2 · both)
    T before;                        // from the middle to the first border, where a read begins on an entry
    T half, steep, apart;            // of rays as pixels see them: (1 + |C|) / 2, 1 / |C|, and the step B
    int count;                       // borders, or rays, that it may meet
    bool wide;                       // whether a vector of reads spans more than a window
};

// A view as the adjoint sees it: pixel (i, j) reads from entry start + j·step + i·slope of a padded detector row,
// whose entry k crosses row i at A + kB + iC.
template <class T> struct Seat {
    double start, step, slope, low, high, A, B, C;
    Spread<T> spread;
    bool outside(double base) const { return base <= low || base >= high; }
};

}  // namespace

#define WELLPOSED_LOOPS "shares.hpp"
#include "each_set.hpp"

namespace {

// Call work(shares, leaning) with the widest lanes that the processor has and ``most`` allows.
template <class T, class F> void with_shares(int most, F work) {
#ifdef WELLPOSED_X86
    const int level = std::min(most, instructions());
    if (level >= 2) return work(avx512::Shares<T>(), avx512::Leaning<T>());
    if (level == 1) return work(avx2::Shares<T>(), avx2::Leaning<T>());
#endif
    work(portable::Shares<T>(), portable::Leaning<T>());
}

constexpr int SHEETS = 12;           // views of a task
constexpr double FARTHEST = 1000;    // entries that a vector of reads may span

// A view of parallel rays.
struct Sheet {
    double A, B, C, length;          // see above, with B > 0 after flipping the detector
    bool turn, flip;
    int64_t index;
};

// Whether the rays of a view are parallel and go by vectors. A, B and C are rounded so far that sums of them, in any
// order, are exact: where a ray lies from a pixel is the same number in both directions.
template <class T, bool STRIP>
bool is_sheet(const Sheaf &s, int64_t index, const Shape &of, double pixel, Sheet *sheet) {
    if (s.arc != 0 || s.way_step[0] != 0 || s.way_step[1] != 0) return false;
    const Beam beam = beam_at(s, 0, pixel);
    const double B = s.start_step[beam.turn] - s.start_step[!beam.turn] * beam.middle.C, lean = std::abs(beam.middle.C);
    // the length of a ray that hardly leans jumps at borders: rounding counts 1/|C| times
    if (!STRIP && lean < (sizeof(T) == 4 ? 4e-3 : 1e-3)) return false;
    if (!(16 * std::abs(B) < FARTHEST && 18 / std::abs(B) < FARTHEST)) return false;
    const double last = double(of.bins - 1);
    // with the bins and pixels of the padding
    const double size = double(of.height + of.width + 2 * PAD);
    const double farthest = std::abs(beam.middle.A) + (last + PAD) * std::abs(B) + size;
    const double quantum = std::ldexp(1.0, std::ilogb(farthest) - 51);
    auto rounded = [&](double x) { return std::round(x / quantum) * quantum; };
    *sheet = {rounded(B < 0 ? beam.middle.A + last * B : beam.middle.A), rounded(std::abs(B)), rounded(beam.middle.C),
              beam.length, beam.turn, B < 0, index};
    return true;
}

template <class T, class X> Spread<T> spread_of(double a, double b, double step) {
    const double large = std::max(a, b), small = std::min(a, b), reach = (a + b) / 2;
    const bool sloped = small > (sizeof(T) == 4 ? 1e-6 : 1e-12);
    const int count = std::max(1, int(std::ceil(2 * reach)));
    return {T(reach), T((large - small) / 2), T(1 / large), T(sloped ? 1 / (2 * small * large) : 0), T(1 - reach),
            T(0), T(0), T(0), count,
            (X::LANES - 1) * step + count + 2 >= X::REACH};
}

// Entries of padding that vectors of reads a step apart need, which GROUP rows may shift by a step each.
template <class K> int64_t padding(double step, double reach) {
    return std::max<int64_t>(PAD, int64_t(std::ceil((K::LANES + K::GROUP) * step + 2 * reach)) + 2 * K::LANES + 4);
}

template <class T, bool STRIP, class K>
void sheets_task(const Image<T> &x, int64_t plane, const Sheet *sheets, int64_t count, int64_t bins, T *out,
                 int64_t views) {
    using Reads = std::conditional_t<STRIP, typename K::template Borders<typename K::Sloped>,
                                     typename K::template Borders<typename K::Even>>;
    const int64_t chunks = (bins + K::LANES - 1) / K::LANES;
    std::vector<T> sums(count * chunks * K::LANES, T(0));
    for (int64_t top = 0; top < x.rows; top += ROWS) {
        const int n = int(std::min<int64_t>(ROWS, x.rows - top));
        for (int64_t a = 0; a < count; ++a) {
            const Sheet &g = sheets[a];
            const auto spread = spread_of<T, typename K::X>(std::abs(g.C), STRIP ? g.B : 0, g.B);
            const double hang = (K::LANES - 1) * g.B + spread.count + 1, pad = double(x.pad);
            const double start = g.A + g.C * double(top) + pad + 0.5 - double(spread.reach);
            for (int64_t c = 0; c < chunks; ++c) {
                const double base = start + g.B * double(c * K::LANES);
                int first, last;
                rows_inside(base, g.C, pad - hang, pad + double(x.width), 0, n, &first, &last);
                if (first < last)
                    K::template forward<Reads>(x.row(plane, top + first), x.stride, base + g.C * first, g.C, g.B,
                                               last - first, spread, sums.data() + (a * chunks + c) * K::LANES);
            }
        }
    }
    for (int64_t a = 0; a < count; ++a) {
        T *row = out + (plane * views + sheets[a].index) * bins;
        const T *sum = sums.data() + a * chunks * K::LANES;
        for (int64_t k = 0; k < bins; ++k) row[k] = T(sheets[a].length) * sum[sheets[a].flip ? bins - 1 - k : k];
    }
}

// Views sorted so that those of one orientation follow each other, [0, upright) across rows.
inline int64_t sort_by_turn(std::vector<Sheet> &sheets) {
    return std::stable_partition(sheets.begin(), sheets.end(), [](const Sheet &g) { return !g.turn; }) - sheets.begin();
}

template <class T, bool STRIP, class K>
void sheets_forward(const T *x, T *y, const Shape &s, std::vector<Sheet> &sheets) {
    const int64_t upright = sort_by_turn(sheets), all = int64_t(sheets.size());
    int64_t pad = PAD;
    for (const Sheet &g : sheets) pad = std::max(pad, padding<K>(g.B, STRIP ? 1 + g.B : 1));
    Image<T> plain(upright > 0 ? s.planes : 0, s.height, s.width, pad);
    Image<T> turned(upright < all ? s.planes : 0, s.width, s.height, pad);
    parallel_for(2 * s.planes, s.threads, [&](int64_t i) {
        Image<T> &to = i % 2 ? turned : plain;
        if (!to.data.empty()) pad_image(x + i / 2 * s.height * s.width, s, i % 2, to, i / 2);
    });
    const int64_t first = (upright + SHEETS - 1) / SHEETS, each = first + (all - upright + SHEETS - 1) / SHEETS;
    parallel_for(s.planes * each, s.threads, [&](int64_t i) {
        const bool own = i % each < first;
        const int64_t from = own ? i % each * SHEETS : upright + (i % each - first) * SHEETS;
        const int64_t count = std::min<int64_t>(SHEETS, (own ? upright : all) - from);
        sheets_task<T, STRIP, K>(own ? plain : turned, i / each, sheets.data() + from, count, s.bins, y, s.views);
    });
}

template <class T, bool STRIP, class K> Seat<T> seat_of(const Sheet &g, int64_t bins, int64_t pad) {
    const double step = 1 / g.B;
    const auto spread = spread_of<T, typename K::X>(std::abs(g.C) * step, step, step);
    const double start = -g.A * step + double(pad) - double(spread.reach) + (STRIP ? 0.5 : 0);
    const double low = double(pad) - (K::LANES - 1) * step - spread.count - 1, high = double(pad + bins);
    Seat<T> seat = {start, step, -g.C * step, low, high, g.A - double(pad) * g.B, g.B, g.C, spread};
    seat.spread.half = T((1 + std::abs(g.C)) / 2), seat.spread.steep = T(1 / std::abs(g.C)), seat.spread.apart = T(g.B);
    return seat;
}

// All rows of one orientation from its views, whose detector rows are y's from the first on.
template <class T, bool STRIP, class K>
void seats_adjoint(const Image<T> &y, const Shape &s, const Sheet *sheets, int64_t first, int64_t count, int64_t rows,
                   int64_t width, T *out) {
    using Reads = std::conditional_t<STRIP, typename K::template Borders<typename K::Sloped>, typename K::Rays>;
    std::vector<Seat<T>> seats(count);
    for (int64_t a = 0; a < count; ++a) seats[a] = seat_of<T, STRIP, K>(sheets[first + a], s.bins, y.pad);
    const int64_t groups = (rows + K::GROUP - 1) / K::GROUP;
    parallel_for(s.planes * groups, s.threads, [&](int64_t i) {
        const int64_t plane = i / groups, top = i % groups * K::GROUP;
        for (int64_t c = 0; c < width; c += K::LANES) {
            T sum[K::GROUP * K::LANES] = {};
            K::template adjoint<Reads>(y.row(plane, first), y.stride, seats.data(), count, double(top), double(c), sum);
            for (int64_t r = 0; r < std::min<int64_t>(K::GROUP, rows - top); ++r)
                std::memcpy(out + (plane * rows + top + r) * width + c, sum + r * K::LANES,
                            std::min<int64_t>(K::LANES, width - c) * sizeof(T));
        }
    });
}

template <class T, bool STRIP, class K>
void sheets_adjoint(const T *y, T *x, const Shape &s, std::vector<Sheet> &sheets) {
    const int64_t upright = sort_by_turn(sheets), all = int64_t(sheets.size());
    int64_t pad = PAD;
    for (const Sheet &g : sheets) pad = std::max(pad, padding<K>(1 / g.B, 2 / g.B));
    Image<T> rows(s.planes, all, s.bins, pad);
    parallel_for(s.planes * all, s.threads, [&](int64_t i) {
        const Sheet &g = sheets[i % all];
        const T *from = y + (i / all * s.views + g.index) * s.bins, scale = T(STRIP ? g.length / g.B : g.length);
        T *row = rows.row(i / all, i % all) + pad;
        for (int64_t k = 0; k < s.bins; ++k) row[k] = scale * from[g.flip ? s.bins - 1 - k : k];
    });
    seats_adjoint<T, STRIP, K>(rows, s, sheets.data(), 0, upright, s.height, s.width, x);
    if (upright == all) return;
    std::vector<T> turned(s.planes * s.height * s.width);
    seats_adjoint<T, STRIP, K>(rows, s, sheets.data(), upright, all - upright, s.width, s.height, turned.data());
    add_turned(turned.data(), x, s);
}

}  // namespace
