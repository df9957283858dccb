// Pieces of C: templates that are filled in, tables of numbers, texts and names.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/export/recording.hpp"

namespace handgrad::exports {

/// What stands in a template of C for the words of it: each `first` by its `second`, in that order.
using Words = std::vector<std::pair<std::string, std::string>>;
std::string filled(std::string text, const Words& words);

/// `{1.0f,-0x1.8p-3f,…}` in lines of at most 120 places.
template <class T>
std::string table_text(const FunctionSet& numbers, std::span<const T> values);
/// The same of texts that stand for numbers.
std::string braced(const std::vector<std::string>& texts);

/// A text as a literal of C, whatever bytes it has.
std::string c_string(const std::string& text);
/// As it can stand in a comment.
std::string c_comment(const std::string& text);

/// Names in C made from texts, no two alike: the second gets _2 at its end.
class CNames {
public:
    std::string add(const std::string& prefix, const std::string& text);

private:
    std::set<std::string> taken_;
};
std::string upper_case(std::string text);

extern template std::string table_text(const FunctionSet&, std::span<const float>);
extern template std::string table_text(const FunctionSet&, std::span<const double>);

}  // namespace handgrad::exports
