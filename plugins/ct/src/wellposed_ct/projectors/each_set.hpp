// Compiles the header WELLPOSED_LOOPS once for each instruction set, each in a namespace of its own. Written to be
// included once for every such header, so without a guard.

#define WELLPOSED_SET portable
#include WELLPOSED_LOOPS
#undef WELLPOSED_SET

#ifdef WELLPOSED_X86
WELLPOSED_AVX2
#define WELLPOSED_SET avx2
#include WELLPOSED_LOOPS
#undef WELLPOSED_SET
WELLPOSED_POP
WELLPOSED_AVX512
#define WELLPOSED_SET avx512
#include WELLPOSED_LOOPS
#undef WELLPOSED_SET
WELLPOSED_POP
#endif

#undef WELLPOSED_LOOPS
