// The kernels for AVX-512 (F, BW, CD, DQ, VL); compiled with that instruction set's flags.
#include "handgrad/kernels/level.hpp"
static_assert(HWY_TARGET == HWY_AVX3, "the flags of this file do not select AVX-512 (PCLMUL and AES too)");

namespace handgrad::kernels {
extern const Table avx512_table;
const Table avx512_table{level_kernels<float>(), level_kernels<double>(), random_bits};
}  // namespace handgrad::kernels
