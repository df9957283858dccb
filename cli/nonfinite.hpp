// Answers that are no finite numbers: counted, told on standard error, and exit 5 unless they are allowed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/train/evaluation.hpp"

namespace handgrad::cli {

/// Of one kind of answer, `predictions`, how many of how many are not finite; of what there is once, `the loss`, `of`
/// is 0.
struct NonfiniteAnswers {
    std::string_view what;
    std::size_t count = 0;
    std::size_t of = 0;
};

/// Rows with a number that is not finite.
std::size_t nonfinite_rows(MatrixView<const double> numbers);
/// Each kind of answer of a verb.
std::vector<NonfiniteAnswers> nonfinite_in(const Evaluation& evaluation);
std::vector<NonfiniteAnswers> nonfinite_in(const diagnose::Diagnosis& diagnosis);
std::vector<NonfiniteAnswers> nonfinite_in(const std::vector<diagnose::ColumnSensitivity>& columns, bool labelled);
std::vector<NonfiniteAnswers> nonfinite_in(const explain::Trace& trace);

/// Says on standard error what is not finite; the exit code of a verb: `otherwise` where all is finite, or what is not
/// is allowed, else 5.
int finite_or_diverged(std::span<const NonfiniteAnswers> answers, const ApplyingOptions& applying,
                       const OutputOptions& show, int otherwise = 0);

}  // namespace handgrad::cli
