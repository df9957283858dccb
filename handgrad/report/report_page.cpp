// The page: sections from the most asked to the most detailed, each with its picture and the numbers under it.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/chart.hpp"
#include "handgrad/document/document.hpp"
#include "handgrad/document/html.hpp"
#include "handgrad/document/render.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/report/report_style.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::report {
namespace {

using document::BarChart;
using document::ChartText;
using document::element;
using document::escape_html;
using document::HistogramChart;
using document::LineChart;
using document::ScatterChart;
using document::Series;

// --- Small parts ----------------------------------------------------------------------------------------------------

/// So many digits, as a page of numbers bears.
std::string number(double value, int digits = 4) {
    if (std::isnan(value)) {
        return "–";
    }
    if (std::isinf(value)) {
        return value < 0.0 ? "−∞" : "∞";
    }
    std::array<char, 48> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits);
    std::string shown(text.data(), end.ptr);
    if (shown.starts_with('-')) {
        shown.replace(0, 1, "−");
    }
    return shown;
}
std::string percent(double share) { return number(100.0 * share, 3) + " %"; }
std::string with_class(const std::string& element_name, const std::string& kind) {
    return element_name + when(!kind.empty(), " class=\"" + kind + "\"");
}

std::string paragraph(const std::string& text) { return element("p", escape_html(text)) + "\n"; }
std::string quiet(const std::string& text) { return element("p class=\"quiet\"", escape_html(text)) + "\n"; }

/// A cell of a table: HTML, and whether it is a number.
struct Cell {
    std::string html;
    bool is_number = false;
    std::string style{};
};
Cell text(const std::string& plain) { return {escape_html(plain)}; }
Cell numeric(double value, int digits = 4) { return {number(value, digits), true}; }
Cell numeric(const std::string& shown) { return {escape_html(shown), true}; }

/// The columns are numbers where the first row says so.
std::string table(const std::vector<std::string>& heading, const std::vector<std::vector<Cell>>& rows,
                  const std::string& kind = "") {
    std::string head, body;
    for (std::size_t c = 0; c < heading.size(); ++c) {
        const bool right = !rows.empty() && rows.front()[c].is_number;
        head += element(with_class("th scope=\"col\"", when(right, "n")), escape_html(heading[c]));
    }
    for (const std::vector<Cell>& row : rows) {
        std::string cells;
        for (const Cell& cell : row) {
            const std::string style = when(!cell.style.empty(), " style=\"" + cell.style + "\"");
            cells += element(with_class("td", when(cell.is_number, "n")) + style, cell.html);
        }
        body += element("tr", cells) + "\n";
    }
    return element("div class=\"wide\"", element(with_class("table", kind), element("thead", element("tr", head)) +
                                                                                "\n" + element("tbody", body))) +
           "\n";
}

std::string charts(const std::string& figures) { return element("div class=\"charts\"", figures) + "\n"; }

/// One section of the page.
struct Section {
    std::string id, title, html;
};

// --- Sections -------------------------------------------------------------------------------------------------------

class Page {
public:
    Page(const Report& report, const Model& model) : report_(report), model_(model) {}

    [[nodiscard]] std::string write() const {
        const std::vector<Section> sections{
            {"learning", "How it learned", learning()},
            {"predictions", "Predictions and labels", predictions()},
            {"columns", "What moves the outputs", columns()},
            {"gradient", "How the gradient flows", gradient()},
            {"activations", "Activations", activations()},
            {"rows", "Rows that pull hardest", rows()},
            {"certificate", "Gradient certificate", certificate()},
            {"derivation", "Every derivative of this network", derivation()},
            {"provenance", "Where it comes from", provenance()},
        };
        std::string links, body;
        for (const Section& section : sections) {
            links += element("li", element("a href=\"#" + section.id + "\"", escape_html(section.title)));
            body += element("section id=\"" + section.id + "\"",
                            "\n" + element("h2", escape_html(section.title)) + "\n" + section.html) +
                    "\n";
        }
        return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n"
               "<link rel=\"icon\" href=\"data:,\">\n" +
               element("title", escape_html(title())) + "\n" + element("style", report_style) + "\n</head>\n<body>\n" +
               header() + element("nav aria-label=\"Sections\"", element("ul", links)) + "\n" +
               element("main", "\n" + body) + "\n</body>\n</html>\n";
    }

private:
    [[nodiscard]] bool classes_wanted() const { return model_.preprocessing.task == Task::classification; }
    [[nodiscard]] std::string title() const {
        std::string targets;
        for (const TargetColumn& target : model_.preprocessing.targets) {
            add_item(targets, ", ", target.name);
        }
        return "A network for " + targets;
    }
    [[nodiscard]] std::string recorded(const std::string& key) const {
        const auto found = model_.provenance.find(key);
        if (found == model_.provenance.end()) {
            return {};
        }
        return found->second;
    }

