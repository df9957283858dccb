// Workers that each wait for orders in a cache line of their own, a central barrier, and starting anew after fork().
#include "handgrad/base/thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace handgrad {
namespace {

constexpr std::size_t cache_line = 64;

/// Numbers this process among its ancestors since the library was loaded. A child of fork() has the memory of its
/// parent but none of its threads; by this number it tells what was the parent's, without a system call.
constinit std::atomic<unsigned> this_process{1};

/// Tells the processor that this is a spinning loop: it saves power and leaves a shared core to its other thread.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");  // `yield` does nothing on most of these
#endif
}

/// Who waits spins for as long as this before it offers its core to others again and again; after `awake` it sleeps.
using Patience = std::chrono::nanoseconds;
/// Everybody has a core: whoever is waited for is most likely running on its own.
constexpr Patience roomy = std::chrono::microseconds(10);
/// More members than cores: whoever is waited for may need this very core.
constexpr Patience crowded{0};
constexpr std::chrono::nanoseconds awake = std::chrono::microseconds(50);

/// The processor that this thread is on, or −1 where that cannot be known.
int current_processor() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

/// Moves this thread off the processor, which another member is using. Some schedulers wake a thread on the processor
/// of whoever wakes it although others are idle (in virtual machines, where Linux takes an idle processor for one that
/// the host has withdrawn), and it stays there for milliseconds, in which two members take turns instead of computing.
void leave_processor(int processor) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        cpu_set_t others = allowed;
        CPU_CLR(static_cast<std::size_t>(processor), &others);
        if (sched_setaffinity(0, sizeof others, &others) == 0) {  // refused when there are no others
            sched_setaffinity(0, sizeof allowed, &allowed);
        }
    }
#else
    static_cast<void>(processor);
#endif
}

/// A number that threads wait for. Whoever changes it makes a system call only if somebody sleeps.
class Awaited {
public:
    [[nodiscard]] std::uint32_t get() const { return value_.load(std::memory_order_relaxed); }
    /// For a value that nobody waits for yet.
    void set(std::uint32_t value) { value_.store(value, std::memory_order_relaxed); }

    /// One more; only one thread at a time may do this.
    void advance() {
        value_.store(get() + 1);
        wake();
    }
    /// One less; wakes those who wait for 0.
    void count_down() {
        if (value_.fetch_sub(1) == 1) {
            wake();
        }
    }

    /// Returns once `enough(value)`; what was written before the value changed so is then seen.
    template <class Enough>
    void wait(Patience patience, Enough enough) {
        const auto come = [&] { return enough(value_.load(std::memory_order_acquire)); };
        if (come()) {
            return;
        }
        const auto start = std::chrono::steady_clock::now();
        for (std::chrono::nanoseconds waited{0}; waited < awake; waited = std::chrono::steady_clock::now() - start) {
            for (int i = 0; i < 32; ++i) {  // a look at the clock costs more than one at the value
                relax();
                if (come()) {
                    return;
                }
            }
            if (waited >= patience) {
                std::this_thread::yield();
            }
        }
        // Either this thread sees the new value, or the one that changes it sees this sleeper: all four accesses are
        // in the one order of seq_cst.
        sleepers_.fetch_add(1);
        for (std::uint32_t value = value_.load(); !enough(value); value = value_.load()) {
            value_.wait(value);
        }
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
    }

private:
    void wake() {
        if (sleepers_.load() != 0) {
            value_.notify_all();
        }
    }

    std::atomic<std::uint32_t> value_{0};
    std::atomic<std::uint32_t> sleepers_{0};
};

/// A thread and the line through which it gets its orders.
struct alignas(cache_line) Worker {
    Awaited orders;  // how many it has been given
    Crew* crew = nullptr;
    std::size_t index = 0;  // in every team that it is a member of
    pthread_t thread{};
};

