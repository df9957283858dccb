// Names are split into what they are called for (weight, bias, coefs …) and what tells the layer.
#include "handgrad/import/named_weights.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/npy_array.hpp"

namespace handgrad::imports {
namespace {

struct Word {
    std::string_view word;
    bool weight;
    bool turned = false;  ///< stands as in × out
};
/// Longer ones first, of which a shorter one is the beginning.
constexpr std::array words{Word{"weights", true},     Word{"weight", true},      Word{"kernel", true, true},
                           Word{"coefs", true, true}, Word{"coef", true, true},  Word{"biases", false},
                           Word{"bias", false},       Word{"intercepts", false}, Word{"intercept", false}};

struct Part {
    const NamedArray* array;
    std::string layer;  ///< the name without the word
    bool weight;
    bool turned;
};

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// `W1`, `b1`: the letter and a number.
bool is_letter_and_number(std::string_view name) {
    return name.size() > 1 && (name[0] == 'w' || name[0] == 'b') &&
           std::ranges::all_of(name.substr(1), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::optional<Part> part_of(const NamedArray& array) {
    const std::string name = lower(array.name);
    if (is_letter_and_number(name)) {
        return Part{&array, name.substr(1), name[0] == 'w', false};
    }
    for (const Word& word : words) {
        const std::size_t at = name.rfind(word.word);
        if (at != std::string::npos) {
            return Part{&array, name.substr(0, at) + name.substr(at + word.word.size()), word.weight, word.turned};
        }
    }
    return std::nullopt;
}

/// Numbers in texts by their value.
bool natural_less(const std::string& a, const std::string& b) {
    const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (!is_digit(a[i]) || !is_digit(b[j])) {
            if (a[i] != b[j]) {
                return a[i] < b[j];
            }
            ++i;
            ++j;
            continue;
        }
        const auto number = [&](const std::string& text, std::size_t& at) {
            while (at < text.size() && text[at] == '0') {
                ++at;
            }
            const std::size_t begin = at;
            while (at < text.size() && is_digit(text[at])) {
                ++at;
            }
            return text.substr(begin, at - begin);
        };
        const std::string left = number(a, i), right = number(b, j);
        if (left != right) {
            return left.size() != right.size() ? left.size() < right.size() : left < right;
        }
    }
    return a.size() - i < b.size() - j;
}

bool chains(const std::vector<Part>& weights, bool turned) {
    for (std::size_t l = 1; l < weights.size(); ++l) {
        const std::vector<std::size_t>&before = weights[l - 1].array->shape, &here = weights[l].array->shape;
        if (before[turned ? 1 : 0] != here[turned ? 0 : 1]) {
            return false;
        }
    }
    return true;
}

class ArraysReader {
public:
    ArraysReader(std::span<const NamedArray> arrays, const std::string& source) : arrays_(arrays), source_(source) {}

    ForeignNetwork network() {
        sort_parts();
        if (weights_.empty()) {
            fail("no weights are in it: it has " + listed() +
                 "; weights are arrays of two axes called weight, kernel, coefs_0 … or W1 …, beside bias, intercepts_0 "
                 "… or b1 …");
        }
        const bool turned = order();
        ForeignNetwork network;
        for (const Part& part : weights_) {
            network.layers.push_back(layer_of(part, turned));
            network.in_double = network.in_double || part.array->digits > 24;
        }
        for (const auto& [layer, part] : biases_) {
            fail("'" + printable(part.array->name) + "' belongs to no weight");
        }
        network.left_out = std::move(left_out_);
        take_scales(network);
        return network;
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, source_ + ": " + cause); }

    [[nodiscard]] std::string listed() const {
        constexpr std::size_t most = 20;
        std::string text;
        for (std::size_t i = 0; i < arrays_.size() && i < most; ++i) {
            add_item(text, ", ", printable(shortened(arrays_[i].name, 80)) + " " + shape_text(arrays_[i].shape));
        }
        return text.empty() ? "nothing" : text + when(arrays_.size() > most, ", …");
    }

    void sort_parts() {
        for (const NamedArray& array : arrays_) {
            const std::optional<Part> part = part_of(array);
            if (!part) {
                left_out_.push_back(array.name);
                continue;
            }
            if (!array.problem.empty()) {
                fail(array.problem);
            }
            const std::size_t axes = part->weight ? 2 : 1;
            if (array.shape.size() != axes || array.values.empty()) {
                fail("'" + printable(array.name) + "' has the shape " + shape_text(array.shape) +
                     "; layers here are Linear alone, with a weight of two axes and a bias of one");
            }
            if (part->weight) {
                weights_.push_back(*part);
            } else if (!biases_.emplace(part->layer, *part).second) {
                fail("'" + printable(array.name) + "': the layer has a bias already");
            }
        }
    }

    /// Puts the weights in an order in which they fit each other; whether they stand as in × out.
    bool order() {
        std::vector<Part> by_name = weights_;
        std::ranges::stable_sort(by_name, [](const Part& a, const Part& b) { return natural_less(a.layer, b.layer); });
        for (const std::vector<Part>& parts : {by_name, weights_}) {
            const bool usual = parts.front().turned;
            for (const bool turned : {usual, !usual}) {
                if (chains(parts, turned) && fits_biases(parts, turned)) {
                    weights_ = parts;
                    return turned;
                }
            }
        }
        fail("the layers do not fit each other in any order of theirs: " + listed());
    }

    [[nodiscard]] bool fits_biases(const std::vector<Part>& parts, bool turned) const {
        return std::ranges::all_of(parts, [&](const Part& part) {
            const auto bias = biases_.find(part.layer);
            return bias == biases_.end() || bias->second.array->values.size() == part.array->shape[turned ? 1 : 0];
        });
    }

    ForeignLayer layer_of(const Part& part, bool turned) {
        const std::vector<std::size_t>& shape = part.array->shape;
        ForeignLayer layer{.inputs = shape[turned ? 0 : 1], .outputs = shape[turned ? 1 : 0]};
        layer.weight = part.array->values;
        for (std::size_t u = 0; turned && u < layer.outputs; ++u) {
            for (std::size_t i = 0; i < layer.inputs; ++i) {
                layer.weight[u * layer.inputs + i] = part.array->values[i * layer.outputs + u];
            }
        }
        layer.bias.assign(layer.outputs, 0.0);
        if (const auto bias = biases_.find(part.layer); bias != biases_.end()) {
            layer.bias = bias->second.array->values;
            biases_.erase(bias);
        }
        return layer;
    }

    /// What `export` writes beside the weights.
    void take_scales(ForeignNetwork& network) {
        const std::size_t inputs = network.layers.front().inputs, outputs = network.layers.back().outputs;
        take("input_shift", inputs, network.input_shifts, network.left_out);
        take("input_scale", inputs, network.input_scales, network.left_out);
        take("target_shift", outputs, network.target_shifts, network.left_out);
        take("target_scale", outputs, network.target_scales, network.left_out);
        std::vector<double> slope;
        take("leaky_slope", 1, slope, network.left_out);
        if (!slope.empty()) {
            network.leaky_slope = slope.front();
        }
    }
    void take(const std::string& name, std::size_t count, std::vector<double>& to, std::vector<std::string>& left) {
        for (const NamedArray& array : arrays_) {
            if (array.name == name && array.problem.empty() && array.values.size() == count) {
                to = array.values;
                std::erase(left, name);
            }
        }
    }

    std::span<const NamedArray> arrays_;
    const std::string& source_;
    std::vector<Part> weights_;
    std::map<std::string, Part> biases_;
    std::vector<std::string> left_out_;
};

}  // namespace

ForeignNetwork network_of_arrays(std::span<const NamedArray> arrays, const std::string& source) {
    return ArraysReader(arrays, source).network();
}

}  // namespace handgrad::imports
