// Fast gradient projection on the dual of total variation: one sweep over memory per iteration.
//
// The one idea: the primal image x = z - K*q is never stored. While a slice of the dual is updated, x is needed in
// that slice and the next only, and x of the next slice is computed before this slice's q changes, so two slices
// of x roll through the first-level cache. Threads own blocks of slices; the two slices of q that a block reads
// from its neighbours are copied before the sweep, so the result does not depend on the number of blocks.
//
// A slice is a row of a picture (two axes), or a plane of a volume (three).

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FAST_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FAST_CLONES
#endif
#define INLINE inline __attribute__((always_inline))
#define ONLY __restrict  // nothing overlaps what a row writes, so every row takes the same vector loop

struct TvShape {
    int64_t groups, channels;      // a group shares one norm per pixel: all channels of a vectorial image, or one
    int64_t slices, rows, columns; // pictures have slices of one row
    int64_t axes;                  // 2 or 3: columns, (rows,) slices
    int64_t isotropic;
    int64_t threads;
};

namespace {

template <class T> struct Field {  // z, and p and q along columns, rows and slices, of one channel
    const T *z;
    T *p[3], *q[3];
};

template <class T> INLINE void primal_row(T *ONLY x, const T *z, const T *along, const T *row, const T *above_row,
                                          const T *slice, const T *before, int64_t n) {
    x[0] = z[0] + along[0];
    for (int64_t j = 1; j < n; ++j) x[j] = z[j] + (along[j] - along[j - 1]);
    if (row)
        for (int64_t j = 0; j < n; ++j) x[j] += row[j];
    if (above_row)
        for (int64_t j = 0; j < n; ++j) x[j] -= above_row[j];
    for (int64_t j = 0; j < n; ++j) x[j] += slice[j];
    if (before)
        for (int64_t j = 0; j < n; ++j) x[j] -= before[j];
}

// x of one slice; `slice` and `before` are the duals along slices of this slice and of the one before it
template <class T> INLINE void primal(T *x, const T *z, const T *along, const T *rows, const T *slice,
                                      const T *before, const TvShape &s) {
    const int64_t n = s.columns;
    for (int64_t r = 0; r < s.rows; ++r) {
        const int64_t o = r * n;
        primal_row(x + o, z + o, along + o, rows ? rows + o : nullptr, rows && r ? rows + o - n : nullptr,
                   slice + o, before ? before + o : nullptr, n);
    }
}

template <class T> INLINE void ascend(T *ONLY q, const T *x, const T *next, T step, int64_t n) {
    for (int64_t j = 0; j < n; ++j) q[j] += step * (next[j] - x[j]);
}

template <class T> INLINE void squares(T *ONLY sum, const T *q, int64_t n) {
    for (int64_t j = 0; j < n; ++j) sum[j] += q[j] * q[j];
}

template <class T> INLINE void shrink_factors(T *ONLY sum, T radius, T floor, int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
        const T size = std::sqrt(sum[j]);
        sum[j] = radius / (size > floor ? size : floor);
    }
}

template <class T> INLINE void extrapolate(T *ONLY p, T *ONLY q, const T *factor, T momentum, int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
        const T now = q[j] * factor[j], old = p[j];
        p[j] = now;
        q[j] = old + momentum * (now - old);
    }
}

template <class T> INLINE void clip_and_extrapolate(T *ONLY p, T *ONLY q, T radius, T momentum, int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
        const T v = q[j], high = v > radius ? radius : v, now = high < -radius ? -radius : high, old = p[j];
        p[j] = now;
        q[j] = old + momentum * (now - old);
    }
}

// p and q of one row of a slice, all channels; x and next are (channels, rows, columns); next is null at the end
template <class T> INLINE void update_row(const Field<T> *f, const T *x, const T *next, T *sum, int64_t at,
                                          int64_t r, T step, T radius, T floor, T momentum, const TvShape &s) {
    const int64_t n = s.columns, size = s.rows * n;
    if (s.isotropic) std::memset(sum, 0, n * sizeof(T));
    for (int64_t c = 0; c < s.channels; ++c) {
        const T *here = x + c * size + r * n;
        T *along = f[c].q[0] + at, *across = f[c].q[1] + at, *beyond = s.axes == 3 ? f[c].q[2] + at : across;
        ascend(along, here, here + 1, step, n - 1);
        if (s.axes == 3 && r + 1 < s.rows) ascend(across, here, here + n, step, n);
        if (next) ascend(beyond, here, next + c * size + r * n, step, n);
        for (int64_t d = 0; s.isotropic && d < s.axes; ++d) squares(sum, f[c].q[d] + at, n);
    }
    if (s.isotropic) shrink_factors(sum, radius, floor, n);
    for (int64_t c = 0; c < s.channels; ++c)
        for (int64_t d = 0; d < s.axes; ++d)
            if (s.isotropic)
                extrapolate(f[c].p[d] + at, f[c].q[d] + at, sum, momentum, n);
            else
                clip_and_extrapolate(f[c].p[d] + at, f[c].q[d] + at, radius, momentum, n);
}

