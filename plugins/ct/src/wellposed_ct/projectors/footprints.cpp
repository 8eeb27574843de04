// The C interface of Siddon's projector and of strips.

#include "footprints.hpp"

namespace {

template <class T>
int run(const T *from, T *to, const Shape &s, bool back, bool strip, const Sheaf *sheaves, double pixel) try {
    if (strip) back ? footprints_adjoint<T, true>(from, to, s, sheaves, pixel)
                    : footprints_forward<T, true>(from, to, s, sheaves, pixel);
    else back ? footprints_adjoint<T, false>(from, to, s, sheaves, pixel)
              : footprints_forward<T, false>(from, to, s, sheaves, pixel);
    return 0;
} catch (...) {  // out of memory, or no thread to be had: nothing may fly through a C boundary
    return 1;
}

}  // namespace

extern "C" {

// As in joseph.cpp; the last argument, the best instruction set to use, is for the same interface.
int wellposed_ct_footprints_f32(const float *from, float *to, const Shape *s, int back, int strip,
                                const Sheaf *sheaves, double pixel, int) {
    return run(from, to, *s, back, strip, sheaves, pixel);
}

int wellposed_ct_footprints_f64(const double *from, double *to, const Shape *s, int back, int strip,
                                const Sheaf *sheaves, double pixel, int) {
    return run(from, to, *s, back, strip, sheaves, pixel);
}
}
