// The steps of data/row_encoder.* and train/decoding.hpp as loops over a table of columns.
#include "handgrad/export/c_columns.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "handgrad/export/c_network.hpp"
#include "handgrad/export/written_number.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad::exports {
namespace {

constexpr const char* encode_text = R"(
int $encode(const ROW *row, REAL *x)
{
    int c, i;
    for (c = 0; c < COLUMNS; ++c) {
        const ROW value = row[c];
        const int categories = $facts[c].categories;
        if (categories == 0) {
            const ROW known = value == value ? value : $facts[c].missing;
            *x = (REAL)((known - $facts[c].shift) / $facts[c].scale);
            if (!(*x - *x == ZERO)) {
                return c + 1;
            }
            ++x;
        } else {
            int hot = $facts[c].missing_category;
            if (value == value) {
                hot = value >= 0 && value < (ROW)categories && (ROW)(int)value == value ? (int)value : -1;
            }
            if (STRICThot < 0) {
                return c + 1;
            }
            for (i = 0; i < categories; ++i) {
                *x++ = i == hot ? ONE : ZERO;
            }
        }
    }
    return 0;
}
)";
constexpr const char* predict_text = R"(
int $predict(const ROW *row, ROW *yhat)
{
    REAL x[INPUTS], y[OUTPUTS];
    const int problem = $encode(row, x);
    size_t k;
    if (problem != 0) {
        return problem;
    }
    RUN
    for (k = 0; k < OUTPUTS; ++k) {
BODY    }
    return 0;
}
)";
constexpr const char* classify_text = R"(
int $classify(const ROW *row, ROW *p)
{
    REAL x[INPUTS], z[OUTPUTS], y[OUTPUTS];
    const int problem = $encode(row, x);
    size_t k;
    int best = 0;
    if (problem != 0) {
        return -problem;
    }
    $pass(x, z, NULL, NULL);
    for (k = 0; k < OUTPUTS; ++k) {
        y[k] = z[k];
    }
APPLY    if (p != NULL) {
PROBABILITIES    }
BEST    return best;
}
)";
constexpr const char* shares_text = R"(        for (k = 0; k < OUTPUTS; ++k) {
            sum = sum + p[k];
        }
        for (k = 0; k < OUTPUTS; ++k) {
            p[k] = sum == ZERO ? ONE / OUTPUTS : p[k] / sum;
        }
)";
constexpr const char* derivatives_text = R"(
int $derivatives(const ROW *row, ROW *yhat, ROW *J)
{
    REAL x[INPUTS], y[OUTPUTS], slopes[SLOPES];
    const int problem = $encode(row, x);
    size_t k;
    if (problem != 0) {
        return problem;
    }
    $jacobian(x, y, slopes);
    for (k = 0; k < OUTPUTS; ++k) {
        const REAL *from = slopes + k * INPUTS;
        int c, i;
BODY        for (c = 0; c < COLUMNS; ++c) {
            const int categories = $facts[c].categories;
            const ROW slope = categories == 0 ? ONE / $facts[c].scale : ONE;
            for (i = 0; i == 0 || i < categories; ++i) {
                *J++ = (ROW)*from++ * UNITSslope;
            }
        }
    }
    return 0;
}
)";

constexpr const char* second_text = R"(
int $second_derivatives(const ROW *row, ROW *yhat, ROW *H)
{
    REAL x[INPUTS], y[OUTPUTS], bends[BENDS];
    const REAL *from = bends;
    ROW slopes[INPUTS], *slope = slopes;
    const int problem = $encode(row, x);
    size_t k, i, j;
    int c;
    if (problem != 0) {
        return problem;
    }
    for (c = 0; c < COLUMNS; ++c) {
        const int categories = $facts[c].categories;
        int category;
        for (category = 0; category == 0 || category < categories; ++category) {
            *slope++ = categories == 0 ? ONE / $facts[c].scale : ONE;
        }
    }
    $hessian(x, y, bends);
    for (k = 0; k < OUTPUTS; ++k) {
BODY        for (i = 0; i < INPUTS; ++i) {
            for (j = 0; j < INPUTS; ++j) {
                *H++ = (ROW)*from++ * UNITS(slopes[i] * slopes[j]);
            }
        }
    }
    return 0;
}
)";

