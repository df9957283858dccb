// What a model keeps of the rows that it learned from, to judge itself by: no row can be read from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handgrad {

/// Empty for a model from elsewhere, and of files from before there was this. Hashes are of whole tables and of a whole
/// split, never of a row, which would tell who was in it.
struct TrainingRows {
    std::string table_hash;       ///< of the table that it was trained on
    std::string split_hash;       ///< of which of its rows were held out
    std::string validation_hash;  ///< of the table that judged each epoch, where it was one of its own; else empty
    std::string test_hash;        ///< of the table that judged the finished model, likewise
    /// ŷ of who always gives the same answer: weighted means of y as the network learns it, of classes their shares.
    std::vector<double> constant_answer;
    std::vector<double> lowest, highest;  ///< of each input x, as the network sees it

    [[nodiscard]] bool empty() const { return table_hash.empty(); }
    bool operator==(const TrainingRows&) const = default;
};

/// As JSON and back. Raises Error(model) beginning with `place`.
std::string training_rows_text(const TrainingRows& rows);
TrainingRows read_training_rows(std::string_view text, const std::string& place);

}  // namespace handgrad
