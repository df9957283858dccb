// Standard output by write(2): what the operating system refuses is known at once, not lost in a destructor.
#include "cli/output.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"

namespace handgrad::cli {
namespace {

constexpr std::size_t block = std::size_t{1} << 16;
/// Bytes of a message: a cell of a megabyte makes none of a megabyte. Its begin has the place, its end the remedy.
constexpr std::size_t longest_line = 4000;

[[noreturn]] void fail() {
    if (errno == EPIPE) {
        throw ReaderGone{};
    }
    throw Error(ErrorKind::io, std::string("standard output: ") + std::strerror(errno));
}

void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

}  // namespace

Output::Output(std::filesystem::path file)
    : file_(std::move(file)), to_terminal_(file_.empty() && ::isatty(STDOUT_FILENO) == 1) {
    if (!file_.empty()) {
        check_writable(file_);
    }
}

void Output::write(std::string_view text) {
    if (to_terminal_) {  // who reads data there is a person, whom no cell may give orders
        waiting_ += printable(text, Layout::kept);
    } else {
        waiting_ += text;
    }
    if (file_.empty() && waiting_.size() >= block) {
        flush();
    }
}

void Output::show(std::string_view text) { write(printable(text, Layout::kept)); }

void Output::flush() {
    if (!file_.empty()) {
        return;
    }
    const std::string text = std::exchange(waiting_, {});
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            fail();
        }
        done += static_cast<std::size_t>(written);
    }
}

void Output::finish() {
    if (!file_.empty()) {
        write_file_atomically(file_, waiting_);
        return;
    }
    flush();
    if (::close(STDOUT_FILENO) != 0) {  // a network file system may say only now that there is no room
        fail();
    }
}

void tell(std::string_view line) { put(shortened(printable(line), longest_line) + "\n"); }

void tell_text(std::string_view text) { put(printable(text, Layout::kept) + "\n"); }

void redraw(std::string_view line) { put("\r" + printable(line)); }

bool on_terminal() {
    const char* terminal = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void fill_closed_streams() {
    // open() takes the lowest number that is free, which is the stream's own.
    for (const auto& [stream, flags] :
         {std::pair(STDIN_FILENO, O_WRONLY), std::pair(STDOUT_FILENO, O_RDONLY), std::pair(STDERR_FILENO, O_WRONLY)}) {
        if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) {
            static_cast<void>(::open("/dev/null", flags));
        }
    }
}

void ignore_signals_of_writing() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace handgrad::cli
