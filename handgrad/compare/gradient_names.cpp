// A name is cut into words: one says weight or bias, and the number of its layer stands in it or before it.
#include "handgrad/compare/gradient_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"

namespace handgrad::compare {
namespace {

struct Parsed {
    std::string family;  ///< all but the number and the word for weight or bias
    std::optional<std::size_t> number;
    bool bias = false;
};

/// `net.0.weight` → net 0 weight; in lower case.
std::vector<std::string> words_of(std::string_view name) {
    std::vector<std::string> words(1);
    for (const char c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!words.back().empty()) {
            words.emplace_back();
        }
    }
    if (words.back().empty()) {
        words.pop_back();
    }
    return words;
}

/// Takes the digits off the end of a word.
std::optional<std::size_t> take_number(std::string& word) {
    const std::size_t begin = word.find_last_not_of("0123456789") + 1;  // npos + 1 = 0
    std::size_t number = 0;
    if (std::from_chars(word.data() + begin, word.data() + word.size(), number).ec != std::errc{}) {
        return std::nullopt;
    }
    word.resize(begin);
    return number;
}

/// `weight`, `w`, `kernel`, `dw`, `djdw`, `dldw` …; `bias`, `b`, `db` …: whether it is a bias.
std::optional<bool> kind_of(std::string_view word) {
    for (const std::string_view before : {"dloss", "dcost", "grad", "dl", "dj", "dc", "de", "g"}) {
        if (word.starts_with(before) && word.size() > before.size() + 1 && word[before.size()] == 'd') {
            word.remove_prefix(before.size());
            break;
        }
    }
    for (const std::string_view end : {"grad", "gradient"}) {
        if (word.ends_with(end) && word.size() > end.size()) {
            word.remove_suffix(end.size());
        }
    }
    if (word.starts_with("grad")) {
        word.remove_prefix(std::string_view("grad").size());
    }
    if (word.size() > 1 && word.front() == 'd') {
        word.remove_prefix(1);
    }
    constexpr std::array weights{"weight", "weights", "w", "kernel", "coef", "coefs"};
    constexpr std::array biases{"bias", "biases", "b", "intercept", "intercepts"};
    if (std::ranges::find(weights, word) != weights.end()) {
        return false;
    }
    if (std::ranges::find(biases, word) != biases.end()) {
        return true;
    }
    return std::nullopt;
}

std::optional<Parsed> parse(std::string_view name) {
    Parsed parsed;
    bool known = false;
    for (std::string& word : words_of(name)) {
        const std::optional<std::size_t> number = take_number(word);
        if (number) {
            parsed.number = number;  // the last one: block1.fc2.weight is 2
        }
        const std::optional<bool> bias = kind_of(word);
        if (bias && !known) {
            parsed.bias = *bias;
            known = true;
        } else if (word != "grad" && word != "gradient" && word != "d" && word != "dl" && word != "dj") {
            parsed.family += word + ".";
        }
    }
    return known ? std::optional(parsed) : std::nullopt;
}

/// Whether an array can be a parameter's gradient by its shape: as it is or turned; axes of length 1 do not count.
bool fits(const NamedArray& array, const Architecture& shape, std::size_t parameter) {
    std::vector<std::size_t> theirs = array.shape, ours{shape.sizes[parameter / 2 + 1]};
    if (parameter % 2 == 0) {
        ours.push_back(shape.sizes[parameter / 2]);
    }
    std::erase(theirs, 1);
    std::erase(ours, 1);
    return theirs == ours || std::vector(theirs.rbegin(), theirs.rend()) == ours;
}

/// Layers for numbers in ascending order: 0, 1 … when there are as many; else the only way in which shapes fit.
std::optional<std::vector<std::size_t>> layers_of(const std::vector<std::size_t>& numbers,
                                                  const std::function<bool(std::size_t, std::size_t)>& number_fits,
                                                  std::size_t layers) {
    std::vector<std::size_t> chosen, found;
    std::size_t ways = 0;
    const std::function<void(std::size_t)> place = [&](std::size_t from) {
        if (chosen.size() == numbers.size()) {
            ++ways;
            found = chosen;
            return;
        }
        for (std::size_t l = from; l < layers && ways < 2; ++l) {
            if (numbers.size() == layers || number_fits(chosen.size(), l)) {
                chosen.push_back(l);
                place(l + 1);
                chosen.pop_back();
            }
        }
    };
    place(0);
    return ways == 1 ? std::optional(found) : std::nullopt;
}

std::optional<std::vector<MatchedTensor>> by_names(std::span<const NamedArray> arrays, const Architecture& shape) {
    std::vector<Parsed> parsed;
    std::vector<std::size_t> numbers;
    for (const NamedArray& array : arrays) {
        std::optional<Parsed> name = parse(array.name);
        if (!name || (!name->number && shape.layers() > 1)) {
            return std::nullopt;
        }
        name->number = name->number.value_or(0);
        numbers.push_back(*name->number);
        parsed.push_back(std::move(*name));
    }
    const bool one_family =
        std::ranges::all_of(parsed, [&](const Parsed& p) { return p.family == parsed.front().family; });
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    if (!one_family || numbers.size() > shape.layers()) {
        return std::nullopt;
    }
    const auto number_fits = [&](std::size_t number, std::size_t l) {
        for (std::size_t i = 0; i < arrays.size(); ++i) {
            const std::size_t parameter = 2 * l + std::size_t{parsed[i].bias};
            if (*parsed[i].number == numbers[number] && !fits(arrays[i], shape, parameter)) {
                return false;
            }
        }
        return true;
    };
    const auto layers = layers_of(numbers, number_fits, shape.layers());
    if (!layers) {
        return std::nullopt;
    }
    std::vector<MatchedTensor> matched;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        const auto at = static_cast<std::size_t>(std::ranges::find(numbers, *parsed[i].number) - numbers.begin());
        matched.push_back({2 * (*layers)[at] + std::size_t{parsed[i].bias}, i});
    }
    return matched;
}

