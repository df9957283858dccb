// A name is cut into words and numbers: one word says weight or bias, the others are its family, the numbers its layer.
#include "handgrad/compare/gradient_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"

namespace handgrad::compare {
namespace {

using Matched = std::vector<MatchedTensor>;

std::string our_name(std::size_t parameter) {
    return parameter % 2 == 1 ? bias_name(parameter / 2) : weight_name(parameter / 2);
}
std::string quoted(const NamedArray& array) { return "'" + printable(array.name) + "'"; }

template <class List, class Value>
bool is_one_of(const List& list, const Value& value) {
    return std::ranges::find(list, value) != list.end();
}

// --- Names -----------------------------------------------------------------------------------------------------------

struct Word {
    std::string text;  ///< letters; empty for a number by itself
    std::optional<std::size_t> number{};
};

/// In lower case and in ASCII what has a meaning: ∂ is d, θ is theta, W₁ and W⁽¹⁾ have numbers; without TensorFlow's
/// `:0`.
std::string simplified(std::string name) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 24> meanings{{
        {"∂", "d"}, {"∇", "grad"}, {"θ", "theta"}, {"Θ", "theta"}, {"₀", "0"}, {"₁", "1"}, {"₂", "2"}, {"₃", "3"},
        {"₄", "4"}, {"₅", "5"},    {"₆", "6"},     {"₇", "7"},     {"₈", "8"}, {"₉", "9"}, {"⁰", "0"}, {"¹", "1"},
        {"²", "2"}, {"³", "3"},    {"⁴", "4"},     {"⁵", "5"},     {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"}, {"⁹", "9"},
    }};
    for (const auto& [symbol, meaning] : meanings) {
        for (std::size_t at = name.find(symbol); at != std::string::npos; at = name.find(symbol, at)) {
            name.replace(at, symbol.size(), meaning);
        }
    }
    const std::size_t colon = name.find_last_not_of("0123456789");
    if (colon != std::string::npos && name[colon] == ':' && colon + 1 < name.size()) {
        name.resize(colon);
    }
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

/// `net.0.weight` → net 0, weight; `dW1` → dw 1: a number belongs to the word before it.
std::vector<Word> words_of(const std::string& name) {
    const std::string text = simplified(name);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    std::vector<Word> words;
    auto at = text.begin();
    while (at != text.end()) {
        if (is_letter(*at)) {
            const auto end = std::find_if_not(at, text.end(), is_letter);
            words.push_back({.text = {at, end}});
            at = end;
        } else if (is_digit(*at)) {
            const auto end = std::find_if_not(at, text.end(), is_digit);
            std::size_t number = 0;
            const bool too_large = std::from_chars(&*at, &*at + (end - at), number).ec != std::errc{};
            if (words.empty() || words.back().number) {
                words.emplace_back();
            }
            if (too_large) {
                words.back().text.append(at, end);
            } else {
                words.back().number = number;
            }
            at = end;
        } else {
            ++at;
        }
    }
    return words;
}

/// What a word says of a tensor.
struct Kind {
    bool bias = false;
    bool gradient = false;  ///< dW, W_grad: not the parameter itself
    bool theta = false;     ///< which others use for all parameters together
    std::string_view rest;  ///< out, of Wout
};

bool take_front(std::string_view& word, std::string_view front) {
    if (word.size() <= front.size() || !word.starts_with(front)) {
        return false;
    }
    word.remove_prefix(front.size());
    return true;
}
bool take_end(std::string_view& word, std::string_view end) {
    if (word.size() <= end.size() || !word.ends_with(end)) {
        return false;
    }
    word.remove_suffix(end.size());
    return true;
}

/// `weight`, `w`, `kernel`, `dw`, `djdw`, `gw` …; `bias`, `b`, `db` …
std::optional<Kind> kind_of(std::string_view word) {
    Kind kind;
    for (const std::string_view before : {"dloss", "dcost", "grad", "dl", "dj", "dc", "de", "g"}) {
        if (word.size() > before.size() + 1 && word[before.size()] == 'd' && take_front(word, before)) {
            break;  // the d behind it is taken below
        }
    }
    kind.gradient = take_end(word, "gradient") || take_end(word, "grad");
    for (const std::string_view front : {"grad", "nabla", "d", "g"}) {
        kind.gradient = take_front(word, front) || kind.gradient;
    }
    for (const std::string_view end : {"output", "out"}) {
        const std::string_view whole = word;
        if (take_end(word, end)) {
            kind.rest = whole.substr(word.size());
            break;
        }
    }
    static constexpr std::array weights{"weight", "weights", "w", "kernel", "kernels", "coef", "coefs", "theta"};
    static constexpr std::array biases{"bias", "biases", "b", "intercept", "intercepts"};
    kind.bias = is_one_of(biases, word);
    kind.theta = word == "theta";
    return kind.bias || is_one_of(weights, word) ? std::optional(kind) : std::nullopt;
}

/// One array whose name says that it is a weight or a bias.
struct Parsed {
    std::size_t place = 0;
    std::string family;                               ///< the words that say nothing else, each with a full stop
    std::vector<std::optional<std::size_t>> numbers;  ///< of those and of the one that says weight or bias
    bool bias = false;
    bool gradient = false;

    [[nodiscard]] bool numbered() const {
        return std::ranges::any_of(numbers, [](const auto& number) { return number.has_value(); });
    }
};

// --- Shapes ----------------------------------------------------------------------------------------------------------

/// (out, in) of a weight, (out) of a bias.
std::vector<std::size_t> shape_of(const Architecture& shape, std::size_t parameter) {
    std::vector<std::size_t> ours{shape.sizes[parameter / 2 + 1]};
    if (parameter % 2 == 0) {
        ours.push_back(shape.sizes[parameter / 2]);
    }
    return ours;
}
std::vector<std::size_t> reversed(const std::vector<std::size_t>& shape) { return {shape.rbegin(), shape.rend()}; }
std::vector<std::size_t> without_ones(std::vector<std::size_t> shape) {
    std::erase(shape, 1);
    return shape;
}

/// Of more than two axes those of length 1 do not count; the numbers stay in their order. What is left of a weight of
/// one input or one unit is a list, which stands neither upright nor turned.
std::vector<std::size_t> normal_shape(const std::vector<std::size_t>& theirs, const std::vector<std::size_t>& ours) {
    if (theirs.size() <= 2) {
        return theirs;
    }
    std::vector<std::size_t> squeezed = without_ones(theirs);
    if (squeezed.empty() && without_ones(ours).empty()) {
        return ours;
    }
    return squeezed;
}

/// Whether an array can be a parameter's gradient by its shape: as it is or turned; axes of length 1 do not count. One
/// whose numbers cannot be read may have any shape.
bool fits(const NamedArray& array, const Architecture& shape, std::size_t parameter) {
    const std::vector<std::size_t> theirs = without_ones(array.shape);
    const std::vector<std::size_t> ours = without_ones(shape_of(shape, parameter));
    return theirs == ours || reversed(theirs) == ours || !array.problem.empty();
}
bool fits_any(const NamedArray& array, const Architecture& shape, bool bias) {
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        if (fits(array, shape, 2 * l + std::size_t{bias})) {
            return true;
        }
    }
    return false;
}

// --- By names --------------------------------------------------------------------------------------------------------

std::optional<Parsed> parse(std::span<const NamedArray> arrays, std::size_t place, const Architecture& shape) {
    static constexpr std::array marks{"grad", "grads", "gradient", "gradients", "d",     "dl",    "dj",
                                      "dc",   "de",    "g",        "dloss",     "dcost", "nabla", "derivative"};
    Parsed parsed{.place = place, .family = {}, .numbers = {}};
    std::optional<Kind> known;
    for (const Word& word : words_of(arrays[place].name)) {
        const std::optional<Kind> kind = kind_of(word.text);
        if (kind && !known) {
            known = kind;
            parsed.bias = kind->bias;
            parsed.gradient = parsed.gradient || kind->gradient;
            if (!kind->rest.empty()) {
                parsed.family += std::string(kind->rest) + ".";
            }
        } else if (is_one_of(marks, word.text)) {
            parsed.gradient = true;
        } else {
            parsed.family += word.text + ".";
            parsed.numbers.push_back(word.number);
            continue;
        }
        if (word.number) {
            parsed.numbers.push_back(word.number);
        }
    }
    if (!known || (known->theta && !fits_any(arrays[place], shape, false))) {
        return std::nullopt;
    }
    return parsed;
}

/// Where the layers of a family stand among those of others.
enum class Rank { first, middle, last, open };

struct Family {
    std::string name;
    std::vector<Parsed> members;
    Rank rank = Rank::open;
};

/// `output.weight` is the last layer by its name, `input.weight` the first; what has numbers is neither.
Rank rank_of(const Family& family) {
    if (std::ranges::any_of(family.members, &Parsed::numbered)) {
        return Rank::middle;
    }
    static constexpr std::array firsts{"in", "input", "inputs", "first"};
    static constexpr std::array lasts{"out", "output", "outputs", "last", "final", "head", "classifier"};
    Rank rank = Rank::open;
    std::string_view rest = family.name;
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find('.'));
        rest.remove_prefix(word.size() + 1);
        if (is_one_of(lasts, word)) {
            return Rank::last;
        }
        if (is_one_of(firsts, word)) {
            rank = Rank::first;
        }
    }
    return rank;
}

