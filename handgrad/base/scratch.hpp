// Memory for the numbers of one call: from the stack, or kept by the thread when it is more than fits there.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/base/matrix.hpp"

namespace handgrad {

/// Hands out pieces of the memory that with_scratch() found, each aligned to a cache line. The numbers are not set.
class Scratch {
public:
    explicit Scratch(std::byte* memory) : next_(memory) {}

    /// Bytes that take<T>(count) uses up.
    template <class T>
    static constexpr std::size_t bytes(std::size_t count) {
        return (count * sizeof(T) + line - 1) / line * line;
    }
    template <class T>
    std::span<T> take(std::size_t count) {
        T* const first = reinterpret_cast<T*>(next_);
        next_ += bytes<T>(count);
        return {first, count};
    }

    static constexpr std::size_t line = 64;

private:
    std::byte* next_;
};

/// Calls use(Scratch). Not to be used within itself: one thread has one such memory.
template <class Use>
void with_scratch(std::size_t bytes, const Use& use) {
    constexpr std::size_t most_on_stack = std::size_t{1} << 13;
    if (bytes <= most_on_stack) {
        alignas(Scratch::line) std::byte memory[most_on_stack];
        use(Scratch(memory));
    } else {
        thread_local AlignedVector<std::byte> memory;
        if (memory.size() < bytes) {
            memory.resize(bytes);
        }
        use(Scratch(memory.data()));
    }
}

}  // namespace handgrad
