// Threads that stay for many parallel regions, and the barrier between the phases of one region.
#pragma once

#include <atomic>
#include <cstddef>

namespace handgrad {

/// The workers of a pool and what its members share during a region; known to thread_pool.cpp only.
struct Crew;

/// One member's place in a parallel region. A copy is the same member.
class Team {
public:
    /// The only member of a team of one, for work that is to run without a pool.
    constexpr Team() = default;

    /// 0 … size() − 1; 0 is the thread that called run.
    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] std::size_t size() const { return size_; }

    /// Returns when every member has come here as often as this one; what any of them wrote before is seen by all
    /// after. Costs nothing in a team of one.
    void barrier() const {
        if (size_ > 1) {
            wait_for_all();
        }
    }

private:
    friend struct Crew;
    Team(std::size_t index, std::size_t size, Crew& crew) : index_(index), size_(size), crew_(&crew) {}
    void wait_for_all() const;

    std::size_t index_ = 0;
    std::size_t size_ = 1;
    Crew* crew_ = nullptr;
};

/// Worker threads that are started when a run first needs them and kept: waiting for the next run they spin for some
/// tens of microseconds, then sleep. Several pools work side by side. After fork() the child's pools start anew with
/// workers of their own, whatever the parent was doing; only a child forked inside a region must not come to a barrier
/// of that region, where nobody else can come any more.
class ThreadPool {
public:
    /// Starts no thread yet.
    constexpr ThreadPool() noexcept = default;
    /// Ends the workers and waits for them. Inside a region, as when work calls exit(), it leaves them as they are.
    ~ThreadPool() { dismiss(); }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// Calls work(team) once on each of up to `threads` members, all at the same time and through the same reference,
    /// and returns when all have returned; what they wrote is then seen by the caller, who is member 0. The team is
    /// smaller when the system refuses a thread, and is the caller alone when another thread is using this pool or the
    /// call comes from inside one of its regions: work must be right for any size. An exception that leaves work ends
    /// the program. Every member keeps its own floating-point mode, a worker the default one. Allocates nothing once
    /// the workers exist.
    template <class Work>
    void run(std::size_t threads, Work&& work) {
        auto call = [&work](Team& team) noexcept { work(team); };
        run_erased(
            threads, [](void* erased, Team& team) noexcept { (*static_cast<decltype(call)*>(erased))(team); }, &call);
    }

    /// The pool of the process. It is there before every static object and is never destroyed; at exit, or when the
    /// shared object that it is part of is unloaded, its idle workers are ended.
    static ThreadPool& shared();

private:
    friend struct Crew;
    friend struct SharedPool;
    using Call = void (*)(void* work, Team& team) noexcept;

    void run_erased(std::size_t threads, Call call, void* work) noexcept;
    bool take(unsigned process) noexcept;
    void dismiss() noexcept;

    std::atomic<unsigned> taken_by_{
        0};                 // the process in whose region the pool is, as thread_pool.cpp numbers them; or 0
    Crew* crew_ = nullptr;  // of whoever has taken the pool
};

/// How many threads can run at the same time: the processors that the calling thread may use, at least 1.
std::size_t available_threads();

}  // namespace handgrad
