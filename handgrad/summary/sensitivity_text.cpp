// What sensitivity tells people: for each target the columns, those that move it most first.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/utf8.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::summary {

std::string sensitivity_text(std::vector<diagnose::ColumnSensitivity> columns, std::size_t rows) {
    std::vector<std::string> targets;
    for (const diagnose::ColumnSensitivity& column : columns) {
        if (std::ranges::find(targets, column.target) == targets.end()) {
            targets.push_back(column.target);
        }
    }
    std::ranges::stable_sort(columns, std::ranges::greater(), &diagnose::ColumnSensitivity::effect);
    const auto short_number = [](double value) { return rounded(value, 3); };
    std::string text = counted(rows, "row") + "\n";
    for (const std::string& target : targets) {
        std::vector<std::vector<std::string>> lines{{"column", "mean", "sd", "rms", "sign", "effect", "permutation"}};
        std::string strongest;
        for (const diagnose::ColumnSensitivity& c : columns) {
            if (c.target == target) {
                if (strongest.empty()) {
                    strongest = c.name;
                }
                lines.push_back({c.name, short_number(c.mean), short_number(c.sd), short_number(c.rms),
                                 fmt::format("{:.2f}", c.sign), short_number(c.effect), short_number(c.permutation)});
            }
        }
        text += fmt::format("\nWhat moves {}\n{}\n{}\n", printable(target), aligned(lines, Heading::first_row),
                            wrapped(fmt::format("{} moves most with {}, over the spread that the columns have here.",
                                                target, strongest)));
    }
    return text;
}

}  // namespace handgrad::summary
