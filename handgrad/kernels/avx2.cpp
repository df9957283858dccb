// The kernels for AVX2 with fused multiply-add; compiled with that instruction set's flags.
#include "handgrad/kernels/level.hpp"
static_assert(HWY_TARGET == HWY_AVX2,
              "the flags of this file do not select AVX2 (FMA, BMI2, F16C, PCLMUL and AES too)");

namespace handgrad::kernels {
extern const Table avx2_table;
const Table avx2_table{level_kernels<float>(), level_kernels<double>(), random_bits};
}  // namespace handgrad::kernels
