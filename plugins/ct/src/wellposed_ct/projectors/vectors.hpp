// Vectors of numbers for three instruction sets, under the same names: AVX-512, AVX2 with FMA, and anything else.
//
// The one operation that is not arithmetic is Window: it hands every lane its own entry out of a short stretch of
// memory, by two loads and a permutation within registers where the instruction set has it. Gather does the same
// for a stretch of any length.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define WELLPOSED_X86 1
#include <immintrin.h>
#define WELLPOSED_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define WELLPOSED_AVX2 WELLPOSED_PRAGMA(clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function))
#define WELLPOSED_AVX512 \
    WELLPOSED_PRAGMA(clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function))
#define WELLPOSED_POP WELLPOSED_PRAGMA(clang attribute pop)
#else
#define WELLPOSED_AVX2 WELLPOSED_PRAGMA(GCC push_options) WELLPOSED_PRAGMA(GCC target("avx2,fma"))
#define WELLPOSED_AVX512 WELLPOSED_PRAGMA(GCC push_options) WELLPOSED_PRAGMA(GCC target("avx512f,avx512dq,fma"))
#define WELLPOSED_POP WELLPOSED_PRAGMA(GCC pop_options)
#endif
#endif

namespace {

// What cells need: where a ray crosses a row is a number of fixed point, with FIX added for its bits to be at hand, so
// that it lies in one cell exactly; ONE is a cell's width.
struct FixedPoint {
    static constexpr double FIX = 3.0 * (1 << 27);  // here doubles are multiples of 2⁻²⁴
    static constexpr float ONE = 1 << 24;
    static float place(double x) {
        uint64_t bits;
        std::memcpy(&bits, &x, sizeof bits);
        const uint32_t low = uint32_t(bits);
        float y;
        std::memcpy(&y, &low, sizeof y);
        return y;
    }
};

struct FloatingPoint {
    static constexpr double FIX = 0, ONE = 1;
    static double place(double x) { return x; }
};

template <class T> using Places = std::conditional_t<sizeof(T) == 4, FixedPoint, FloatingPoint>;

namespace portable {

typedef int32_t Four __attribute__((vector_size(16)));
typedef int32_t Eight __attribute__((vector_size(32)));

// What GCC and Clang turn into whatever vectors the machine has: SSE2, NEON.
template <class T> struct Vector : Places<T> {
    static constexpr int LANES = 32 / sizeof(T), REACH = 32;  // columns that a window holds
    static constexpr int PLANES = 1;     // that the adjoint of fans takes at once
    static constexpr bool CELLS = false; // whether it gathers by vectors of cells: windows are not worth it here
    static constexpr bool PICKS = false; // whether pick beats memory
    typedef T V __attribute__((vector_size(32)));
    using I = std::conditional_t<sizeof(T) == 4, Eight, Four>;  // not 64 bits: few machines convert doubles to those
    static V lanes() {
        V x;
        for (int l = 0; l < LANES; ++l) x[l] = T(l);
        return x;
    }
    static V all(T x) { return V{} + x; }
    static V load(const T *p) { V x; std::memcpy(&x, p, sizeof x); return x; }
    static void store(T *p, V x) { std::memcpy(p, &x, sizeof x); }
    static V add(V a, V b) { return a + b; }
    static V sub(V a, V b) { return a - b; }
    static V mul(V a, V b) { return a * b; }
    static V div(V a, V b) { return a / b; }
    static V larger(V a, V b) { return a > b ? a : b; }
    static V smaller(V a, V b) { return a < b ? a : b; }
    static V size(V a) { return larger(a, -a); }
    static V fma(V a, V b, V c) { return a * b + c; }
    static V fnma(V a, V b, V c) { return c - a * b; }
    static I whole(V x) { return __builtin_convertvector(x, I); }
    static V part(V x) { return x - __builtin_convertvector(whole(x), V); }
    static I next(I i) { return i + 1; }
    static V pick(V low, I i, V high) {
        const V both[2] = {low, high};
        return Window(reinterpret_cast<const T *>(both)).pick(i);
    }
    struct Window {
        const T *p;
        explicit Window(const T *p) : p(p) {}
        V pick(I i) const {
            V x;
            for (int l = 0; l < LANES; ++l) x[l] = p[i[l]];
            return x;
        }
    };
    using Gather = Window;
};

}  // namespace portable

#ifdef WELLPOSED_X86
WELLPOSED_AVX2
namespace avx2 {

template <class T> struct Vector;

template <> struct Vector<float> : Places<float> {
    static constexpr int LANES = 8, REACH = 16, PLANES = 2;
    static constexpr bool CELLS = true;
    static constexpr bool PICKS = true;
    using V = __m256;
    using I = __m256i;
    static V lanes() { return _mm256_set_ps(7, 6, 5, 4, 3, 2, 1, 0); }
    static V all(float x) { return _mm256_set1_ps(x); }
    static V load(const float *p) { return _mm256_loadu_ps(p); }
    static void store(float *p, V x) { _mm256_storeu_ps(p, x); }
    static V add(V a, V b) { return _mm256_add_ps(a, b); }
    static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V div(V a, V b) { return _mm256_div_ps(a, b); }
    static V larger(V a, V b) { return _mm256_max_ps(a, b); }
    static V smaller(V a, V b) { return _mm256_min_ps(a, b); }
    static V size(V a) { return _mm256_andnot_ps(all(-0.0f), a); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
    static I whole(V x) { return _mm256_cvttps_epi32(x); }
    static V part(V x) { return _mm256_sub_ps(x, _mm256_round_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)); }
    static I next(I i) { return _mm256_add_epi32(i, _mm256_set1_epi32(1)); }
    static V cells(int64_t first) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(whole(add(lanes(), all(float(first)))), 24));
    }
    static V onward(V cell) {
        return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(cell), _mm256_set1_epi32(LANES << 24)));
    }
    static V apart(V place, V cell) {
        return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(place), _mm256_castps_si256(cell)));
    }
    static V share(V apart) { return _mm256_cvtepi32_ps(_mm256_castps_si256(apart)); }
    static I within(V apart) {
        return _mm256_cmpeq_epi32(_mm256_srli_epi32(_mm256_castps_si256(apart), 24), _mm256_setzero_si256());
    }
    static V keep(I mask, V x) { return _mm256_and_ps(_mm256_castsi256_ps(mask), x); }
    static V pick(V low, I i, V high) {  // bit 3 of an index, moved into the sign, chooses between both halves
        const V upper = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28));
        return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, i), _mm256_permutevar8x32_ps(high, i), upper);
    }
    struct Window {
        V low, high;
        explicit Window(const float *p) : low(load(p)), high(load(p + LANES)) {}
        V pick(I i) const { return Vector::pick(low, i, high); }
    };
    struct Gather {
        const float *p;
        explicit Gather(const float *p) : p(p) {}
        V pick(I i) const {
            const V none = _mm256_setzero_ps();
            return _mm256_mask_i32gather_ps(none, p, i, _mm256_cmp_ps(none, none, _CMP_EQ_OQ), 4);
        }
    };
};