std::string count_text(std::size_t value) { return std::to_string(value); }

}  // namespace

CColumns::CColumns(const Model& model, std::string prefix, FunctionSet& numbers, FunctionSet& rows)
    : columns_(model.preprocessing),
      output_(model.architecture().output),
      prefix_(std::move(prefix)),
      numbers_(numbers),
      rows_(rows) {
    name_all();
}

std::string CColumns::fill(const std::string& text) const {
    const bool strict = columns_.unknown == Unknown::error;
    return filled(text, {{"ROW", rows_.type()},
                         {"REAL", numbers_.type()},
                         {"ZERO", rows_.literal(0.0)},
                         {"ONE", rows_.literal(1.0)},
                         {"STRICT", strict ? "" : "0 && "},
                         {"COLUMNS", count_text(columns_.features.size())},
                         {"INPUTS", count_text(columns_.inputs())},
                         {"OUTPUTS", count_text(columns_.outputs())},
                         {"SLOPES", count_text(columns_.outputs() * columns_.inputs())},
                         {"BENDS", count_text(columns_.outputs() * columns_.inputs() * columns_.inputs())},
                         {"$", prefix_}});
}

/// Enumerators and arrays of all texts, no two of one name.
void CColumns::name_all() {
    CNames taken;
    const std::string upper = upper_case(prefix_);
    for (const char* own : {"INPUTS", "OUTPUTS", "COLUMNS", "CLASSES", "H"}) {
        taken.add(upper, own);
    }
    Names columns{"the cells of a row, in this order", prefix_ + "columns", {}, {}};
    for (const FeatureColumn& feature : columns_.features) {
        columns.enumerators.push_back(taken.add(upper + "COLUMN_", upper_case(feature.name)));
        columns.texts.push_back(feature.name);
    }
    names_.push_back(columns);
    CNames arrays;
    for (const FeatureColumn& feature : columns_.features) {
        if (!feature.categorical()) {
            continue;
        }
        Names names{"the codes of column " + feature.name,
                    arrays.add(prefix_ + "categories_", feature.name),
                    {},
                    feature.categories};
        for (const std::string& category : feature.categories) {
            names.enumerators.push_back(taken.add(upper, upper_case(feature.name + "_" + category)));
        }
        names_.push_back(std::move(names));
    }
    if (columns_.task == Task::classification) {
        Names names{"the classes of " + columns_.targets.front().name, prefix_ + "classes", {}, columns_.classes};
        for (const std::string& label : columns_.classes) {
            names.enumerators.push_back(taken.add(upper + "CLASS_", upper_case(label)));
        }
        names_.push_back(std::move(names));
    }
}

std::string CColumns::declarations(bool twice) const {
    const std::string upper = upper_case(prefix_);
    const bool classes = columns_.task == Task::classification;
    std::string text = "enum { " + upper + "COLUMNS = " + count_text(columns_.features.size()) +
                       (classes ? ", " + upper + "CLASSES = " + count_text(columns_.classes.size()) : "") + " };\n";
    for (const Names& names : names_) {
        text += "/* " + c_comment(names.comment) + " */\n";
        std::vector<std::string> values;
        for (std::size_t i = 0; i < names.enumerators.size(); ++i) {
            values.push_back(" " + names.enumerators[i] + " = " + count_text(i));
        }
        text += "enum " + braced(values) + ";\nextern const char *const " + names.array + "[" +
                count_text(names.texts.size()) + "];\n";
    }
    std::string functions = R"(
/* A row has COLUMNS numbers in the units of the table: NaN where a value is missing, and for a text its code.
   Each function returns 0, or 1 + the column whose value the model cannot use (missing and not to be filled in,
   infinite, or a code that it does not know); what it was to fill is undefined then. */
/* From a row to what the network sees (INPUTS numbers). */
int $encode(const ROW *row, REAL *x);
)";
    if (columns_.task == Task::classification) {
        functions +=
            "/* The class of a row (from 0), or -1 - the column that cannot be used. Fills p, unless it is NULL, with "
            "the\n"
            "   probabilities of all " +
            count_text(columns_.classes.size()) +
            " classes, or where outputs are none with the outputs. */\nint $classify(const ROW *row, ROW *p);\n";
    } else {
        functions += columns_.task == Task::regression
                         ? "/* The targets in the units of the table (OUTPUTS numbers). */\n"
                         : "/* Of each label the share of yes, which above a half means yes (OUTPUTS numbers). */\n";
        functions += "int $predict(const ROW *row, ROW *yhat);\n";
    }
    functions += R"(#ifndef %WITHOUT_JACOBIAN
