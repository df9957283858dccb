// Counting over the results of the verbs, and the one message.
#include "cli/nonfinite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/error.hpp"

namespace handgrad::cli {
namespace {

bool finite(double x) { return std::isfinite(x); }

NonfiniteAnswers loss_of(double loss) { return {"the loss", finite(loss) ? 0U : 1U, 0}; }

std::size_t count_of(const Matrix<double>& numbers) {
    return static_cast<std::size_t>(std::ranges::count_if(numbers.values(), [](double x) { return !finite(x); }));
}

}  // namespace

std::size_t nonfinite_rows(MatrixView<const double> numbers) {
    std::size_t count = 0;
    for (std::size_t row = 0; row < numbers.rows(); ++row) {
        count += std::ranges::all_of(numbers.row(row), finite) ? 0 : 1;
    }
    return count;
}

std::vector<NonfiniteAnswers> nonfinite_in(const Evaluation& evaluation) {
    return {{"predictions", evaluation.nonfinite, evaluation.rows}, loss_of(evaluation.loss)};
}

std::vector<NonfiniteAnswers> nonfinite_in(const diagnose::Diagnosis& diagnosis) {
    NonfiniteAnswers gradients{"gradients of layers", 0, diagnosis.layers.size()};
    for (const diagnose::LayerDiagnosis& layer : diagnosis.layers) {
        gradients.count += finite(layer.gradient_rms) ? 0 : 1;
    }
    return {gradients, loss_of(diagnosis.loss)};
}

std::vector<NonfiniteAnswers> nonfinite_in(const std::vector<diagnose::ColumnSensitivity>& columns, bool labelled) {
    NonfiniteAnswers derivatives{"sensitivities", 0, columns.size()};
    for (const diagnose::ColumnSensitivity& c : columns) {
        const bool good =
            finite(c.mean) && finite(c.sd) && finite(c.rms) && finite(c.effect) && (!labelled || finite(c.permutation));
        derivatives.count += good ? 0 : 1;
    }
    return {derivatives};
}

std::vector<NonfiniteAnswers> nonfinite_in(const explain::Trace& trace) {
    NonfiniteAnswers numbers{"numbers", 0, 0};
    const auto add = [&](const Matrix<double>& matrix) {
        numbers.count += count_of(matrix);
        numbers.of += matrix.values().size();
    };
    for (const auto* matrices : {&trace.forward, &trace.deltas, &trace.gradients, &trace.updated}) {
        std::ranges::for_each(*matrices, add);
    }
    for (const explain::TracedJacobian& jacobian : trace.jacobians) {
        add(jacobian.value);
    }
    return {numbers, loss_of(trace.loss)};
}

int finite_or_diverged(std::span<const NonfiniteAnswers> answers, const ApplyingOptions& applying,
                       const OutputOptions& show, int otherwise) {
    std::string list;
    for (const NonfiniteAnswers& one : answers) {
        if (one.count == 0) {
            continue;
        }
        const std::string part = when(one.of > 0, fmt::format("{} of {} ", shown(one.count), shown(one.of)));
        add_item(list, " and ", fmt::format("{}{}", part, one.what));
    }
    if (list.empty()) {
        return otherwise;
    }
    if (applying.allow_nonfinite) {
        if (!show.quiet) {
            tell(fmt::format("not finite: {}", list));
        }
        return otherwise;
    }
    tell(
        fmt::format("not finite: {}; numbers of the model, or of these rows, are too large for its precision. Look for "
                    "the layer by handgrad diagnose; --allow-nonfinite takes them as they are",
                    list));
    return static_cast<int>(ErrorKind::diverged);
}

}  // namespace handgrad::cli
