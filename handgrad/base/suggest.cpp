// The nearest name by edit distance with swaps of neighbours (optimal string alignment).
#include "handgrad/base/suggest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace handgrad {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// How many single edits turn `a` into `b`; three rows of the usual table are enough, since a swap looks back by two.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

/// Longer words are not mistyped but made, and measuring takes the product of two lengths.
constexpr std::size_t longest = 256;
/// Products of lengths, a fraction of a second: of very many names the first ones are looked at.
constexpr std::size_t most_measured = std::size_t{1} << 26;

}  // namespace

std::string did_you_mean(std::string_view wanted, std::span<const std::string> known) {
    if (wanted.size() > longest) {
        return "";
    }
    const std::string* nearest = nullptr;
    std::size_t measured = 0;
    std::size_t limit = wanted.size() < 2 ? 0 : std::max<std::size_t>(1, wanted.size() / 3);
    for (const std::string& name : known) {
        const std::size_t gap = std::max(name.size(), wanted.size()) - std::min(name.size(), wanted.size());
        if (gap > limit) {  // not near
            continue;
        }
        measured += name.size() * wanted.size();
        if (measured > most_measured) {
            break;
        }
        const std::size_t distance = edit_distance(wanted, name);
        if (distance < limit || (distance == limit && nearest == nullptr)) {
            nearest = &name;
            limit = distance;
        }
    }
    return nearest == nullptr ? "" : " (did you mean '" + *nearest + "'?)";
}

}  // namespace handgrad
