// What each result reads like as plain text, at most 100 places wide: what the program prints, and Python shows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::summary {

std::string evaluation_text(const Evaluation& evaluation, const Model& model);

std::string certificate_text(const certify::Certificate& certificate);

/// With the rows `top` of the table whose gradients are largest, if any. `settings` stands at the end: what the advice
/// is called where the user gives it, lines or nothing.
std::string diagnosis_text(const diagnose::Diagnosis& diagnosis, const std::vector<diagnose::RowGradient>& top,
                           const Table& table, const std::string& settings);

/// Sorted by effect within each target, the largest first; `rows` of the table.
std::string sensitivity_text(std::vector<diagnose::ColumnSensitivity> columns, std::size_t rows);

/// `title` stands before the task, the hash of the file, unless it is empty, at the end.
std::string model_text(const Model& model, const std::string& title, const std::string& file_hash);

/// The standing of a new model, and whether it has changed since.
std::string standing_words(const FitResult& result);
/// What a user should know before trusting a new model, a sentence each.
std::vector<std::string> warnings_of(const FitResult& result);

/// How a front end says what to do next; either may be empty.
struct NextSteps {
    std::string hold_out = {};  ///< a sentence, where no row was held out to judge by
    std::string look_at = {};   ///< a line, where there are warnings
};
/// How long a training took, its metrics and what to make of them. Begins with an empty line.
std::string fit_text(const FitResult& result, const NextSteps& next);

}  // namespace handgrad::summary
