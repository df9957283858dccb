// The thread pool: who runs, what barriers order, and that nothing hangs after fork() or at exit.
#include "handgrad/base/thread_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "handgrad/base/flush_to_zero.hpp"

namespace handgrad {
namespace {

using testing::Each;
using testing::SizeIs;

/// How often each member of a region was run; on the way, that all agree on the size of the team.
std::vector<int> calls_of_members(ThreadPool& pool, std::size_t threads) {
    std::vector<std::atomic<int>> calls(threads);
    std::atomic<std::size_t> size{0};
    std::atomic<int> disagreements{0};
    pool.run(threads, [&](Team& team) {
        ++calls.at(team.index());
        std::size_t none = 0;
        if (!size.compare_exchange_strong(none, team.size()) && none != team.size()) {
            ++disagreements;
        }
    });
    EXPECT_EQ(disagreements, 0);
    return {calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(size.load())};
}

/// How often a member saw, after a barrier, that another one had not done its part of the phase before. The numbers
/// are plain ones, so that the thread sanitizer also sees whether barriers order memory.
int breaches_of_barriers(ThreadPool& pool, std::size_t threads, int rounds) {
    std::vector<int> done(threads, 0);
    std::atomic<int> breaches{0};
    pool.run(threads, [&](Team team) {
        for (int round = 1; round <= rounds; ++round) {
            done[team.index()] = round;
            team.barrier();
            for (std::size_t i = 0; i < team.size(); ++i) {
                breaches += done[i] == round ? 0 : 1;
            }
            team.barrier();
        }
    });
    return breaches;
}

/// 0 when regions of the pool are as they should be: for children, which cannot report more than a number.
int fault_in(ThreadPool& pool) {
    for (const std::size_t threads : {2U, 5U, 3U}) {
        if (calls_of_members(pool, threads) != std::vector<int>(threads, 1)) {
            return 1;
        }
        if (breaches_of_barriers(pool, threads, 50) != 0) {
            return 2;
        }
    }
    return 0;
}

constexpr int hangs = -1;
/// Forks; the child runs `action` and passes what it returns to exit(). The exit code of the child, or `hangs`.
template <class Action>
int exit_code_of_child(Action action) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::exit(action());
    }
    for (int waited = 0; waited < 30000; ++waited) {
        int status = 0;
        if (::waitpid(child, &status, WNOHANG) == child) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return hangs;
}

double seconds_of_processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(Team, OfOneNeedsNoPool) {
    const Team team;
    EXPECT_EQ(team.index(), 0U);
    EXPECT_EQ(team.size(), 1U);
    team.barrier();
}

TEST(ThreadPool, RunsEveryMemberOnceWithItsIndex) {
    ThreadPool pool;
    for (int repeat = 0; repeat < 200; ++repeat) {
        for (const std::size_t threads : {1U, 2U, 3U, 7U, 16U}) {
            const std::vector<int> calls = calls_of_members(pool, threads);
            EXPECT_THAT(calls, SizeIs(threads));
            EXPECT_THAT(calls, Each(1));
        }
    }
}

TEST(ThreadPool, TheCallerIsMember0AndTheOthersAreOtherThreads) {
    ThreadPool pool;
    std::vector<std::thread::id> ids(4);
    pool.run(4, [&](const Team& team) { ids[team.index()] = std::this_thread::get_id(); });
    EXPECT_EQ(ids[0], std::this_thread::get_id());
    EXPECT_THAT((std::set<std::thread::id>(ids.begin(), ids.end())), SizeIs(4));
}

TEST(ThreadPool, NoThreadsMeansTheCaller) {
    ThreadPool pool;
    std::size_t size = 0;
    pool.run(0, [&](const Team& team) { size = team.size(); });
    EXPECT_EQ(size, 1U);
}

void count_member(std::atomic<int>& count) { ++count; }
std::atomic<int> counted_by_function{0};
void plain_function(Team& /*team*/) { count_member(counted_by_function); }

TEST(ThreadPool, WorkIsAnythingThatCanBeCalledAndIsNotCopied) {
    ThreadPool pool;
    pool.run(3, plain_function);
    EXPECT_EQ(counted_by_function, 3);

    struct Counting {
        std::unique_ptr<std::atomic<int>> count = std::make_unique<std::atomic<int>>(0);  // cannot be copied
        void operator()(const Team& /*team*/) const { ++*count; }
    };
    const Counting counting;
    pool.run(3, counting);
    EXPECT_EQ(*counting.count, 3);
    pool.run(3, Counting());
}

TEST(ThreadPool, WorkersAreKeptAndGrowInNumber) {
    ThreadPool pool;
    const auto ids_of = [&](std::size_t threads) {
        std::vector<std::thread::id> ids(threads);
        pool.run(threads, [&](const Team& team) { ids[team.index()] = std::this_thread::get_id(); });
        return ids;
    };
    const std::vector<std::thread::id> two = ids_of(2);
    const std::vector<std::thread::id> five = ids_of(5);
    EXPECT_EQ(two[1], five[1]);
    EXPECT_EQ(ids_of(5), five);
    EXPECT_EQ(ids_of(2), two);
}

class BarrierOf : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Members, BarrierOf, testing::Values(2, 3, 7, 16));

