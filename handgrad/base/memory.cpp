// The standard library's memory, and a hint to the kernel.
#include "handgrad/base/memory.hpp"

#include <sys/mman.h>

#include <new>

namespace handgrad {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t large_page = std::size_t{1} << 21;

/// From here on pages of 2 MiB pay: rows of a shuffled table lie anywhere in it, and with pages of 4 KiB the processor
/// spends more on finding them than on reading them.
constexpr std::size_t worth_large_pages = 4 * large_page;

std::align_val_t alignment_of(std::size_t bytes) {
    return std::align_val_t{bytes >= worth_large_pages ? large_page : line};
}

}  // namespace

void* allocate_numbers(std::size_t bytes) {
    void* pointer = ::operator new(bytes, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
    if (bytes >= worth_large_pages) {
        static_cast<void>(
            madvise(pointer, bytes, MADV_HUGEPAGE));  // a kernel without them refuses, and all is as before
    }
#endif
    return pointer;
}

void free_numbers(void* pointer, std::size_t bytes) noexcept { ::operator delete(pointer, alignment_of(bytes)); }

}  // namespace handgrad
