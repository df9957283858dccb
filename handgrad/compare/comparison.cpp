// Reads gradients, finds what explains each tensor, and settles by all tensors together what one leaves open.
#include "handgrad/compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/hypotheses.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/compare/tensor_search.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::compare {
namespace {

/// Products of at most so many factors are tried, alone and beside causes of other kinds.
constexpr std::size_t most_factors = 3;

std::vector<NamedArray> arrays_of(const TensorFile& file) {
    std::vector<NamedArray> arrays;
    for (const Tensor& tensor : file.tensors) {
        NamedArray array{.name = tensor.name,
                         .shape = tensor.shape,
                         .values = {},
                         .digits = tensor.type == TensorType::f32 ? 24 : 53};
        for (std::size_t i = 0; i < tensor.count(); ++i) {
            array.values.push_back(tensor.value(i));
        }
        arrays.push_back(std::move(array));
    }
    return arrays;
}

/// The coarsest precision among them, since every number has passed through it; and float for doubles that all are
/// floats.
int digits_of(std::span<const NamedArray> arrays) {
    int digits = 53;
    bool floats = true;
    for (const NamedArray& array : arrays) {
        digits = std::min(digits, array.digits);
        floats = floats && std::ranges::all_of(
                               array.values, [](double v) { return static_cast<double>(static_cast<float>(v)) == v; });
    }
    return floats ? std::min(digits, 24) : digits;
}

void check_values(std::span<const NamedArray> arrays, const std::string& source) {
    for (const NamedArray& array : arrays) {
        for (std::size_t i = 0; i < array.values.size(); ++i) {
            if (!std::isfinite(array.values[i])) {
                throw Error(ErrorKind::data, source + ": tensor '" + array.name + "': number " + std::to_string(i) +
                                                 " is not finite; find the step that overflowed first");
            }
        }
    }
}

std::string joined(const std::vector<Cause>& causes) {
    std::string text;
    for (const Cause cause : causes) {
        add_item(text, "+", name(cause));
    }
    return text;
}

bool has(const std::vector<Cause>& causes, Cause cause) { return std::ranges::find(causes, cause) != causes.end(); }

/// The explanations among which one tensor's numbers do not decide.
struct Open {
    std::vector<const Conjecture*> options;
};

/// Those of one number of causes that fit about as well as the best of them.
Open open_at(const TensorSearch& search, std::size_t causes) {
    double best = 1.0;
    for (const Conjecture& e : search.found()) {
        if (e.causes.size() == causes) {
            best = std::min(best, e.residual);
        }
    }
    Open open;
    for (const Conjecture& e : search.found()) {
        if (e.causes.size() == causes && e.residual <= std::max(10.0 * best, 0.01)) {
            open.options.push_back(&e);
        }
    }
    return open;
}

/// How many tensors each set of causes explains beyond chance.
std::map<std::string, std::size_t> votes_of(const std::vector<TensorSearch>& searches) {
    std::map<std::string, std::size_t> votes;
    for (const TensorSearch& search : searches) {
        std::map<std::string, bool> own;
        for (const Conjecture& e : search.found()) {
            if (is_strong(e)) {
                own[joined(e.causes)] = true;
            }
        }
        for (const auto& [causes, _] : own) {
            ++votes[causes];
        }
    }
    return votes;
}

/// Takes over the cause of one conjecture and notes the others that lead to the same numbers.
void take_cause(const Conjecture& chosen, const Open& open, ComparedTensor& tensor) {
    tensor.causes = chosen.causes;
    tensor.factor = chosen.factor;
    tensor.wrong_layers = chosen.wrong_layers;
    const auto note = [&](const std::string& other) {
        if (other != joined(tensor.causes) && std::ranges::find(tensor.coincide, other) == tensor.coincide.end()) {
            tensor.coincide.push_back(other);
        }
    };
    for (const Conjecture* e : open.options) {
        note(joined(e->causes));
    }
    for (const std::vector<Cause>& other : chosen.coincide) {
        std::vector<Cause> all = chosen.causes;
        std::erase_if(all, [](Cause c) {
            return c == Cause::sign || c == Cause::factor_2 || c == Cause::factor_half || c == Cause::factor_outputs ||
                   c == Cause::factor_rows || c == Cause::accumulated;
        });
        all.insert(all.end(), other.begin(), other.end());
        std::ranges::sort(all);
        note(joined(all));
    }
}

/// Fewest causes first; then what explains most tensors; then the order in which they were tried. One that could be
/// chance counts only when it explains another tensor too.
void settle(const TensorSearch& search, const std::map<std::string, std::size_t>& votes, ComparedTensor& tensor) {
    tensor.pass = search.pass();
    if (tensor.pass) {
        return;
    }
    const auto votes_for = [&](const Conjecture& e) {
        const auto found = votes.find(joined(e.causes));
        return found == votes.end() ? std::size_t{0} : found->second;
    };
    for (std::size_t causes = 1; causes <= most_factors; ++causes) {
        const Conjecture* chosen = nullptr;
        const Open open = open_at(search, causes);
        for (const Conjecture* e : open.options) {
            if (votes_for(*e) > 0 && (chosen == nullptr || votes_for(*e) > votes_for(*chosen))) {
                chosen = e;
            }
        }
        if (chosen != nullptr) {
            take_cause(*chosen, open, tensor);
            return;
        }
    }
    tensor.causes = {Cause::unexplained};
}

void replace(std::vector<Cause>& causes, Cause old, Cause now) {
    std::ranges::replace(causes, old, now);
    std::ranges::sort(causes);
    causes.erase(std::unique(causes.begin(), causes.end()), causes.end());
}

/// What only the other tensors can tell: 1/B in a bias whose weights have none is its own sum; 2 in every tensor of a
/// loss in which no 2 stands is a gradient added twice.
void settle_together(Comparison& comparison, Loss loss) {
    std::vector<ComparedTensor>& tensors = comparison.tensors;
    for (std::size_t b = 1; b < tensors.size(); b += 2) {
        const std::vector<Cause>& weight = tensors[b - 1].causes;
        if (!has(weight, Cause::factor_rows) && !has(weight, Cause::unexplained)) {
            replace(tensors[b].causes, Cause::factor_rows, Cause::bias_sum);
        }
    }
    const bool doubled =
        std::ranges::all_of(tensors, [](const ComparedTensor& t) { return has(t.causes, Cause::factor_2); });
    if (!doubled) {
        return;
    }
    for (ComparedTensor& tensor : tensors) {
        std::vector<Cause> other = tensor.causes;
        replace(other, Cause::factor_2, Cause::accumulated);
        if (loss != Loss::squared_error && tensor.coincide.empty()) {
            std::swap(other, tensor.causes);
        }
        tensor.coincide.push_back(joined(other));
    }
}

/// Whether the gradient of loss and penalty together passes everywhere.
bool penalty_explains(const BasicMlp<double>& net, double alpha, const HypotheticalGradient& right,
                      const std::vector<TensorSearch>& searches, const WrongPass& nothing, std::size_t rows) {
    BasicMlp<double> of_penalty = BasicMlp<double>::zeros_like(net);
    penalty(net, alpha, rows, &of_penalty);
    std::size_t at = 0;
    for (std::size_t i = 0; i < searches.size(); ++i) {
        TensorSums sums = right.tensors[i];
        for (double& v : sums.all.value) {
            v += of_penalty.parameters()[at++];
        }
        TensorSearch search = searches[i].fresh();
        search.look(sums, nothing, {WrongScale{}});
        if (!search.pass()) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::vector<NamedArray> read_gradients(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
        throw Error(ErrorKind::io, path + ": cannot be read; check the name and the rights");
    }
    if (bytes.starts_with("PK")) {
        return read_npz(bytes, path);
    }
    if (path.ends_with(".npz") || bytes.starts_with("\x93NUMPY")) {
        throw Error(ErrorKind::data, path + ": not an .npz archive; write it with np.savez(FILE, **gradients)");
    }
    return arrays_of(parse_tensor_file(bytes, path));
}

Comparison compare_gradients(const BasicMlp<double>& net, const LossFunction& function,
                             const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                             const std::string& source, double penalty) {
    if (data.rows() == 0 || data.y.rows() != data.rows()) {
        throw Error(ErrorKind::data, source + ": there are no labelled rows to compute a gradient from");
    }
    const std::vector<std::size_t> places = match_gradient_names(theirs, net.layers(), source);
    check_values(theirs, source);
    Comparison comparison{.rows = data.rows(), .digits = digits_of(theirs)};
    // Our own roundings, in double, beside theirs.
    const double unit = std::ldexp(1.0, -comparison.digits) + 0x1p-53;
    std::vector<TensorSearch> searches;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const MatrixView<const double> W = net.weight(i / 2);
        ExpectedShape expected{{W.rows()}, data.rows()};
        if (i % 2 == 0) {
            expected.shape.push_back(W.columns());
        }
        comparison.tensors.push_back(
            {.name = i % 2 == 0 ? weight_name(i / 2) : bias_name(i / 2), .theirs = theirs[places[i]].name});
        searches.emplace_back(theirs[places[i]], std::move(expected), comparison.digits);
    }
    const std::vector<WrongScale> scales = wrong_scales(net.outputs(), data.total_weight(), most_factors);
    const auto settled = [](const TensorSearch& search, std::size_t causes) { return search.most_causes() < causes; };
    for (const WrongPass& pass : wrong_passes(net.architecture())) {
        if (std::ranges::all_of(searches, [&](const TensorSearch& s) { return settled(s, pass.causes.size()); })) {
            break;
        }
        const HypotheticalGradient gradient = hypothetical_gradient(net, function, data, pass.hypothesis, unit);
        if (pass.causes.empty()) {
            for (std::size_t i = 0; i < searches.size(); ++i) {
                comparison.tensors[i].shape_problem = searches[i].shape_problem();
                searches[i].note_difference(gradient.tensors[i].all, comparison.tensors[i]);
            }
            comparison.penalty_explains =
                penalty != 0.0 && penalty_explains(net, penalty, gradient, searches, pass, data.rows());
        }
        for (std::size_t i = 0; i < searches.size(); ++i) {
            if (gradient.finite && !settled(searches[i], pass.causes.size())) {
                searches[i].look(gradient.tensors[i], pass, scales);
            }
        }
    }
    const std::map<std::string, std::size_t> votes = votes_of(searches);
    for (std::size_t i = 0; i < searches.size(); ++i) {
        settle(searches[i], votes, comparison.tensors[i]);
        comparison.pass = comparison.pass && comparison.tensors[i].pass;
    }
    settle_together(comparison, function.kind);
    return comparison;
}

Comparison compare_gradients(const Model& model, const Table& table, std::span<const NamedArray> theirs,
                             const std::string& source, bool allow_extra) {
    const std::vector<std::size_t> rows = all_rows(table.rows);
    const BasicDataset<double> data = apply_preprocessing<double>(
        model.preprocessing, table, rows, {.labels = Labels::required, .allow_extra = allow_extra});
    check_target_domain(model.preprocessing, table, rows, model.loss.kind);
    const BasicMlp<double> net = std::visit([](const auto& own) { return convert<double>(own); }, model.net);
    return compare_gradients(net, model.loss, data, theirs, source, model.weight_decay);
}

}  // namespace handgrad::compare
