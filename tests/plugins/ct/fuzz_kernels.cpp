// Drives the compiled projectors with random, often extreme geometries; test_memory.py builds it with sanitizers, which
// stop it at the first access out of bounds. Arguments: seed, number of scans.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

struct Shape { int64_t planes, height, width, views, bins, upright; int threads; };
struct Sheaf { double start[2], start_step[2], way[2], way_step[2], arc; };
struct View { double source[2], bin[2], step[2], arc; };
struct View3 { double P[3][3], Q[3][3]; int64_t starts; };
struct Shape3 { int64_t planes, depth, height, width, views, rows, columns; double voxel[3]; int threads; };

extern "C" {
int wellposed_ct_footprints_f32(const float *, float *, const Shape *, int, int, const Sheaf *, double, int);
int wellposed_ct_footprints_f64(const double *, double *, const Shape *, int, int, const Sheaf *, double, int);
int wellposed_ct_fan_f32(const float *, float *, const Shape *, int, const View *, double, int);
int wellposed_ct_fan_f64(const double *, double *, const Shape *, int, const View *, double, int);
int wellposed_ct_fan_smear_f32(const float *, float *, const Shape *, const View *, double, double, int);
int wellposed_ct_fan_smear_f64(const double *, double *, const Shape *, const View *, double, double, int);
int wellposed_ct_cone_f32(int, const float *, float *, const Shape3 *, const View3 *, int);
int wellposed_ct_cone_f64(int, const double *, double *, const Shape3 *, const View3 *, int);
}

static std::mt19937_64 dice;

static double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(dice); }
static double scale(double low, double high) { return std::exp(uniform(std::log(low), std::log(high))); }
static int64_t size(int64_t most) { return int64_t(scale(1, double(most) + 0.99)); }
static double angle() {          // often along axes and diagonals, or nearly
    const double turn = uniform(0, 7), eighth = M_PI / 4 * std::floor(uniform(0, 8));
    return uniform(0, 1) < 0.5 ? turn : uniform(0, 1) < 0.5 ? eighth : eighth + uniform(-1, 1) * scale(1e-12, 0.02);
}

template <class T> int both(const Shape &s, const Sheaf *rays, double pixel, int strip, int most) {
    std::vector<T> x(s.planes * s.height * s.width, T(1)), y(s.planes * s.views * s.bins, T(1));
    const auto run = [&](const T *from, T *to, int back) {
        if constexpr (sizeof(T) == 4) return wellposed_ct_footprints_f32(from, to, &s, back, strip, rays, pixel, most);
        else return wellposed_ct_footprints_f64(from, to, &s, back, strip, rays, pixel, most);
    };
    int failed = run(x.data(), y.data(), 0) + run(y.data(), x.data(), 1);
    for (T value : x) failed += !std::isfinite(double(value));
    return failed;
}

static int in_plane() {
    const Shape s = {size(3), size(90), size(90), size(6), size(200), 0, int(size(3))};
    const double bin = scale(0.01, 400), middle = double(s.bins - 1) / 2 + uniform(-3, 3) * double(s.bins);
    const double reach = double(s.height + s.width), source = scale(0.8, 50) * reach;
    const int kind = int(uniform(0, 3));  // parallel rays, a flat fan, a curved one
    std::vector<Sheaf> rays(s.views);
    for (Sheaf &ray : rays) {
        const double t = angle(), c = std::cos(t), n = std::sin(t);
        const double x = double(s.width - 1) / 2, y = double(s.height - 1) / 2;
        if (kind == 0) ray = {{x - middle * bin * c, y - middle * bin * n}, {bin * c, bin * n}, {-n, c}, {0, 0}, 0};
        if (kind == 1)
            ray = {{x - source * n, y + source * c}, {0, 0},
                   {2 * source * n - middle * bin * c, -2 * source * c - middle * bin * n}, {bin * c, bin * n}, 0};
        if (kind == 2) ray = {{x - source * n, y + source * c}, {0, 0}, {n, -c}, {0, 0}, bin / (2 * source)};
    }
    const int strip = int(uniform(0, 2)), most = int(uniform(0, 3));
    return uniform(0, 1) < 0.5 ? both<float>(s, rays.data(), 0.7, strip, most)
                               : both<double>(s, rays.data(), 0.7, strip, most);
}

template <class T> int fans(const Shape &s, const View *views, int most) {
    std::vector<T> x(s.planes * s.height * s.width), y(s.planes * s.views * s.bins), ax(y.size()), ay(x.size());
    for (T &value : x) value = T(uniform(-1, 1));
    for (T &value : y) value = T(uniform(-1, 1));
    const auto run = [&](const T *from, T *to, int back) {
        if constexpr (sizeof(T) == 4) return wellposed_ct_fan_f32(from, to, &s, back, views, 0.7, most);
        else return wellposed_ct_fan_f64(from, to, &s, back, views, 0.7, most);
    };
    int failed = run(x.data(), ax.data(), 0) + run(y.data(), ay.data(), 1);
    double one = 0, other = 0, power = 0, energy = 0;  // of <Ax, y> = <x, A*y>: what is read must have been written
    for (size_t i = 0; i < y.size(); ++i) one += double(ax[i]) * y[i], power += double(ax[i]) * ax[i], energy += y[i] * y[i];
    for (size_t i = 0; i < x.size(); ++i) other += double(x[i]) * ay[i];
    failed += !(std::abs(one - other) <= (sizeof(T) == 4 ? 1e-4 : 1e-11) * (std::sqrt(power * energy) + 1e-3));
    if constexpr (sizeof(T) == 4) failed += wellposed_ct_fan_smear_f32(y.data(), ay.data(), &s, views, 3, 4, most);
    else failed += wellposed_ct_fan_smear_f64(y.data(), ay.data(), &s, views, 3, 4, most);
    return failed;
}

