// The event of explain: the derivation and, with a row, every number of the step.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/event_line.hpp"
#include "cli/events.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"
#include "handgrad/document/notation.hpp"

namespace handgrad::cli {
namespace {

constexpr std::size_t most_numbers = std::size_t{1} << 24;

Json shape_json(const explain::Quantity& quantity) {
    return quantity.vector ? Json{quantity.rows} : Json{quantity.rows, quantity.columns};
}

class Event {
public:
    Event(const explain::Explanation& explanation, const explain::SheetOptions& options)
        : e_(explanation), d_(explanation.derivation), options_(options), blank_(options.blank) {
        if (e_.row) {
            t_ = &e_.row->trace;
        }
    }

    Json write() {
        json_ = event("explanation");
        network();
        row();
        tables();
        jacobians();
        backward();
        if (options_.components) {
            components();
        }
        if (!blank_) {
            slopes();
        }
        return std::move(json_);
    }

private:
    void network() {
        const Architecture& shape = d_.architecture;
        json_["dtype"] = dtype_name(e_.use_double);
        json_["layers"] = Json::array();
        for (std::size_t l = 0; l < shape.layers(); ++l) {
            json_["layers"].push_back({{"name", layer_name(l)},
                                       {"in", shape.sizes[l]},
                                       {"out", shape.sizes[l + 1]},
                                       {"activation", name(shape.activation(l))}});
        }
        json_["loss_function"] = name(d_.loss_function.kind);
        for (const auto& [field, choice] : describe_conventions(shape.conventions)) {
            json_["conventions"][field] = choice;
        }
        const OptimizerOptions& o = e_.step.optimizer;
        json_["optimizer"] = {{"name", std::ranges::find(optimizer_list, o.kind, &OptimizerFacts::kind)->name},
                              {"learning_rate", o.learning_rate},
                              {"momentum", o.momentum},
                              {"nesterov", o.nesterov},
                              {"beta1", o.beta1},
                              {"beta2", o.beta2},
                              {"epsilon", o.epsilon},
                              {"weight_decay", o.weight_decay},
                              {"penalty", e_.step.penalty}};
        for (const document::Formula& rule : e_.update.rules) {
            Json item = Json::object();
            formula(item, rule);
            json_["optimizer"]["rules"].push_back(std::move(item));
        }
    }

    void row() {
        if (t_ == nullptr) {
            return;
        }
        json_["row"] = {{"number", e_.row->number}, {"place", e_.row->place}};
        const auto cells = [&](const char* key, const std::vector<explain::ExplainedCell>& from,
                               const Matrix<double>& values) {
            json_["row"][key] = Json::array();
            for (std::size_t i = 0; i < from.size(); ++i) {
                json_["row"][key].push_back({{"name", from[i].name}, {"cell", from[i].cell}, {"value", values(i, 0)}});
            }
        };
        cells("x", e_.row->inputs, t_->x);
        cells("y", e_.row->outputs, t_->y);
        json_["parameters"] = Json::array();
        for (std::size_t p = 0; p < d_.backward.size(); ++p) {
            const explain::BackwardRow& row = d_.backward[p];
            json_["parameters"].push_back({{"parameter", row.parameter},
                                           {"shape", shape_json(row.quantity)},
                                           {"value", numbers(row.quantity, t_->parameters[p])}});
        }
    }

    void tables() {
        json_["tables"] = {{"forward", d_.forward_table}, {"backward", d_.backward_table}};
        list("steps", e_.steps.size(), [&](std::size_t i, Json& item) {
            const explain::TrainingStep& step = e_.steps[i];
            item["step"] = step.number;
            item["what"] = step.what;
            item["equation"] = citation(step.equations);
            formula(item, step.formula);
        });
        list("forward", d_.forward.size(), [&](std::size_t i, Json& item) {
            const explain::ForwardRow& row = d_.forward[i];
            item["symbol"] = row.quantity.symbol;
            item["layer"] = row.layer;
            item["activation"] = name_or_null(row.activation);
            item["shape"] = shape_json(row.quantity);
            item["equation"] = citation(row.equations);
            formula(item, row.input, "input");
            formula(item, row.quantity.name + "=" + row.output);
            value(item, row.quantity, [&]() -> const Matrix<double>& { return t_->forward[i]; });
        });
        Json loss_row{{"equation", citation(d_.loss_row.equations)}};
        formula(loss_row, d_.loss_row.input, "input");
        formula(loss_row, "l=" + d_.loss_row.output);
        json_["loss_row"] = std::move(loss_row);
        if (t_ != nullptr) {
            json_["loss"] = unless_blank(t_->loss);
            json_["penalty"] = unless_blank(t_->penalty);
        }
    }

    void jacobians() {
        list("jacobians", d_.jacobians.size(), [&](std::size_t i, Json& item) {
            const explain::Jacobian& factor = d_.jacobians[i];
            item["symbol"] = factor.quantity.symbol;
            item["equation"] = citation(factor.equations);
            item["shape"] = shape_json(factor.quantity);
            item["diagonal"] = unless_blank(factor.diagonal);
            item["entry_equation"] = citation(factor.entry_equation);
            formula(item, factor.entry, "entry");
            item["matrix_equation"] = citation(factor.matrix_equation);
            formula(item, factor.matrix);
            item["where_equation"] = citation(factor.where_equation);
            formula(item, factor.where, "where");
            if (t_ == nullptr) {
                return;
            }
            if (factor.quantity.rows * factor.quantity.columns > most_numbers) {
                usage_error(
                    fmt::format("--format json: {} has {}x{} numbers, more than 2^24; the other formats show its "
                                "diagonal",
                                factor.quantity.symbol, factor.quantity.rows, factor.quantity.columns));
            }
            const explain::TracedJacobian& traced = t_->jacobians[i];
            item["value"] = matrix(factor.quantity.rows, factor.quantity.columns,
                                   [&](std::size_t r, std::size_t c) { return traced.at(r, c); });
        });
    }