/* What the network puts out (a regression in the units of the table), and its derivatives by the inputs, row after row
   (OUTPUTS x INPUTS), in the units of the table; a category counts as a number 0 or 1. */
int $derivatives(const ROW *row, ROW *yhat, ROW *J);
SECOND#endif
)";
    const char* second =
        "/* The same, and second derivatives: OUTPUTS symmetric matrices of INPUTS x INPUTS. */\n"
        "int $second_derivatives(const ROW *row, ROW *yhat, ROW *H);\n";
    functions = filled(functions, {{"SECOND", twice ? second : ""}});
    return text + filled(fill(functions), {{"%", upper_case(prefix_)}});
}

std::string CColumns::facts() const {
    std::vector<std::string> lines;
    for (const FeatureColumn& feature : columns_.features) {
        const double missing = feature.impute.value_or(std::numeric_limits<double>::quiet_NaN());
        const std::size_t categories = feature.categories.size();
        const std::string missing_category = feature.missing_as.empty() ? "-1" : count_text(categories - 1);
        const auto literal = [&](double value) {
            return rows_.literal(rows_.in_double() ? value : static_cast<double>(static_cast<float>(value)));
        };
        lines.push_back("{" + literal(feature.shift) + "," + literal(feature.scale) + "," + literal(missing) + "," +
                        count_text(categories) + "," + missing_category + "}");
    }
    std::string text = fill(
        "static const struct {\n    ROW shift, scale, missing;\n    int categories, missing_category;\n} "
        "$facts[COLUMNS] = " +
        braced(lines) + ";\n");
    for (const Names& names : names_) {
        std::vector<std::string> texts;
        std::ranges::transform(names.texts, std::back_inserter(texts), c_string);
        text += "const char *const " + names.array + "[" + count_text(texts.size()) + "] = " + braced(texts) + ";\n";
    }
    return text;
}

std::string CColumns::in_user_units(const std::string& y) {
    // y · scale + shift
    const auto body = [&]<class S>(S) {
        using W = Written<S>;
        Recording recording(rows_);
        const W scaled = W::argument(recording, y) * W::argument(recording, prefix_ + "target_scale[k]");
        (scaled + W::argument(recording, prefix_ + "target_shift[k]")).into(recording, "yhat[k]");
        return rows_.statements(recording, "        ");
    };
    return rows_.in_double() ? body(0.0) : body(0.0F);
}

std::string CColumns::predict() {
    std::string run = "$forward(x, y);", body = "        yhat[k] = (ROW)y[k];\n", tables;
    if (columns_.task == Task::multilabel && output_ == Activation::sigmoid) {
        run = "$pass(x, y, NULL, NULL);";
        const auto shares = [&]<class S>(S) {
            Recording recording(rows_);
            math::Sigmoid::value(Written<S>::argument(recording, "z")).into(recording, "yhat[k]");
            return "        const ROW z = (ROW)y[k];\n" + rows_.statements(recording, "        ");
        };
        body = rows_.in_double() ? shares(0.0) : shares(0.0F);
    } else if (columns_.task == Task::regression) {
        body = in_user_units("(" + rows_.type() + ")y[k]");
        std::vector<std::string> shifts, scales;
        for (const TargetColumn& target : columns_.targets) {
            const bool wide = rows_.in_double();
            shifts.push_back(
                rows_.literal(wide ? target.shift : static_cast<double>(static_cast<float>(target.shift))));
            scales.push_back(
                rows_.literal(wide ? target.scale : static_cast<double>(static_cast<float>(target.scale))));
        }
        tables = "static const ROW $target_shift[OUTPUTS] = " + braced(shifts) +
                 ";\nstatic const ROW $target_scale[OUTPUTS] = " + braced(scales) + ";\n";
    }
    return fill(tables) + fill(filled(predict_text, {{"RUN", run}, {"BODY", body}}));
}

