// The two files, put together from their parts: functions stand behind what they call, and what only derivatives or the
// test need can be left out by a macro.
#include "handgrad/export/c99.hpp"

#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/export/c_columns.hpp"
#include "handgrad/export/c_hessian.hpp"
#include "handgrad/export/c_network.hpp"
#include "handgrad/export/c_selftest.hpp"
#include "handgrad/export/c_text.hpp"
#include "handgrad/export/c_training.hpp"

namespace handgrad::exports {
namespace {

constexpr const char* source_begin = R"(#include "%.h"

INCLUDE <float.h>
INCLUDE <math.h>
INCLUDE <stdint.h>
INCLUDE <string.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(__ASSOCIATIVE_MATH__) || \
    defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "%: -ffast-math and its parts change results; compile this file without them"
#endif
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "%: this target computes with more digits than the type has; on x86 compile with -mfpmath=sse -msse2"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#if defined(__FP_FAST_FMA) || defined(__FMA__) || defined(__FMA4__) || defined(__AVX512F__) || defined(__aarch64__)
#define HANDGRAD_CONTRACTS_DOUBLE
#define HANDGRAD_CONTRACTS_FLOAT
#elif defined(__FP_FAST_FMAF)
#define HANDGRAD_CONTRACTS_FLOAT
#endif
#endif
)";
constexpr const char* header_begin = R"(#ifndef %GUARD
#define %GUARD

INCLUDE <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { %N = INPUTS, %K = OUTPUTS };

/* What the network puts out for x (INPUTS numbers) to yhat (OUTPUTS numbers); they must not overlap. */
void $forward(const REAL *x, REAL *yhat);
#ifndef %WITHOUT_JACOBIAN
/* The same, and J, the derivatives of outputs by inputs, row after row: J[k * INPUTS + i] = d yhat[k] / d x[i]. */
void $jacobian(const REAL *x, REAL *yhat, REAL *J);
#endif
)";
constexpr const char* hessian_declaration = R"(#ifndef %WITHOUT_JACOBIAN
/* The same, and H: OUTPUTS symmetric matrices, H[(k * INPUTS + i) * INPUTS + j] = d2 yhat[k] / d x[i] d x[j]. */
void $hessian(const REAL *x, REAL *yhat, REAL *H);
#endif
)";
constexpr const char* selftest_declaration = R"(#ifndef %WITHOUT_SELFTEST
/* Rows of its own, against what handgrad computes for them. 0: the same bits. 1: fma of this C library or processor
   rounds twice; outputs are within the bound that rounding can make. 2: compiled with options that reorder or contract.
   3: something is wrong. */
int $selftest(void);
#endif
)";
constexpr const char* outside_declaration =
    R"(/* How many of x (as the network sees them) are no numbers, or outside of what it was trained on. Unless `which` is
   NULL, which[i] becomes 1 for these and 0 for the others (INPUTS numbers). */
size_t $outside(const REAL *x, unsigned char *which);
)";
constexpr const char* outside_text = R"(
size_t $outside(const REAL *x, unsigned char *which)
{
    size_t i, count = 0;
    for (i = 0; i < INPUTS; ++i) {
        const int out = !(x[i] >= $lowest[i] && x[i] <= $highest[i]);
        count += out ? 1 : 0;
        if (which != NULL) {
            which[i] = out ? 1 : 0;
        }
    }
    return count;
}
)";

std::string shape_text(const Architecture& architecture) {
    std::string text = std::to_string(architecture.sizes.front());
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        text +=
            " -> " + std::to_string(architecture.sizes[l + 1]) + " " + std::string(name(architecture.activation(l)));
    }
    return text;
}

template <class T>
class CModel {
public:
    CModel(const Model& model, const BasicMlp<T>& net, const C99Options& options)
        : model_(model),
          net_(net),
          options_(options),
          prefix_(options.name + "_"),
          numbers_(prefix_, sizeof(T) == sizeof(double)),
          wide_(prefix_, true),
          network_(net, prefix_, numbers_, options.hessian) {
        wide_.suffix = "_d";
        if (options.training) {
            training_.emplace(net, model.loss, model.weight_decay, prefix_, numbers_);
        }
        if (options.raw) {
            columns_.emplace(model, prefix_, numbers_, rows());
        }
    }

