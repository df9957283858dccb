// Names with their + or - are found among the inputs; what is no input of numbers says why.
#include "handgrad/train/monotone_columns.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/train/decisions.hpp"

namespace handgrad {
namespace {

constexpr const char* setting = "monotone";

Error refusal(ErrorKind kind, const std::string& message) { return Error(kind, message).about(setting); }

const FeatureColumn* find_feature(const Preprocessing& columns, const std::string& name) {
    const auto found = std::ranges::find(columns.features, name, &FeatureColumn::name);
    return found == columns.features.end() ? nullptr : &*found;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

/// The numbers that a column of dates of this name became; none where it is no such column.
std::vector<std::string> parts_of_date(const Preprocessing& columns, const std::string& name) {
    std::vector<std::string> parts;
    for (const std::string_view part : date_part_names) {
        if (find_feature(columns, name + std::string(part)) != nullptr) {
            parts.push_back(name + std::string(part));
        }
    }
    return parts;
}

/// Why no input of the network has this name.
[[noreturn]] void refuse_column(const Preprocessing& columns, const MonotoneColumn& column, const std::string& place) {
    const std::string& name = column.name;
    const std::string it = place + ": column '" + name + "' ";
    const std::string sign = column.sign > 0 ? "+" : "-";
    if (std::ranges::find(columns.targets, name, &TargetColumn::name) != columns.targets.end()) {
        throw refusal(ErrorKind::usage, it + "is learned, and cannot be monotone in itself; name an input");
    }
    if (name == columns.weight) {
        throw refusal(ErrorKind::usage, it + "has the weights of rows, and is no input; name an input");
    }
    if (has(columns.dropped, name) || has(columns.ids, name)) {
        throw refusal(ErrorKind::usage, it + "is left out of what is learned from, and is no input; name an input");
    }
    const std::vector<std::string> parts = parts_of_date(columns, name);
    if (!parts.empty()) {
        throw refusal(ErrorKind::data, it + "is a date, of which the network sees the numbers " + quoted(parts) +
                                           "; name one of these, for instance " + parts.front() + sign);
    }
    std::vector<std::string> names;
    std::ranges::transform(columns.features, std::back_inserter(names), &FeatureColumn::name);
    if (has(names, name + sign)) {
        throw refusal(ErrorKind::data, place + ": there is no column '" + name + "'; for the column '" + name + sign +
                                           "' write its + or - behind that: " + name + sign + sign);
    }
    throw refusal(ErrorKind::data, place + ": there is no column '" + name + "'" + did_you_mean(name, names) +
                                       "; the inputs are " + quoted(names));
}

}  // namespace

std::vector<MonotoneColumn> monotone_columns(const std::vector<std::string>& texts) {
    std::vector<MonotoneColumn> found;
    for (const std::string& text : texts) {
        if (text.size() < 2 || (text.back() != '+' && text.back() != '-')) {
            throw refusal(ErrorKind::usage, "monotone: '" + text +
                                                "' does not say in which direction; write the column's name and, right "
                                                "behind it, + if the answer may not fall with it or - if it may not "
                                                "rise, for instance " +
                                                (text.empty() ? "age" : text) + "+");
        }
        const std::string name = text.substr(0, text.size() - 1);
        if (std::ranges::find(found, name, &MonotoneColumn::name) != found.end()) {
            throw refusal(ErrorKind::usage, "monotone: column '" + name + "' is named twice; name it once");
        }
        found.push_back({name, text.back() == '+' ? 1 : -1});
    }
    return found;
}

std::vector<int> input_signs(const std::vector<std::string>& texts, const Preprocessing& columns,
                             const std::string& place) {
    if (texts.empty()) {
        return {};
    }
    std::vector<int> signs(columns.inputs(), 0);
    for (const MonotoneColumn& column : monotone_columns(texts)) {
        const FeatureColumn* feature = find_feature(columns, column.name);
        if (feature == nullptr) {
            refuse_column(columns, column, place);
        }
        if (feature->categorical()) {
            throw refusal(ErrorKind::data, place + ": column '" + column.name +
                                               "' holds categories, which have no order to rise or fall in; name "
                                               "columns of numbers");
        }
        std::size_t at = 0;
        for (const FeatureColumn* before = columns.features.data(); before != feature; ++before) {
            at += before->inputs();
        }
        signs[at] = column.sign;
    }
    return signs;
}

void refuse_classes(const Preprocessing& columns) {
    if (columns.task != Task::classification || columns.one_output) {
        return;
    }
    if (columns.classes.size() == 2) {
        throw refusal(ErrorKind::usage,
                      "monotone columns need two classes to share one output, the probability of the second, and not "
                      "to have one each; leave out what asks for softmax")
            .about("output_activation", "sigmoid")
            .about("loss", "binary_cross_entropy");
    }
    Error many =
        refusal(ErrorKind::usage, "monotone columns need one answer that can rise or fall, and " +
                                      std::to_string(columns.classes.size()) +
                                      " classes have none: leave the monotone columns out, learn whether it is one of "
                                      "the classes (two classes), or numbers in their place");
    if (columns.numeric_classes) {
        throw std::move(many).about("task", "regression");
    }
    throw many;
}

std::string monotone_text(const std::vector<std::string>& texts, const Preprocessing& columns) {
    std::string answer = "the answer";
    if (columns.one_output && columns.classes.size() == 2) {
        answer = "p(" + columns.classes.back() + ")";
    } else if (columns.targets.size() == 1) {
        answer = "'" + columns.targets.front().name + "'";
    } else if (columns.targets.size() > 1) {
        answer = "each target";
    }
    std::string with;
    for (const int sign : {1, -1}) {
        std::vector<std::string> names;
        for (const MonotoneColumn& column : monotone_columns(texts)) {
            if (column.sign == sign) {
                names.push_back(column.name);
            }
        }
        if (!names.empty()) {
            add_item(with, ", ", (sign > 0 ? "never falls with " : "never rises with ") + quoted(names));
        }
    }
    return answer + " " + with + ", whatever the other columns are";
}

}  // namespace handgrad
