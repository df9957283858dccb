// The one exception of the library: a user's mistake, with its kind, place and cause.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace handgrad {

/// What went wrong, in the classes that the program's exit codes tell apart (each value is that exit code).
enum class ErrorKind {
    usage = 2,     ///< an option, a setting or a call that makes no sense
    data = 3,      ///< a table that cannot be read as asked
    model = 4,     ///< a file that is not a sound model
    diverged = 5,  ///< training met a non-finite value
    io = 6,        ///< the operating system refused to read or write
};

/// A setting by its name in files and tables (`impute`), and the value to give it where one would help (`mean`; `true`
/// and `false` for yes and no). The library says what is missing; whoever speaks to the user appends how it is said
/// there:
/// `--impute mean` on a command line, `impute="mean"` in Python.
struct SettingHint {
    std::string name;
    std::string value = {};

    bool operator==(const SettingHint&) const = default;
};

/// A user's mistake. what() reads `PLACE: CAUSE; REMEDY`, for instance
/// `train.csv:17: column 'age': 'n/a' is not a number`, or, where a program calls a public function in a way that makes
/// no sense, `predict: yhat has 2 numbers, the network puts out 3`, in words that hold for every front end: no option,
/// no keyword. A mistake inside the library is an assert instead.
class Error : public std::runtime_error {
public:
    /// A NUL within the message, which what() would end at, is written as \0.
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(without_nul(message)), kind_(kind) {}
    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

    /// The same mistake, with one more setting that it is about or that would mend it:
    /// `throw Error(kind, "...; fill it in, or impute it").about("impute", "mean");`
    [[nodiscard]] Error about(std::string setting, std::string value = {}) && {
        settings_.push_back({std::move(setting), std::move(value)});
        return std::move(*this);
    }
    /// Those settings, in the order in which they were named.
    [[nodiscard]] const std::vector<SettingHint>& settings() const noexcept { return settings_; }

    /// The same mistake, met at this file or folder; `number` is the operating system's (errno), 0 where it gave none.
    [[nodiscard]] Error at_file(std::string path, int number = 0) && {
        file_ = std::move(path);
        system_error_ = number;
        return std::move(*this);
    }
    /// That file; empty where the mistake is not of ErrorKind::io.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    [[nodiscard]] int system_error() const noexcept { return system_error_; }

private:
    static std::string without_nul(std::string message) {
        for (std::size_t at = message.find('\0'); at != std::string::npos; at = message.find('\0', at)) {
            message.replace(at, 1, "\\0");
        }
        return message;
    }

    ErrorKind kind_;
    std::vector<SettingHint> settings_;
    std::string file_;
    int system_error_ = 0;
};

}  // namespace handgrad
