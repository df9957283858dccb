// A trained model: the network, the columns it was fitted to, the loss, and where it came from; and its file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/conformity.hpp"
#include "handgrad/store/history.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/store/train_state.hpp"
#include "handgrad/store/training_rows.hpp"

namespace handgrad {

struct Model {
    std::variant<BasicMlp<float>, BasicMlp<double>> net;
    LossFunction loss;
    double weight_decay = 0.0;  ///< α of the L2 penalty that belongs to the loss; 0 for AdamW, whose decay does not
    Preprocessing preprocessing;
    /// Where it came from and what came out, to be read by people: `seed`, `epochs.run`, `optimizer`, `data.file`,
    /// `data.hash`, `metric.validation.r2` …; text by name, shown by `inspect`.
    std::map<std::string, std::string> provenance;
    History history{};  ///< how training went, for curves; empty for a model from elsewhere
    /// What was chosen when it was trained, exactly (recorded_options() reads it); empty for a model from elsewhere,
    /// and of files from before there was this.
    SettingValues settings{};
    /// What the rows were like that it learned from; empty likewise.
    TrainingRows training_rows{};
    /// Where its training stands, to go on from, in its own type of numbers: of a checkpoint, and where it was asked
    /// for; else nothing.
    std::variant<std::monostate, SavedTraining<float>, SavedTraining<double>> training{};
    /// What intervals of predictions are made of; empty where nothing was kept for them.
    Conformity conformity{};

    [[nodiscard]] const Architecture& architecture() const;
    [[nodiscard]] bool is_double() const { return std::holds_alternative<BasicMlp<double>>(net); }
};

/// XXH3-128, in hex, of the little-endian, unpadded data of linear1.weight, linear1.bias, linear2.weight …: equal
/// hashes mean equal bits.
std::string parameters_hash(const Model& model);
template <class T>
std::string parameters_hash(const BasicMlp<T>& net);

/// Writes one safetensors file atomically: tensors linear1.weight (out×in), linear1.bias …; everything else as JSON
/// text in its metadata, with checksums of the tensors and of the metadata; the state of its training, if it has one,
/// as more tensors behind these, and what intervals are made of behind those (docs/formats.md). Raises Error(io);
/// Error(data) for a column, category or class that is not UTF-8, for a setting that is not finite, and for more
/// columns than a file may describe.
void save_model(const std::filesystem::path& path, const Model& model);
std::string serialize_model(const Model& model);

/// Reads it back. Raises Error(io); Error(model) with the cause for a file that is not a sound model: damaged, of a
/// later format, shapes that do not fit each other, numbers that are not finite (unless allowed).
Model load_model(const std::filesystem::path& path, bool allow_nonfinite = false);
Model parse_model(std::string_view bytes, const std::string& source, bool allow_nonfinite = false);

/// Copies the weights named linear1.weight … from a model file or any safetensors file, cast to T; nothing else of it.
/// Raises Error(io); Error(model) naming the tensor that is missing or whose shape does not fit, or a number that is
/// not finite (unless allowed).
template <class T>
void load_parameters(const std::filesystem::path& path, BasicMlp<T>& net, bool allow_nonfinite = false);

extern template std::string parameters_hash(const BasicMlp<float>&);
extern template std::string parameters_hash(const BasicMlp<double>&);
extern template void load_parameters(const std::filesystem::path&, BasicMlp<float>&, bool);
extern template void load_parameters(const std::filesystem::path&, BasicMlp<double>&, bool);

}  // namespace handgrad