template <> struct Vector<double> : Places<double> {
    static constexpr int LANES = 4, REACH = 32, PLANES = 2;
    static constexpr bool CELLS = true;
    static constexpr bool PICKS = true;
    using V = __m256d;
    using I = __m128i;
    static V lanes() { return _mm256_set_pd(3, 2, 1, 0); }
    static V all(double x) { return _mm256_set1_pd(x); }
    static V load(const double *p) { return _mm256_loadu_pd(p); }
    static void store(double *p, V x) { _mm256_storeu_pd(p, x); }
    static V add(V a, V b) { return _mm256_add_pd(a, b); }
    static V sub(V a, V b) { return _mm256_sub_pd(a, b); }
    static V mul(V a, V b) { return _mm256_mul_pd(a, b); }
    static V div(V a, V b) { return _mm256_div_pd(a, b); }
    static V larger(V a, V b) { return _mm256_max_pd(a, b); }
    static V smaller(V a, V b) { return _mm256_min_pd(a, b); }
    static V size(V a) { return _mm256_andnot_pd(all(-0.0), a); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm256_fnmadd_pd(a, b, c); }
    static I whole(V x) { return _mm256_cvttpd_epi32(x); }
    static V part(V x) { return _mm256_sub_pd(x, _mm256_round_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)); }
    static I next(I i) { return _mm_add_epi32(i, _mm_set1_epi32(1)); }
    static V cells(int64_t first) { return add(lanes(), all(double(first))); }
    static V onward(V cell) { return add(cell, all(LANES)); }
    static V apart(V place, V cell) { return sub(place, cell); }
    static V share(V apart) { return apart; }
    static V within(V x) {
        return _mm256_and_pd(_mm256_cmp_pd(x, all(0), _CMP_GE_OQ), _mm256_cmp_pd(x, all(1), _CMP_LT_OQ));
    }
    static V keep(V mask, V x) { return _mm256_and_pd(mask, x); }
    static V pick(V low, I i, V high) {  // as pairs of floats 2i, 2i + 1; bit 2 of i chooses between both halves
        const __m256i wide = _mm256_cvtepi32_epi64(i), odd = _mm256_set1_epi64x(1LL << 32);
        const __m256i pair = _mm256_or_si256(_mm256_or_si256(_mm256_slli_epi64(wide, 33), odd), _mm256_slli_epi64(wide, 1));
        const V near = _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(low), pair));
        const V far = _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(high), pair));
        return _mm256_blendv_pd(near, far, _mm256_castsi256_pd(_mm256_slli_epi64(wide, 61)));
    }
    struct Window {
        const double *p;
        explicit Window(const double *p) : p(p) {}
        V pick(I i) const {
            const V none = _mm256_setzero_pd();
            return _mm256_mask_i32gather_pd(none, p, i, _mm256_cmp_pd(none, none, _CMP_EQ_OQ), 8);
        }
    };
    using Gather = Window;
};

}  // namespace avx2
WELLPOSED_POP

