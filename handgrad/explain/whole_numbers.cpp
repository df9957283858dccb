// Draws networks and rows until every activation changes something, and keeps the draw with the smallest numbers.
#include "handgrad/explain/whole_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::explain {
namespace {

constexpr int largest = 3;
constexpr std::uint32_t networks = 2000, rows_tried = 600;
constexpr std::size_t rows_wanted = 6;
/// Networks whose rows are looked at, from the one with the smallest numbers on.
constexpr std::size_t networks_tried = 40;

/// Whole numbers in the order of their being asked for.
class Draw {
public:
    Draw(std::uint64_t seed, std::uint32_t attempt) : stream_(seed, Purpose::weights, attempt) {}
    /// Both ends included.
    double whole(int lowest, int highest) {
        return lowest + static_cast<double>(stream_.below(static_cast<unsigned>(highest - lowest + 1), at_++));
    }
    double whole_but_0() {
        const double drawn = whole(-largest, largest - 1);
        if (drawn < 0.0) {
            return drawn;
        }
        return drawn + 1.0;
    }

private:
    RandomStream stream_;
    std::uint64_t at_ = 0;
};

using Row = std::vector<double>;

struct Example {
    Row x, y;
};

class Search {
public:
    Search(const Architecture& shape, const LossFunction& loss, const StepOptions& step, std::uint64_t seed)
        : shape_(shape), loss_(loss), step_(step), seed_(seed) {}

    /// The best network, and its rows; no rows where none was found.
    std::pair<BasicMlp<double>, std::vector<Example>> find() const {
        struct Candidate {
            std::uint32_t attempt;
            double size;
        };
        std::vector<Candidate> candidates;
        for (std::uint32_t n = 0; n < networks; ++n) {
            const auto [net, example] = drawn(n);
            if (const std::optional<double> size = largest_number(net, example)) {
                candidates.push_back({n, *size});
            }
        }
        std::ranges::stable_sort(candidates, {}, &Candidate::size);
        std::pair<BasicMlp<double>, std::vector<Example>> best{BasicMlp<double>::zeros(shape_), {}};
        for (std::size_t c = 0; c < std::min(candidates.size(), networks_tried); ++c) {
            auto [net, first] = drawn(candidates[c].attempt);
            std::vector<Example> rows = with_others(net, std::move(first));
            if (rows.size() > best.second.size()) {
                best = {std::move(net), std::move(rows)};
            }
            if (best.second.size() == rows_wanted) {
                break;
            }
        }
        return best;
    }

private:
    [[nodiscard]] std::pair<BasicMlp<double>, Example> drawn(std::uint32_t attempt) const {
        Draw draw(seed_, attempt);
        Row x = inputs(draw);
        BasicMlp<double> net = weights(draw, x);
        Row y = targets(draw);
        return {std::move(net), Example{std::move(x), std::move(y)}};
    }

    /// `first`, and behind it other rows on which this network can be solved, the ones with the smallest numbers.
    [[nodiscard]] std::vector<Example> with_others(const BasicMlp<double>& net, Example first) const {
        struct Sized {
            double size;
            Example example;
        };
        std::vector<Sized> others;
        for (std::uint32_t n = 0; n < rows_tried; ++n) {
            Draw draw(seed_, networks + n);
            Example example{inputs(draw), targets(draw)};
            const bool known = example.x == first.x || std::ranges::any_of(others, [&](const Sized& other) {
                                   return other.example.x == example.x;
                               });
            const std::optional<double> size = known ? std::nullopt : largest_number(net, example);
            if (size) {
                others.push_back({*size, std::move(example)});
            }
        }
        std::ranges::stable_sort(others, {}, &Sized::size);
        std::vector<Example> rows{std::move(first)};
        for (std::size_t k = 0; k < others.size() && rows.size() < rows_wanted; ++k) {
            rows.push_back(std::move(others[k].example));
        }
        return rows;
    }

    [[nodiscard]] Row inputs(Draw& draw) const {
        Row x(shape_.inputs());
        std::ranges::generate(x, [&] { return draw.whole_but_0(); });
        return x;
    }

    [[nodiscard]] Row targets(Draw& draw) const {
        Row y(shape_.outputs(), 0.0);
        if (shape_.output == Activation::softmax) {
            y[static_cast<std::size_t>(draw.whole(0, static_cast<int>(y.size()) - 1))] = 1.0;
            return y;
        }
        const LossFacts facts = handgrad::facts(loss_.kind);
        int lowest = -largest, highest = largest;
        if (shape_.output == Activation::sigmoid || facts.highest_target <= 1.0) {
            lowest = 0;
            highest = 1;
        } else if (facts.lowest_target >= 0.0) {
            lowest = 0;
        }
        std::ranges::generate(y, [&] { return draw.whole(lowest, highest); });
        return y;
    }