// One iteration of slices [from, to). `before` and `after` hold copies of the neighbours' duals, per channel:
// before is q along slices of slice from - 1; after is all q of slice `to`, axes after each other.
template <class T> INLINE void sweep_block(const Field<T> *f, const T *before, const T *after, T *x, T *sum,
                                           int64_t from, int64_t to, T step, T radius, T floor, T momentum,
                                           const TvShape &s) {
    const int64_t size = s.rows * s.columns, last = s.axes - 1;
    T *here = x, *next = x + s.channels * size;
    for (int64_t c = 0; c < s.channels; ++c) {
        const int64_t o = from * size;
        primal(here + c * size, f[c].z + o, f[c].q[0] + o, s.axes == 3 ? f[c].q[1] + o : nullptr,
               f[c].q[last] + o, from ? before + c * size : nullptr, s);
    }
    for (int64_t i = from; i < to; ++i) {
        const bool more = i + 1 < s.slices, mine = i + 1 < to;
        for (int64_t c = 0; more && c < s.channels; ++c) {
            const int64_t o = (i + 1) * size;
            const T *q[3] = {};
            for (int64_t d = 0; d < s.axes; ++d) q[d] = mine ? f[c].q[d] + o : after + (c * s.axes + d) * size;
            primal(next + c * size, f[c].z + o, q[0], s.axes == 3 ? q[1] : nullptr, q[last],
                   f[c].q[last] + o - size, s);
        }
        for (int64_t r = 0; r < s.rows; ++r)
            update_row(f, here, more ? next : nullptr, sum, i * size + r * s.columns, r, step, radius, floor,
                       momentum, s);
        std::swap(here, next);
    }
}

constexpr int LANES = 8;  // partial sums, so that the compiler may add them side by side

INLINE double total(const double *lanes) {
    double sum = 0;
    for (int l = 0; l < LANES; ++l) sum += lanes[l];
    return sum;
}

template <class T> INLINE double sum_row(const T *v, int64_t n) {
    double lanes[LANES] = {};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; ++l) lanes[l] += double(v[j + l]);
    for (; j < n; ++j) lanes[0] += double(v[j]);
    return total(lanes);
}

// x·k and |k|²/2, where k = z - x
template <class T> INLINE void products(const T *x, const T *z, int64_t n, double *correlation, double *distance) {
    double a[LANES] = {}, b[LANES] = {};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; ++l) {
            const double v = x[j + l], k = double(z[j + l]) - v;
            a[l] += v * k, b[l] += k * k / 2;
        }
    for (; j < n; ++j) {
        const double v = x[j], k = double(z[j]) - v;
        a[0] += v * k, b[0] += k * k / 2;
    }
    *correlation += total(a), *distance += total(b);
}

template <class T> INLINE void add_differences(T *ONLY sum, const T *here, const T *there, int64_t n, bool isotropic) {
    if (isotropic)
        for (int64_t j = 0; j < n; ++j) sum[j] += (there[j] - here[j]) * (there[j] - here[j]);
    else
        for (int64_t j = 0; j < n; ++j) sum[j] += std::abs(there[j] - here[j]);
}

// |grad x| summed over a row of the slice `x`, all channels; `next` is the following slice, null at the end
template <class T> INLINE double variation(const T *x, const T *next, T *sum, int64_t r, const TvShape &s) {
    const int64_t n = s.columns, size = s.rows * n;
    std::memset(sum, 0, n * sizeof(T));
    for (int64_t c = 0; c < s.channels; ++c) {
        const T *here = x + c * size + r * n;
        add_differences(sum, here, here + 1, n - 1, s.isotropic);
        if (r + 1 < s.rows) add_differences(sum, here, here + n, n, s.isotropic);
        if (next) add_differences(sum, here, next + c * size + r * n, n, s.isotropic);
    }
    for (int64_t j = 0; s.isotropic && j < n; ++j) sum[j] = std::sqrt(sum[j]);
    return sum_row(sum, n);
}