WELLPOSED_AVX512
namespace avx512 {

template <class T> struct Vector;

template <> struct Vector<float> : Places<float> {
    static constexpr int LANES = 16, REACH = 32, PLANES = 4;
    static constexpr bool CELLS = true;
    static constexpr bool PICKS = true;
    using V = __m512;
    using I = __m512i;
    static V lanes() { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
    static V all(float x) { return _mm512_set1_ps(x); }
    static V load(const float *p) { return _mm512_loadu_ps(p); }
    static void store(float *p, V x) { _mm512_storeu_ps(p, x); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V div(V a, V b) { return _mm512_div_ps(a, b); }
    static V larger(V a, V b) { return _mm512_max_ps(a, b); }
    static V smaller(V a, V b) { return _mm512_min_ps(a, b); }
    static V size(V a) { return _mm512_abs_ps(a); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
    static I whole(V x) { return _mm512_cvttps_epi32(x); }
    static V part(V x) { return _mm512_reduce_ps(x, 3); }
    static I next(I i) { return _mm512_add_epi32(i, _mm512_set1_epi32(1)); }
    static V cells(int64_t first) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(whole(add(lanes(), all(float(first)))), 24));
    }
    static V onward(V cell) {
        return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(cell), _mm512_set1_epi32(LANES << 24)));
    }
    static V apart(V place, V cell) {
        return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(place), _mm512_castps_si512(cell)));
    }
    static V share(V apart) { return _mm512_cvtepi32_ps(_mm512_castps_si512(apart)); }
    static __mmask16 within(V apart) {
        return _mm512_cmplt_epu32_mask(_mm512_castps_si512(apart), _mm512_set1_epi32(1 << 24));
    }
    static V keep(__mmask16 mask, V x) { return _mm512_maskz_mov_ps(mask, x); }
    static V pick(V low, I i, V high) { return _mm512_permutex2var_ps(low, i, high); }
    struct Window {
        V low, high;
        explicit Window(const float *p) : low(load(p)), high(load(p + LANES)) {}
        V pick(I i) const { return Vector::pick(low, i, high); }
    };
    struct Gather {
        const float *p;
        explicit Gather(const float *p) : p(p) {}
        V pick(I i) const { return _mm512_mask_i32gather_ps(all(0), 0xffff, i, p, 4); }
    };
};

template <> struct Vector<double> : Places<double> {
    static constexpr int LANES = 8, REACH = 16, PLANES = 4;
    static constexpr bool CELLS = true;
    static constexpr bool PICKS = true;
    using V = __m512d;
    using I = __m512i;
    static V lanes() { return _mm512_set_pd(7, 6, 5, 4, 3, 2, 1, 0); }
    static V all(double x) { return _mm512_set1_pd(x); }
    static V load(const double *p) { return _mm512_loadu_pd(p); }
    static void store(double *p, V x) { _mm512_storeu_pd(p, x); }
    static V add(V a, V b) { return _mm512_add_pd(a, b); }
    static V sub(V a, V b) { return _mm512_sub_pd(a, b); }
    static V mul(V a, V b) { return _mm512_mul_pd(a, b); }
    static V div(V a, V b) { return _mm512_div_pd(a, b); }
    static V larger(V a, V b) { return _mm512_max_pd(a, b); }
    static V smaller(V a, V b) { return _mm512_min_pd(a, b); }
    static V size(V a) { return _mm512_abs_pd(a); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
    static V fnma(V a, V b, V c) { return _mm512_fnmadd_pd(a, b, c); }
    static I whole(V x) { return _mm512_cvttpd_epi64(x); }
    static V part(V x) { return _mm512_reduce_pd(x, 3); }
    static I next(I i) { return _mm512_add_epi64(i, _mm512_set1_epi64(1)); }
    static V cells(int64_t first) { return add(lanes(), all(double(first))); }
    static V onward(V cell) { return add(cell, all(LANES)); }
    static V apart(V place, V cell) { return sub(place, cell); }
    static V share(V apart) { return apart; }
    static __mmask8 within(V x) {
        return _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(x, all(0), _CMP_GE_OQ), x, all(1), _CMP_LT_OQ);
    }
    static V keep(__mmask8 mask, V x) { return _mm512_maskz_mov_pd(mask, x); }
    static V pick(V low, I i, V high) { return _mm512_permutex2var_pd(low, i, high); }
    struct Window {
        V low, high;
        explicit Window(const double *p) : low(load(p)), high(load(p + LANES)) {}
        V pick(I i) const { return Vector::pick(low, i, high); }
    };
    struct Gather {
        const double *p;
        explicit Gather(const double *p) : p(p) {}
        V pick(I i) const { return _mm512_mask_i64gather_pd(all(0), 0xff, i, p, 8); }
    };
};

}  // namespace avx512
WELLPOSED_POP
#endif
}  // namespace
