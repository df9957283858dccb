// The one table of shared options.
#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "handgrad/base/error.hpp"

namespace handgrad::cli {
namespace {

char parse_delimiter(const Given& given) {
    const std::string& text = only_value(given);
    if (text == "tab" || text == "\\t") {
        return '\t';
    }
    if (text.size() != 1 || text == "\"" || text == "\n" || text == "\r") {
        usage_error(fmt::format("{}: '{}' is not one character; write for instance ',' or tab", given.place, text));
    }
    return text[0];
}

}  // namespace

ReadOptions ReadingOptions::applied_to(ReadOptions reading) const {
    reading.delimiter = delimiter.value_or(reading.delimiter);
    reading.decimal = decimal.value_or(reading.decimal);
    reading.header = header.value_or(reading.header);
    reading.missing = missing.value_or(std::move(reading.missing));
    return reading;
}

void declare_reading(Arguments& arguments, ReadingOptions& options, bool labelled) {
    arguments.option(
        "--delimiter", "CHAR",
        "between fields: one character, or the word tab (by extension: tab for .tsv and .txt, else a comma, or a "
        "semicolon with --decimal ,)",
        [&](const Given& given) { options.delimiter = parse_delimiter(given); });
    arguments.option("--decimal", "CHAR", "decimal sign: . or ,", [&](const Given& given) {
        options.decimal = parse_choice(given.place, only_value(given), {".", ","}) == 0 ? '.' : ',';
    });
    arguments.flag("--header,!--no-header", "line 1 names the columns; without one they are x1, x2, ...",
                   into(options.header));
    arguments.option("--missing", "TEXT,...",
                     "cells that mean \"no value\", beside case (an empty cell, NA, NaN, null)",
                     [&](const Given& given) { options.missing = parse_list(given); });
    if (labelled) {
        arguments.option("--target-file", "FILE", "labels of an .npy or IDX table, in a file of their own",
                         into(options.target_file));
    }
}

void declare_applying(Arguments& arguments, ApplyingOptions& options) {
    arguments.flag("--allow-extra", "leave columns that the model does not know out of account",
                   into(options.allow_extra));
    arguments.flag("--allow-nonfinite", "accept a model with NaN or infinite weights", into(options.allow_nonfinite));
}

void declare_machine(Arguments& arguments, Execution& execution) {
    arguments.option("--threads,--num-threads", "N", "at most so many threads work (all cores); never changes a result",
                     into(execution.threads, 1));
    static constexpr std::array levels{"auto", "avx512", "avx2", "scalar"};
    arguments.option(
        "--simd", "LEVEL", "auto, avx512, avx2 or scalar: the instruction set (auto); never changes a result",
        into_choice({levels.begin(), levels.end()},
                    [&execution](std::size_t chosen) { execution.simd = find_simd_level(levels[chosen]); }));
}

void tell_machine(const Execution& execution, const OutputOptions& show) {
    if (!show.quiet && execution.simd && execution.level() != *execution.simd) {
        tell(fmt::format("this processor lacks {}; {} works instead, with the same results", name(*execution.simd),
                         name(execution.level())));
    }
}

void declare_output(Arguments& arguments, OutputOptions& options, std::string json_help) {
    arguments.flag("--json", std::move(json_help), into(options.json));
    arguments.flag("--quiet,-q", "say nothing on standard error but errors", into(options.quiet));
}

bool parse_or_help(Arguments& arguments, std::vector<std::string> words) {
    if (arguments.parse(std::move(words))) {
        return true;
    }
    Output output;
    output.show(arguments.help());
    output.finish();
    return false;
}

Table read_labelled(const std::string& path, const std::string& target_file, const ReadOptions& reading,
                    const std::vector<std::string>& targets) {
    Table table = open_table(path, reading);
    if (target_file.empty()) {
        const bool binary = table.lines.empty() && table.rows > 0;
        if (binary && std::ranges::any_of(targets, [&](const auto& name) { return table.find(name) == nullptr; })) {
            throw Error(
                ErrorKind::data,
                fmt::format("{}: there is no column '{}' among its {}; say with --target-file where the labels are",
                            path, fmt::join(targets, "', '"), table.columns.size()));
        }
        return table;
    }
    Table labels = open_table(target_file, reading);
    if (labels.rows != table.rows) {
        throw Error(ErrorKind::data, fmt::format("{}: {}, but {} has {}; each row needs its label", target_file,
                                                 counted(labels.rows, "row"), path, counted(table.rows, "row")));
    }
    if (labels.columns.size() != targets.size()) {
        throw Error(ErrorKind::data, fmt::format("{}: {}, but {} by --target or the model ({})", target_file,
                                                 counted(labels.columns.size(), "column"),
                                                 counted(targets.size(), "target"), fmt::join(targets, ", ")));
    }
    for (std::size_t k = 0; k < targets.size(); ++k) {
        if (table.find(targets[k]) != nullptr) {
            usage_error(
                fmt::format("--target-file: {} has a column '{}' already; name the labels "
                            "differently with --target",
                            path, targets[k]));
        }
        labels.columns[k].name = targets[k];
        table.columns.push_back(std::move(labels.columns[k]));
    }
    table.warnings.insert(table.warnings.end(), labels.warnings.begin(), labels.warnings.end());
    return table;
}

void tell_warnings(const Table& table, const OutputOptions& show) {
    if (show.quiet) {
        return;
    }
    for (const std::string& warning : table.warnings) {
        tell("warning: " + warning);
    }
}

void refuse_to_overwrite(const std::string& output, const std::string& input, std::string_view option) {
    std::error_code ignored;
    if (!output.empty() && std::filesystem::is_regular_file(output, ignored) &&
        std::filesystem::equivalent(output, input, ignored)) {
        usage_error(fmt::format("{}: {} is the file that is read; choose another name", option, output));
    }
}

}  // namespace handgrad::cli
