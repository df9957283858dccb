// Whether a target looks like classes or like numbers.
#include <algorithm>
#include <cmath>
#include <set>

#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/preprocessing.hpp"

namespace handgrad {
namespace {

constexpr std::size_t most_classes = 20;
constexpr std::size_t fewest_rows_a_class = 5;
constexpr std::size_t most_in_a_row = 10;

/// The longest run of k, k + 1, k + 2, … among sorted whole numbers.
std::size_t longest_run(const std::set<double>& numbers) {
    std::size_t longest = 0, run = 0;
    double before = 0.0;
    for (const double number : numbers) {
        run = run > 0 && number == before + 1.0 ? run + 1 : 1;
        longest = std::max(longest, run);
        before = number;
    }
    return longest;
}

std::string range_of(const std::set<double>& numbers) {
    return format_number(*numbers.begin()) + " to " + format_number(*numbers.rbegin());
}

GuessedTask guess_of_numbers(const Column& column) {
    std::set<double> distinct;
    std::size_t rows = 0;
    for (const double number : column.numbers) {
        if (std::isnan(number)) {
            continue;
        }
        if (std::trunc(number) != number) {
            return {Task::regression, "it holds numbers that are not whole, such as " + format_number(number)};
        }
        ++rows;
        distinct.insert(number);
        if (distinct.size() > most_classes) {
            return {Task::regression, "it holds more than " + std::to_string(most_classes) + " different numbers"};
        }
    }
    if (distinct.empty()) {
        return {Task::regression, "it holds no number"};
    }
    const std::string count = plural(distinct.size(), "different whole number");
    if (longest_run(distinct) > most_in_a_row) {
        return {Task::regression, "its " + count + ", " + range_of(distinct) + ", lie side by side as counts do", true};
    }
    if (rows < fewest_rows_a_class * distinct.size()) {
        return {Task::regression,
                "it holds " + count + " in " + plural(rows, "row") + ", fewer than " +
                    std::to_string(fewest_rows_a_class) + " rows each",
                true};
    }
    return {Task::classification,
            "it holds " + count + ", each in " + std::to_string(rows / distinct.size()) + " rows on average"};
}

/// Whether these columns hold 0 and 1 and nothing else, not all of them the same number.
bool hold_labels(const Table& table, const std::vector<std::string>& targets) {
    bool both = false;
    for (const std::string& target : targets) {
        const Column& column = table.column(target);
        bool zero = false, one = false, other = !column.has_numbers;
        for (const double number : column.numbers) {
            zero = zero || number == 0.0;
            one = one || number == 1.0;
            other = other || (number != 0.0 && number != 1.0 && !std::isnan(number));
        }
        if (other) {
            return false;
        }
        both = both || (zero && one);
    }
    return both;
}

}  // namespace

GuessedTask guess_task(const Table& table, const std::vector<std::string>& targets) {
    if (targets.size() != 1) {
        if (hold_labels(table, targets)) {
            return {Task::multilabel, "they hold 0 and 1 alone"};
        }
        return {Task::regression, "they are several columns of numbers"};
    }
    const Column& column = table.column(targets.front());
    if (!column.has_numbers && column.has_texts) {
        return {Task::classification, "it holds text"};
    }
    return guess_of_numbers(column);
}

}  // namespace handgrad
