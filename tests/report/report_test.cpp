// The report: its numbers against other ways to them, and the page's form, whatever names and numbers a model has.
#include "handgrad/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <regex>

#include "handgrad/base/error.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::report {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Two columns and a class that depends on them: `classes` of about equal size.
Table classes_table(std::size_t rows, int classes) {
    Draw draw(9);
    const auto line = [&](std::size_t) {
        const double a = draw.uniform(-1.0, 1.0), b = draw.uniform(-1.0, 1.0);
        const int kind = static_cast<int>((a + 0.3 * draw.normal() + 2.0) / 4.0 * classes);
        return comma_separated({a, b}) + ",k" + std::to_string(std::clamp(kind, 0, classes - 1));
    };
    return read_csv(csv_lines("a,b,kind", rows, line), "t.csv",
                    {.text_columns = {"kind"}, .spelled_columns = {"kind"}});
}

FitResult trained(const Table& table, const std::string& target, bool measured = false) {
    FitOptions options = fixed_options();
    options.columns.targets = {target};
    options.hidden = {6};
    options.training.epochs = 15;
    options.training.optimizer.learning_rate = 0.02;
    FitCallbacks callbacks;
    if (measured) {
        callbacks.measure = diagnose::gradient_flow;
    }
    return fit(table, options, callbacks);
}

TEST(Report, OfTwoClassesCountsWhatTheMetricsCount) {
    const Table table = classes_table(400, 2);
    const Model model = trained(table, "kind").model;
    const Report report = make_report(model, table, {.parts = RowsByPart{}});
    const Metrics metrics = evaluate(model, table).metrics;
    ASSERT_EQ(report.evaluation.confusion.rows(), 2U);
    const double right = report.evaluation.confusion(0, 0) + report.evaluation.confusion(1, 1);
    EXPECT_EQ(right + report.evaluation.confusion(0, 1) + report.evaluation.confusion(1, 0), 400.0);
    EXPECT_DOUBLE_EQ(right / 400.0, metrics[0].second);
    EXPECT_EQ(metrics[0].first, "accuracy");
    ASSERT_EQ(report.roc.size(), 1U);
    EXPECT_EQ(report.roc[0].positive, "k1");
    EXPECT_EQ(metrics[3].first, "roc_auc");
    EXPECT_NEAR(report.roc[0].area, metrics[3].second, 1e-12);
    const RocCurve& curve = report.roc[0];
    EXPECT_TRUE(std::ranges::is_sorted(curve.false_positives));
    EXPECT_TRUE(std::ranges::is_sorted(curve.true_positives));
    EXPECT_EQ(curve.false_positives.front(), 0.0);
    EXPECT_EQ(curve.true_positives.back(), 1.0);
    EXPECT_LE(curve.true_positives.size(), 200U);
}

TEST(Report, TiedScoresCountHalf) {
    std::string text = "a,kind\n";
    for (int row = 0; row < 90; ++row) {  // three scores in all, each of both classes
        text += std::to_string(row % 3) + "," + ((row * 7 % 11 + 3 * (row % 3)) % 13 > 6 ? "yes" : "no") + "\n";
    }
    const Table table = read_csv(text, "t.csv", {.text_columns = {"kind"}, .spelled_columns = {"kind"}});
    const Model model = trained(table, "kind").model;
    const Report report = make_report(model, table, {.parts = RowsByPart{}});
    EXPECT_EQ(report.roc.at(0).true_positives.size(), 5U);  // where it starts, three scores, and 1
    EXPECT_NEAR(report.roc.at(0).area, evaluate(model, table).metrics[3].second, 1e-12);
    EXPECT_LT(report.roc.at(0).area, 1.0);
}

TEST(Report, OfSeveralClassesHasACurveForEach) {
    const Table table = classes_table(300, 4);
    const Report report = make_report(trained(table, "kind").model, table, {.parts = RowsByPart{}});
    ASSERT_EQ(report.roc.size(), 4U);
    for (std::size_t k = 0; k < 4; ++k) {
        EXPECT_EQ(report.roc[k].positive, "k" + std::to_string(k));
        EXPECT_GT(report.roc[k].area, 0.5);
        double row = 0.0;
        for (std::size_t j = 0; j < 4; ++j) {
            row += report.evaluation.confusion(k, j);
        }
        EXPECT_EQ(row, static_cast<double>(std::ranges::count_if(table.column("kind").codes, [&](std::uint32_t code) {
                      return table.column("kind").texts[code] == report.roc[k].positive;
                  })));
    }
}