    C99Files files() { return {header(), source()}; }

private:
    /// Of the numbers of rows: double, unless there is to be none.
    FunctionSet& rows() { return options_.float_only || numbers_.in_double() ? numbers_ : wide_; }
    [[nodiscard]] bool ranges() const { return model_.training_rows.lowest.size() == net_.inputs(); }
    [[nodiscard]] std::string fill(const std::string& text) const { return marked(network_.fill(text)); }
    /// … of what knows no words but those of %.
    [[nodiscard]] std::string marked(const std::string& text) const {
        // not spelled out above, where tools/include_rules.py would take them for ours
        return filled(text, {{"INCLUDE <", "#include <"},
                             {"%GUARD", upper_case(options_.name) + "_H"},
                             {"%.h", options_.name + ".h"},
                             {"%:", options_.name + ":"},
                             {"%N", upper_case(prefix_) + "INPUTS"},
                             {"%K", upper_case(prefix_) + "OUTPUTS"},
                             {"%", upper_case(prefix_)}});
    }
    [[nodiscard]] std::string title(const std::string& file) const {
        return "/* " + file + ": " + c_comment(shape_text(net_.architecture())) + ", in " + numbers_.type() +
               ". Written by handgrad " + std::string(version) + ".\n   Parameters: " + parameters_hash(net_) + " */\n";
    }

    std::string header() {
        std::string text = title(options_.name + ".h") + fill(header_begin);
        if (options_.hessian) {
            text += fill(hessian_declaration);
        }
        if (ranges()) {
            text += fill(outside_declaration);
        }
        if (training_) {
            text += training_->declarations();
        }
        text += fill(selftest_declaration);
        if (columns_) {
            text += "\n" + columns_->declarations(options_.hessian);
        }
        return text + "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
    }

    std::string source() {
        const std::string without_jacobian = "\n#ifndef " + upper_case(prefix_) + "WITHOUT_JACOBIAN\n";
        std::string text = title(options_.name + ".c") + marked(source_begin) + numbers_.product_macro();
        if (&rows() != &numbers_ && columns_) {
            text += wide_.product_macro();
        }
        text += "\n" + network_.tables() + network_.activations();
        const std::string columns = columns_ ? columns_->definitions() : "";
        text += numbers_.take_definitions() + wide_.take_definitions();
        text += without_jacobian + network_.activation_slopes() + "#endif\n" + network_.forward() + columns;
        if (ranges()) {
            text += fill(range_table("lowest", model_.training_rows.lowest) +
                         range_table("highest", model_.training_rows.highest) + outside_text);
        }
        text += without_jacobian + network_.jacobian() + (options_.hessian ? CHessian<T>(network_).definitions() : "");
        if (columns_) {
            const std::string derivatives = columns_->derivatives(options_.hessian);
            text += numbers_.take_definitions() + wide_.take_definitions() + derivatives;
        }
        if (training_) {
            text += training_->definitions();
        }
        return text + "#endif\n" + selftest_text(net_, prefix_, numbers_, options_.hessian);
    }

    [[nodiscard]] std::string range_table(const std::string& name, const std::vector<double>& values) const {
        const std::vector<T> numbers(values.begin(), values.end());
        return "static const REAL $" + name + "[INPUTS] = " + table_text<T>(numbers_, std::span<const T>(numbers)) +
               ";\n";
    }

    const Model& model_;
    const BasicMlp<T>& net_;
    C99Options options_;
    std::string prefix_;
    FunctionSet numbers_;
    FunctionSet wide_;
    CNetwork<T> network_;
    std::optional<CColumns> columns_;
    std::optional<CTraining<T>> training_;
};

void check(const Model& model, const C99Options& options) {
    if (c_identifier(options.name) != options.name) {
        throw Error(ErrorKind::usage, "'" + options.name +
                                          "' is no name in C (letters, digits and _, not _ first, no word of the "
                                          "language); for instance " +
                                          c_identifier(options.name))
            .about("name", c_identifier(options.name));
    }
    const std::vector<std::size_t>& sizes = model.architecture().sizes;
    if (options.training && sizes.back() > most_trained_outputs) {
        throw Error(ErrorKind::usage, "a step of training is written for at most " +
                                          std::to_string(most_trained_outputs) + " outputs; this network has " +
                                          std::to_string(sizes.back()));
    }
    const bool columns_fit =
        sizes.front() == model.preprocessing.inputs() && sizes.back() == model.preprocessing.outputs();
    if (options.raw && !columns_fit) {
        throw Error(ErrorKind::usage, "the network has " + std::to_string(sizes.front()) + " inputs and " +
                                          std::to_string(sizes.back()) + " outputs, the model's columns make " +
                                          std::to_string(model.preprocessing.inputs()) + " and " +
                                          std::to_string(model.preprocessing.outputs()));
    }
}

}  // namespace

C99Files c99(const Model& model, const C99Options& options) {
    check(model, options);
    if (const auto* net = std::get_if<BasicMlp<float>>(&model.net)) {
        return CModel<float>(model, *net, options).files();
    }
    const auto& net = std::get<BasicMlp<double>>(model.net);
    if (options.float_only) {
        const auto narrow = convert<float>(net);
        return CModel<float>(model, narrow, options).files();
    }
    return CModel<double>(model, net, options).files();
}

}  // namespace handgrad::exports