    /// Layer by layer along x: units of the ReLU family are turned round until every third, of two one, is off.
    [[nodiscard]] BasicMlp<double> weights(Draw& draw, std::span<const double> x) const {
        BasicMlp<double> net = BasicMlp<double>::zeros(shape_);
        std::ranges::generate(net.parameters(), [&] { return draw.whole_but_0(); });
        Matrix<double> row(1, x.size());
        std::ranges::copy(x, row.row(0).begin());
        for (std::size_t l = 0; l < net.layers(); ++l) {
            std::ranges::generate(net.bias(l), [&] { return draw.whole(-largest, largest); });
            BasicTape<double> tape(net, 1);
            forward(net, row.view(), tape);
            if (!facts(shape_.activation(l)).kink) {
                continue;
            }
            const std::size_t units = net.bias(l).size();
            const auto first_off =
                static_cast<std::size_t>(draw.whole(0, static_cast<int>(std::min<std::size_t>(units, 3)) - 1));
            for (std::size_t i = 0; i < units; ++i) {
                const bool off = units > 1 && i % 3 == first_off;
                if ((tape.layer(l).z(0, i) < 0.0) != off) {
                    net.bias(l)[i] = -net.bias(l)[i];
                    for (double& w : net.weight(l).row(i)) {
                        w = -w;
                    }
                }
            }
        }
        return net;
    }

    /// In a layer of the ReLU family one unit is on and one off at least (of a single one it is on), none stands at the
    /// kink, and what arrives at one that is off is not 0: without f or f′ other numbers would come out.
    [[nodiscard]] bool shows_activation(const BasicMlp<double>& net, const Trace& t, std::size_t l) const {
        const std::span<const double> z = t.forward[2 * l].values();
        const auto on = static_cast<std::size_t>(std::ranges::count_if(z, [](double v) { return v > 0.0; }));
        const auto off = static_cast<std::size_t>(std::ranges::count_if(z, [](double v) { return v < 0.0; }));
        if (on + off != z.size() || on == 0 || (z.size() > 1 && off == 0)) {
            return false;
        }
        const std::size_t last = net.layers() - 1;
        for (std::size_t i = 0; i < z.size(); ++i) {
            double arrives = 0.0;
            if (l == last) {
                arrives = t.jacobians.front().at(0, i);
            } else {
                const std::span<const double> above = t.deltas[last - l - 1].values();
                for (std::size_t k = 0; k < above.size(); ++k) {
                    arrives += above[k] * net.weight(l + 1)(k, i);
                }
            }
            if (arrives == 0.0) {
                return false;
            }
        }
        return true;
    }

    /// The largest of all numbers on the way, or of 1/|δ|, which grows where a unit is nearly flat; none where a unit
    /// that is not off takes no part, or an activation changes nothing.
    [[nodiscard]] std::optional<double> largest_number(const BasicMlp<double>& net, const Example& example) const {
        const Trace t = trace<double>(net, loss_, example.x, example.y, step_);
        double size = 0.0;
        bool finite = std::isfinite(t.loss);
        const auto look = [&](const Matrix<double>& numbers, bool small_too) {
            for (const double v : numbers.values()) {
                finite = finite && std::isfinite(v);
                size = std::max(size, std::fabs(v));
                if (small_too && v != 0.0) {
                    size = std::max(size, 1.0 / std::fabs(v));
                }
            }
        };
        for (const Matrix<double>& numbers : t.forward) {
            look(numbers, false);
        }
        for (const Matrix<double>& numbers : t.gradients) {
            look(numbers, false);
        }
        for (const Matrix<double>& numbers : t.deltas) {
            look(numbers, true);
        }
        look(t.jacobians.front().value, false);
        if (!finite || t.loss == 0.0) {
            return std::nullopt;
        }
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const bool kink = facts(shape_.activation(l)).kink;
            const std::span<const double> z = t.forward[2 * l].values(),
                                          delta = t.deltas[net.layers() - 1 - l].values();
            for (std::size_t i = 0; i < z.size(); ++i) {
                if (delta[i] == 0.0 && !(kink && z[i] < 0.0)) {
                    return std::nullopt;
                }
            }
            if (kink && !shows_activation(net, t, l)) {
                return std::nullopt;
            }
        }
        return size;
    }

    const Architecture& shape_;
    const LossFunction& loss_;
    const StepOptions& step_;
    std::uint64_t seed_;
};