/// One layer as names have it; ascending order is that of the layers.
using Key = std::pair<Rank, std::vector<std::optional<std::size_t>>>;

class NameReader {
public:
    NameReader(std::span<const NamedArray> arrays, const Architecture& shape) : arrays_(arrays), shape_(shape) {}

    std::optional<Matched> operator()() {
        group(meant());
        if (families_.empty()) {
            return std::nullopt;
        }
        if (families_.size() == 1) {
            if (std::optional<Matched> ours = by_our_names()) {
                return ours;
            }
        }
        drop_strangers();
        if (!rank()) {
            return std::nullopt;
        }
        std::optional<Matched> found = in_order();
        if (found && !each_once(*found)) {
            return std::nullopt;
        }
        return found;
    }

    /// Why nothing was found though some names say weight or bias.
    [[nodiscard]] const std::string& doubt() const { return doubt_; }

private:
    [[nodiscard]] bool fits_somewhere(const Parsed& parsed) const {
        return fits_any(arrays_[parsed.place], shape_, parsed.bias);
    }

    /// Where some are gradients by name, W1 beside dW1 is the weight itself; what no shape speaks for does not decide.
    std::vector<Parsed> meant() const {
        std::vector<Parsed> gradients, others;
        for (std::size_t i = 0; i < arrays_.size(); ++i) {
            if (const std::optional<Parsed> parsed = parse(arrays_, i, shape_)) {
                std::vector<Parsed>& to = parsed->gradient ? gradients : others;
                to.push_back(*parsed);
            }
        }
        const auto some_fit = [&](const std::vector<Parsed>& list) {
            return std::ranges::any_of(list, [&](const Parsed& parsed) { return fits_somewhere(parsed); });
        };
        if (gradients.empty() || (!some_fit(gradients) && some_fit(others))) {
            return others;
        }
        return gradients;
    }