Table line_table(std::size_t rows) {
    Draw draw(2);
    const auto line = [&](std::size_t row) {
        const double a = draw.uniform(-1.0, 1.0), b = draw.uniform(-1.0, 1.0), noise = 0.1 * draw.normal();
        return comma_separated({a, b, row == 7 ? 1000.0 : 3.0 * a + noise});
    };
    return read_csv(csv_lines("a,b,y", rows, line), "t.csv", {});
}

TEST(Report, OfARegressionShowsPredictionsBesideLabels) {
    const Table table = line_table(300);
    const Model model = trained(table, "y").model;
    const Report report = make_report(model, table, {.parts = RowsByPart{}});
    const Prediction prediction = predict(model, table, {.labels = Labels::absent});
    ASSERT_EQ(report.fits.size(), 1U);
    EXPECT_EQ(report.fits[0].actual, table.column("y").numbers);
    for (std::size_t row = 0; row < 300; ++row) {
        ASSERT_EQ(report.fits[0].predicted[row], prediction.values(row, 0));
    }
    EXPECT_EQ(report.worst.at(0).place, "t.csv:9");  // row 7 from 0, below the header
    EXPECT_EQ(report.worst.at(0).actual, "1000");
    EXPECT_EQ(report.certificate.verdict, certify::Verdict::pass);
    ASSERT_EQ(report.activations.size(), 2U);
    for (const ActivationHistogram& histogram : report.activations) {
        EXPECT_NEAR(std::accumulate(histogram.shares.begin(), histogram.shares.end(), 0.0), 1.0, 1e-12);
    }
    EXPECT_EQ(report.activations[0].lowest, 0.0);  // of ReLU
    EXPECT_EQ(report.evaluation.rows, 300U);
}

TEST(Report, MeasuresOnSoManyRowsAtMost) {
    const Table table = line_table(300);
    const Model model = trained(table, "y").model;
    const Report report =
        make_report(model, table, {.measured_rows = 100, .worst_rows = 5, .most_permuted = 1, .parts = RowsByPart{}});
    EXPECT_EQ(report.measured_rows, 100U);
    EXPECT_EQ(report.diagnosis.rows, 100U);
    EXPECT_EQ(report.worst.size(), 5U);
    EXPECT_TRUE(std::isnan(report.columns[0].permutation));
    const Report all = make_report(model, table, {.parts = RowsByPart{}});
    EXPECT_EQ(all.diagnosis.rows, 300U);
    EXPECT_EQ(all.columns[0].permutation, diagnose::sensitivity(model, table)[0].permutation);
}

TEST(Report, SpreadsItsPointsOverAllRowsAndCertifiesAsManyAsAskedFor) {
    const Model model = trained(line_table(300), "y").model;
    const Table table = line_table(5003);
    const Report report = make_report(model, table, {.measured_rows = 50, .certified_rows = 20, .parts = RowsByPart{}});
    const Prediction prediction = predict(model, table, {.labels = Labels::absent});
    constexpr std::size_t most = 2000;
    ASSERT_EQ(report.fits.at(0).actual.size(), most);
    for (std::size_t i = 0; i < most; ++i) {
        const std::size_t row = i * 5003 / most;
        ASSERT_EQ(report.fits[0].actual[i], table.column("y").numbers[row]);
        ASSERT_EQ(report.fits[0].predicted[i], prediction.values(row, 0));
    }
    EXPECT_EQ(report.certificate.rows, 20U);
    EXPECT_EQ(make_report(model, line_table(300), {.parts = RowsByPart{}}).certificate.rows, 256U);
}

TEST(Report, IsOfTheRowsThatTheModelHasNotLearnedFrom) {
    const Table table = line_table(300);
    const FitResult result = trained(table, "y");
    const Report report = make_report(result.model, table);
    EXPECT_EQ(report.rows, 60U);
    EXPECT_EQ(report.rows_are, "the rows that it has not learned from, of");
    EXPECT_EQ(report.evaluation.rows, 60U);
    EXPECT_EQ(report.evaluation.metrics, result.validation_metrics);
    EXPECT_EQ(report.fits.at(0).actual.size(), 60U);
}