static int from_points() {
    const Shape s = {size(9), size(90), size(90), size(6), size(900), 0, int(size(3))};
    const double bin = scale(0.005, 400), middle = double(s.bins - 1) / 2 + (size(2) - 1) * uniform(-1, 1) * double(s.bins);
    const double reach = std::hypot(double(s.height), double(s.width)) / 2, source = scale(1.001, 50) * reach;
    const bool arc = uniform(0, 1) < 0.4 && bin * double(s.bins) < 2 * source;
    std::vector<View> views(s.views);
    for (View &v : views) {
        const double t = angle(), tilt = uniform(0, 1) < 0.3 ? uniform(-1, 1) : 0;
        const double c = std::cos(t), n = std::sin(t), uc = std::cos(t + tilt) * bin, un = std::sin(t + tilt) * bin;
        const double x = double(s.width - 1) / 2, y = double(s.height - 1) / 2, back = arc ? 2 * source : scale(0.1, 3) * source;
        if (arc) {
            const double a = -middle * bin / (2 * source), toward = std::cos(a), aside = std::sin(a);
            v = {{x - source * n, y + source * c},
                 {x - source * n + back * (toward * n + aside * c), y + source * c - back * (toward * c - aside * n)},
                 {0, 0}, bin / (2 * source)};
        } else
            v = {{x - source * n, y + source * c}, {x + back * n - middle * uc, y - back * c - middle * un}, {uc, un}, 0};
    }
    const int most = int(uniform(0, 3));
    return uniform(0, 1) < 0.5 ? fans<float>(s, views.data(), most) : fans<double>(s, views.data(), most);
}

template <class T> int both3(const Shape3 &s, const View3 *views, int wide) {
    std::vector<T> x(s.planes * s.depth * s.height * s.width, T(1)), y(s.planes * s.views * s.rows * s.columns, T(1));
    const auto run = [&](const T *from, T *to, int back) {
        if constexpr (sizeof(T) == 4) return wellposed_ct_cone_f32(back, from, to, &s, views, wide);
        else return wellposed_ct_cone_f64(back, from, to, &s, views, wide);
    };
    return run(x.data(), y.data(), 0) + run(y.data(), x.data(), 1);
}

static int in_space() {
    const double height = scale(0.3, 3);
    const Shape3 s = {size(2), size(60), size(40), size(40), size(4), size(70), size(40), {1, height, 1}, int(size(3))};
    const double pixel = scale(0.02, 30), row = scale(0.02, 30), reach = double(s.depth + s.height + s.width);
    const bool starts = uniform(0, 1) < 0.6, tilted = uniform(0, 1) < 0.3;
    std::vector<View3> views(s.views);
    for (View3 &v : views) {
        const double t = angle(), c = std::cos(t), n = std::sin(t), far = scale(0.3, 20) * reach;
        const double tilt = tilted ? uniform(-1.5, 1.5) : 0, lift = uniform(-1, 1) * scale(1e-3, 3) * reach;
        const double middle[3] = {double(s.width) / 2, double(s.height) / 2, double(s.depth) / 2};
        const double source[3] = {middle[0] + far * n, middle[1] - far * c, middle[2] + lift};
        const double u[3] = {pixel * c, pixel * n, pixel * std::sin(tilt)};
        const double lean = row * std::sin(tilt), up = (uniform(0, 1) < 0.5 ? row : -row) * std::cos(tilt);
        const double w[3] = {lean * n, -lean * c, up};
        v.starts = starts;
        for (int a = 0; a < 3; ++a) {
            const double toward = 2 * (middle[a] - source[a]);
            const double corner = -double(s.columns - 1) / 2 * u[a] - double(s.rows - 1) / 2 * w[a];
            v.P[0][a] = starts ? source[a] : middle[a] + corner, v.Q[0][a] = starts ? toward + corner : toward;
            v.P[1][a] = starts ? 0 : u[a], v.P[2][a] = starts ? 0 : w[a];
            v.Q[1][a] = starts ? u[a] : 0, v.Q[2][a] = starts ? w[a] : 0;
        }
    }
    const int wide = int(uniform(0, 3));
    return uniform(0, 1) < 0.5 ? both3<float>(s, views.data(), wide) : both3<double>(s, views.data(), wide);
}

int main(int, char **arguments) {
    const uint64_t seed = std::strtoull(arguments[1], nullptr, 10), scans = std::strtoull(arguments[2], nullptr, 10);
    for (uint64_t i = 0; i < scans; ++i) {
        dice.seed(seed + i);
        if (i % 3 == 0 ? in_plane() : i % 3 == 1 ? from_points() : in_space()) {
            std::printf("scan %llu failed\n", (unsigned long long)(seed + i));
            return 1;
        }
    }
}
