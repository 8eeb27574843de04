// The C interface of the projectors in space.

#include "fdk.hpp"

namespace {

enum Task { FORWARD, ADJOINT, SMEAR };

template <class T, class K> void any(int task, const T *from, T *to, const Shape3 &s, const View3 *given) {
    std::vector<View3> views(given, given + s.views);
    std::vector<char> turned(s.views);
    for (int64_t v = 0; v < s.views; ++v) turned[v] = upright(views[v]) && turn_rows(views[v], s.rows);
    if (task == FORWARD) forward3<T, K>(from, to, s, views.data(), turned.data());
    if (task == ADJOINT) adjoint3<T, K>(from, to, s, views.data(), turned.data());
    if (task == SMEAR) smear3<T, K>(from, to, s, views.data(), turned.data());
}

template <class T> int run(int task, const T *from, T *to, const Shape3 &s, const View3 *views, int most) try {
    with_columns<T>(most, [&](auto columns) { any<T, decltype(columns)>(task, from, to, s, views); });
    return 0;
} catch (...) {  // out of memory, or no thread to be had: nothing may fly through a C boundary
    return 1;
}

}  // namespace

extern "C" {

// x is (planes, depth, height, width), y is (planes, views, rows, columns); what is written is overwritten.
// Task 2 takes upright cone beams alone. ``most`` is the best instruction set to use.
int wellposed_ct_cone_f32(int task, const float *from, float *to, const Shape3 *s, const View3 *views, int most) {
    return run(task, from, to, *s, views, most);
}

int wellposed_ct_cone_f64(int task, const double *from, double *to, const Shape3 *s, const View3 *views, int most) {
    return run(task, from, to, *s, views, most);
}
}
