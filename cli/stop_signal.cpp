// A handler does no more than what is safe inside one: set a flag, write(2), _exit(2).
#include "cli/stop_signal.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace handgrad::cli {
namespace {

constexpr std::array caught{SIGINT, SIGTERM, SIGHUP};

std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int number) {
    if (received_signal.exchange(number) != 0) {
        ::_exit(128 + number);
    }
    static constexpr std::string_view message =
        "\nhandgrad: stopping after this batch, then saving; once more ends the program at once\n";
    const int error = errno;  // of whatever was interrupted
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
    errno = error;
}

}  // namespace

StopSignal::StopSignal() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = 0;  // who waits for the reader of a pipe is to wake up
    for (const int number : caught) {
        struct sigaction old {};
        ::sigaction(number, nullptr, &old);
        if (old.sa_handler != SIG_IGN) {  // as under nohup, and in the background of a script
            ::sigaction(number, &action, nullptr);
        }
    }
}

StopSignal::~StopSignal() {
    for (const int number : caught) {
        struct sigaction current {};
        ::sigaction(number, nullptr, &current);
        if (current.sa_handler == on_signal) {
            ::signal(number, SIG_DFL);
        }
    }
}

int StopSignal::received() { return received_signal.load(); }

}  // namespace handgrad::cli
