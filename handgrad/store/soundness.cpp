// Part by part, each by the function that its own room checks it with; then the parts against each other.
#include "handgrad/store/soundness.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>

#include "handgrad/base/error.hpp"
#include "handgrad/data/preprocessing_check.hpp"
#include "handgrad/store/head.hpp"

namespace handgrad {
namespace {

void require(bool good, const std::string& cause) {
    if (!good) {
        throw Error(ErrorKind::model, cause);
    }
}

void require_none(const std::optional<HeadProblem>& problem) { require(!problem, problem ? problem->cause : ""); }

void check_loss(const Model& model, const Architecture& architecture) {
    const auto in_range = [](double number, double lowest, double highest) {
        return number > lowest && number < highest;
    };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    require(in_range(model.loss.huber_delta, 0.0, infinity), "huber_delta must be positive");
    require(in_range(model.loss.quantile, 0.0, 1.0), "quantile must lie between 0 and 1");
    require(model.weight_decay >= 0.0 && model.weight_decay < infinity, "weight_decay must not be negative");
    const Preprocessing& columns = model.preprocessing;
    const Head head{architecture.output, model.loss.kind};
    require_none(problem_of_pair(head));
    require_none(senseless_problem(head, columns));
    require(!columns.one_output || serves_one_output(head),
            "softmax and cross_entropy tell two classes apart by two outputs, not by one");
    const bool scaled = std::ranges::any_of(
        columns.targets, [](const TargetColumn& target) { return target.shift != 0.0 || target.scale != 1.0; });
    require(!scaled || may_scale_target(head), "its targets are scaled, but the output activation " +
                                                   std::string(name(head.output)) + " or the loss " +
                                                   std::string(name(head.loss)) + " ties them to a range");
}

void check_columns(const Model& model, const Architecture& architecture) {
    const Preprocessing& columns = model.preprocessing;
    check(columns);
    const auto same = [](std::size_t made, std::size_t network, const std::string& what) {
        require(made == network,
                "its columns make " + std::to_string(made) + what + ", but the network has " + std::to_string(network));
    };
    same(columns.inputs(), architecture.inputs(), " inputs");
    same(columns.outputs(), architecture.outputs(), " outputs");
}

bool is_hash(std::string_view text) {
    constexpr std::size_t digits = 32;
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void check_rows(const Model& model, const Architecture& architecture) {
    const TrainingRows& rows = model.training_rows;
    if (rows.empty()) {
        return;
    }
    require(rows.constant_answer.size() == architecture.outputs() && rows.lowest.size() == architecture.inputs() &&
                rows.highest.size() == architecture.inputs(),
            "it is of a network of other inputs and outputs");
    for (const auto* hash : {&rows.table_hash, &rows.split_hash}) {
        require(is_hash(*hash), "a hash is not one of 32 hexadecimal digits");
    }
    for (const auto* hash : {&rows.validation_hash, &rows.test_hash}) {
        require(hash->empty() || is_hash(*hash), "a hash is not one of 32 hexadecimal digits");
    }
    for (const auto* numbers : {&rows.constant_answer, &rows.lowest, &rows.highest}) {
        require(std::ranges::all_of(*numbers, [](double number) { return std::isfinite(number); }),
                "a number is not finite");
    }
    require(std::ranges::equal(rows.lowest, rows.highest, std::less_equal<>{}),
            "the lowest number of an input is above its highest");
}

void check_provenance(const Model& model) {
    for (const auto& entry : model.provenance) {
        require(!entry.first.empty(), "a text has no name");
    }
}

}  // namespace

void check_sound(const Model& model, const Architecture& architecture, const std::string& place, ErrorKind kind) {
    const auto part = [&](const char* name, const std::function<void()>& check_part) {
        try {
            check_part();
        } catch (const Error& error) {
            throw Error(kind, place + ": " + name + ": " + error.what());
        }
    };
    part("architecture", [&] { architecture.check(); });
    part("preprocessing", [&] { check_columns(model, architecture); });
    part("loss", [&] { check_loss(model, architecture); });
    if (!model.history.empty()) {
        part("history", [&] { check(model.history, architecture.layers()); });
    }
    part("training_rows", [&] { check_rows(model, architecture); });
    part("provenance", [&] { check_provenance(model); });
}

}  // namespace handgrad
