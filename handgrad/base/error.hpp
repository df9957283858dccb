// The one exception of the library: a user's mistake, with its kind, place and cause.
#pragma once

#include <stdexcept>
#include <string>

namespace handgrad {

/// What went wrong, in the classes that the program's exit codes tell apart (each value is that exit code).
enum class ErrorKind {
    usage = 2,     ///< an option, a setting or a call that makes no sense
    data = 3,      ///< a table that cannot be read as asked
    model = 4,     ///< a file that is not a sound model
    diverged = 5,  ///< training met a non-finite value
    io = 6,        ///< the operating system refused to read or write
};

/// A user's mistake. what() reads `PLACE: CAUSE`, for instance
/// `train.csv:17: column 'age': 'n/a' is not a number`, or, where a program calls a public function in a way that makes
/// no sense, `predict: yhat has 2 numbers, the network puts out 3`. A mistake inside the library is an assert instead.
class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

}  // namespace handgrad