    void group(const std::vector<Parsed>& all) {
        for (const Parsed& parsed : all) {
            auto family = std::ranges::find(families_, parsed.family, &Family::name);
            if (family == families_.end()) {
                family = families_.insert(families_.end(), Family{.name = parsed.family, .members = {}});
            }
            family->members.push_back(parsed);
        }
    }

    /// `linear2.weight` says all.
    [[nodiscard]] std::optional<Matched> by_our_names() const {
        Matched matched;
        for (const Parsed& member : families_.front().members) {
            for (std::size_t l = 0; l < shape_.layers(); ++l) {
                const std::size_t parameter = 2 * l + std::size_t{member.bias};
                if (arrays_[member.place].name == our_name(parameter)) {
                    matched.push_back({parameter, member.place});
                }
            }
        }
        if (matched.size() != families_.front().members.size()) {
            return std::nullopt;
        }
        return matched;
    }

    /// Families of which no shape fits, beside others; and `weights` of rows, say, beside weights1 ….
    void drop_strangers() {
        const auto fitting = [&](const Parsed& parsed) { return fits_somewhere(parsed); };
        const auto strange = [&](const Family& family) { return std::ranges::none_of(family.members, fitting); };
        if (!std::ranges::all_of(families_, strange)) {
            std::erase_if(families_, strange);
        }
        for (Family& family : families_) {
            if (std::ranges::any_of(family.members, &Parsed::numbered)) {
                std::erase_if(family.members,
                              [&](const Parsed& parsed) { return !parsed.numbered() && !fitting(parsed); });
            }
        }
    }

