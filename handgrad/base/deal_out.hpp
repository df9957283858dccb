// Independent pieces of work, dealt out to several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>

#include "handgrad/base/thread_pool.hpp"

namespace handgrad {

/// worker()(i) once for each i below `count`, by a worker of its own in each of up to `threads` threads. Throws what
/// the first one that failed threw.
template <class Worker>
void deal_out(std::size_t threads, std::size_t count, const Worker& worker) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr thrown;
    std::mutex throwing;
    ThreadPool::shared().run(std::min(threads, count), [&](Team& /*team*/) {
        try {
            auto work = worker();
            for (std::size_t i = next++; i < count; i = next++) {
                work(i);
            }
        } catch (...) {
            next = count;
            const std::scoped_lock lock(throwing);
            thrown = std::current_exception();
        }
    });
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

}  // namespace handgrad
