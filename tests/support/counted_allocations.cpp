// Operators new and delete that count, and that fail when they are told to.
#include "tests/support/counted_allocations.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0}, live{0}, peak{0};
thread_local std::size_t until_failure = 0;  // 0: never
thread_local bool failed = false;

bool must_fail() {
    if (until_failure == 0 || --until_failure != 0) {
        return false;
    }
    failed = true;
    return true;
}

/// Exactly `size` bytes, so that an address sanitizer sees the first one behind them; null when there are none.
void* plain(std::size_t size, std::size_t alignment) {
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
        return std::malloc(std::max<std::size_t>(size, 1));
    }
    void* memory = nullptr;
    return posix_memalign(&memory, alignment, std::max<std::size_t>(size, 1)) == 0 ? memory : nullptr;
}

void* counted_or_null(std::size_t size, std::size_t alignment) noexcept {
    ++count;
    void* memory = must_fail() ? nullptr : plain(size, alignment);
    if (memory != nullptr) {
        const std::size_t now = live += malloc_usable_size(memory);
        for (std::size_t most = peak; most < now && !peak.compare_exchange_weak(most, now);) {
        }
    }
    return memory;
}

void* counted(std::size_t size, std::size_t alignment) {
    void* memory = counted_or_null(size, alignment);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

void give_back(void* memory) noexcept {
    if (memory != nullptr) {
        live -= malloc_usable_size(memory);
        std::free(memory);
    }
}

}  // namespace

// Not inlined, so that g++ does not see the halves of a pair apart and warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
// The address sanitizer has these for itself otherwise, and wants to see its own delete.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted_or_null(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted_or_null(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { give_back(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }

namespace handgrad {

std::size_t allocations() { return count; }
std::size_t live_bytes() { return live; }
std::size_t peak_bytes() { return peak; }
void forget_peak() { peak = live.load(); }

void fail_allocation(std::size_t n) {
    until_failure = n;
    failed = false;
}
bool allocation_failed() { return failed; }

}  // namespace handgrad
