// A line of another network's sheet is told by its symbol, one that is merely named otherwise by its list.
#include "handgrad/compare/stray_lines.hpp"

#include <algorithm>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/sheet_values.hpp"
#include "handgrad/compare/written_number.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;

}  // namespace

void StrayLines::note(std::string_view text, std::size_t number) {
    const std::size_t equals = text.find('=');
    constexpr std::size_t longest = 80, longest_name = 16;
    if (equals > longest) {  // npos is
        return;
    }
    const std::string_view left = without_decoration(text.substr(0, equals));
    const std::string plain = plain_symbol(left);
    std::string_view value = trimmed(end_of_chain(text.substr(equals + 1)));
    const bool list = value.starts_with('[') && !is_of_the_problem(plain) && plain.size() <= longest_name &&
                      plain.find("\u2190") == npos && replace_invalid_utf8(left) == left;
    if (symbols_.understood(left) || !(list || looks_like_quantity(plain))) {
        return;
    }
    value.remove_prefix(std::min(value.find_first_not_of("[( "), value.size()));
    const bool numbers = read_cell(value.substr(0, value.find_first_of("]), ;"))).number.has_value();
    constexpr std::size_t most = 100;
    if (strays_.size() < most) {
        // The sheet's own tables have ∂ŷ/∂z₅ and the like.
        const bool plainly = std::ranges::all_of(left, [](char c) { return c > ' ' && c < '\x7F'; });
        strays_.push_back({number, std::string(left), plainly && is_of_some_network(plain), numbers});
    }
}

std::vector<std::string> StrayLines::settle(const std::string& source,
                                            const std::vector<std::size_t>& first_line) const {
    std::vector<std::string> foreign;
    const Stray* first = nullptr;
    bool other_depth = false;
    for (const Stray& stray : strays_) {
        if (!stray.of_some_network || std::ranges::find(foreign, stray.symbol) != foreign.end()) {
            continue;
        }
        foreign.push_back(stray.symbol);
        if (first == nullptr) {
            first = &stray;
        }
        other_depth = other_depth || plain_symbol(stray.symbol).starts_with("dyhat/dz");
    }
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        other_depth = other_depth && !(asked_[i].symbol.starts_with("dyhat/dz") && first_line[i] != 0);
    }
    const auto answered =
        static_cast<std::size_t>(std::ranges::count_if(first_line, [](std::size_t line) { return line != 0; }));
    constexpr std::size_t several = 3;
    if (first != nullptr && (foreign.size() >= several || foreign.size() >= answered || other_depth)) {
        refuse_symbol(source + ":" + std::to_string(first->line), first->symbol, asked_);
    }
    std::vector<std::string> remarks;
    for (const Stray& stray : strays_) {
        if (stray.numbers) {
            remarks.push_back("line " + std::to_string(stray.line) + ": " +
                              excerpt(replace_invalid_utf8(stray.symbol)) +
                              " is no symbol that the sheet asks for; its numbers were left out");
        }
    }
    return remarks;
}

}  // namespace handgrad::compare