/// All signals but those that concern the thread that they are sent to.
sigset_t signals_for_others() {
    sigset_t signals;
    sigfillset(&signals);
    for (const int own : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGSEGV, SIGSYS, SIGTRAP}) {
        sigdelset(&signals, own);
    }
    return signals;
}

}  // namespace

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what changes at different times stands in lines apart
struct Crew {
    explicit Crew(unsigned owner) : process(owner) {}

    /// Workers up to this many, or fewer if the system refuses.
    void grow(std::size_t count) noexcept;
    /// Ends the workers, which must be waiting for orders.
    void end() noexcept;
    /// The life of a worker.
    static void* serve(void* worker) noexcept;
    [[nodiscard]] Team member(std::size_t index) { return {index, size, *this}; }

    const unsigned process;  // by this_process; of any other, the threads below do not exist
    std::vector<std::unique_ptr<Worker>> workers;
    std::size_t cores = 1;  // when it last grew
    Crew* forgotten_before = nullptr;

    // The region. The caller writes it while all workers wait for orders.
    ThreadPool::Call call = nullptr;  // or nullptr: the worker's life is over
    void* work = nullptr;
    std::size_t size = 0;
    Patience patience = roomy;
    int processor = -1;  // of the caller

    // The barrier: who comes and who waits share a line, since among few members that makes the fewest transfers.
    alignas(cache_line) std::atomic<std::size_t> arrived{0};
    Awaited phase;

    alignas(cache_line) Awaited working;  // workers that have not returned from the region
};

namespace {

/// Crews of a parent process. They are not destroyed, since the fork may have come in the middle of a change and their
/// threads cannot be joined; here leak checkers find them.
constinit std::atomic<Crew*> forgotten{nullptr};

void forget(Crew* crew) {
    crew->forgotten_before = forgotten.load(std::memory_order_relaxed);
    while (!forgotten.compare_exchange_weak(crew->forgotten_before, crew)) {
    }
}

}  // namespace

