// What a training left behind, epoch by epoch: a small table of named columns that travels in the model's file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad {

/// Losses, metrics and, where that was asked for, how the gradient flowed, each a column of numbers by epoch. The names
/// are those of the events of `train --json`: `epoch`, `loss`, `validation_loss`, `learning_rate`, `validation.r2` …,
/// `linear1.gradient_rms` …. What is not there (the loss before the first step) is NaN.
///
/// A long training keeps every second epoch, every fourth …, and always the first and the last, so that the table stays
/// small; numbers keep seven digits. Curves are drawn of it; diagnose tells by it where training stands.
struct History {
    std::vector<std::string> columns;
    std::vector<std::vector<double>> epochs;  ///< in each a number for every column; the first is `epoch`

    /// Appends an epoch, later than all before it, and thins what has become too long.
    void add(std::vector<double> epoch);
    /// The numbers of a column, one an epoch; empty when there is no such column.
    [[nodiscard]] std::vector<double> column(std::string_view name) const;
    [[nodiscard]] bool empty() const { return epochs.empty(); }

    static constexpr std::size_t most_epochs = 256;        ///< that are kept …
    static constexpr std::size_t most_numbers = 1U << 18;  ///< … unless there are so many columns that this is more
};

/// The columns in their order: those of every history, `validation.NAME` of each metric, and for each of so many layers
/// what was measured of it.
std::vector<std::string> history_columns(const std::vector<std::string>& metrics, std::size_t layers);
/// Raises Error(model) for a table that no training of a network of so many layers writes: other columns, none or too
/// few epochs, numbers that cannot be.
void check(const History& history, std::size_t layers);

/// The history as a JSON text, and back. Raises Error(model) beginning with `place` for a text that is none.
std::string history_text(const History& history);
History read_history(const std::string& text, const std::string& place);

}  // namespace handgrad
