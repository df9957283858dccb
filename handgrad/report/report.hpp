// Everything that is to be known of a model on a table, in one structure and on one page.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/certify/certificate.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/explain/explanation.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/evaluation.hpp"

namespace handgrad::report {

struct ReportOptions {
    std::string rows_are{};            ///< which rows of the table these are, as `the validation rows of`; may be
                                       ///< empty
    std::size_t measured_rows = 4096;  ///< diagnosis, activations and sensitivity on at most so many rows, evenly
                                       ///< spread over the table; everything else on all
    std::size_t certified_rows = 256;  ///< drawn at random by `seed`
    std::size_t worst_rows = 20;       ///< that are listed
    std::size_t most_permuted = 64;    ///< columns; a table of more has no permutation importance
    std::uint64_t seed = 0;            ///< of the certificate's rows and the shuffles
    bool allow_extra = false;          ///< columns that the model does not know
    /// What the rows were for in its training; found out by make_report() where the table is the one it was trained on.
    std::optional<RowsByPart> parts{};
    /// What is said of the model in place of its standing on these rows, where that was found on others.
    struct Verdict {
        Standing standing = Standing::unknown;
        std::string text{};
    };
    std::optional<Verdict> verdict{};
    Execution execution{};
};

/// A target's values as they are and as they are predicted, of at most 2 000 rows.
struct PredictedActual {
    std::string target;
    std::vector<double> actual, predicted;
};

/// True positives over false positives while the threshold falls, thinned to at most 200 points.
struct RocCurve {
    std::string positive;  ///< the class that counts as positive, against all others
    std::vector<double> false_positives, true_positives;
    double area = 0.0;  ///< of the whole curve, ties counted half
};

/// Values of one layer's activation, over rows and units.
struct ActivationHistogram {
    std::string layer;  ///< linear1 …
    Activation activation = Activation::identity;
    double lowest = 0.0, highest = 0.0;
    std::vector<double> shares;  ///< of the values, in bins of equal width
};

/// A row that pulls hard, with what the table and the model say of it.
struct WorstRow {
    std::string place;  ///< `t.csv:17`
    diagnose::RowGradient gradient;
    std::string actual, predicted;
};

struct Report {
    std::string data;      ///< the table's name
    std::string rows_are;  ///< as in the options
    std::size_t rows = 0;
    std::size_t measured_rows = 0;
    Evaluation evaluation;
    ReportOptions::Verdict verdict;                ///< the page's first sentence
    std::vector<PredictedActual> fits;             ///< regression: by target
    std::vector<RocCurve> roc;                     ///< of two classes the second; else of each, up to ten classes
    std::vector<ActivationHistogram> activations;  ///< by layer
    diagnose::Diagnosis diagnosis;
    std::vector<WorstRow> worst;
    std::vector<diagnose::ColumnSensitivity> columns;
    certify::Certificate certificate;
    explain::Explanation explanation;  ///< in symbols
};

/// Measures it all. Raises what evaluate() and certify() raise, Error(data) for a table without rows.
Report make_report(const Model& model, const Table& table, const ReportOptions& given = {});

/// One page in HTML that needs nothing beside itself: no network, no script. Light or dark as the reader has it, for
/// wide screens, telephones and paper.
std::string report_page(const Report& report, const Model& model);

}  // namespace handgrad::report
