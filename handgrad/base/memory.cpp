// The standard library's memory, and a hint to the kernel.
#include "handgrad/base/memory.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <new>

#include "handgrad/base/not_enough_memory.hpp"

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

void* room_for(std::size_t bytes) {
    try {
        return ::operator new(bytes, alignment_of(bytes));
    } catch (const std::bad_alloc&) {
        throw NotEnoughMemory(bytes);
    }
}

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// A whole number from a file of the kernel, as scanf finds it by `format`; no limit where it has none.
std::size_t number_in(const char* path, const char* format) noexcept {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), &std::fclose);
    unsigned long long number = 0;
    while (file) {
        const int found = std::fscanf(file.get(), format, &number);
        if (found == 1) {
            return number;
        }
        if (found == EOF || std::fscanf(file.get(), "%*[^\n]%*c") == EOF) {
            break;
        }
    }
    return no_limit;
}

}  // namespace

std::size_t memory_there_is() noexcept {
    constexpr std::size_t kilobyte = 1024;
    const std::size_t free = number_in("/proc/meminfo", " MemAvailable: %llu");
    std::size_t least = free == no_limit ? no_limit : free * kilobyte;
    for (const char* group : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        least = std::min(least, number_in(group, " %llu"));
    }
    rlimit shell{};
    if (::getrlimit(RLIMIT_AS, &shell) == 0 && shell.rlim_cur != RLIM_INFINITY) {
        least = std::min<std::size_t>(least, shell.rlim_cur);
    }
    return least;
}

NotEnoughMemory::NotEnoughMemory(std::size_t bytes) noexcept {
    constexpr std::size_t tenth = 100'000'000;
    // Whole numbers, since the point of a locale might be a comma.
    if (bytes >= tenth) {
        std::snprintf(text_.data(), text_.size(), "needs %zu.%zu GB more at once", bytes / (10 * tenth),
                      bytes / tenth % 10);
    } else {
        std::snprintf(text_.data(), text_.size(), "needs %zu bytes more at once", bytes);
    }
}

void* allocate_numbers(std::size_t bytes) {
    void* pointer = room_for(bytes);
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
