// Memory for numbers: aligned to cache lines, and in large pages where there is much of it.
#pragma once

#include <cstddef>

namespace handgrad {

/// `bytes` of memory whose address is a multiple of 64, so that a vector of any instruction set may load from its
/// start. Raises std::bad_alloc.
void* allocate_numbers(std::size_t bytes);
/// Gives back what allocate_numbers(bytes) gave.
void free_numbers(void* pointer, std::size_t bytes) noexcept;

/// Bytes of memory that this process may come to have: the least of what the machine has free, what its group of
/// processes may have (a container, a job of a batch system) and what its shell allows (ulimit -v). A limit that cannot
/// be asked for counts for none.
std::size_t memory_there_is() noexcept;

}  // namespace handgrad
