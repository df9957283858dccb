// The kernels one number at a time, for any processor: the twin that defines the bits of the others.
#define HANDGRAD_LEVEL_SCALAR
#include "handgrad/kernels/level.hpp"

namespace handgrad::kernels {
extern const Table scalar_table;
const Table scalar_table{level_kernels<float>(), level_kernels<double>(), random_bits};
}  // namespace handgrad::kernels