TEST(Report, AsksForRows) {
    const Table table = line_table(30);
    const Model model = trained(table, "y").model;
    EXPECT_THROW(make_report(model, read_csv("a,b,y\n", "empty.csv", {})), Error);
}

/// Every tag that opens closes again, in order; elements without content excepted.
void expect_balanced(const std::string& page) {
    std::vector<std::string> open;
    const std::regex tag("<(/?)([a-zA-Z0-9]+)((?:[^>\"]|\"[^\"]*\")*?)(/?)>");
    const std::string body = std::regex_replace(page, std::regex("<style>[^<]*</style>|<!DOCTYPE html>"), "");
    for (std::sregex_iterator i(body.begin(), body.end(), tag), end; i != end; ++i) {
        const std::string name = (*i)[2];
        if (name == "meta" || name == "link" || (*i)[4] == "/") {
            continue;
        }
        if ((*i)[1] == "/") {
            ASSERT_FALSE(open.empty()) << name;
            ASSERT_EQ(open.back(), name);
            open.pop_back();
        } else {
            open.push_back(name);
        }
    }
    EXPECT_TRUE(open.empty());
}

TEST(ReportPage, SaysEverythingThatWasMeasured) {
    const Table table = line_table(300);
    const FitResult result = trained(table, "y", true);
    const Report report = make_report(result.model, table, {.rows_are = "the test rows of", .parts = RowsByPart{}});
    const std::string page = report_page(report, result.model);
    expect_balanced(page);
    for (const char* words :
         {"A network for y", "the test rows of t.csv", "PASS", "How it learned", "validation rows", "r2",
          "Gradient of each layer while it learned", "How far the weights have come", "line\u00A09", "linear2.weight",
          "d(yhat)/d(x)", "Table 1, forward pass", "<math", "data.hash", "Where the size of each gradient comes from",
          "relu", "prediction − label"}) {
        EXPECT_THAT(page, HasSubstr(words));
    }
    const std::string& text = report.diagnosis.text;
    const std::string& course = report.diagnosis.course.text;
    EXPECT_THAT(page, HasSubstr(course + " " + text.substr(0, text.find(course) - 1)));  // what was found comes first
    for (const char* forbidden : {"<script", "http:", "https:", "url(", "@import"}) {
        EXPECT_THAT(page, Not(HasSubstr(forbidden)));
    }
    EXPECT_FALSE(std::regex_search(page, std::regex("\\b(nan|inf)\\b")));
}

/// Where a line of the class `guide` stands in the drawing of a page that is called so.
double guide_of(const std::string& page, const std::string& title) {
    const std::size_t begin = page.find("<svg", page.find(">" + title + "<"));
    const std::string drawing = page.substr(begin, page.find("</svg>", begin) - begin);
    std::smatch found;
    if (!std::regex_search(drawing, found, std::regex("class=\"guide\" x1=\"([0-9.]+)\""))) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return std::stod(found[1]);
}

TEST(ReportPage, MarksTheEpochWhoseWeightsAreKept) {
    const Table table = line_table(300);
    FitResult result = trained(table, "y");
    result.model.provenance["early_stopping"] = "5";
    const auto marked = [&](const std::string& epoch) {
        result.model.provenance["epochs.best"] = epoch;
        const Report report = make_report(result.model, table, {.parts = RowsByPart{}});
        return guide_of(report_page(report, result.model), "Loss");
    };
    const double first = marked("1"), middle = marked("8"), last = marked("15");
    EXPECT_NEAR(middle, (first + last) / 2.0, 0.1);
    EXPECT_GT(last, first + 100.0);
    result.model.provenance["early_stopping"] = "0";
    EXPECT_TRUE(std::isnan(marked("8")));
}

TEST(ReportPage, NeedsNoHistory) {
    const Table table = line_table(60);
    Model model = trained(table, "y").model;
    model.history = {};
    model.provenance.clear();
    const std::string page = report_page(make_report(model, table), model);
    expect_balanced(page);
    EXPECT_THAT(page, HasSubstr("no history of its training"));
    EXPECT_THAT(page, HasSubstr("a training that is told to diagnose"));
}

