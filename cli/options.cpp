// The one table of shared options.
#include "cli/options.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/setting_options.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::cli {
namespace {

char parse_delimiter(const Given& given) {
    const std::string& text = only_value(given);
    if (text == "tab" || text == "\\t") {
        return '\t';
    }
    if (text == "space" || text == "blank") {
        return ' ';
    }
    if (text.size() != 1 || text == "\"" || text == "\n" || text == "\r") {
        usage_error(fmt::format("{}: '{}' is not one character; write for instance ',' or tab", given.place, text));
    }
    return text[0];
}

char parse_thousands(const Given& given) {
    const std::string& text = only_value(given);
    constexpr std::array<std::pair<std::string_view, char>, 9> words{{{",", ','},
                                                                      {"comma", ','},
                                                                      {".", '.'},
                                                                      {"point", '.'},
                                                                      {"'", '\''},
                                                                      {"apostrophe", '\''},
                                                                      {"_", '_'},
                                                                      {" ", ' '},
                                                                      {"space", ' '}}};
    for (const auto& [word, sign] : words) {
        if (text == word) {
            return sign;
        }
    }
    usage_error(fmt::format("{}: '{}' divides no thousands; choose from: , . _ space apostrophe", given.place, text));
}

/// `names` behind those of the list that are not among them.
std::vector<std::string> joined(std::vector<std::string> list, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (std::ranges::find(list, name) == list.end()) {
            list.push_back(name);
        }
    }
    return list;
}

}  // namespace

ReadOptions ReadingOptions::applied_to(ReadOptions reading) const {
    reading.delimiter = delimiter.value_or(reading.delimiter);
    reading.decimal = decimal.value_or(reading.decimal);
    reading.header = header.value_or(reading.header);
    reading.missing =
        joined(missing_only.value_or(std::move(reading.missing)), missing.value_or(std::vector<std::string>()));
    reading.thousands = thousands.value_or(reading.thousands);
    reading.percent = percent.value_or(reading.percent);
    reading.currency = currency.value_or(reading.currency);
    reading.date_columns = joined(std::move(reading.date_columns), dates.value_or(std::vector<std::string>()));
    return reading;
}

void declare_reading(Arguments& arguments, ReadingOptions& options, bool labelled) {
    arguments.option("--delimiter", "CHAR",
                     "between fields: one character, or the word tab or space, any run of blanks (found in the file)",
                     [&](const Given& given) { options.delimiter = parse_delimiter(given); });
    arguments.option("--decimal", "CHAR",
                     "decimal sign, . or , (a comma where semicolons divide fields and no number has a point); given, "
                     "the minus sign U+2212 and an exponent behind D are read too",
                     [&](const Given& given) {
                         options.decimal = parse_choice(given.place, only_value(given), {".", ","}) == 0 ? '.' : ',';
                     });
    arguments.option("--thousands", "CHAR", "what divides thousands in 1,234: , . _ space or apostrophe",
                     [&](const Given& given) { options.thousands = parse_thousands(given); });
    arguments.flag("--percent,!--no-percent", "read 12 % as the number 12", into(options.percent));
    arguments.flag("--currency,!--no-currency",
                   "read $5, 5 EUR and 12 kg without their currency or unit, and (5) as -5", into(options.currency));
    arguments.option("--date", "COL,...",
                     "dates and times (ISO 8601): read as COL:days since 1970, COL:day_part and COL:year_part",
                     [&](const Given& given) { options.dates = parse_list(given); });
    arguments.flag("--header,!--no-header", "line 1 names the columns; without one they are x1, x2, ...",
                   into(options.header));
    arguments.option("--missing", "TEXT,...",
                     "cells that mean \"no value\", beside case, as an empty cell, NA, NaN and null do already",
                     [&](const Given& given) { options.missing = parse_list(given); });
    arguments.option("--missing-only", "TEXT,...", "the only cells that mean \"no value\"",
                     [&](const Given& given) { options.missing_only = parse_list(given); });
    if (labelled) {
        arguments.option("--target-file", "FILE", "labels of an .npy or IDX table, in a file of their own",
                         into(options.target_file));
    }
}

void declare_applying(Arguments& arguments, ApplyingOptions& options) {
    arguments.flag("--allow-extra", "leave columns that the model does not know out of account",
                   into(options.allow_extra));
    arguments.option(
        "--unknown", "HOW",
        "a category that the model does not know: error, or ignore, 0 in all inputs of its column (as in "
        "training)",
        into_choice(names_of(unknown_list), [&options](std::size_t i) { options.unknown = unknown_list[i].value; }));
    arguments.flag("--allow-nonfinite",
                   "accept a model with NaN or infinite weights, and answers that are not finite (else exit 5)",
                   into(options.allow_nonfinite));
}

