// A model in use inside a program: one raw row in, values in the user's units and their derivatives out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/raw_row.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// A class, and how sure the model is of it.
struct Classified {
    std::uint32_t index = 0;   ///< into ModelPredictor::classes()
    std::string_view name{};   ///< lives as long as the predictor or a copy of it
    double probability = 0.0;  ///< of that class; NaN where the outputs are no probabilities
};

/// What a model says of a row: everything between the cells of a table and the values that its user wants, which
/// Predictor leaves out. Inputs are scaled, imputed and made 0/1 of categories as the model learned; ŷ = shift + scale
/// · (the network's output), and ∂ŷ/∂x by the chain rule through both. Works in double or float as the model does, and
/// gives bit for bit what predict(), jacobians() and hessians() give for a table with that row.
///
///     const auto price = ModelPredictor::load("house.model");
///     const double euros = price.predict({{"city", "Rome"}, {"area", 120}});
///
/// All calls are const and may be made by several threads at once. None allocates, but that a thread keeps its scratch
/// where a row needs more than fits on its stack (8 KiB: some hundred columns), and that a text of more than 15 bytes
/// may be copied when it is read as a number. Copies share the model.
///
/// Every call with a row raises Error(usage) when the row does not have the model's columns or a span does not have the
/// size that is named; Error(data), naming column and cell, for a category that the model does not know, a missing
/// value that it cannot impute, a text that is no number, and a number that is not finite once scaled.
class ModelPredictor {
public:
    explicit ModelPredictor(const Model& model, const Execution& execution = {});
    /// Raises what load_model() raises.
    static ModelPredictor load(const std::filesystem::path& path, const Execution& execution = {});

    [[nodiscard]] Task task() const;
    /// The cells of a row by position: the features of the model, in order.
    [[nodiscard]] std::span<const std::string> columns() const;
    /// The position of a column. Raises Error(usage), with the name that may have been meant.
    [[nodiscard]] std::size_t column(std::string_view name) const;
    /// What ŷ is of, K names: the targets; for a classifier as output_names() says.
    [[nodiscard]] std::span<const std::string> outputs() const;
    /// What ∂ŷ/∂x is by, n names: a column of numbers, or COLUMN=CATEGORY, which counts as a number 0 or 1.
    [[nodiscard]] std::span<const std::string> inputs() const;
    [[nodiscard]] std::span<const std::string> classes() const;  ///< none for a regression

    /// ŷ of a model with one output. Raises Error(usage) for a model with more.
    [[nodiscard]] double predict(const RawRow& row) const;
    /// ŷ (K): a regression's targets in their units; a classifier's outputs as the network gives them.
    void predict(const RawRow& row, std::span<double> yhat) const;
    /// The class, and if wanted the probabilities of all classes. Raises Error(usage) for a regression, or when
    /// probabilities are wanted of outputs that are none.
    [[nodiscard]] Classified classify(const RawRow& row, std::span<double> probabilities = {}) const;
    /// ŷ (K) and J (K × n), J_kj = ∂ŷ_k/∂x_j in the units of output k by those of input j.
    void jacobian(const RawRow& row, std::span<double> yhat, MatrixView<double> J) const;
    /// ŷ (K) and H (K · n · n): of one output after the other the symmetric n × n matrix H_kij = ∂²ŷ_k/∂x_i∂x_j, in the
    /// units of output k by those of inputs i and j. Where an activation has a kink its second derivative counts as 0.
    void hessian(const RawRow& row, std::span<double> yhat, std::span<double> H) const;

private:
    struct State;
    std::shared_ptr<const State> state_;
};

}  // namespace handgrad