    /// Of several families at most one is the first layer, one the last, and one has the layers between.
    bool rank() {
        std::array<const Family*, 3> taken{};
        const auto take = [&](Family& family, Rank rank) {
            family.rank = rank;
            const Family*& place = taken[static_cast<std::size_t>(rank)];
            if (place != nullptr) {
                doubt_ = quoted(arrays_[place->members.front().place]) + " and " +
                         quoted(arrays_[family.members.front().place]);
                const bool numbers = std::ranges::any_of(family.members, &Parsed::numbered);
                doubt_ += when(numbers, " name layers in two ways; leave only one of the two families in the file") +
                          when(!numbers, " do not say by a number which layer they are");
                return false;
            }
            place = &family;
            return true;
        };
        for (Family& family : families_) {
            const Rank rank = rank_of(family);
            if (rank != Rank::open && !take(family, rank)) {
                return false;
            }
        }
        for (Family& family : families_) {
            if (family.rank != Rank::open) {
                continue;
            }
            // hidden1, hidden2 and out; but of hidden and out, or by itself, it is in the middle.
            const bool is_last = taken[static_cast<std::size_t>(Rank::middle)] != nullptr &&
                                 taken[static_cast<std::size_t>(Rank::last)] == nullptr;
            if (!take(family, is_last ? Rank::last : Rank::middle)) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] static Key key_of(const Family& family, const Parsed& member) {
        return {family.rank, member.numbers};
    }

    /// Whether all tensors of that key have the shapes of layer l, and its rank allows it.
    [[nodiscard]] bool key_fits(const Key& key, std::size_t l) const {
        if ((key.first == Rank::last && l + 1 != shape_.layers()) || (key.first == Rank::first && l != 0)) {
            return false;
        }
        for (const Family& family : families_) {
            for (const Parsed& member : family.members) {
                const std::size_t parameter = 2 * l + std::size_t{member.bias};
                if (key_of(family, member) == key && !fits(arrays_[member.place], shape_, parameter)) {
                    return false;
                }
            }
        }
        return true;
    }

    /// Layers for keys in their order: 0, 1 … when there are as many; else, or when shapes have to fit, all ways in
    /// which they do, up to two.
    [[nodiscard]] std::vector<std::vector<std::size_t>> layers_of(const std::vector<Key>& keys, bool strict) const {
        std::vector<std::vector<std::size_t>> found;
        std::vector<std::size_t> chosen;
        const bool as_numbered = keys.size() == shape_.layers() && !strict;
        const std::function<void(std::size_t)> place = [&](std::size_t from) {
            if (chosen.size() == keys.size()) {
                found.push_back(chosen);
                return;
            }
            for (std::size_t l = from; l < shape_.layers() && found.size() < 2; ++l) {
                if (as_numbered || key_fits(keys[chosen.size()], l)) {
                    chosen.push_back(l);
                    place(l + 1);
                    chosen.pop_back();
                }
            }
        };
        place(0);
        return found;
    }

    [[nodiscard]] Matched matched(const std::vector<Key>& keys, const std::vector<std::size_t>& layers) const {
        Matched result;
        for (const Family& family : families_) {
            for (const Parsed& member : family.members) {
                const auto at = std::ranges::find(keys, key_of(family, member)) - keys.begin();
                result.push_back({2 * layers[static_cast<std::size_t>(at)] + std::size_t{member.bias}, member.place});
            }
        }
        return result;
    }

    std::optional<Matched> in_order() {
        std::vector<Key> keys;
        for (const Family& family : families_) {
            for (const Parsed& member : family.members) {
                keys.push_back(key_of(family, member));
            }
        }
        std::ranges::sort(keys);
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        if (keys.size() > shape_.layers()) {
            doubt_ = "they are " + plural(keys.size(), "layer") + " by their names, the network has " +
                     std::to_string(shape_.layers());
            return std::nullopt;
        }
        std::vector<std::vector<Key>> orders{keys};
        const Family& main = families_.front();
        const auto unnumbered = std::ranges::find_if_not(main.members, &Parsed::numbered);
        const bool mixed = families_.size() == 1 && keys.size() > 1 && unnumbered != main.members.end();
        if (mixed && main.name.find("dense") == std::string::npos) {  // dense, dense_1 … are Keras's, in this order
            orders.push_back(keys);
            std::rotate(orders.back().begin(), orders.back().begin() + 1, orders.back().end());
        }
        std::vector<Matched> found;
        for (const std::vector<Key>& order : orders) {
            for (const std::vector<std::size_t>& layers : layers_of(order, families_.size() > 1 || mixed)) {
                found.push_back(matched(order, layers));
            }
        }
        if (found.size() == 1) {
            return std::move(found.front());
        }
        doubt_ = "by their names they may be " + when(found.empty(), "no layers of these shapes") +
                 when(!found.empty(), "several layers of the same shape");
        return std::nullopt;
    }

    bool each_once(Matched& matched) {
        std::ranges::sort(matched, {}, &MatchedTensor::parameter);
        const auto twice = std::ranges::adjacent_find(matched, {}, &MatchedTensor::parameter);
        if (twice != matched.end()) {
            doubt_ = quoted(arrays_[twice->place]) + " and " + quoted(arrays_[(twice + 1)->place]) + " are both " +
                     our_name(twice->parameter);
        }
        return twice == matched.end();
    }

    std::span<const NamedArray> arrays_;
    const Architecture& shape_;
    std::vector<Family> families_;
    std::string doubt_;
};

// --- By shapes -------------------------------------------------------------------------------------------------------

/// Which shapes are those of one parameter.
using ShapeRule = std::function<bool(const NamedArray&, std::size_t parameter)>;

/// Weights as they are, turned, or some turned, with biases that have one axis, or stand as columns or rows.
std::vector<ShapeRule> shape_rules(const Architecture& shape) {
    using Shape = std::vector<std::size_t>;
    struct Form {
        bool upright, turned;
    };
    std::vector<ShapeRule> rules;
    for (const Form weights : {Form{true, false}, Form{false, true}, Form{true, true}}) {
        for (const int axis : {0, 1, 2}) {
            rules.emplace_back([&shape, weights, axis](const NamedArray& array, std::size_t parameter) {
                const Shape ours = shape_of(shape, parameter), theirs = normal_shape(array.shape, ours);
                if (parameter % 2 == 0) {
                    return (weights.upright && theirs == ours) || (weights.turned && theirs == reversed(ours));
                }
                const std::array forms{ours, Shape{ours[0], 1}, Shape{1, ours[0]}};
                return theirs == forms[static_cast<std::size_t>(axis)];
            });
        }
    }
    rules.emplace_back(
        [&shape](const NamedArray& array, std::size_t parameter) { return fits(array, shape, parameter); });
    return rules;
}

/// `arr_0` and so on, as np.savez calls what has no name, when each shape is that of one parameter alone.
class ShapeReader {
public:
    ShapeReader(std::span<const NamedArray> arrays, const Architecture& shape) : arrays_(arrays), shape_(shape) {}

