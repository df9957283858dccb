// Which kernels an x86-64 processor can run.
#include <cpuid.h>

#include <cassert>

#include "handgrad/kernels/table.hpp"

namespace handgrad {
namespace kernels {
extern const Table scalar_table;
extern const Table avx2_table;
extern const Table avx512_table;

const Table& table(SimdLevel level) {
    assert(available(level));
    switch (level) {
        case SimdLevel::avx512:
            return avx512_table;
        case SimdLevel::avx2:
            return avx2_table;
        case SimdLevel::scalar:
            break;
    }
    return scalar_table;
}
}  // namespace kernels

namespace {
/// Asked of the processor itself: clang has no name for it in __builtin_cpu_supports.
bool has_f16c() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
}  // namespace

bool available(SimdLevel level) {
    // The compiler's runtime asks the processor and, for the width of registers, the operating system.
    static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                             __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") && has_f16c();
    static const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                               __builtin_cpu_supports("avx512vl");
    return level == SimdLevel::scalar || (level == SimdLevel::avx2 && avx2) || (level == SimdLevel::avx512 && avx512);
}

}  // namespace handgrad
