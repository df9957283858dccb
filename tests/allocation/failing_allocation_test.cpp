// The library without memory: whichever allocation fails, std::bad_alloc arrives and everything is given back.
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/not_enough_memory.hpp"
#include "handgrad/certify/certificate.hpp"
#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/data/npz.hpp"
#include "handgrad/data/npz_writer.hpp"
#include "handgrad/document/render.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/train/encoding.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/counted_allocations.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

constexpr std::size_t most_runs = 250;  // of one work; with more allocations every second one fails, or every third …

/// Lets the allocations of `work` fail, one in each run; returns how many runs that took.
template <class Work>
std::size_t expect_everything_back(const Work& work) {
    std::size_t begin = allocations();
    work();  // what is kept for good (scratch of the thread, tables made at the first call) is there now
    begin = allocations();
    work();
    const std::size_t all = allocations() - begin, step = std::max<std::size_t>(1, all / most_runs);
    const std::size_t before = live_bytes();
    std::size_t runs = 0;
    for (std::size_t n = 1; n <= all; n += step, ++runs) {
        fail_allocation(n);
        try {
            work();
        } catch (const std::bad_alloc&) {
            // as it should be
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::io) << error.what();  // a file that does not fit into memory
        }
        EXPECT_TRUE(allocation_failed()) << n;
        fail_allocation(0);
        EXPECT_EQ(live_bytes(), before) << "allocation " << n << " of " << all;
    }
    return runs;
}

std::string table_text() {
    return csv_lines("a,city,y", 24, [](std::size_t row) {
        return format_number(static_cast<double>(row % 7) / 3) +
               (row % 2 == 0 ? ",Rome," : ",a city with a long name,") +
               format_number(static_cast<double>(row * row % 11));
    });
}

FitOptions quick() {
    FitOptions options;
    options.columns.targets = {"y"};
    options.task = Task::regression;
    options.hidden = {3};
    options.training.epochs = 2;
    options.training.execution.threads = 1;
    options.validation = HeldOut{.fraction = 0.25};
    options.refit = false;
    return options;
}

class WithoutMemory : public InItsFolder {
protected:
    const Table table_ = read_csv(table_text(), "t.csv", {});
    const Model model_ = fit(table_, quick()).model;
    const Execution one_{.threads = 1};
};

TEST_F(WithoutMemory, ReadingATableGivesEverythingBack) {
    const std::string text = table_text();
    EXPECT_GT(expect_everything_back([&] { read_csv(text, "t.csv", {.kept_columns = {"city"}}); }), 20U);
    const std::string npz = npz_bytes({npy_array("W1", Matrix<float>(3, 2)), npy_array("t", {"a text", "another"})});
    EXPECT_GT(expect_everything_back([&] { read_npz(npz, "x.npz", Unreadable::kept); }), 10U);
}

TEST_F(WithoutMemory, FittingGivesEverythingBack) {
    EXPECT_GT(expect_everything_back([&] { fit(table_, quick()); }), 100U);
}

TEST_F(WithoutMemory, AModelsFileGivesEverythingBackAndStaysAsItWas) {
    const std::string bytes = serialize_model(model_);
    EXPECT_GT(expect_everything_back([&] { serialize_model(model_); }), 100U);
    EXPECT_GT(expect_everything_back([&] { parse_model(bytes, "m.model"); }), 100U);
    const auto file = write("m.model", bytes);
    EXPECT_GT(expect_everything_back([&] { save_model(file, model_); }), 100U);
    EXPECT_EQ(read_file(file), bytes);
    EXPECT_EQ(files().size(), 1U);
}

TEST_F(WithoutMemory, ApplyingAModelGivesEverythingBack) {
    const ApplyOptions labelled{.labels = Labels::required};
    EXPECT_GT(expect_everything_back([&] { predict_with_jacobians(model_, table_, labelled, one_); }), 20U);
    EXPECT_GT(expect_everything_back([&] { evaluate(model_, table_, labelled, one_); }), 50U);
    EXPECT_GT(expect_everything_back([&] { encoded_npz(encode(model_, table_)); }), 20U);
    EXPECT_GT(expect_everything_back([&] { certify::certify(model_, table_, {.rows = 8, .execution = one_}); }), 100U);
}

TEST_F(WithoutMemory, ExplainingGivesEverythingBack) {
    const auto work = [&] {
        const explain::Explanation explained = explain::explain(model_, explain::step_options_of(model_), table_, 3);
        document::render_text(explain::compose(explained, {.components = true}));
    };
    EXPECT_GT(expect_everything_back(work), 100U);
}

TEST_F(WithoutMemory, ReadingASheetOrGradientsGivesEverythingBack) {
    const explain::Explanation explained = explain::explain(model_, explain::step_options_of(model_), table_, 3);
    const std::string sheet = document::render_text(explain::compose(explained, {.blank = true}));
    EXPECT_GT(expect_everything_back([&] { compare::read_answers(sheet, "s.txt", explained.derivation); }), 100U);
    const auto file = write("g.npz", npz_bytes({npy_array("W1", Matrix<double>(3, 3))}));
    EXPECT_GT(expect_everything_back([&] { compare::read_gradients(file); }), 10U);
}

TEST_F(WithoutMemory, AReportGivesEverythingBack) {
    report::ReportOptions options;
    options.execution = one_;
    const auto work = [&] { report::report_page(report::make_report(model_, table_, options), model_); };
    EXPECT_GT(expect_everything_back(work), 100U);
}

TEST(NotEnoughMemory, SaysHowMuchWasAskedFor) {
    EXPECT_STREQ(NotEnoughMemory(2'449'999'999).what(), "needs 2.4 GB more at once");
    EXPECT_STREQ(NotEnoughMemory(48'000).what(), "needs 48000 bytes more at once");
#ifndef __SANITIZE_ADDRESS__  // which ends the program instead
    EXPECT_THROW(Matrix<double>(std::size_t{1} << 22, std::size_t{1} << 22), NotEnoughMemory);
#endif
}

}  // namespace
}  // namespace handgrad