    /// By the rule that understands most of them, where there is no other.
    std::optional<Matched> operator()() {
        Matched best;
        std::size_t most = 0;
        std::string doubt;
        for (const ShapeRule& rule : shape_rules(shape_)) {
            const auto [found, understood, problem] = by(rule);
            if (understood > most) {
                most = understood;
                best = found;
                doubt = problem;
            } else if (understood < most || !problem.empty()) {
                continue;
            } else if (!doubt.empty()) {
                best = found;  // this rule has one parameter for each, the one before had several
                doubt.clear();
            } else if (!same(best, found)) {
                doubt = "their shapes fit the layers in two ways, as out x in and as in x out";
            }
        }
        doubt_ = doubt;
        return most > 0 && doubt.empty() ? std::optional(best) : std::nullopt;
    }

    [[nodiscard]] const std::string& doubt() const { return doubt_; }

private:
    struct Found {
        Matched matched;
        std::size_t understood = 0;  ///< arrays that are some parameter
        std::string problem;         ///< when it is not one each
    };

    static bool same(const Matched& a, const Matched& b) {
        return std::ranges::equal(a, b, [](const MatchedTensor& one, const MatchedTensor& other) {
            return one.parameter == other.parameter && one.place == other.place;
        });
    }

    [[nodiscard]] Found by(const ShapeRule& rule) const {
        Found found;
        std::vector<const NamedArray*> taken(2 * shape_.layers(), nullptr);
        for (std::size_t i = 0; i < arrays_.size(); ++i) {
            const NamedArray& array = arrays_[i];
            std::vector<std::size_t> candidates;
            for (std::size_t p = 0; p < 2 * shape_.layers() && array.name.starts_with("arr_"); ++p) {
                if (array.problem.empty() && !array.shape.empty() && rule(array, p)) {  // a number may be the loss
                    candidates.push_back(p);
                }
            }
            if (candidates.empty()) {
                continue;
            }
            ++found.understood;
            const std::size_t parameter = candidates.front();
            if (!found.problem.empty()) {
                continue;  // said already
            }
            if (candidates.size() > 1) {
                found.problem = quoted(array) + " has no name, and by its shape it may be " + our_name(parameter) +
                                " or " + our_name(candidates[1]);
            } else if (taken[parameter] != nullptr) {
                found.problem = quoted(*taken[parameter]) + " and " + quoted(array) +
                                " have no names, and by their shapes both are " + our_name(parameter);
            }
            taken[parameter] = &array;
            found.matched.push_back({parameter, i});
        }
        std::ranges::sort(found.matched, {}, &MatchedTensor::parameter);
        return found;
    }

