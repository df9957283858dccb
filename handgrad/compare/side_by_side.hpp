// Independent pieces of work on several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <vector>

#include "handgrad/base/thread_pool.hpp"

namespace handgrad::compare {

/// Calls work(0) … work(count − 1), each once, on at most so many threads (0: all that this process may run on), and
/// raises what the first of them raised.
template <class Work>
void side_by_side(std::size_t count, std::size_t threads, const Work& work) {
    std::vector<std::exception_ptr> raised(count);
    std::atomic<std::size_t> next{0};
    if (threads == 0) {
        threads = available_threads();
    }
    ThreadPool::shared().run(threads < count ? threads : count, [&](Team&) noexcept {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                raised[i] = std::current_exception();
            }
        }
    });
    for (const std::exception_ptr& error : raised) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
}

}  // namespace handgrad::compare
