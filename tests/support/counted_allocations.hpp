// Counts what is allocated and lets single allocations fail: for tests of memory, in an executable of their own.
#pragma once

#include <cstddef>

namespace handgrad {

/// Calls of operator new in this process so far, by any thread. Whoever uses any of these links
/// counted_allocations.cpp, which replaces the allocator.
std::size_t allocations();

/// Bytes that operator new has given out and that have not come back.
std::size_t live_bytes();
/// The most of them since forget_peak(), by any thread.
std::size_t peak_bytes();
void forget_peak();

/// The `n`-th allocation of this thread from now on fails, all others do not; 0: none fails.
void fail_allocation(std::size_t n);
/// Whether it has come to the one that was to fail.
bool allocation_failed();

}  // namespace handgrad