TEST_P(BarrierOf, OrdersThousandsOfPhases) {
    ThreadPool pool;
    EXPECT_EQ(breaches_of_barriers(pool, GetParam(), 3000), 0);
}

TEST_P(BarrierOf, WaitsForAMemberThatComesLateAndForSleepersToWake) {
    ThreadPool pool;
    std::vector<int> done(GetParam(), 0);
    std::atomic<int> breaches{0};
    pool.run(GetParam(), [&](const Team& team) {
        for (int round = 1; round <= 8; ++round) {
            if (static_cast<std::size_t>(round) % team.size() == team.index()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(3));
            }
            done[team.index()] = round;
            team.barrier();
            breaches += done[static_cast<std::size_t>(round) % team.size()] == round ? 0 : 1;
            team.barrier();
        }
    });
    EXPECT_EQ(breaches, 0);
}

TEST(ThreadPool, RegionsOneAfterAnotherSeeWhatTheFormerWrote) {
    ThreadPool pool;
    std::vector<int> numbers(4, 0);
    for (int i = 0; i < 20000; ++i) {
        // A region of two and one of four in turn, so that members also leave out regions.
        pool.run(i % 2 == 0 ? 2 : 4, [&](const Team& team) { ++numbers[3 - team.index()]; });
    }
    EXPECT_THAT(numbers, testing::ElementsAre(10000, 10000, 20000, 20000));
}

TEST(ThreadPool, WorkersThatSleepAreWoken) {
    ThreadPool pool;
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(calls_of_members(pool, 3), Each(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

TEST(ThreadPool, AtRestUsesNoProcessorTime) {
    ThreadPool pool;
    calls_of_members(pool, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const double before = seconds_of_processor_time();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LT(seconds_of_processor_time() - before, 0.05);
}

TEST(ThreadPool, ARunInsideARegionOfTheSamePoolIsATeamOfOne) {
    ThreadPool pool;
    std::atomic<int> inner_runs{0};
    std::atomic<int> larger{0};
    pool.run(3, [&](const Team& outer) {
        pool.run(3, [&](const Team& inner) {
            ++inner_runs;
            larger += inner.size() == 1 && inner.index() == 0 ? 0 : 1;
            inner.barrier();
        });
        outer.barrier();
    });
    EXPECT_EQ(inner_runs, 3);
    EXPECT_EQ(larger, 0);
    EXPECT_THAT(calls_of_members(pool, 3), SizeIs(3));
}

TEST(ThreadPool, SeveralThreadsMayUseItAtTheSameTime) {
    ThreadPool pool;
    std::atomic<int> faults{0};
    std::vector<std::thread> users;
    users.reserve(4);
    for (int user = 0; user < 4; ++user) {
        users.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                const std::vector<int> calls = calls_of_members(pool, 3);
                faults += calls == std::vector<int>(3, 1) || calls == std::vector<int>(1, 1) ? 0 : 1;
                faults += breaches_of_barriers(pool, 3, 3);
            }
        });
    }
    for (std::thread& user : users) {
        user.join();
    }
    EXPECT_EQ(faults, 0);
}

TEST(ThreadPool, TwoPoolsWorkSideBySideAlsoInsideOneAnother) {
    ThreadPool first;
    ThreadPool second;
    std::atomic<int> faults{0};
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) {
            faults += fault_in(second);
        }
    });
    for (int i = 0; i < 100; ++i) {
        faults += fault_in(first);
    }
    other.join();
    EXPECT_EQ(faults, 0);

    std::atomic<int> members{0};
    first.run(2, [&](const Team& outer) {
        if (outer.index() == 1) {
            second.run(3, [&](const Team& inner) {
                inner.barrier();
                ++members;
            });
        }
        outer.barrier();
    });
    EXPECT_EQ(members, 3);
}

