// One plain form for every way of writing a symbol, and the plain forms of what a sheet asks for.
#include "handgrad/compare/sheet_symbols.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "handgrad/compare/plain_text.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::compare {
namespace {

struct Replacement {
    std::string_view from, to;
};
/// The first that fits is taken. A raised number is an index of W and b alone: z⁽²⁾ counts by layers.
constexpr std::array replacements{Replacement{"\\hat{y}", "yhat"},
                                  Replacement{"\\hat y", "yhat"},
                                  Replacement{"y_hat", "yhat"},
                                  Replacement{"y\u0302", "yhat"},
                                  Replacement{"\u0177", "yhat"},
                                  Replacement{"\\partial", "d"},
                                  Replacement{"\u2202", "d"},
                                  Replacement{"\\delta", "delta"},
                                  Replacement{"\u03B4", "delta"},
                                  Replacement{"\\mathcal{l}", "l"},
                                  Replacement{"\\ell", "l"},
                                  Replacement{"\u2113", "l"},
                                  Replacement{"\u2112", "l"},
                                  Replacement{"loss", "l"},
                                  Replacement{"\\dfrac{", ""},
                                  Replacement{"\\tfrac{", ""},
                                  Replacement{"\\frac{", ""},
                                  Replacement{"}{", "/"},
                                  Replacement{"\u2044", "/"},
                                  Replacement{"\u2215", "/"},
                                  Replacement{"^\\top", ""},
                                  Replacement{"^{t}", ""},
                                  Replacement{"^t", ""},
                                  Replacement{"\u1D40", ""},
                                  Replacement{"\u22A4", ""},
                                  Replacement{"\u2080", "0"},
                                  Replacement{"\u2081", "1"},
                                  Replacement{"\u2082", "2"},
                                  Replacement{"\u2083", "3"},
                                  Replacement{"\u2084", "4"},
                                  Replacement{"\u2085", "5"},
                                  Replacement{"\u2086", "6"},
                                  Replacement{"\u2087", "7"},
                                  Replacement{"\u2088", "8"},
                                  Replacement{"\u2089", "9"},
                                  Replacement{"\u207D", "^("},
                                  Replacement{"\u207E", ")"},
                                  Replacement{"\u2070", "^0"},
                                  Replacement{"\u00B9", "^1"},
                                  Replacement{"\u00B2", "^2"},
                                  Replacement{"\u00B3", "^3"},
                                  Replacement{"\u2074", "^4"},
                                  Replacement{"\u2075", "^5"},
                                  Replacement{"\u2076", "^6"},
                                  Replacement{"\u2077", "^7"},
                                  Replacement{"\u2078", "^8"},
                                  Replacement{"\u2079", "^9"},
                                  Replacement{"\u00A0", ""},
                                  Replacement{"\u2009", ""},
                                  Replacement{"\u202F", ""},
                                  Replacement{"\\,", ""},
                                  Replacement{"\\!", ""},
                                  Replacement{"\\_", "_"},
                                  Replacement{"\\", ""},
                                  Replacement{"$", ""},
                                  Replacement{"`", ""},
                                  Replacement{"*", ""},
                                  Replacement{" ", ""},
                                  Replacement{"\t", ""}};

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

std::string with_replaced(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto* fits = std::ranges::find_if(
            replacements, [&](const Replacement& one) { return text.substr(at).starts_with(one.from); });
        if (fits == replacements.end()) {
            result += text[at++];
        } else {
            result += fits->to;
            at += fits->from.size();
        }
    }
    return result;
}

/// Index signs that say no more than the number behind them are left out: z_1, z_{1}, W^{(1)}, W(1).
std::string without_index_signs(std::string_view text) {
    std::string result;
    bool opened = false, raised = false;
    for (const char c : text) {
        char last = '\0';
        if (!result.empty()) {
            last = result.back();
        }
        const bool of_parameter = last == 'w' || last == 'b';
        if (c == '{' || c == '}' || (c == '_' && is_letter(last))) {
            continue;
        }
        if (c == '^' && (of_parameter || (raised && is_digit(last)))) {
            raised = true;
        } else if (c == '(' && of_parameter) {
            opened = true;
        } else if (c == ')' && opened) {
            opened = false;
        } else {
            result += c;
        }
    }
    return result;
}

/// The number behind `head`, in a symbol that is nothing else.
std::optional<unsigned> number_behind(std::string_view head, std::string_view plain) {
    if (!plain.starts_with(head) || !all_digits(plain.substr(head.size())) || plain.size() > head.size() + 4) {
        return std::nullopt;
    }
    return static_cast<unsigned>(std::stoul(std::string(plain.substr(head.size()))));
}

}  // namespace