void Crew::grow(std::size_t count) noexcept {
    cores = available_threads();
    const sigset_t blocked = signals_for_others();  // a new thread inherits what its maker blocks
    sigset_t former;
    pthread_sigmask(SIG_SETMASK, &blocked, &former);
    while (workers.size() < count) {
        try {
            workers.push_back(std::make_unique<Worker>());
        } catch (const std::bad_alloc&) {
            break;
        }
        Worker& worker = *workers.back();
        worker.crew = this;
        worker.index = workers.size();
        if (pthread_create(&worker.thread, nullptr, reinterpret_cast<void* (*)(void*)>(&serve), &worker) != 0) {
            workers.pop_back();
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void Crew::end() noexcept {
    call = nullptr;
    for (const std::unique_ptr<Worker>& worker : workers) {
        worker->orders.advance();
    }
    for (const std::unique_ptr<Worker>& worker : workers) {
        pthread_join(worker->thread, nullptr);
    }
}

void* Crew::serve(void* worker) noexcept {
    Worker& self = *static_cast<Worker*>(worker);
    Crew& crew = *self.crew;
    // A new thread inherits the floating-point mode of its maker; results must not depend on who that happened to be.
    std::fesetenv(FE_DFL_ENV);
    Patience patience = roomy;
    for (std::uint32_t served = 0;; ++served) {
        self.orders.wait(patience, [served](std::uint32_t given) { return given != served; });
        if (crew.call == nullptr) {
            return nullptr;
        }
        if (crew.patience == roomy && crew.processor >= 0 && crew.processor == current_processor()) {
            leave_processor(crew.processor);
        }
        Team team = crew.member(self.index);
        crew.call(crew.work, team);
        if (crew.process != this_process.load(std::memory_order_relaxed)) {
            return nullptr;  // the work forked, and this is the only thread of the child: it ends with it
        }
        patience = crew.patience;
        crew.working.count_down();  // from here on the caller may write the next region
    }
}

void Team::wait_for_all() const {
    Crew& crew = *crew_;
    const std::uint32_t phase = crew.phase.get();  // cannot change before this member has arrived
    if (crew.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
        crew.arrived.store(0, std::memory_order_relaxed);  // seen by all before they can arrive again: phase orders it
        crew.phase.advance();
    } else {
        crew.phase.wait(crew.patience, [phase](std::uint32_t now) { return now != phase; });
    }
}

/// False when a region of this process has the pool. A parent's region that was copied by fork() does not count.
bool ThreadPool::take(unsigned process) noexcept {
    unsigned by = taken_by_.load(std::memory_order_relaxed);
    return by != process && taken_by_.compare_exchange_strong(by, process, std::memory_order_acquire);
}

void ThreadPool::run_erased(std::size_t threads, Call call, void* work) noexcept {
    const unsigned process = this_process.load(std::memory_order_relaxed);
    if (threads <= 1 || !take(process)) {
        Team alone;
        call(work, alone);
        return;
    }
    if (crew_ != nullptr && crew_->process != process) {
        forget(crew_);
        crew_ = nullptr;
    }
    if (crew_ == nullptr) {
        crew_ = new (std::nothrow) Crew(process);
    }
    if (crew_ == nullptr) {
        Team alone;
        call(work, alone);
    } else {
        Crew& crew = *crew_;
        const std::size_t wanted = threads - 1;
        if (crew.workers.size() < wanted) {
            crew.grow(wanted);
        }
        const std::size_t helpers = std::min(wanted, crew.workers.size());
        crew.call = call;
        crew.work = work;
        crew.size = helpers + 1;
        crew.patience = crew.size > crew.cores ? crowded : roomy;
        crew.processor = current_processor();
        crew.working.set(static_cast<std::uint32_t>(helpers));
        for (std::size_t i = 0; i < helpers; ++i) {
            crew.workers[i]->orders.advance();
        }
        Team team = crew.member(0);
        call(work, team);
        if (process != this_process.load(std::memory_order_relaxed)) {
            return;  // the work forked, and this is the child: nobody else will come, and the next run sorts it out
        }
        crew.working.wait(crew.patience, [](std::uint32_t working) { return working == 0; });
    }
    taken_by_.store(0, std::memory_order_release);
}

void ThreadPool::dismiss() noexcept {
    const unsigned process = this_process.load(std::memory_order_relaxed);
    if (!take(process)) {
        return;
    }
    Crew* const crew = std::exchange(crew_, nullptr);  // first: a fork from here on must not leave half a crew behind
    if (crew != nullptr && crew->process == process) {
        crew->end();
        delete crew;
    } else if (crew != nullptr) {
        forget(crew);
    }
    taken_by_.store(0, std::memory_order_release);
}

/// What happens when the library comes into a process and leaves it, and the pool of the process.
struct SharedPool {
    /// Room for a pool that the compiler initializes, so that no guard can be held while somebody forks, and that is
    /// never destroyed, so that the destructors of all static objects may use it.
    union Forever {
        constexpr Forever() noexcept : pool() {}
        ~Forever() {}  // NOLINT(modernize-use-equals-default): the default one does not exist
        ThreadPool pool;
    };
    static constinit Forever forever;

    SharedPool() {
        pthread_atfork(nullptr, nullptr, [] { this_process.fetch_add(1, std::memory_order_relaxed); });
    }
    /// The code that idle workers wait in may be about to vanish from memory (dlclose).
    ~SharedPool() { forever.pool.dismiss(); }
};
constinit SharedPool::Forever SharedPool::forever;

namespace {
const SharedPool shared_pool;
}  // namespace

ThreadPool& ThreadPool::shared() { return SharedPool::forever.pool; }

std::size_t available_threads() {
#if defined(__linux__)
    for (std::size_t processors = 1024; processors <= (std::size_t{1} << 20); processors *= 2) {
        cpu_set_t* const set = CPU_ALLOC(processors);
        if (set == nullptr) {
            break;
        }
        const std::size_t bytes = CPU_ALLOC_SIZE(processors);
        const bool known = sched_getaffinity(0, bytes, set) == 0;  // refused while the set is smaller than the kernel's
        const int count = known ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) {
            return static_cast<std::size_t>(count);
        }
    }
#endif
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace handgrad
