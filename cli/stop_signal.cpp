// A handler does no more than what is safe inside one: set a flag, write(2), _exit(2).
#include "cli/stop_signal.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace handgrad::cli {
namespace {

/// Those that a person, or what stands for one, sends, …
constexpr std::array asking{SIGINT, SIGTERM, SIGHUP};
/// … and those by which batch systems and limits of processor time announce the end: again and again, every second.
constexpr std::array warning{SIGXCPU, SIGUSR1, SIGUSR2};

std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

bool is_warning(int number) { return std::ranges::find(warning, number) != warning.end(); }

extern "C" void on_signal(int number) {
    int before = 0;
    if (is_warning(number)) {
        received_signal.compare_exchange_strong(before, number);
    } else {
        before = received_signal.exchange(number);
        if (before != 0 && !is_warning(before)) {
            ::_exit(128 + number);
        }
    }
    if (before != 0) {
        return;  // it is stopping already
    }
    static constexpr std::string_view message =
        "\nhandgrad: stopping after this batch, then saving; once more ends the program at once\n";
    const int error = errno;  // of whatever was interrupted
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
    errno = error;
}

template <class Do>
void for_each_caught(Do&& act) {
    std::ranges::for_each(asking, act);
    std::ranges::for_each(warning, act);
}

}  // namespace

StopSignal::StopSignal() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = 0;  // who waits for the reader of a pipe is to wake up
    for_each_caught([&](int number) {
        struct sigaction old {};
        ::sigaction(number, nullptr, &old);
        if (old.sa_handler != SIG_IGN) {  // as under nohup, and in the background of a script
            ::sigaction(number, &action, nullptr);
        }
    });
}

StopSignal::~StopSignal() {
    for_each_caught([](int number) {
        struct sigaction current {};
        ::sigaction(number, nullptr, &current);
        if (current.sa_handler == on_signal) {
            ::signal(number, SIG_DFL);
        }
    });
}

int StopSignal::received() { return received_signal.load(); }

}  // namespace handgrad::cli