TEST(ReportPage, EscapesWhatOthersNamed) {
    std::string text = "<script>alert(1)</script>,\"a\"\"b&c$x$\",\"<b>y</b>\"\n";
    for (int row = 0; row < 40; ++row) {
        text += std::to_string(row) + ",<i>t</i>" + std::to_string(row % 3) + "," + std::to_string(row * 2.5) + "\n";
    }
    const Table table = read_csv(text, "<img src=x>.csv", {.text_columns = {"a\"b&c$x$"}});
    const Model model = trained(table, "<b>y</b>").model;
    const std::string page = report_page(make_report(model, table), model);
    expect_balanced(page);
    for (const char* hostile : {"<script", "<b>y", "<i>t", "<img", "a\"b"}) {
        EXPECT_THAT(page, Not(HasSubstr(hostile)));
    }
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
    EXPECT_THAT(page, HasSubstr("a&quot;b&amp;c$x$"));
}

TEST(ReportPage, DrawsWhatIsNotFiniteAsNothing) {
    const Table table = line_table(60);
    Model model = trained(table, "y", true).model;
    Report report = make_report(model, table, {.parts = RowsByPart{}});
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    report.fits[0].predicted = {nan, inf, -inf};
    report.fits[0].actual = {1.0, 2.0, 3.0};
    for (diagnose::LayerDiagnosis& layer : report.diagnosis.layers) {
        layer.gradient_rms = 0.0;
        layer.split = {-inf, nan, nan, nan, nan, nan, nan};
    }
    for (diagnose::ColumnSensitivity& column : report.columns) {
        column.effect = column.mean = nan;
    }
    for (std::vector<double>& epoch : model.history.epochs) {
        std::fill(epoch.begin() + 1, epoch.end(), nan);
    }
    const std::string page = report_page(report, model);
    expect_balanced(page);
    EXPECT_THAT(page, HasSubstr("No finite numbers to draw"));
    EXPECT_FALSE(std::regex_search(page, std::regex("\\b(nan|inf)\\b")));
}

/// One number, numbers far apart, numbers almost alike, and the largest that there are: every coordinate is a number
/// within the drawing.
TEST(ReportPage, DrawsWithinItsBounds) {
    const Table table = line_table(60);
    const Model model = trained(table, "y", true).model;
    const Report measured = make_report(model, table, {.parts = RowsByPart{}});
    const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
    const std::vector<std::vector<double>> all{
        {5.0}, {0.0}, {1e-300, 1e300}, {1.0, 1.0 + 1e-15}, {-most, most}, {least, 2 * least}, {-1e-5, 1e5, 3.0}};
    for (const std::vector<double>& values : all) {
        Report report = measured;
        report.fits[0].actual = report.fits[0].predicted = values;
        for (std::size_t c = 0; c < report.columns.size(); ++c) {
            report.columns[c].effect = values[c % values.size()];
        }
        for (diagnose::LayerDiagnosis& layer : report.diagnosis.layers) {
            layer.gradient_rms = std::abs(values.back());
            layer.split.error = values.front();
            layer.split.weights = -values.back();
        }
        for (diagnose::WhatIf& change : report.diagnosis.what_if) {
            change.gradient_rms.assign(change.gradient_rms.size(), std::abs(values.front()));
        }
        Model changed = model;
        for (std::size_t e = 0; e < changed.history.epochs.size(); ++e) {
            changed.history.epochs[e][1] = values[e % values.size()];
        }
        const std::string page = report_page(report, changed);
        expect_balanced(page);
        const std::regex coordinate("(?: (?:x|x1|x2|cx|y|y1|y2|cy|width)=\"|[ML ])(-?[0-9.]+|-?nan|-?inf)(?=[\" L]|M)");
        const std::regex drawing("<svg viewBox=\"0 0 360[^]*?</svg>");
        for (std::sregex_iterator d(page.begin(), page.end(), drawing), end; d != end; ++d) {
            const std::string svg = d->str();
            for (std::sregex_iterator i(svg.begin(), svg.end(), coordinate); i != end; ++i) {
                const std::string digits = (*i)[1];
                ASSERT_EQ(digits.find_first_of("ni"), std::string::npos) << svg;
                const double at = std::stod(digits);
                ASSERT_GE(at, -10.0) << svg;
                ASSERT_LE(at, 700.0) << svg;
            }
        }
    }
}

}  // namespace
}  // namespace handgrad::report