    [[nodiscard]] std::string header() const {
        const Architecture& shape = model_.architecture();
        std::string sizes = std::to_string(shape.sizes[0]);
        std::size_t parameters = 0;
        for (std::size_t l = 0; l < shape.layers(); ++l) {
            sizes += " → " + std::to_string(shape.sizes[l + 1]) + " " + std::string(name(shape.activation(l)));
            parameters += (shape.sizes[l] + 1) * shape.sizes[l + 1];
        }
        const std::string where = when(!report_.rows_are.empty(), report_.rows_are + " ") + report_.data;
        std::string task(name(model_.preprocessing.task));
        task.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(task.front())));
        const std::string precision = model_.is_double() ? "float64" : "float32";
        return element("header",
                       "\n" + element("h1", escape_html(title())) + "\n" + lead_sentence() +
                           quiet(task + ", " + sizes + ", " + plural(parameters, "parameter") + " in " + precision +
                                 "; measured on " + plural(report_.rows, "row") + ": " + where + ".") +
                           scores() + next_steps() + cards()) +
               "\n";
    }

    /// Is it any good? In one sentence.
    [[nodiscard]] std::string lead_sentence() const {
        std::string kind = "open";
        if (report_.verdict.standing == Standing::better) {
            kind = "good";
        } else if (report_.verdict.standing == Standing::no_better) {
            kind = "bad";
        }
        return element("p class=\"verdict " + kind + "\"", escape_html(report_.verdict.text)) + "\n";
    }

    /// A column of the table of scores.
    struct ScoreColumn {
        std::string heading;
        std::size_t rows = 0;
        Metrics metrics;
    };

    /// Of the part of the rows that its training knew, as the file tells; without metrics where there was none.
    [[nodiscard]] ScoreColumn recorded_part(const std::string& part) const {
        ScoreColumn column{.heading = part, .rows = 0, .metrics = {}};
        const ParsedNumber rows =
            parse_number(recorded("rows." + when(part == "train", "training") + when(part != "train", part)));
        if (rows.problem == NumberProblem::none) {
            column.rows = static_cast<std::size_t>(rows.value);
        }
        for (const auto& [metric, value] : report_.evaluation.metrics) {
            const std::string told = recorded("metric." + part + "." + metric);
            if (!told.empty()) {
                const ParsedNumber parsed = parse_number(told);
                const bool undefined = parsed.problem == NumberProblem::not_a_number;
                column.metrics.emplace_back(metric, undefined ? std::nan("") : parsed.value);
            }
        }
        return column;
    }

    /// Training, validation and test rows, these rows where they are others, and the constant answer.
    [[nodiscard]] std::vector<ScoreColumn> score_columns() const {
        const Evaluation& evaluation = report_.evaluation;
        std::vector<ScoreColumn> columns;
        bool told = false;  // these rows are one of the parts
        for (const char* part : {"train", "validation", "test"}) {
            if (ScoreColumn column = recorded_part(part); !column.metrics.empty()) {
                told = told || (evaluation.parts.size() == 1 && column.metrics.size() == evaluation.metrics.size() &&
                                column.rows == evaluation.rows && alike(column.metrics, evaluation.metrics));
                if (column.heading == "validation" && recorded("refit") == "yes") {
                    column.heading = "validation, before";  // the training on these rows too
                }
                columns.push_back(std::move(column));
            }
        }
        if (!told) {
            columns.push_back({.heading = "these rows", .rows = evaluation.rows, .metrics = evaluation.metrics});
        }
        if (evaluation.baseline) {
            columns.push_back({.heading = "always " + constant_answer_name(model_.preprocessing.task),
                               .rows = evaluation.rows,
                               .metrics = *evaluation.baseline});
        }
        return columns;
    }
    static bool alike(const Metrics& one, const Metrics& other) {
        return std::ranges::equal(one, other, [](const auto& a, const auto& b) {
            return a.first == b.first && number(a.second) == number(b.second);
        });
    }

    [[nodiscard]] std::string scores() const {
        const std::vector<ScoreColumn> columns = score_columns();
        std::vector<std::string> heading{""};
        std::vector<std::vector<Cell>> lines{{text("rows")}};
        for (const ScoreColumn& column : columns) {
            heading.push_back(column.heading);
            lines.front().push_back(numeric(column.rows == 0 ? "–" : std::to_string(column.rows)));
        }
        for (const auto& [metric, value] : report_.evaluation.metrics) {
            std::vector<Cell>& line = lines.emplace_back(std::vector<Cell>{text(words_of(metric))});
            for (const ScoreColumn& column : columns) {
                const auto found = std::ranges::find(column.metrics, metric, &Metrics::value_type::first);
                line.push_back(found == column.metrics.end() ? numeric("–") : numeric(found->second));
            }
        }
        std::string reasons;
        for (const std::string& reason : report_.evaluation.undefined) {
            reasons += quiet("– " + reason);
        }
        return table(heading, lines, "scores") + reasons;
    }
    /// `balanced accuracy`, which may be broken, for `balanced_accuracy`.
    static std::string words_of(std::string metric) {
        std::ranges::replace(metric, '_', ' ');
        return metric;
    }

    /// The diagnosis, of a sound network how its training ended before what was looked at.
    [[nodiscard]] std::string finding_first() const {
        std::string text = report_.diagnosis.text;
        const std::string& course = report_.diagnosis.course.text;
        const std::size_t at = course.empty() ? std::string::npos : text.find(course);
        if (report_.diagnosis.factor != diagnose::Factor::none || at == std::string::npos) {
            return text;
        }
        text.erase(at, course.size() + (at + course.size() < text.size() ? 1 : 0));
        return course + " " + text;
    }

    /// What was found and what to try.
    [[nodiscard]] std::string next_steps() const {
        std::string options;
        for (const SettingHint& hint : report_.diagnosis.try_settings) {
            std::string option = "--" + hint.name;
            std::ranges::replace(option, '_', '-');
            const bool flag = hint.value.empty() || hint.value == "true";
            add_item(options, ", ", element("code", escape_html(option + when(!flag, " " + hint.value))));
        }
        return element("div class=\"says\"",
                       element("p", element("b", "What to do next. ") + escape_html(sentence(finding_first()))) +
                           when(!options.empty(), element("p", "In options of train: " + options + "."))) +
               "\n";
    }

    [[nodiscard]] std::string cards() const {
        std::string list;
        const auto card = [&](const std::string& value, const std::string& what, const std::string& kind = "") {
            list +=
                element("li", element(with_class("b", kind), escape_html(value)) + element("span", escape_html(what)));
        };
        const Evaluation& evaluation = report_.evaluation;
        const bool stands_above = is_log_loss(model_.loss.kind) && model_.weight_decay == 0.0 &&
                                  model_.preprocessing.weight.empty() && model_.preprocessing.class_weights.empty() &&
                                  model_.preprocessing.targets.size() == 1;
        if (!stands_above) {
            card(number(evaluation.loss), "loss, " + words_of(std::string(name(model_.loss.kind))));
        }
        if (evaluation.targets.size() == 1) {
            card(number(evaluation.targets.front().metrics.back().second), "median absolute error");
        }
        if (evaluation.brier) {
            card(number(*evaluation.brier), "Brier score");
        }
        if (evaluation.calibration) {
            const Calibration& c = *evaluation.calibration;
            card(number(c.error, 2), "calibration error, 95 %: " + number(c.lowest, 2) + " to " + number(c.highest, 2));
        }
        if (evaluation.outside) {
            card(percent(static_cast<double>(evaluation.outside->rows) / static_cast<double>(evaluation.rows)),
                 "of the rows lie outside the range of the training rows");
        }
        const std::string verdict(name(report_.certificate.verdict));
        card(verdict, "gradient certificate", verdict);
        if (report_.diagnosis.factor == diagnose::Factor::none) {
            card("healthy", "gradient flow", "good");
        } else {
            card(words_of(std::string(name(report_.diagnosis.factor))), "gradient flow", "bad");
        }
        return element("ul class=\"cards\"", list) + "\n";
    }

    /// With a capital at its front.
    static std::string sentence(std::string text) {
        if (!text.empty() && text[0] >= 'a' && text[0] <= 'z' && !text.starts_with("linear")) {
            text[0] = static_cast<char>(text[0] - 'a' + 'A');
        }
        return text;
    }

    [[nodiscard]] Series history(const std::string& column, const std::string& shown) const {
        return {.name = shown, .x = model_.history.column("epoch"), .y = model_.history.column(column)};
    }
    static bool is_log_loss(Loss kind) { return kind == Loss::binary_cross_entropy || kind == Loss::cross_entropy; }
    static bool has_numbers(const Series& series) {
        return std::ranges::any_of(series.y, [](double y) { return std::isfinite(y); });
    }

    [[nodiscard]] std::string learning() const {
        if (model_.history.empty()) {
            return quiet("The model's file has no history of its training: it was made without, or in 0 epochs.");
        }
        std::optional<double> best;
        const ParsedNumber epoch = parse_number(recorded("epochs.best"));
        if (epoch.problem == NumberProblem::none && recorded("early_stopping") != "0") {
            best = epoch.value;
        }
        const std::string mark =
            when(recorded("refit") == "yes", "best epoch") + when(recorded("refit") != "yes", "weights kept");
        LineChart losses{
            .text = ChartText{.title = "Loss",
                              .x = "epoch",
                              .y = std::string(name(model_.loss.kind)) + ", the very function that is differentiated",
                              .description = "Loss of the training and the validation rows by epoch"},
            .lines = {history("loss", "training rows"), history("validation_loss", "validation rows")},
            .mark = best,
            .mark_name = mark};
        losses.logarithmic = std::ranges::all_of(losses.lines, [](const Series& line) {
            return std::ranges::all_of(line.y, [](double y) { return !(y <= 0.0); });
        });
        std::string figures = draw(losses);
        for (const std::string& column : model_.history.columns) {
            constexpr std::string_view before = "validation.";
            const std::string metric = column.starts_with(before) ? column.substr(before.size()) : "";
            if (metric == "log_loss" && is_log_loss(model_.loss.kind)) {
                continue;  // the curve of the loss itself
            }
            const Series line = history(column, metric);
            if (!metric.empty() && has_numbers(line)) {
                figures += draw(LineChart{.text = ChartText{.title = words_of(metric) + " on the validation rows",
                                                            .x = "epoch",
                                                            .y = words_of(metric),
                                                            .description = metric + " of the validation rows by epoch"},
                                          .lines = {line},
                                          .mark = best,
                                          .mark_name = mark});
            }
        }
        const Series rate = history("learning_rate", "learning rate");
        const auto differs = [&](double y) { return std::isfinite(y) && y != rate.y.back(); };
        if (std::ranges::any_of(rate.y, differs)) {
            figures += draw(LineChart{.text = ChartText{.title = "Learning rate",
                                                        .x = "epoch",
                                                        .y = "of the epoch's last step",
                                                        .description = "Learning rate by epoch"},
                                      .lines = {rate}});
        }
        return charts(figures);
    }

    [[nodiscard]] std::string predictions() const { return classes_wanted() ? classes() : fits(); }

    [[nodiscard]] std::string fits() const {
        std::string figures;
        for (const PredictedActual& fit : report_.fits) {
            figures += draw(ScatterChart{
                .text = ChartText{.title = fit.target + ": predictions",
                                  .x = "label",
                                  .y = "prediction; on the line both agree",
                                  .description = "Predictions of " + fit.target + " over its labels",
                                  .note = fit.actual.size() < report_.rows
                                              ? plural(fit.actual.size(), "row") + ", evenly spread over the table"
                                              : ""},
                .points = Series{.name = fit.target, .x = fit.actual, .y = fit.predicted}});
            std::vector<double> residuals;
            double most = 0.0;
            for (std::size_t i = 0; i < fit.actual.size(); ++i) {
                residuals.push_back(fit.predicted[i] - fit.actual[i]);
                most = std::isfinite(residuals.back()) ? std::max(most, std::abs(residuals.back())) : most;
            }
            HistogramChart errors{.text = ChartText{.title = fit.target + ": errors",
                                                    .x = "prediction − label",
                                                    .y = "share of the rows",
                                                    .description = "Histogram of the errors of " + fit.target},
                                  .lowest = -most,
                                  .highest = most,
                                  .shares = std::vector<double>(31)};
            for (const double residual : residuals) {
                if (std::isfinite(residual) && most > 0.0) {
                    const auto bin = static_cast<std::size_t>((residual / most + 1.0) / 2.0 * 31.0);
                    errors.shares[std::min<std::size_t>(bin, 30)] += 1.0 / static_cast<double>(residuals.size());
                }
            }
            figures += draw(errors);
        }
        return charts(figures) + targets();
    }

    /// Each of several targets by itself.
    [[nodiscard]] std::string targets() const {
        const std::vector<TargetScore>& scored = report_.evaluation.targets;
        if (scored.size() < 2) {
            return "";
        }
        std::vector<std::string> heading{"target"};
        std::vector<std::vector<Cell>> lines;
        for (const TargetScore& target : scored) {
            std::vector<Cell>& line = lines.emplace_back(std::vector<Cell>{text(target.name)});
            for (const auto& [metric, value] : target.metrics) {
                if (lines.size() == 1) {
                    heading.push_back(words_of(metric));
                }
                line.push_back(numeric(value));
            }
        }
        return element("h3", "Each target in its own units") + table(heading, lines);
    }

    /// Precision and recall of each class, and the most frequent mistakes.
    [[nodiscard]] std::string class_scores() const {
        constexpr std::size_t most_classes = 100, most_pairs = 5;
        const Evaluation& evaluation = report_.evaluation;
        std::vector<std::vector<Cell>> lines;
        for (const ClassScore& score : evaluation.classes) {
            if (lines.size() < most_classes) {
                lines.push_back({text(score.name), numeric(std::to_string(score.rows)), numeric(score.precision, 3),
                                 numeric(score.recall, 3), numeric(score.f1, 3)});
            }
        }
        // The mean recall is the balanced accuracy, which stands at the top.
        lines.push_back({{element("b", "mean over the classes")},
                         numeric(""),
                         numeric(evaluation.macro.precision, 3),
                         numeric(""),
                         numeric(evaluation.macro.f1, 3)});
        std::string mistakes;
        for (std::size_t i = 0; i < std::min(evaluation.confused.size(), most_pairs); ++i) {
            const Confused& pair = evaluation.confused[i];
            add_item(mistakes, ", ",
                     "“" + evaluation.classes[pair.target].name + "” for “" + evaluation.classes[pair.predicted].name +
                         "” (" + std::to_string(pair.rows) + ")");
        }
        return element("h3", "Each class against all others") +
               table({"class", "rows", "precision", "recall", "f1"}, lines) +
               when(evaluation.classes.size() > most_classes,
                    quiet("The first " + std::to_string(most_classes) + " of " +
                          std::to_string(evaluation.classes.size()) + " classes.")) +
               when(evaluation.classes.size() > 2 && !mistakes.empty(),
                    paragraph("Most often taken: " + mistakes + "."));
    }

    [[nodiscard]] std::string classes() const {
        const std::vector<std::string>& names = model_.preprocessing.classes;
        constexpr std::size_t most_classes = 30;
        std::string html = class_scores();
        if (names.size() <= most_classes) {
            std::vector<std::string> heading{"is \\ predicted"};
            heading.insert(heading.end(), names.begin(), names.end());
            std::vector<std::vector<Cell>> rows;
            for (std::size_t actual = 0; actual < names.size(); ++actual) {
                double sum = 0.0;
                for (std::size_t predicted = 0; predicted < names.size(); ++predicted) {
                    sum += report_.evaluation.confusion(actual, predicted);
                }
                std::vector<Cell>& row = rows.emplace_back();
                row.push_back(text(names[actual]));
                for (std::size_t predicted = 0; predicted < names.size(); ++predicted) {
                    const double count = report_.evaluation.confusion(actual, predicted);
                    row.push_back(
                        {number(count, 9), true, "--share:" + number(sum == 0.0 ? 0.0 : 0.5 * count / sum, 3)});
                }
            }
            html += element("h3", "Rows by class and prediction") + table(heading, rows, "confusion");
        } else {
            html += quiet("A table of " + std::to_string(names.size()) + " classes is too wide for a page.");
        }
        LineChart roc{.text = ChartText{.title = report_.roc.size() == 1 ? "ROC of " + report_.roc[0].positive
                                                                         : "ROC, each class against all others",
                                        .x = "false positives, share of the others",
                                        .y = "true positives, share of the class",
                                        .description = "True positives over false positives while the threshold falls"},
                      .lines = {},
                      .unit_square = true};
        for (const RocCurve& curve : report_.roc) {
            roc.lines.push_back({.name = curve.positive + ", area " + number(curve.area),
                                 .x = curve.false_positives,
                                 .y = curve.true_positives});
        }
        if (!roc.lines.empty()) {
            html = element("div class=\"beside\"", draw(roc) + element("div class=\"column\"", html)) + "\n";
        }
        return html;
    }

    [[nodiscard]] std::string columns() const {
        constexpr std::size_t most_outputs = 6, most_columns = 15;
        std::vector<std::string> outputs;
        for (const diagnose::ColumnSensitivity& column : report_.columns) {
            if (std::ranges::find(outputs, column.target) == outputs.end()) {
                outputs.push_back(column.target);
            }
        }
        const bool shuffled = !report_.columns.empty() && !std::isnan(report_.columns.front().permutation);
        std::string html = paragraph(
            "The effect of a column is how much the output moves with it: the root mean square of the derivative, "
            "times "
            "the column's standard deviation, in the table's units.");
        for (std::size_t k = 0; k < std::min(outputs.size(), most_outputs); ++k) {
            std::vector<diagnose::ColumnSensitivity> columns;
            std::ranges::copy_if(report_.columns, std::back_inserter(columns),
                                 [&](const diagnose::ColumnSensitivity& c) { return c.target == outputs[k]; });
            std::ranges::stable_sort(columns, std::ranges::greater(), &diagnose::ColumnSensitivity::effect);
            const std::size_t all = columns.size();
            columns.resize(std::min(all, most_columns));
            BarChart bars{.text = ChartText{.title = "What moves " + outputs[k],
                                            .x = "effect of each column, in units of the output",
                                            .y = "",
                                            .description = "Effect of each column on " + outputs[k]},
                          .labels = {},
                          .parts = {{.name = "effect", .values = {}}}};
            std::vector<std::vector<Cell>> rows;
            for (const diagnose::ColumnSensitivity& c : columns) {
                bars.labels.push_back(c.name);
                bars.parts[0].values.push_back(c.effect);
                rows.push_back({text(c.name), numeric(c.effect, 3), numeric(c.mean, 3), numeric(c.sd, 3),
                                numeric(c.rms, 3), numeric(c.sign, 2)});
                if (shuffled) {
                    rows.back().push_back(numeric(c.permutation, 3));
                }
            }
            std::vector<std::string> heading{"column", "effect", "mean", "sd", "rms", "sign"};
            if (shuffled) {
                heading.emplace_back("permutation");
            }
            html += element("div class=\"beside\"", draw(bars) + table(heading, rows)) + "\n";
            html += all > columns.size() ? quiet("The " + std::to_string(columns.size()) + " strongest of " +
                                                 std::to_string(all) + " columns.")
                                         : "";
        }
        if (outputs.size() > most_outputs) {
            html += quiet("The first " + std::to_string(most_outputs) + " of " + std::to_string(outputs.size()) +
                          " outputs; handgrad sensitivity shows all.");
        }
        return html + quiet(shuffled
                                ? "Mean, sd and rms are of the derivative over the rows; sign is 1 where it always "
                                  "points up, −1 where down; permutation is the rise of the loss when the column "
                                  "is shuffled."
                                : "Permutation importance is left out for so many columns; handgrad sensitivity "
                                  "measures it.");
    }

    /// One line a layer over epochs, as far as train --diagnose has recorded it.
    [[nodiscard]] LineChart by_layer(const std::string& what, ChartText around, bool logarithmic) const {
        LineChart chart{.text = std::move(around), .lines = {}, .logarithmic = logarithmic};
        for (std::size_t l = 0; l < model_.architecture().layers(); ++l) {
            chart.lines.push_back(history(layer_name(l) + "." + what, layer_name(l)));
        }
        return chart;
    }

    [[nodiscard]] bool recorded_flow() const { return !model_.history.column("linear1.gradient_rms").empty(); }

    /// How the gradient flowed, epoch by epoch.
    [[nodiscard]] std::string gradient_while_learning() const {
        std::string figures;
        figures += draw(by_layer("gradient_rms",
                                 {.title = "Gradient of each layer while it learned",
                                  .x = "epoch",
                                  .y = "root mean square of ∂l/∂W",
                                  .description = "Size of the gradient of each layer by epoch"},
                                 true));
        figures += draw(by_layer("moved",
                                 {.title = "How far the weights have come",
                                  .x = "epoch",
                                  .y = "‖W − W₀‖ / ‖W₀‖",
                                  .description = "Distance of each layer's weights from the first ones by epoch"},
                                 false));
        for (const auto& [what, title, unit] :
             {std::tuple("saturated", "Saturated values", "share of the values that are flat"),
              std::tuple("dead", "Dead units", "share of the units that are flat in every row")}) {
            LineChart flat = by_layer(
                what, {.title = title, .x = "epoch", .y = unit, .description = "Share by layer and epoch"}, false);
            flat.shares = true;
            const bool any = std::ranges::any_of(flat.lines, [](const Series& line) {
                return std::ranges::any_of(line.y, [](double share) { return share > 0.0; });
            });
            figures += when(any, draw(flat));
        }
        return figures;
    }

    [[nodiscard]] std::string gradient_split() const {
        const diagnose::Diagnosis& d = report_.diagnosis;
        BarChart split{
            .text = ChartText{.title = "Where the size of each gradient comes from",
                              .x = "powers of ten, which add up to log₁₀‖∂l/∂W‖",
                              .y = "",
                              .description = "The size of each layer's gradient, split along the chain of Table 2"},
            .labels = {},
            .parts = {},
            .stacked = true};
        constexpr std::array parts{std::pair("error", &diagnose::GradientSplit::error),
                                   std::pair("output slope", &diagnose::GradientSplit::output),
                                   std::pair("W above", &diagnose::GradientSplit::weights),
                                   std::pair("slopes", &diagnose::GradientSplit::slopes),
                                   std::pair("input", &diagnose::GradientSplit::input),
                                   std::pair("alignment of the rows", &diagnose::GradientSplit::alignment)};
        for (const auto& [part, member] : parts) {
            BarChart::Part& bar = split.parts.emplace_back(BarChart::Part{.name = part, .values = {}});
            for (const diagnose::LayerDiagnosis& layer : d.layers) {
                bar.values.push_back(layer.split.*member);
            }
        }
        for (const diagnose::LayerDiagnosis& layer : d.layers) {
            split.labels.push_back(layer.name);
        }
        return draw(split);
    }

    [[nodiscard]] std::string gradient_changes() const {
        const diagnose::Diagnosis& d = report_.diagnosis;
        BarChart changes{
            .text = ChartText{.title = "The same weights with one thing changed",
                              .x = "root mean square of ∂l/∂W",
                              .y = "",
                              .description = "Gradient of each layer as it is and after each change",
                              .note = "Sizes of gradients; says nothing about how well such a network would end up."},
            .labels = {},
            .parts = {{.name = "as it is", .values = {}}},
            .logarithmic = true};
        for (const diagnose::LayerDiagnosis& layer : d.layers) {
            changes.labels.push_back(layer.name);
            changes.parts[0].values.push_back(layer.gradient_rms);
        }
        for (const diagnose::WhatIf& change : d.what_if) {
            changes.parts.push_back({.name = change.change, .values = change.gradient_rms});
        }
        return draw(changes);
    }

    static Cell matter_with(const diagnose::LayerDiagnosis& layer) {
        if (layer.factor != diagnose::Factor::none) {
            return {element("span class=\"bad\"", name(layer.factor))};
        }
        return {element("span class=\"good\"", "none")};
    }

    [[nodiscard]] std::string gradient() const {
        const diagnose::Diagnosis& d = report_.diagnosis;
        std::string html, figures;
        if (recorded_flow()) {
            figures = gradient_while_learning();
        }
        figures += gradient_split();
        if (!d.what_if.empty()) {
            figures += gradient_changes();
        }
        html += charts(figures);
        std::vector<std::vector<Cell>> rows;
        for (const diagnose::LayerDiagnosis& layer : d.layers) {
            rows.push_back({text(layer.name), numeric(layer.gradient_rms, 3), numeric(layer.update_ratio, 3),
                            numeric(percent(layer.unchanged)), numeric(percent(layer.saturated)),
                            numeric(percent(layer.dead)), matter_with(layer)});
        }
        html += table({"layer", "gradient", "step / weight", "unchanged", "saturated", "dead", "what is wrong"}, rows);
        html += quiet(when(report_.measured_rows < report_.rows,
                           "On " + plural(report_.measured_rows, "row") + " spread over the table. ") +
                      "Steps of " + d.optimizer +
                      ". Unchanged are the weights that such a step is too small to move in this precision.");
        if (!recorded_flow()) {
            html += quiet(
                "How the gradient flowed while the network learned is recorded by a training that is told to "
                "diagnose.");
        }
        return html;
    }

    [[nodiscard]] std::string activations() const {
        std::string figures;
        for (std::size_t l = 0; l < report_.activations.size(); ++l) {
            const ActivationHistogram& h = report_.activations[l];
            figures += draw(HistogramChart{
                .text =
                    ChartText{.title = h.layer + ", " + std::string(name(h.activation)),
                              .x = l + 1 == report_.activations.size() ? "ŷ, as the network puts it out" : "activation",
                              .y = "share of the values",
                              .description = "Histogram of the activations of " + h.layer},
                .lowest = h.lowest,
                .highest = h.highest,
                .shares = h.shares});
        }
        return charts(figures);
    }

    [[nodiscard]] std::string rows() const {
        std::vector<std::vector<Cell>> lines;
        for (const WorstRow& row : report_.worst) {
            // The table's name stands at the top of the page.
            const std::string place = row.place.substr(std::min(report_.data.size(), row.place.size()));
            lines.push_back(
                {text(place.starts_with(": row ") ? "row\u00A0" + place.substr(6) : "line\u00A0" + place.substr(1)),
                 text(row.actual), text(row.predicted), numeric(row.gradient.norm, 3),
                 numeric(row.gradient.cosine, 2)});
        }
        return paragraph(
                   "The gradient of each row by itself. Those at the top are hardest to believe for the network: look "
                   "at "
                   "their labels first. A cosine near 1 pulls with the whole table, near −1 against it.") +
               table({"row", "label", "prediction", "gradient", "cosine"}, lines);
    }

    [[nodiscard]] std::string certificate() const {
        const certify::Certificate& c = report_.certificate;
        const std::string verdict(name(c.verdict));
        std::vector<std::vector<Cell>> rows;
        const auto add = [&](const certify::CertifiedTensor& tensor) {
            const std::string own(name(tensor.judgement.verdict));
            std::string where;
            for (const std::size_t i : tensor.where) {
                add_item(where, ", ", std::to_string(i));
            }
            rows.push_back({text(tensor.name),
                            {element("span class=\"" + own + "\"", own)},
                            numeric(std::to_string(tensor.entries)),
                            numeric(tensor.worst_ulp, 3),
                            text(where),
                            numeric(std::to_string(tensor.kinks)),
                            numeric(tensor.judgement.detection_limit, 1),
                            text(tensor.judgement.reason() + tensor.factor)});
        };
        for (const certify::CertifiedTensor& tensor : c.parameters) {
            add(tensor);
        }
        add(c.input);
        return element("p",
                       element("b class=\"" + verdict + "\"", verdict) +
                           escape_html(": every derivative that the engine computes on " + plural(c.rows, "row") +
                                       ", in batches of other lengths too, against the complex step. The bound follows "
                                       "every rounding; no tolerance is guessed.")) +
               "\n" +
               table({"tensor", "verdict", "entries", "worst error", "at", "near a kink", "would see", "remark"},
                     rows) +
               monotone(c.monotone) +
               quiet(
                   "The worst error is in units of the last place, scaled by the condition of the sum. Would see: the "
                   "smallest error, as a share of the tensor's norm, that would not have passed.");
    }

    [[nodiscard]] static std::string monotone(const certify::CertifiedMonotone& promise) {
        if (promise.columns.empty()) {
            return "";
        }
        std::string columns;
        for (const std::string& column : promise.columns) {
            add_item(columns, ", ", column);
        }
        std::string because = "every weight has the sign that makes it so for all x";
        if (!promise.broken_by.empty()) {
            because = promise.broken_by;
        }
        const std::string verdict(name(promise.verdict));
        return element("p", element("b class=\"" + verdict + "\"", verdict) +
                                escape_html(": monotone in " + columns + "; " + because + "; of " +
                                            plural(promise.slopes, "slope") + " on the rows and on a grid " +
                                            std::to_string(promise.against) + " against it.")) +
               "\n";
    }

    [[nodiscard]] std::string derivation() const {
        return document::render_html(explain::compose(report_.explanation, {.components = true}));
    }

    [[nodiscard]] std::string provenance() const {
        std::string html;
        const std::string command = recorded("command");
        if (!command.empty()) {
            html += paragraph("To train it again, bit for bit:") + element("pre", escape_html(command)) + "\n";
        }
        std::vector<std::vector<Cell>> rows;
        for (const auto& [key, value] : model_.provenance) {
            const bool told = key == "command" || key.starts_with("metric.") || key.starts_with("rows.");
            if (!told) {
                rows.push_back({text(key), text(value)});
            }
        }
        rows.push_back({text("parameters_hash"), text(parameters_hash(model_))});
        return html + table({"", ""}, rows, "texts");
    }

    const Report& report_;
    const Model& model_;
};

}  // namespace

std::string report_page(const Report& report, const Model& model) { return Page(report, model).write(); }

}  // namespace handgrad::report
