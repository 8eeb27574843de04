// Detector columns on a few slices: what the innermost loops in column_loops.hpp work on, for each instruction set.

#pragma once

#include "volume.hpp"

namespace {

constexpr int PAIR = 4;          // vectors of rows that share the work on their column
constexpr int64_t SLICES = 8;    // slices of a block
constexpr int64_t BLOCK = 128;   // voxels along z of a task of the adjoint
constexpr int AHEAD = 3;         // columns from now whose rows the adjoint asks the memory for

// A column of rays from slice to slice; x is slice 0's voxel (-1, -PAD), coordinates are padded.
struct Walk {
    double across, across_slope, z, z_slope, step, step_slope;
    int64_t along, beside;       // strides from slice to slice, and from voxel to voxel across
    double end;                  // z from which on there is nothing
    double step_at(int i) const { return step + step_slope * i; }
};

}  // namespace

#define WELLPOSED_LOOPS "column_loops.hpp"
#include "each_set.hpp"

namespace {

// Call work(columns) with the widest lanes that the processor has and ``most`` allows.
template <class T, class F> void with_columns(int most, F work) {
#ifdef WELLPOSED_X86
    const int level = std::min(most, instructions());
    if (level >= 2) return work(avx512::Columns<T>());
    if (level == 1) return work(avx2::Columns<T>());
#endif
    work(portable::Columns<T>());
}

}  // namespace
