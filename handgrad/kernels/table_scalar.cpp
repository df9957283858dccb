// The kernels of a processor that has no level of its own here.
#include "handgrad/kernels/table.hpp"

namespace handgrad {
namespace kernels {
extern const Table scalar_table;
const Table& table(SimdLevel /*level*/) { return scalar_table; }
}  // namespace kernels

bool available(SimdLevel level) { return level == SimdLevel::scalar; }

}  // namespace handgrad