void declare_missing_labels(Arguments& arguments, bool& drop) {
    arguments.flag("--drop-missing-labels", "leave out rows without a label (otherwise an error)", into(drop));
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
    ReadOptions of_labels = reading;
    of_labels.date_columns.clear();
    Table labels = open_table(target_file, of_labels);
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

Table with_labels(Table table, const std::vector<std::string>& targets, const OutputOptions& show) {
    const std::vector<std::size_t> rows = labelled_rows(table, targets, true);
    if (rows.size() == table.rows) {
        return table;
    }
    if (!show.quiet) {
        tell(fmt::format("{}: {} of {} rows have no label and are left out", table.source, table.rows - rows.size(),
                         table.rows));
    }
    return select_rows(table, rows);
}

void tell_warnings(const Table& table, const Model& model, const OutputOptions& show) {
    tell_warnings(table, show);
    if (show.quiet || model.preprocessing.unknown == Unknown::error) {
        return;
    }
    std::string list;
    const std::vector<UnknownCategory> all = unknown_categories(model.preprocessing, table, all_rows(table.rows));
    constexpr std::size_t longest = 8;
    for (std::size_t i = 0; i < std::min(all.size(), longest); ++i) {
        const std::string text = all[i].missing ? "a missing text" : fmt::format("'{}'", all[i].text);
        add_item(list, ", ", fmt::format("{} in '{}' ({})", text, all[i].column, counted(all[i].rows, "row")));
    }
    if (all.size() > longest) {
        list += fmt::format(" and {} more", all.size() - longest);
    }
    if (!all.empty()) {
        tell(fmt::format("{}: categories that the model does not know, 0 in all inputs of their columns: {}",
                         table.source, list));
    }
}

void tell_warnings(const Table& table, const OutputOptions& show) {
    if (show.quiet) {
        return;
    }
    for (const std::string& notice : table.notices) {
        tell(notice);
    }
    for (const std::string& warning : table.warnings) {
        tell("warning: " + warning);
    }
}

void tell_notice(const Notice& notice, const OutputOptions& show) {
    if (show.quiet) {
        return;
    }
    if (notice.overruled_by) {
        tell(fmt::format("{} ({} overrules)", notice.text, words_of(*notice.overruled_by)));
    } else {
        tell(notice.text);
    }
}

namespace {

/// Whether two names are of one file, through whatever links; of files that are not there, whether they would be.
bool same_file(const std::string& one, const std::string& other) {
    std::error_code ignored;
    if (std::filesystem::exists(one, ignored) && std::filesystem::exists(other, ignored)) {
        return std::filesystem::equivalent(one, other, ignored);
    }
    const auto place = [&](const std::string& name) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(name, ignored), ignored);
    };
    return place(one) == place(other);
}

/// Devices and pipes have nothing to lose.
bool can_be_lost(const std::string& output) {
    std::error_code ignored;
    return !output.empty() &&
           (!std::filesystem::exists(output, ignored) || std::filesystem::is_regular_file(output, ignored));
}

}  // namespace

void refuse_to_overwrite(const std::string& output, const std::string& input, std::string_view option) {
    for (const std::string& read : {input, configuration_file()}) {
        if (!read.empty() && can_be_lost(output) && same_file(output, read)) {
            usage_error(fmt::format("{}: {} is the file that is read; choose another name", option, output));
        }
    }
}

void refuse_standard_output_in(const std::vector<std::string>& words) {
    struct stat out {};
    if (::fstat(STDOUT_FILENO, &out) != 0 || !S_ISREG(out.st_mode)) {
        return;
    }
    const auto is_out = [&](const std::string& name) {
        struct stat named {};
        return ::stat(name.c_str(), &named) == 0 && named.st_dev == out.st_dev && named.st_ino == out.st_ino;
    };
    for (const std::string& word : words) {
        const std::string value = word.substr(word.find('=') + 1);  // the whole word where there is none
        if (is_out(word) || is_out(value)) {
            usage_error(
                fmt::format("standard output goes into {}, which the command names too, so that it would be "
                            "written over; let it go into another file",
                            value));
        }
    }
}

void refuse_one_output(const std::string& first, const std::string& second, std::string_view option) {
    if (can_be_lost(first) && can_be_lost(second) && same_file(first, second)) {
        usage_error(fmt::format("{}: {} is written already, as {}; choose another name", option, second, first));
    }
}

}  // namespace handgrad::cli