    std::span<const NamedArray> arrays_;
    const Architecture& shape_;
    std::string doubt_;
};

// ---------------------------------------------------------------------------------------------------------------------

/// What the names leave open, the shapes tell; a transposed tensor among others that are not is a mistake.
Orientation orientation_of(std::span<const NamedArray> arrays, const Matched& matched, const Architecture& shape) {
    std::size_t weights = 0, turned = 0, upright = 0;
    bool turned_names = true, our_names = true;
    for (const MatchedTensor& tensor : matched) {
        const NamedArray& array = arrays[tensor.place];
        our_names = our_names && array.name == our_name(tensor.parameter);
        if (tensor.parameter % 2 == 1) {
            continue;
        }
        ++weights;
        const std::vector<std::size_t> ours = shape_of(shape, tensor.parameter);
        const std::vector<std::size_t> theirs = normal_shape(array.shape, ours);
        if (theirs == reversed(ours) && ours[0] != ours[1]) {
            ++turned;
        } else if (theirs.size() == 2 && ours[0] != ours[1]) {
            ++upright;
        }
        turned_names =
            turned_names && std::ranges::any_of(words_of(array.name), [](const Word& word) {
                return word.text.find("kernel") != std::string::npos || word.text.find("coef") != std::string::npos;
            });
    }
    const bool all_square = weights > 0 && turned == 0 && upright == 0;
    if (!our_names && ((turned > 0 && upright == 0) || (all_square && turned_names))) {
        return Orientation::in_out;
    }
    return Orientation::out_in;
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 20;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        text += when(i > 0, ", ") + printable(names[i]);
    }
    return text + when(names.empty(), "nothing") + when(names.size() > most, ", ...");
}

[[noreturn]] void fail(std::span<const NamedArray> arrays, const Architecture& shape, const std::string& source,
                       const std::string& doubt) {
    for (const NamedArray& array : arrays) {
        if (!array.problem.empty() && doubt.empty()) {
            throw Error(ErrorKind::data, array.problem);
        }
    }
    std::vector<std::string> expected, there;
    for (const NamedArray& array : arrays) {
        there.push_back(array.name);
    }
    for (std::size_t parameter = 0; parameter < 2 * shape.layers(); ++parameter) {
        expected.push_back(our_name(parameter));
    }
    throw Error(ErrorKind::data,
                source + ": " + doubt + when(!doubt.empty(), "; ") + "the tensors are called " + listed(there) +
                    "; expected are " + listed(expected) +
                    ", some of them, or one numbered family (0.weight, fc1.weight, dJdW1, grad_W1, W1 and b1): "
                    "np.savez(FILE, W1=..., b1=...)");
}

}  // namespace

MatchedGradients match_gradient_names(std::span<const NamedArray> arrays, const Architecture& shape,
                                      const std::string& source) {
    NameReader by_names(arrays, shape);
    std::optional<Matched> matched = by_names();
    std::string doubt = by_names.doubt();
    if (!matched && doubt.empty()) {
        ShapeReader by_shapes(arrays, shape);
        matched = by_shapes();
        doubt = by_shapes.doubt();
    }
    if (!matched) {
        fail(arrays, shape, source, doubt);
    }
    std::ranges::sort(*matched, {}, &MatchedTensor::parameter);
    for (const MatchedTensor& tensor : *matched) {
        if (!arrays[tensor.place].problem.empty()) {
            throw Error(ErrorKind::data, arrays[tensor.place].problem);
        }
    }
    const Orientation orientation = orientation_of(arrays, *matched, shape);
    return {std::move(*matched), orientation};
}

UnderstoodGradients understood_gradients(std::span<const NamedArray> arrays, const Architecture& shape,
                                         const std::string& source) {
    std::vector<std::optional<std::size_t>> parameters(arrays.size());
    for (const MatchedTensor& tensor : match_gradient_names(arrays, shape, source).tensors) {
        parameters[tensor.place] = tensor.parameter;
    }
    UnderstoodGradients understood;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
        if (!parameters[i]) {
            understood.left_out.push_back(arrays[i].name);
            continue;
        }
        understood.arrays.push_back(arrays[i]);
        understood.arrays.back().shape = normal_shape(arrays[i].shape, shape_of(shape, *parameters[i]));
    }
    return understood;
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
