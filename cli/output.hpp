// Where data goes (standard output or a file, every write checked) and where everything else goes (standard error).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace handgrad::cli {

/// Raised when the reader of standard output has gone (`… | head -1`): the program ends without a word.
struct ReaderGone {};
inline constexpr int reader_gone_exit = 128 + 13;  ///< as a shell reports death by SIGPIPE

/// Data, in the order written. To standard output in blocks; to a file all at once and atomically by finish(), so that
/// a failure leaves the old file whole.
class Output {
public:
    /// Standard output, or `file` unless it is empty; raises Error(io) now when that cannot be written.
    explicit Output(std::filesystem::path file = {});
    /// Data, byte for byte, but that on a terminal what it would obey is shown escaped. Raises Error(io), ReaderGone.
    void write(std::string_view text);
    /// A text for people: what a terminal would obey, in a name from a file, is shown escaped. Raises as write().
    void show(std::string_view text);
    /// The answer of a verb: the event that `event()` makes as data with --json, else the text of `text()` for people.
    template <class Event, class Text>
    void answer(bool json, Event&& event, Text&& text) {
        if (json) {
            write(event());
        } else {
            show(text());
        }
    }
    /// What has been written so far reaches its reader now (standard output only).
    void flush();
    /// Completes and closes. Data that is not finished may be lost. Raises Error(io), ReaderGone.
    void finish();

private:
    std::filesystem::path file_;  ///< empty: standard output
    bool to_terminal_;
    std::string waiting_;
};

/// One message for people on standard error, in one line: what a terminal would obey, and a line end in a name, is
/// shown escaped; a very long one is shortened. Failures are ignored: there is nobody left to tell.
void tell(std::string_view line);
/// The same of several lines.
void tell_text(std::string_view text);

/// The same over the line that was drawn last, and without a line end.
void redraw(std::string_view line);

/// Whether standard error is a terminal that can draw a line anew, and how many places it has.
bool on_terminal();
std::size_t terminal_width();

/// Where a standard stream is closed, puts in its place what fails, so that no file that is opened later is taken for
/// it: reading and data are refused then, and messages go nowhere.
void fill_closed_streams();

/// Makes a write to a closed pipe, and one beyond the size that files may have (ulimit -f), an error to be handled
/// rather than the end of the process.
void ignore_signals_of_writing();

}  // namespace handgrad::cli