bool has_classes(const Architecture& shape, const LossFunction& loss) {
    const bool yes_or_no =
        shape.outputs() == 1 && shape.output == Activation::sigmoid && loss.kind == Loss::binary_cross_entropy;
    return shape.output == Activation::softmax || yes_or_no;
}

/// `y`, or y1, y2 … of several; `class` of classes.
std::vector<TargetColumn> target_columns(const Architecture& shape, bool classes) {
    if (classes) {
        return {{.name = "class"}};
    }
    if (shape.outputs() == 1) {
        return {{.name = "y"}};
    }
    std::vector<TargetColumn> columns;
    for (std::size_t k = 0; k < shape.outputs(); ++k) {
        columns.push_back({.name = "y" + std::to_string(k + 1)});
    }
    return columns;
}

Preprocessing columns_of(const Architecture& shape, const LossFunction& loss) {
    const bool classes = has_classes(shape, loss);
    Preprocessing columns{.targets = target_columns(shape, classes)};
    for (std::size_t i = 0; i < shape.inputs(); ++i) {
        columns.features.push_back({.name = "x" + std::to_string(i + 1)});
    }
    if (classes) {
        columns.task = Task::classification;
        columns.numeric_classes = true;
        columns.one_output = shape.outputs() == 1;
        if (columns.one_output) {
            columns.classes = {"0", "1"};
        }
        for (std::size_t k = 0; k < shape.outputs() && !columns.one_output; ++k) {
            columns.classes.push_back(std::to_string(k + 1));
        }
    }
    return columns;
}

std::string csv_of(const Preprocessing& columns, const std::vector<Example>& rows) {
    std::string csv;
    for (const FeatureColumn& feature : columns.features) {
        csv += feature.name + ",";
    }
    for (const TargetColumn& target : columns.targets) {
        csv += target.name + ",";
    }
    csv.back() = '\n';
    for (const Example& row : rows) {
        for (const double x : row.x) {
            csv += format_number(x) + ",";
        }
        const bool one_of_many = columns.task == Task::classification && !columns.one_output;
        if (one_of_many) {
            csv += columns.classes[static_cast<std::size_t>(std::ranges::find(row.y, 1.0) - row.y.begin())] + ",";
        } else {
            for (const double y : row.y) {
                csv += format_number(y) + ",";
            }
        }
        csv.back() = '\n';
    }
    return csv;
}

/// As if it had been trained so for no epoch at all.
SettingValues settings_of(const Architecture& shape, const LossFunction& loss, const Preprocessing& columns,
                          const StepOptions& step) {
    FitOptions options;
    options.task = columns.task;
    options.hidden = {shape.sizes.begin() + 1, shape.sizes.end() - 1};
    options.hidden_activation = shape.each_hidden;
    options.output_activation = shape.output;
    options.loss = loss.kind;
    options.huber_delta = loss.huber_delta;
    options.quantile = loss.quantile;
    options.leaky_slope = shape.leaky_slope;
    options.conventions = shape.conventions;
    options.use_double = true;
    for (const TargetColumn& target : columns.targets) {
        options.columns.targets.push_back(target.name);
    }
    options.columns.scale = Scale::none;
    if (options.hidden_activation.empty()) {
        options.hidden_activation = {shape.hidden};
    }
    options.training.epochs = 0;
    options.training.optimizer = step.optimizer;
    if (step.optimizer.kind != OptimizerKind::adamw) {
        options.training.optimizer.weight_decay = step.penalty;
    }
    return setting_values(options);
}

}  // namespace

WholeNumberProblem whole_number_problem(const Architecture& architecture, const LossFunction& loss,
                                        const StepOptions& step, const WholeNumberOptions& options) {
    architecture.check();
    check_pair(architecture.output, loss.kind);
    auto [net, rows] = Search(architecture, loss, step, options.seed).find();
    if (rows.empty()) {
        throw Error(ErrorKind::usage,
                    "whole numbers: no network of this shape was found in which every unit takes part; take fewer or "
                    "smaller layers, or another activation");
    }
    WholeNumberProblem problem;
    Model& model = problem.model;
    model.net = std::move(net);
    model.loss = loss;
    model.weight_decay = step.penalty;
    model.preprocessing = columns_of(architecture, loss);
    model.provenance = {{"origin", "whole numbers for a sheet to be solved by hand"},
                        {"seed", std::to_string(options.seed)}};
    model.settings = settings_of(architecture, loss, model.preprocessing, step);
    problem.csv = csv_of(model.preprocessing, rows);
    problem.table = read_csv(problem.csv, options.source, {});
    return problem;
}

}  // namespace handgrad::explain
