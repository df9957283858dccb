// Tables made line by line.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>

#include "handgrad/data/table.hpp"

namespace handgrad {

/// `header` and what `line(row)` says of each row.
template <class Line>
std::string csv_lines(const std::string& header, std::size_t rows, Line&& line) {
    std::string text = header + "\n";
    for (std::size_t row = 0; row < rows; ++row) {
        text += line(row) + "\n";
    }
    return text;
}

/// `1.5,2,-3`.
inline std::string comma_separated(std::initializer_list<double> numbers) {
    std::string text;
    for (const double number : numbers) {
        text += text.empty() ? "" : ",";
        text += format_number(number);
    }
    return text;
}

}  // namespace handgrad
