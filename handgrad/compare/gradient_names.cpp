// Names are read as FAMILY, layer number, weight or bias; a file is accepted when all of it is one family.
#include "handgrad/compare/gradient_names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::compare {
namespace {

struct Parsed {
    std::string family;
    std::size_t number;
    bool bias;
};

bool take_back(std::string_view& text, std::string_view end) {
    if (!text.ends_with(end)) {
        return false;
    }
    text.remove_suffix(end.size());
    return true;
}

/// `net.0.weight`, `fc1.bias.grad`, `dW2`, `b1`.
std::optional<Parsed> parse(std::string_view name) {
    take_back(name, ".grad");
    bool bias = take_back(name, ".bias");
    const bool dotted = bias || take_back(name, ".weight");
    const std::size_t digits = name.find_last_not_of("0123456789") + 1;  // npos + 1 = 0
    std::size_t number = 0;
    if (std::from_chars(name.data() + digits, name.data() + name.size(), number).ec != std::errc{}) {
        return std::nullopt;
    }
    std::string family(name.substr(0, digits));
    if (!dotted) {
        if (family != "W" && family != "w" && family != "b" && family != "dW" && family != "dw" && family != "db") {
            return std::nullopt;
        }
        bias = family.back() == 'b';
        family.pop_back();
    }
    return Parsed{std::move(family), number, bias};
}

/// The places when all names are of one family: its numbers, in ascending order, are the layers.
std::optional<std::vector<std::size_t>> by_family(std::span<const NamedArray> arrays, std::size_t layers) {
    if (arrays.size() != 2 * layers) {
        return std::nullopt;
    }
    std::vector<Parsed> parsed;
    std::vector<std::size_t> numbers;
    for (const NamedArray& array : arrays) {
        std::optional<Parsed> name = parse(array.name);
        if (!name || (!parsed.empty() && name->family != parsed.front().family)) {
            return std::nullopt;
        }
        parsed.push_back(std::move(*name));
        numbers.push_back(parsed.back().number);
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    std::vector<std::size_t> places;
    for (const std::size_t number : numbers) {
        for (const bool bias : {false, true}) {
            const auto found =
                std::ranges::find_if(parsed, [&](const Parsed& p) { return p.number == number && p.bias == bias; });
            if (found == parsed.end()) {
                return std::nullopt;
            }
            places.push_back(static_cast<std::size_t>(found - parsed.begin()));
        }
    }
    if (places.size() != arrays.size()) {
        return std::nullopt;
    }
    return places;
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 20;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        text += when(i > 0, ", ") + names[i];
    }
    return text + when(names.empty(), "nothing") + when(names.size() > most, ", ...");
}

}  // namespace

std::vector<std::size_t> match_gradient_names(std::span<const NamedArray> arrays, std::size_t layers,
                                              const std::string& source) {
    std::vector<std::string> expected, there, missing;
    for (const NamedArray& array : arrays) {
        there.push_back(array.name);
    }
    std::vector<std::size_t> places;
    for (std::size_t l = 0; l < layers; ++l) {
        for (const std::string& name : {weight_name(l), bias_name(l)}) {
            expected.push_back(name);
            const auto found = std::ranges::find(there, name);
            if (found == there.end()) {
                missing.push_back(name);
            }
            places.push_back(static_cast<std::size_t>(found - there.begin()));
        }
    }
    if (missing.empty() && arrays.size() == expected.size()) {
        return places;
    }
    if (const auto family = by_family(arrays, layers)) {
        return *family;
    }
    throw Error(ErrorKind::data, source + ": the tensors are called " + listed(there) + "; expected are " +
                                     listed(expected) + " (or one numbered family: 0.weight, fc1.weight, W1 and b1)");
}

}  // namespace handgrad::compare
