// How often memory was allocated: for tests of what must not allocate, in an executable of their own.
#pragma once

#include <cstddef>

namespace handgrad {

/// Calls of operator new in this process so far, by any thread. Whoever uses it links counted_allocations.cpp, which
/// replaces the allocator.
std::size_t allocations();

}  // namespace handgrad
