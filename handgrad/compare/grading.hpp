// A folder of exercise sheets and gradient files, each marked by itself.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/marking.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::compare {

/// What a file was taken for.
enum class GradedKind { sheet, gradients };
inline constexpr std::array<std::string_view, 2> graded_kind_names{"sheet", "gradients"};
inline std::string_view name(GradedKind kind) { return graded_kind_names[static_cast<std::size_t>(kind)]; }

/// `PASS` or `FAIL`.
std::string_view verdict_of(const ComparedTensor& tensor);

/// One file: the marks of a sheet, or the verdicts on the tensors of a gradient; or why there are none.
struct GradedFile {
    std::string name;  ///< below the folder: `anna/sheet.txt`
    std::optional<GradedKind> kind;
    std::string problem;  ///< why it could not be graded; empty if it was
    std::optional<Marking> marking;
    std::optional<Comparison> comparison;

    [[nodiscard]] bool graded() const { return problem.empty(); }
    /// From 0 to 1: of a sheet Marking::score(), of gradients the share of tensors that pass; 0 if it was not graded.
    [[nodiscard]] double score() const;
    /// The causes that were named, each once, in the order of the file.
    [[nodiscard]] std::vector<std::string> causes() const;
};

struct Grading {
    std::string folder;
    std::vector<GradedFile> files;  ///< by name

    [[nodiscard]] std::size_t graded() const;
    /// Of the files that were graded; 0 without any.
    [[nodiscard]] double mean_score() const;
};

struct GradingOptions {
    std::optional<std::size_t> row;              ///< of the sheets, from 1; else the one that each says it is about
    std::optional<double> tolerance;             ///< as of MarkingOptions
    explain::StepOptions step;                   ///< the update of the sheets
    bool allow_extra = false;                    ///< columns that the model does not know
    std::vector<std::filesystem::path> skipped;  ///< files that may lie in the folder and are none of the students'
};

/// Marks every file of a folder and of the folders in it, but for hidden ones (`.name`) and links: as gradients what
/// ends in .npz or .safetensors or begins like an archive, all else as a sheet (read_answers(); text, Markdown, CSV or
/// JSON of at most 4 MiB). Gradients are judged over all rows of the table; where a row is given and more of their
/// tensors pass over that row alone, over that. What cannot be read costs only its own row. Raises Error(io) when the
/// folder cannot be read, Error(data) when no file in it is named like a sheet or a gradient (.txt, .md, .csv, .tsv,
/// .json, .npz, .safetensors), and what the table raises as a whole.
Grading grade(const Model& model, const Table& table, const std::filesystem::path& folder,
              const GradingOptions& options);

}  // namespace handgrad::compare