template <class T> INLINE void primal_of_p(T *x, const Field<T> *f, int64_t i, const TvShape &s) {
    const int64_t size = s.rows * s.columns, last = s.axes - 1, o = i * size;
    for (int64_t c = 0; c < s.channels; ++c)
        primal(x + c * size, f[c].z + o, f[c].p[0] + o, s.axes == 3 ? f[c].p[1] + o : nullptr, f[c].p[last] + o,
               i ? f[c].p[last] + o - size : nullptr, s);
}

// Sums over slices [from, to) of |grad x|, x·K*p and |K*p|²/2, where x = z - K*p; three numbers per slice.
template <class T> INLINE void gap_slices(const Field<T> *f, T *x, T *sum, int64_t from, int64_t to, double *sums,
                                          const TvShape &s) {
    const int64_t size = s.rows * s.columns;
    T *here = x, *next = x + s.channels * size;
    primal_of_p(here, f, from, s);
    for (int64_t i = from; i < to; ++i, sums += 3) {
        const bool more = i + 1 < s.slices;
        if (more) primal_of_p(next, f, i + 1, s);
        for (int64_t c = 0; c < s.channels; ++c)
            products(here + c * size, f[c].z + i * size, size, sums + 1, sums + 2);
        for (int64_t r = 0; r < s.rows; ++r) sums[0] += variation(here, more ? next : nullptr, sum, r, s);
        std::swap(here, next);
    }
}

FAST_CLONES void sweep(const Field<float> *f, const float *before, const float *after, float *x, float *sum,
                       int64_t from, int64_t to, float step, float radius, float floor, float momentum,
                       const TvShape &s) {
    sweep_block(f, before, after, x, sum, from, to, step, radius, floor, momentum, s);
}

FAST_CLONES void sweep(const Field<double> *f, const double *before, const double *after, double *x, double *sum,
                       int64_t from, int64_t to, double step, double radius, double floor, double momentum,
                       const TvShape &s) {
    sweep_block(f, before, after, x, sum, from, to, step, radius, floor, momentum, s);
}

FAST_CLONES void gap(const Field<float> *f, float *x, float *sum, int64_t from, int64_t to, double *sums,
                     const TvShape &s) {
    gap_slices(f, x, sum, from, to, sums, s);
}

FAST_CLONES void gap(const Field<double> *f, double *x, double *sum, int64_t from, int64_t to, double *sums,
                     const TvShape &s) {
    gap_slices(f, x, sum, from, to, sums, s);
}

class Barrier {  // of threads that meet thousands of times a second: they look a while before they sleep
    const int64_t count;
    std::atomic<int64_t> waiting{0}, round{0};

  public:
    explicit Barrier(int64_t count) : count(count) {}
    void wait() {
        const int64_t mine = round.load();
        if (waiting.fetch_add(1) + 1 == count) {
            waiting.store(0);
            round.fetch_add(1);
            return;
        }
        for (int64_t tries = 0; round.load() == mine; ++tries)
            if (tries > 2000) std::this_thread::yield();
    }
};

template <class T> struct Problem {
    const T *z, *radius;
    T *p, *q;  // (axes, groups, channels, slices, rows, columns)
    const TvShape &s;

    std::vector<Field<T>> group(int64_t g) const {
        const int64_t each = s.slices * s.rows * s.columns, all = s.groups * s.channels * each;
        std::vector<Field<T>> fields(s.channels);
        for (int64_t c = 0; c < s.channels; ++c) {
            const int64_t o = (g * s.channels + c) * each;
            fields[c].z = z + o;
            for (int64_t d = 0; d < s.axes; ++d) fields[c].p[d] = p + d * all + o, fields[c].q[d] = q + d * all + o;
        }
        return fields;
    }
};

