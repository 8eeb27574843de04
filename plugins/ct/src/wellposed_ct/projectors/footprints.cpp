// The C interface of Siddon's projector and of strips.

#include "bunches.hpp"

namespace {

// Views of parallel rays go by vectors both ways, all others bunch by bunch.
template <class T, bool STRIP>
void footprints(const T *from, T *to, const Shape &s, bool back, const Sheaf *sheaves, double pixel, int most) {
    std::vector<Sheet> sheets;
    std::vector<int64_t> others;
    for (int64_t v = 0; v < s.views; ++v) {
        Sheet sheet;
        if (is_sheet<T, STRIP>(sheaves[v], v, s, pixel, &sheet)) sheets.push_back(sheet);
        else others.push_back(v);
    }
    with_shares<T>(most, [&](auto shares, auto leaning) {
        using K = decltype(shares);
        using L = decltype(leaning);
        back ? sheets_adjoint<T, STRIP, K>(from, to, s, sheets) : sheets_forward<T, STRIP, K>(from, to, s, sheets);
        if (others.empty()) return;
        back ? bunches_adjoint<T, STRIP, L>(from, to, s, sheaves, others, pixel)
             : bunches_forward<T, STRIP, L>(from, to, s, sheaves, others, pixel);
    });
}

template <class T>
int run(const T *from, T *to, const Shape &s, bool back, bool strip, const Sheaf *sheaves, double pixel, int most) try {
    strip ? footprints<T, true>(from, to, s, back, sheaves, pixel, most)
          : footprints<T, false>(from, to, s, back, sheaves, pixel, most);
    return 0;
} catch (...) {  // out of memory, or no thread to be had: nothing may fly through a C boundary
    return 1;
}

}  // namespace

extern "C" {

// As in joseph.cpp; ``most`` is the best instruction set to use.
int wellposed_ct_footprints_f32(const float *from, float *to, const Shape *s, int back, int strip,
                                const Sheaf *sheaves, double pixel, int most) {
    return run(from, to, *s, back, strip, sheaves, pixel, most);
}

int wellposed_ct_footprints_f64(const double *from, double *to, const Shape *s, int back, int strip,
                                const Sheaf *sheaves, double pixel, int most) {
    return run(from, to, *s, back, strip, sheaves, pixel, most);
}
}