/// `linear2.weight` says all, whatever else is there.
std::optional<std::vector<MatchedTensor>> by_our_names(std::span<const NamedArray> arrays, std::size_t layers) {
    std::vector<MatchedTensor> matched;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        for (std::size_t l = 0; l < layers; ++l) {
            if (arrays[i].name == weight_name(l) || arrays[i].name == bias_name(l)) {
                matched.push_back({2 * l + std::size_t{arrays[i].name == bias_name(l)}, i});
            }
        }
    }
    return matched.size() == arrays.size() ? std::optional(matched) : std::nullopt;
}

/// `arr_0` and so on, as np.savez calls what has no name, when each shape is that of one parameter alone.
std::optional<std::vector<MatchedTensor>> by_shapes(std::span<const NamedArray> arrays, const Architecture& shape) {
    std::vector<MatchedTensor> matched;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        if (!arrays[i].name.starts_with("arr_")) {
            return std::nullopt;
        }
        std::size_t candidates = 0, parameter = 0;
        for (std::size_t p = 0; p < 2 * shape.layers(); ++p) {
            if (fits(arrays[i], shape, p)) {
                ++candidates;
                parameter = p;
            }
        }
        if (candidates != 1) {
            return std::nullopt;
        }
        matched.push_back({parameter, i});
    }
    return matched;
}

/// What the names leave open, the shapes tell; a transposed tensor among others that are not is a mistake.
Orientation orientation_of(std::span<const NamedArray> arrays, const std::vector<MatchedTensor>& matched,
                           const Architecture& shape) {
    std::size_t turned = 0, upright = 0;
    bool turned_names = true;
    for (const MatchedTensor& tensor : matched) {
        if (tensor.parameter % 2 == 1) {
            continue;
        }
        const std::size_t out = shape.sizes[tensor.parameter / 2 + 1], in = shape.sizes[tensor.parameter / 2];
        const NamedArray& array = arrays[tensor.place];
        if (array.shape == std::vector{in, out} && in != out) {
            ++turned;
        } else if (in != out) {
            ++upright;
        }
        const std::vector<std::string> words = words_of(array.name);
        turned_names = turned_names && std::ranges::any_of(words, [](std::string word) {
                           take_number(word);
                           return word.find("kernel") != std::string::npos || word.find("coef") != std::string::npos;
                       });
    }
    const bool all_square = turned == 0 && upright == 0;
    if ((turned > 0 && upright == 0) || (all_square && turned_names)) {
        return Orientation::in_out;
    }
    return Orientation::out_in;
}

bool each_once(std::vector<MatchedTensor>& matched) {
    std::ranges::sort(matched, {}, &MatchedTensor::parameter);
    const auto twice = std::ranges::adjacent_find(matched, {}, &MatchedTensor::parameter);
    return !matched.empty() && twice == matched.end();
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

MatchedGradients match_gradient_names(std::span<const NamedArray> arrays, const Architecture& shape,
                                      const std::string& source) {
    if (auto matched = by_our_names(arrays, shape.layers()); matched && each_once(*matched)) {
        return {std::move(*matched)};
    }
    for (auto matched : {by_names(arrays, shape), by_shapes(arrays, shape)}) {
        if (matched && each_once(*matched)) {
            const Orientation orientation = orientation_of(arrays, *matched, shape);
            return {std::move(*matched), orientation};
        }
    }
    std::vector<std::string> expected, there;
    for (const NamedArray& array : arrays) {
        there.push_back(array.name);
    }
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        expected.push_back(weight_name(l));
        expected.push_back(bias_name(l));
    }
    throw Error(ErrorKind::data,
                source + ": the tensors are called " + listed(there) + "; expected are " + listed(expected) +
                    ", some of them, or one numbered family (0.weight, fc1.weight, W1 and b1, dJdW1, grad_W1)");
}

NamedArray turned(const NamedArray& array) {
    const std::size_t in = array.shape[0], out = array.shape[1];
    NamedArray result{.name = array.name, .shape = {out, in}, .values = array.values, .digits = array.digits};
    for (std::size_t j = 0; j < in; ++j) {
        for (std::size_t i = 0; i < out; ++i) {
            result.values[i * in + j] = array.values[j * out + i];
        }
    }
    return result;
}

}  // namespace handgrad::compare
