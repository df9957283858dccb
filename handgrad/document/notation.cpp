// Arguments put into formulas, numbers as formulas, and prose taken apart.
#include "handgrad/document/notation.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace handgrad::document {
namespace {

/// Stands in prose for a dollar that opens no formula.
constexpr char kept_dollar = '\x01';

}  // namespace

Formula with_argument(std::string_view text, std::string_view argument) {
    Formula result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool placeholder = text.substr(i).starts_with("\\z") &&
                                 (i + 2 == text.size() || std::isalpha(static_cast<unsigned char>(text[i + 2])) == 0);
        const bool indexed = placeholder && text.substr(i + 2).starts_with('_') && argument.ends_with('}');
        if (indexed) {  // z_{3} with the index j is z_{3,j}
            result += argument.substr(0, argument.size() - 1);
            result += "," + std::string(1, text[i + 3]) + "}";
            i += 3;
        } else if (placeholder) {
            result += argument;
            ++i;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string significant_digits(double value, int digits) {
    if (value == 0.0) {
        return "0";  // -0 too: its sign means nothing here
    }
    std::array<char, 48> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits);
    return {text.data(), end.ptr};
}

Formula number_formula(double value, int digits) {
    std::string text = significant_digits(value, digits);
    if (std::isnan(value)) {
        return "\\mathrm{nan}";
    }
    if (std::isinf(value)) {
        return value < 0.0 ? "-\\infty" : "\\infty";
    }
    const std::size_t e = text.find('e');
    if (e == std::string::npos) {
        return text;
    }
    const int exponent = std::stoi(text.substr(e + 1));
    return text.substr(0, e) + "\\cdot10^{" + std::to_string(exponent) + "}";
}

Prose prose_of(std::string_view text) {
    Prose result;
    for (const char c : text) {
        if (c == '$') {
            result += kept_dollar;
        } else if (std::iscntrl(static_cast<unsigned char>(c)) != 0) {
            result += ' ';
        } else {
            result += c;
        }
    }
    return result;
}

std::string written(std::string_view prose, const std::function<std::string(std::string_view)>& text,
                    const std::function<std::string(std::string_view)>& formula) {
    std::string result;
    bool in_formula = false;
    for (std::size_t at = 0; at <= prose.size();) {
        const std::size_t dollar = std::min(prose.find('$', at), prose.size());
        std::string part(prose.substr(at, dollar - at));
        std::ranges::replace(part, kept_dollar, '$');
        if (!part.empty()) {
            result += in_formula ? formula(part) : text(part);
        }
        in_formula = !in_formula;
        at = dollar + 1;
    }
    return result;
}

std::string unicode_of_prose(std::string_view prose) {
    return written(
        prose, [](std::string_view text) { return std::string(text); }, unicode_of);
}

}  // namespace handgrad::document