std::string CColumns::probabilities() {
    const auto share = [&]<class S>(S, const std::string& z, const std::string& p) {
        Recording recording(rows_);
        const Written<S> logit = Written<S>::argument(recording, "z_k");
        math::Sigmoid::value(z == "-" ? -logit : logit).into(recording, p);
        return rows_.statements(recording, "            ");
    };
    const auto sigmoid = [&](const std::string& sign, const std::string& p) {
        return rows_.in_double() ? share(0.0, sign, p) : share(0.0F, sign, p);
    };
    if (columns_.one_output && output_ == Activation::sigmoid) {
        const std::string no = sigmoid("-", "p[0]"), yes = sigmoid("", "p[1]");
        const std::string z = "            const ROW z_k = (ROW)z[0];\n";
        return "        {\n" + z + no + "        }\n        {\n" + z + yes + "        }\n";
    }
    if (output_ == Activation::softmax) {
        return "        for (k = 0; k < OUTPUTS; ++k) {\n            p[k] = (ROW)z[k];\n        }\n        $softmax" +
               rows_.suffix + "(p, p, OUTPUTS);\n";
    }
    if (output_ == Activation::sigmoid) {
        return "        ROW sum = ZERO;\n        for (k = 0; k < OUTPUTS; ++k) {\n            const ROW z_k = "
               "(ROW)z[k];\n" +
               sigmoid("", "p[k]") + "        }\n" + shares_text;
    }
    return "        for (k = 0; k < OUTPUTS; ++k) {\n            p[k] = (ROW)y[k];\n        }\n";
}

std::string CColumns::classify() {
    std::string definitions;
    if (output_ == Activation::softmax && &rows_ != &numbers_) {
        definitions = CNetwork<double>::softmax(rows_, prefix_);
    }
    const std::string p = probabilities();
    std::string apply;
    if (output_ == Activation::softmax) {
        apply = "    $softmax(z, y, OUTPUTS);\n";
    } else if (output_ != Activation::identity) {
        apply = "    $apply_" + std::string(name(output_)) + "(y, OUTPUTS);\n";
    }
    std::string best = "    for (k = 1; k < OUTPUTS; ++k) {\n        best = y[best] < y[k] ? (int)k : best;\n    }\n";
    if (columns_.one_output) {
        best = "    best = y[0] > " + numbers_.literal(0.5) + " ? 1 : 0;\n";
    }
    return definitions + fill(filled(classify_text, {{"APPLY", apply}, {"PROBABILITIES", p}, {"BEST", best}}));
}

std::string CColumns::definitions() {
    return facts() + fill(filled(encode_text, {{"ZERO", numbers_.literal(0.0)}, {"ONE", numbers_.literal(1.0)}})) +
           (columns_.task == Task::classification ? classify() : predict());
}

std::string CColumns::derivatives(bool twice) {
    const bool regression = columns_.task == Task::regression;
    const std::string yhat =
        regression ? in_user_units("(" + rows_.type() + ")y[k]") : "        yhat[k] = (ROW)y[k];\n";
    const std::string text = derivatives_text + std::string(twice ? second_text : "");
    return fill(filled(text, {{"BODY", yhat}, {"UNITS", regression ? "$target_scale[k] * " : ""}}));
}

}  // namespace handgrad::exports