// All iterations of slices [from, to) of a group; `barrier` holds the group's blocks in step.
template <class T>
void run_block(const Problem<T> &problem, int64_t g, int64_t from, int64_t to, const double *momenta, int64_t count,
               double tiny, Barrier &barrier) {
    const TvShape &s = problem.s;
    const int64_t size = s.rows * s.columns, last = s.axes - 1;
    const auto f = problem.group(g);
    std::vector<T> before(s.channels * size), after(s.channels * s.axes * size), x(2 * s.channels * size), sum(s.columns);
    const T radius = problem.radius[g], floor = radius > T(tiny) ? radius : T(tiny), step = T(1.0 / (4.0 * s.axes));
    for (int64_t k = 0; k < count; ++k) {
        for (int64_t c = 0; c < s.channels; ++c) {
            if (from) std::memcpy(&before[c * size], f[c].q[last] + (from - 1) * size, size * sizeof(T));
            for (int64_t d = 0; to < s.slices && d < s.axes; ++d)
                std::memcpy(&after[(c * s.axes + d) * size], f[c].q[d] + to * size, size * sizeof(T));
        }
        barrier.wait();
        sweep(f.data(), before.data(), after.data(), x.data(), sum.data(), from, to, step, radius, floor,
              T(momenta[k]), s);
        barrier.wait();
    }
}

template <class F> void in_threads(int64_t threads, F work) {
    std::vector<std::thread> others;
    for (int64_t t = 1; t < threads; ++t) others.emplace_back([&, t] { work(t); });
    work(0);
    for (auto &thread : others) thread.join();
}

template <class T> int advance(const Problem<T> &problem, const double *momenta, int64_t count, double tiny) try {
    const TvShape &s = problem.s;
    const int64_t threads = std::max<int64_t>(1, s.threads);
    if (s.groups >= threads) {  // whole groups: no thread waits for another
        std::atomic<int64_t> next{0};
        in_threads(threads, [&](int64_t) {
            for (int64_t g; (g = next.fetch_add(1)) < s.groups;) {
                Barrier alone(1);
                run_block(problem, g, 0, s.slices, momenta, count, tiny, alone);
            }
        });
        return 0;
    }
    const int64_t blocks = std::min(threads, s.slices);
    for (int64_t g = 0; g < s.groups; ++g) {
        Barrier barrier(blocks);
        in_threads(blocks, [&](int64_t t) {
            run_block(problem, g, t * s.slices / blocks, (t + 1) * s.slices / blocks, momenta, count, tiny, barrier);
        });
    }
    return 0;
} catch (...) {  // out of memory: nothing may fly through a C boundary
    return 1;
}

template <class T> int gaps(const Problem<T> &problem, double *sums) try {
    constexpr int64_t EACH = 32;  // slices of a task
    const TvShape &s = problem.s;
    const int64_t per_group = (s.slices + EACH - 1) / EACH, tasks = s.groups * per_group;
    std::vector<double> parts(s.groups * s.slices * 3);
    std::atomic<int64_t> next{0};
    in_threads(std::min<int64_t>(std::max<int64_t>(1, s.threads), tasks), [&](int64_t) {
        std::vector<T> x(2 * s.channels * s.rows * s.columns), sum(s.columns);
        for (int64_t task; (task = next.fetch_add(1)) < tasks;) {
            const int64_t g = task / per_group, from = task % per_group * EACH;
            const auto f = problem.group(g);
            gap(f.data(), x.data(), sum.data(), from, std::min(s.slices, from + EACH),
                &parts[(g * s.slices + from) * 3], s);
        }
    });
    for (int64_t i = 0; i < s.groups * s.slices; ++i)  // in order: the same sum for any number of threads
        for (int64_t k = 0; k < 3; ++k) sums[i / s.slices * 3 + k] += parts[i * 3 + k];
    return 0;
} catch (...) {
    return 1;
}

}  // namespace

extern "C" {

int wellposed_optim_tv_interface() { return 1; }

// `count` iterations from (p, q), in place; momenta holds each iteration's extrapolation.
int wellposed_optim_tv_f32(const float *z, const float *radius, float *p, float *q, const TvShape *s,
                           const double *momenta, int64_t count, double tiny) {
    return advance<float>({z, radius, p, q, *s}, momenta, count, tiny);
}

int wellposed_optim_tv_f64(const double *z, const double *radius, double *p, double *q, const TvShape *s,
                           const double *momenta, int64_t count, double tiny) {
    return advance<double>({z, radius, p, q, *s}, momenta, count, tiny);
}

// Adds per group Σ|∇x|, ⟨x, K*p⟩ and ½‖K*p‖² of x = z - K*p to sums (groups, 3).
int wellposed_optim_tv_gap_f32(const float *z, const float *radius, float *p, float *q, const TvShape *s, double *sums) {
    return gaps<float>({z, radius, p, q, *s}, sums);
}

int wellposed_optim_tv_gap_f64(const double *z, const double *radius, double *p, double *q, const TvShape *s,
                               double *sums) {
    return gaps<double>({z, radius, p, q, *s}, sums);
}
}