    void backward() {
        list("deltas", d_.deltas.size(), [&](std::size_t i, Json& item) {
            const explain::Delta& delta = d_.deltas[i];
            item["symbol"] = delta.quantity.symbol;
            item["shape"] = shape_json(delta.quantity);
            formula(item, delta.product);
            value(item, delta.quantity, [&]() -> const Matrix<double>& { return t_->deltas[i]; });
        });
        list("backward", d_.backward.size(), [&](std::size_t p, Json& item) {
            const explain::BackwardRow& row = d_.backward[p];
            item["parameter"] = row.parameter;
            item["symbol"] = row.quantity.symbol;
            item["shape"] = shape_json(row.quantity);
            formula(item, row.product);
            formula(item, row.own, "own_shape");
            value(item, row.quantity, [&]() -> const Matrix<double>& { return t_->gradients[p]; });
        });
        list("update", d_.backward.size(), [&](std::size_t p, Json& item) {
            item["parameter"] = d_.backward[p].parameter;
            item["shape"] = shape_json(d_.backward[p].quantity);
            value(item, d_.backward[p].quantity, [&]() -> const Matrix<double>& { return t_->updated[p]; });
        });
    }

    void components() {
        list("components", d_.components.size(), [&](std::size_t i, Json& item) {
            const explain::ComponentRow& row = d_.components[i];
            item["symbol"] = row.symbol;
            item["equation"] = citation(row.equations);
            formula(item, row.formula);
        });
    }

    void slopes() {
        const explain::Slopes& slopes = e_.slopes;
        list("slopes", slopes.factors.size(), [&](std::size_t i, Json& item) {
            const explain::SlopeFactor& factor = slopes.factors[i];
            item["symbol"] = factor.symbol;
            item["activation"] = name(factor.activation);
            item["units"] = factor.units;
            item["steepest"] = or_null(factor.steepest);
            item["cancels"] = factor.cancels;
            if (factor.row) {
                item["smallest"] = factor.row->smallest;
                item["mean"] = factor.row->mean;
                item["largest"] = factor.row->largest;
                item["flat"] = factor.row->flat;
                item["passed"] = or_null(factor.row->passed);
                item["gradient_rms"] = slopes.gradient_rms[i];
            }
        });
        json_["slopes_text"] = Json::array();
        for (const auto* sentences : {&slopes.text, &slopes.row_text}) {
            for (const document::Prose& sentence : *sentences) {
                json_["slopes_text"].push_back(document::unicode_of_prose(sentence));
            }
        }
    }

    /// Null in an exercise sheet, and where there is nothing to cite.
    [[nodiscard]] Json citation(const std::string& equations) const {
        return or_null(!blank_ && !equations.empty(), equations);
    }

    template <class Fill>
    void list(const char* key, std::size_t count, Fill&& fill) {
        json_[key] = Json::array();
        for (std::size_t i = 0; i < count; ++i) {
            Json item = Json::object();
            fill(i, item);
            json_[key].push_back(std::move(item));
        }
    }

    /// null on an exercise sheet.
    template <class V>
    [[nodiscard]] Json unless_blank(const V& value) const {
        return or_null(!blank_, value);
    }

    /// In both forms, `formula` and `latex` or NAME and NAME_latex; null in an exercise sheet and where there is none.
    void formula(Json& item, const document::Formula& text, const std::string& key = "formula") const {
        const bool there = !blank_ && !text.empty();
        std::string latex = "latex";
        if (key != "formula") {
            latex = key + "_latex";
        }
        item[key] = or_null(there, document::unicode_of(text));
        item[latex] = or_null(there, text);
    }

    template <class Values>
    void value(Json& item, const explain::Quantity& quantity, Values&& values) const {
        if (t_ != nullptr) {
            item["value"] = blank_ ? blanks(quantity) : numbers(quantity, values());
        }
    }

    static Json numbers(const explain::Quantity& quantity, const Matrix<double>& values) {
        if (quantity.vector) {
            return Json(std::vector<double>(values.values().begin(), values.values().end()));
        }
        Json rows = Json::array();
        for (std::size_t i = 0; i < values.rows(); ++i) {
            rows.push_back(std::vector<double>(values.row(i).begin(), values.row(i).end()));
        }
        return rows;
    }

    static Json blanks(const explain::Quantity& quantity) {
        Json rows = Json::array();
        for (std::size_t i = 0; i < quantity.rows; ++i) {
            rows.push_back(quantity.vector ? Json() : Json(std::vector<Json>(quantity.columns)));
        }
        return rows;
    }

    template <class At>
    [[nodiscard]] Json matrix(std::size_t rows, std::size_t columns, At&& at) const {
        Json result = Json::array();
        for (std::size_t i = 0; i < rows; ++i) {
            Json row = Json::array();
            for (std::size_t j = 0; j < columns; ++j) {
                row.push_back(unless_blank(at(i, j)));
            }
            result.push_back(std::move(row));
        }
        return result;
    }

    const explain::Explanation& e_;
    const explain::Derivation& d_;
    const explain::SheetOptions& options_;
    const explain::Trace* t_ = nullptr;
    bool blank_;
    Json json_;
};

}  // namespace

std::string explanation_event(const explain::Explanation& explanation, const explain::SheetOptions& options) {
    Json json = Event(explanation, options).write();
    json["digits"] = or_null(options.blank, options.digits_asked());
    return line(json);
}

}  // namespace handgrad::cli