TEST(ThreadPool, ComesAndGoesWithOrWithoutWorkers) {
    for (int i = 0; i < 100; ++i) {
        ThreadPool pool;
        for (int j = 0; j < i % 3; ++j) {
            calls_of_members(pool, 3);
        }
    }
}

TEST(ThreadPool, SharedIsOnePool) {
    EXPECT_EQ(&ThreadPool::shared(), &ThreadPool::shared());
    EXPECT_EQ(fault_in(ThreadPool::shared()), 0);
}

TEST(ThreadPool, WorkersStartInTheDefaultFloatingPointModeWhoeverMadeThem) {
    ThreadPool pool;
    std::vector<float> halves(2, 0.0F);
    {
        const FlushToZero flush;
        pool.run(2, [&](const Team& team) {
            volatile float smallest = std::numeric_limits<float>::min();
            halves.at(team.index()) = smallest / 2;
        });
    }
    EXPECT_EQ(halves.at(1), 0x1p-127F);
}

TEST(ThreadPool, WorkersMayUseTheProcessorsThatTheirMakerMayUse) {
    ThreadPool pool;
    std::vector<std::size_t> processors(2, 0);
    for (int i = 0; i < 20; ++i) {  // woken from sleep, a worker that finds itself on the caller's processor leaves it
        pool.run(2, [&](const Team& team) { processors.at(team.index()) = available_threads(); });
        EXPECT_EQ(processors.at(1), processors.at(0));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

TEST(ThreadPool, SignalsOfTheProcessAreLeftToItsOtherThreads) {
    ThreadPool pool;
    std::vector<std::pair<int, int>> blocks(2, {-1, -1});
    pool.run(2, [&](const Team& team) {
        sigset_t blocked;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        blocks.at(team.index()) = {sigismember(&blocked, SIGINT), sigismember(&blocked, SIGSEGV)};
    });
    EXPECT_EQ(blocks.at(0), std::pair(0, 0));
    EXPECT_EQ(blocks.at(1), std::pair(1, 0));
}

TEST(ThreadPool, AChildThatNeverUsesItExits) {
    ThreadPool pool;
    calls_of_members(pool, 3);
    calls_of_members(ThreadPool::shared(), 3);
    EXPECT_EQ(exit_code_of_child([] { return 7; }), 7);
}

TEST(ThreadPool, AChildMayDestroyIt) {
    auto pool = std::make_unique<ThreadPool>();
    calls_of_members(*pool, 3);
    EXPECT_EQ(exit_code_of_child([&] {
                  pool.reset();
                  return 7;
              }),
              7);
    EXPECT_EQ(fault_in(*pool), 0);
}

#ifndef __SANITIZE_THREAD__  // which cannot follow threads that a child starts
TEST(ThreadPool, AChildHasWorkersOfItsOwn) {
    ThreadPool pool;
    EXPECT_EQ(exit_code_of_child([&] { return fault_in(pool); }), 0);  // before the first use
    calls_of_members(pool, 3);
    EXPECT_EQ(exit_code_of_child([&] { return fault_in(pool); }), 0);  // while the workers may be spinning
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(exit_code_of_child([&] { return fault_in(pool) + fault_in(ThreadPool::shared()); }), 0);
    EXPECT_EQ(exit_code_of_child([&] {
                  fault_in(pool);
                  return exit_code_of_child([&] { return fault_in(pool); });
              }),
              0);
    EXPECT_EQ(fault_in(pool), 0);
}

TEST(ThreadPool, AForkInTheMiddleOfAnotherThreadsRegionLeavesBothProcessesWorking) {
    auto pool = std::make_unique<ThreadPool>();
    std::atomic<bool> stop{false};
    std::thread user([&] {
        while (!stop) {
            pool->run(3, [](const Team& team) {
                for (int i = 0; i < 100; ++i) {
                    team.barrier();
                }
            });
        }
    });
    std::atomic<bool> inside{false};
    std::atomic<bool> leave{false};
    ThreadPool held;
    std::thread holder([&] {
        held.run(2, [&](const Team& /*team*/) {
            inside = true;
            while (!leave) {
                std::this_thread::yield();
            }
        });
    });
    while (!inside) {
        std::this_thread::yield();
    }
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(exit_code_of_child([&] { return fault_in(*pool) + fault_in(held); }), 0);
        EXPECT_EQ(exit_code_of_child([&] {
                      pool.reset();
                      return 7;
                  }),
                  7);
    }
    stop = true;
    leave = true;
    user.join();
    holder.join();
    EXPECT_EQ(fault_in(*pool) + fault_in(held), 0);
}

TEST(ThreadPool, ExitInsideARegionDoesNotHang) {
    for (const std::size_t exiting : {0U, 1U}) {
        EXPECT_EQ(exit_code_of_child([&]() -> int {
                      static ThreadPool pool;  // destroyed by exit()
                      calls_of_members(ThreadPool::shared(), 2);
                      pool.run(2, [&](const Team& team) {
                          if (team.index() == exiting) {
                              std::exit(7);
                          }
                          team.barrier();
                      });
                      return 8;
                  }),
                  7);
    }
}

/// Uses the shared pool when static objects are destroyed.
struct LateUser {
    ~LateUser() {
        if (active && fault_in(ThreadPool::shared()) != 0) {
            std::_Exit(8);
        }
    }
    bool active = false;
};
LateUser late_user;

TEST(ThreadPool, SharedServesTheDestructorsOfStaticObjects) {
    EXPECT_EQ(exit_code_of_child([] {
                  late_user.active = true;
                  return 7;
              }),
              7);
}

#ifndef __SANITIZE_ADDRESS__  // which holds for lost what a vanished thread's stack pointed to, and needs address space
TEST(ThreadPool, AChildForkedInsideARegionMayUseThePoolAndReturnFromTheRegion) {
    ThreadPool pool;
    for (const std::size_t forking : {0U, 1U}) {
        int code = hangs;
        const pid_t parent = ::getpid();
        pool.run(2, [&](const Team& team) {
            if (team.index() == forking) {
                code = exit_code_of_child([&] { return fault_in(pool) == 0 ? 7 : 8; });
            }
            team.barrier();
        });
        EXPECT_EQ(code, 7);
        // The end of the region in the child: member 0 goes on behind run, a worker's thread is all there is and ends.
        pid_t child = -1;
        pool.run(2, [&](const Team& team) {
            if (team.index() == forking) {
                child = ::fork();
            }
        });
        if (::getpid() != parent) {
            std::exit(fault_in(pool));
        }
        int status = -1;
        for (int waited = 0; ::waitpid(child, &status, WNOHANG) == 0; ++waited) {
            if (waited == 30000) {
                ::kill(child, SIGKILL);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        EXPECT_EQ(status, 0);
    }
}

TEST(ThreadPool, ASystemThatRefusesThreadsMakesTheTeamSmaller) {
    EXPECT_EQ(exit_code_of_child([] {
                  ThreadPool pool;
                  const rlimit nothing{1, 1};
                  if (::setrlimit(RLIMIT_AS, &nothing) != 0) {
                      return 1;
                  }
                  std::atomic<std::size_t> members{0};
                  std::size_t size = 0;
                  pool.run(1000, [&](const Team& team) {
                      ++members;
                      team.barrier();
                      if (team.index() == 0) {
                          size = team.size();
                      }
                  });
                  return members == size && size < 1000 ? 7 : 8;
              }),
              7);
}
#endif
#endif

TEST(AvailableThreads, AreTheProcessorsThatTheThreadMayUse) {
    EXPECT_GE(available_threads(), 1U);
    cpu_set_t before;
    ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(available_threads(), static_cast<std::size_t>(CPU_COUNT(&before)));
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(available_threads(), 1U);
    ThreadPool pool;
    EXPECT_EQ(fault_in(pool), 0);  // the only processor is shared by all members
    ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace handgrad
