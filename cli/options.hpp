// The options that several verbs share, each declared once, and what they stand for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {

/// How a table is read: options that were not given leave the ReadOptions alone (those of the model, at predict).
struct ReadingOptions {
    std::optional<char> delimiter;
    std::optional<char> decimal;
    std::optional<bool> header;
    std::optional<std::vector<std::string>> missing;       ///< beside those that mean it already
    std::optional<std::vector<std::string>> missing_only;  ///< in their place
    std::optional<char> thousands;
    std::optional<bool> percent, currency;
    std::optional<std::vector<std::string>> dates;
    std::string target_file;

    [[nodiscard]] ReadOptions applied_to(ReadOptions reading) const;
};
/// --delimiter, --decimal, --thousands, --percent, --currency, --date, --header, --missing, --missing-only, and with
/// `labelled` also --target-file.
void declare_reading(Arguments& arguments, ReadingOptions& options, bool labelled);

/// --allow-nonfinite, --allow-extra and --unknown, for the verbs that apply a model to a table.
struct ApplyingOptions {
    bool allow_nonfinite = false;
    bool allow_extra = false;
    std::optional<Unknown> unknown;  ///< as the model says
};
void declare_applying(Arguments& arguments, ApplyingOptions& options);
/// --drop-missing-labels, for the verbs that need labels.
void declare_missing_labels(Arguments& arguments, bool& drop);

/// --threads, --simd: without effect on any result.
void declare_machine(Arguments& arguments, Execution& execution);

/// --json, --quiet; where progress and decisions are shown, --quiet leaves errors alone.
struct OutputOptions {
    bool json = false;
    bool quiet = false;
};
void declare_output(Arguments& arguments, OutputOptions& options, std::string json_help);
/// Names an instruction set that was asked for and that this processor lacks; the widest that it has works instead.
void tell_machine(const Execution& execution, const OutputOptions& show);

/// arguments.parse(words); when help was asked for, prints it on standard output and returns false.
[[nodiscard]] bool parse_or_help(Arguments& arguments, std::vector<std::string> words);

/// Reads DATA and, when there is one, --target-file, whose columns become the columns `targets` at the end of the
/// table. Raises Error(usage), Error(data), Error(io).
Table read_labelled(const std::string& path, const std::string& target_file, const ReadOptions& reading,
                    const std::vector<std::string>& targets);

/// The rows that have all their labels; how many have not is told. Raises Error(data) when none is left.
Table with_labels(Table table, const std::vector<std::string>& targets, const OutputOptions& show);

/// How a table was read and what was odd about it, on standard error unless that is to be quiet; and, where a model
/// stands by, which of its categories the model does not know, when it may ignore them.
void tell_warnings(const Table& table, const OutputOptions& show);
void tell_warnings(const Table& table, const Model& model, const OutputOptions& show);

/// What a training tells, in one line, with the option that would decide otherwise; unless that is to be quiet.
void tell_notice(const Notice& notice, const OutputOptions& show);

/// Raises Error(usage) naming `option` when `output` is the very file that `input` is, or the configuration file, by
/// whatever name; files that are not there yet are told by their folder and name.
void refuse_to_overwrite(const std::string& output, const std::string& input, std::string_view option = "--output");

/// The same when two outputs are one file; `option` is that of the second.
void refuse_one_output(const std::string& first, const std::string& second, std::string_view option);

/// Raises Error(usage) where standard output goes into a file that a word of the command line names, be it input or
/// output: what is printed would be written over it.
void refuse_standard_output_in(const std::vector<std::string>& words);

}  // namespace handgrad::cli