std::string plain_symbol(std::string_view text) {
    std::string small = narrowed(text);
    std::ranges::transform(small, small.begin(), [](char c) {
        if (c >= 'A' && c <= 'Z') {
            return static_cast<char>(c - 'A' + 'a');
        }
        return c;
    });
    return without_index_signs(with_replaced(small));
}

std::string_view without_decoration(std::string_view text) {
    constexpr std::string_view before = " \t\r-*>`|\"+#", behind = "*`:\" \t|";
    const auto cut = [&] { text.remove_prefix(std::min(text.find_first_not_of(before), text.size())); };
    cut();
    for (const std::string_view bullet : {"\u2022", "\u2013", "\u25CF"}) {
        if (text.starts_with(bullet)) {
            text.remove_prefix(bullet.size());
            cut();
        }
    }
    // 1. and 2) of a list
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits > 0 && (text.substr(digits).starts_with(". ") || text.substr(digits).starts_with(") "))) {
        text.remove_prefix(digits + 1);
        cut();
    } else if (text.size() > 3 && text.substr(1).starts_with(") ")) {  // a) of a list
        text.remove_prefix(2);
        cut();
    }
    return text.substr(0, text.find_last_not_of(behind) + 1);
}

SheetSymbols::SheetSymbols(const std::vector<explain::Quantity>& asked, const explain::Derivation& derivation)
    : asked_(asked) {
    const std::size_t updates = asked.size() - derivation.backward.size();
    for (std::size_t i = 0; i < asked.size(); ++i) {
        known_.push_back({plain_symbol(asked[i].symbol), i});
        if (const std::size_t dot = asked[i].symbol.find('.'); dot != std::string::npos) {  // linear1_weight
            known_.push_back({asked[i].symbol.substr(0, dot) + "_" + asked[i].symbol.substr(dot + 1), i});
        }
        if (i < updates) {  // W⁽¹⁾ alone is the parameter before its update
            known_.push_back({plain_symbol(document::unicode_of(asked[i].name)), i});
        }
    }
    const auto add = [&](const std::string& plain, std::string_view symbol) {
        if (const std::optional<std::size_t> i = exactly(symbol)) {
            known_.push_back({plain, *i});
        }
    };
    for (const explain::Delta& delta : derivation.deltas) {
        add(plain_symbol(document::unicode_of(delta.short_name)), delta.quantity.symbol);
    }
    for (const explain::BackwardRow& row : derivation.backward) {  // dW1 for dl/dW1
        const std::string plain = plain_symbol(row.quantity.symbol);
        add(plain.substr(plain.find('/') + 1), row.quantity.symbol);
    }
}

std::optional<std::size_t> SheetSymbols::exactly(std::string_view text) const {
    const auto found = std::ranges::find(asked_, text, &explain::Quantity::symbol);
    if (found == asked_.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - asked_.begin());
}

std::optional<std::size_t> SheetSymbols::understood(std::string_view text) const {
    constexpr std::size_t longest = 80;
    if (text.empty() || text.size() > longest) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(known_, plain_symbol(text), &Known::plain);
    if (found == known_.end()) {
        return std::nullopt;
    }
    return found->asked;
}

bool is_of_some_network(std::string_view plain) {
    const auto odd = [](const std::optional<unsigned>& number) { return number && *number % 2 == 1; };
    if (plain.starts_with("linear")) {
        const std::size_t dot = plain.find('.');
        return dot != std::string_view::npos && all_digits(plain.substr(6, dot - 6)) &&
               (plain.substr(dot) == ".weight" || plain.substr(dot) == ".bias");
    }
    if (number_behind("z", plain) || number_behind("dl/dw", plain) || number_behind("dl/db", plain) ||
        odd(number_behind("dl/dz", plain)) || odd(number_behind("dyhat/dz", plain))) {
        return true;
    }
    const std::size_t over = plain.find('/');
    return over != std::string_view::npos && odd(number_behind("/dz", plain.substr(over))) &&
           number_behind("dz", plain.substr(0, over)).value_or(1) % 2 == 0;
}

bool is_of_the_problem(std::string_view plain) {
    return plain == "x" || plain == "y" || number_behind("w", plain) || number_behind("b", plain);
}

bool looks_like_quantity(std::string_view plain) {
    const std::size_t over = plain.find("/d");
    const bool quotient = plain.starts_with('d') && over != std::string_view::npos && over > 1 &&
                          plain.size() > over + 2 && plain.size() < 24;
    for (const std::string_view head : {"a", "dw", "db", "dz", "da", "delta", "z", "h"}) {
        if (number_behind(head, plain)) {
            return true;
        }
    }
    return quotient || is_of_some_network(plain);
}

}  // namespace handgrad::compare
