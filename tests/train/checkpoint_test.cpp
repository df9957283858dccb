// Checkpoints of fit(): from each of them, through its file, the training comes to the very model of the one that was
// never interrupted; and the folder that keeps them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/train/checkpoint_folder.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Table table_of(std::size_t rows) {
    Draw draw(5, 7);
    const auto line = [&](std::size_t) {
        const double x = draw.uniform(-2.0, 2.0), z = draw.uniform(0.0, 1.0);
        return format_number(x) + "," + format_number(z) + "," + format_number(x * x - z + draw.uniform(0.0, 0.1));
    };
    return read_csv(csv_lines("x,z,y", rows, line), "t.csv", ReadOptions{.delimiter = ','});
}

FitOptions options_for(const char* target = "y") {
    FitOptions options;
    options.columns.targets = {target};
    options.hidden = {6};
    options.training.execution = {.threads = 1};
    return options;
}

struct Kept {
    std::string uninterrupted;             ///< bytes of the model
    std::vector<std::string> checkpoints;  ///< likewise
};
/// A checkpoint after each stretch of batches.
Kept keep_all(const Table& table, const FitOptions& options, const FitCallbacks& others = {}) {
    Kept kept;
    FitCallbacks callbacks = others;
    callbacks.checkpoints = {.epochs = 1, .seconds = 1e-9, .keep = [&](const Model& model) {
                                 kept.checkpoints.push_back(serialize_model(model));
                             }};
    kept.uninterrupted = serialize_model(fit(table, options, others).model);
    EXPECT_EQ(serialize_model(fit(table, options, callbacks).model), kept.uninterrupted);
    return kept;
}

void expect_all_go_on(const FitOptions& options, const FitCallbacks& others = {}) {
    const Table table = table_of(150);
    const Kept kept = keep_all(table, options, others);
    ASSERT_GT(kept.checkpoints.size(), 6u);
    FitOptions elsewhere = options;
    elsewhere.training.execution.threads = 3;
    const std::size_t step = kept.checkpoints.size() / 24 + 1;
    for (std::size_t i = 0; i < kept.checkpoints.size(); i += step) {
        const Model checkpoint = parse_model(kept.checkpoints[i], "checkpoint");
        EXPECT_EQ(serialize_model(fit(table, elsewhere, others, &checkpoint).model), kept.uninterrupted) << i;
    }
    const Model last = parse_model(kept.checkpoints.back(), "checkpoint");
    EXPECT_EQ(serialize_model(fit(table, elsewhere, others, &last).model), kept.uninterrupted);
}

TEST(Checkpoint, ATrainingOfSoManyEpochsGoesOnFromAnyOfThem) {
    FitOptions options = options_for();
    options.training.epochs = 5;
    options.training.batch = 10;
    options.training.schedule = Schedule::cosine;
    expect_all_go_on(options);
}

TEST(Checkpoint, AndOneThatStopsEarlyAndThenLearnsFromAllRows) {
    FitOptions options = options_for();
    options.use_double = true;
    options.training.batch = 10;
    options.training.optimizer.learning_rate = 0.05;
    expect_all_go_on(options);
}

TEST(Checkpoint, AndOneWhoseGradientFlowIsMeasuredFromItsFirstWeightsOn) {
    FitOptions options = options_for();
    options.training.epochs = 4;
    options.training.batch = 30;
    options.training.early_stopping = 2;
    options.training.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.01, .momentum = 0.9};
    options.validation = HeldOut{.fraction = 0.3};
    expect_all_go_on(options, {.measure = diagnose::gradient_flow});
}

TEST(Checkpoint, IsAModelToBeUsed) {
    FitOptions options = options_for();
    options.training.epochs = 3;
    const Kept kept = keep_all(table_of(60), options);
    const Model model = parse_model(kept.checkpoints.back(), "checkpoint");
    EXPECT_EQ(parameters_hash(model), parameters_hash(parse_model(kept.uninterrupted, "model")));
    EXPECT_EQ(model.provenance.at("epochs.run"), "3");
}

TEST(Checkpoint, OfAnotherTrainingIsRefusedWithAllThatDiffers) {
    const Table table = table_of(60), other = table_of(61);
    FitOptions options = options_for();
    options.training.epochs = 3;
    const Model checkpoint = parse_model(keep_all(table, options).checkpoints.back(), "checkpoint");
    const auto refusal = [&](const Table& data, const FitOptions& changed) {
        return message_of(ErrorKind::usage, [&] { fit(data, changed, {}, &checkpoint); });
    };
    FitOptions changed = options;
    changed.hidden = {7, 2};
    changed.training.seed = 4;
    EXPECT_THAT(refusal(other, changed),
                AllOf(HasSubstr("the setting hidden was 6 and is 7,2"), HasSubstr("the setting seed was 0 and is 4"),
                      HasSubstr("the table (t.csv, 61 rows) is another one")));
    changed = options;
    changed.test.table = &other;
    EXPECT_THAT(refusal(table, changed), HasSubstr("the table for the test is another one"));
    EXPECT_THAT(
        message_of(ErrorKind::usage, [&] { fit(table, options, {.measure = diagnose::gradient_flow}, &checkpoint); }),
        HasSubstr("has not measured its layers so far"));
    const Model without = fit(table, options).model;
    EXPECT_THAT(message_of(ErrorKind::model, [&] { fit(table, options, {}, &without); }),
                HasSubstr("without its training"));
}

TEST(Checkpoint, AnInterruptedTrainingKeepsOneAndIsNotScored) {
    std::size_t asked = 0;
    std::size_t kept = 0;
    FitOptions options = options_for();
    options.training.epochs = 1000;
    const FitResult result =
        fit(table_of(60), options,
            {.stop = [&] { return ++asked > 4; }, .checkpoints = {.keep = [&](const Model& /*model*/) { ++kept; }}});
    EXPECT_EQ(result.training.stopped, Stopped::callback);
    EXPECT_EQ(kept, 2u);  // at the beginning and the end
    EXPECT_TRUE(result.train_metrics.empty());
}

TEST(Checkpoint, WithoutOnesTheWeightsOfAnInterruptedTrainingAreGivenAwayBeforeTheyAreScored) {
    std::string given;
    FitOptions options = options_for();
    options.training.epochs = 1000;
    const FitResult result = fit(
        table_of(60), options,
        {.stop = [] { return true; }, .on_interrupted = [&](const Model& model) { given = parameters_hash(model); }});
    EXPECT_EQ(given, parameters_hash(result.model));
    EXPECT_FALSE(result.train_metrics.empty());
    const FitResult first = fit(table_of(60), options, {.stop = [] { return true; }});
    EXPECT_EQ(parameters_hash(first.model), given);
}

class Folder : public InItsFolder {
protected:
    /// A checkpoint after each epoch of a training, by its validation loss.
    std::vector<Model> models() {
        FitOptions options = options_for();
        options.training.epochs = 6;
        options.training.optimizer.learning_rate = 2.0;  // so that the loss goes up and down
        options.validation = HeldOut{.fraction = 0.3};
        std::vector<Model> models;
        fit(table_of(60), options,
            {.checkpoints = {.epochs = 1, .keep = [&](const Model& model) { models.push_back(model); }}});
        return models;
    }
    [[nodiscard]] std::filesystem::path folder() const { return path("ck"); }
    [[nodiscard]] std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder())) {
            found.insert(entry.path().filename());
        }
        return found;
    }
    static double loss(const Model& model) {
        const auto& history = std::get<SavedTraining<float>>(model.training).state.history;
        return history.empty() ? 1e9 : history.back().validation_loss;
    }
};

TEST_F(Folder, TheLastTwoAndTheBestAreKept) {
    const std::vector<Model> all = models();
    ASSERT_EQ(all.size(), 7u);
    {
        CheckpointFolder kept(folder());
        EXPECT_TRUE(kept.empty());
        EXPECT_FALSE(kept.latest());
        for (std::size_t i = 0; i < 4; ++i) {
            kept.keep(all[i]);
        }
    }
    CheckpointFolder kept(folder());  // as after a crash: what is best is known again
    for (std::size_t i = 4; i < all.size(); ++i) {
        kept.keep(all[i]);
    }
    EXPECT_THAT(names(), ElementsAre("best.model", "checkpoint-00000006.model", "checkpoint-00000007.model", "lock"));
    EXPECT_EQ(serialize_model(kept.latest()->model), serialize_model(all.back()));
    const Model& best = *std::ranges::min_element(all, {}, loss);
    EXPECT_NE(loss(best), loss(all.back()));
    EXPECT_EQ(read_file(folder() / "best.model"), serialize_model(best));
}

TEST_F(Folder, WhatIsDamagedIsPassedOverAndSaid) {
    const std::vector<Model> all = models();
    CheckpointFolder kept(folder());
    for (const Model& model : all) {
        kept.keep(model);
    }
    const auto damage = [&](const char* name) {
        std::string bytes = read_file(folder() / name);
        bytes.resize(bytes.size() - 1);
        write_file_atomically(folder() / name, bytes);
    };
    ASSERT_EQ(::mkfifo((folder() / "checkpoint-00000008.model").c_str(), 0600), 0);  // which nobody writes to
    damage("checkpoint-00000007.model");
    auto found = kept.latest();
    EXPECT_EQ(found->path.filename(), "checkpoint-00000006.model");
    EXPECT_THAT(found->refused, ElementsAre(HasSubstr("checkpoint-00000007.model")));
    damage("checkpoint-00000006.model");
    found = kept.latest();
    EXPECT_EQ(found->path.filename(), "best.model");
    EXPECT_EQ(found->refused.size(), 2u);
    damage("best.model");
    EXPECT_THAT(message_of(ErrorKind::model, [&] { static_cast<void>(kept.latest()); }),
                AllOf(HasSubstr("no checkpoint in it can be gone on from"), HasSubstr("best.model")));
}

TEST_F(Folder, OneTrainingAtATimeAndNothingOfOthersIsTouched) {
    std::filesystem::create_directories(folder());
    const std::vector<std::string> others{"checkpoint-.model",
                                          "checkpoint-0000001x.model",
                                          "checkpoint-00000001.model.bak",
                                          "checkpoint-1.model",
                                          "checkpoint-99999999999999999999999.model",
                                          "m.tmp.x.1",
                                          "notes.txt"};
    for (const std::string& name : others) {
        write_file_atomically(folder() / name, "mine");
    }
    std::filesystem::create_directory(folder() / "checkpoint-00000099.model");  // of that name, but no file
    write_file_atomically(folder() / "checkpoint-00000003.model.tmp.4242.0", "of a killed program");
    const std::vector<Model> all = models();
    CheckpointFolder kept(folder());
    EXPECT_THAT(message_of(ErrorKind::usage, [&] { CheckpointFolder another(folder()); }),
                HasSubstr("another training that is running"));
    for (const Model& model : all) {
        kept.keep(model);
    }
    std::vector<std::string> there{"best.model", "checkpoint-00000006.model", "checkpoint-00000007.model", "lock",
                                   "checkpoint-00000099.model"};
    there.insert(there.end(), others.begin(), others.end());
    EXPECT_THAT(names(), testing::UnorderedElementsAreArray(there));
    write_file_atomically(path("file"), "");
    EXPECT_THAT(message_of(ErrorKind::io, [&] { CheckpointFolder in_a_file(path("file")); }),
                HasSubstr("cannot make the folder of the checkpoints: "));
    EXPECT_THAT(message_of(ErrorKind::io, [&] { CheckpointFolder below_a_file(path("file") / "checkpoints"); }),
                HasSubstr("cannot make the folder of the checkpoints: "));
}

TEST_F(Folder, ItIsEmptyAsLongAsNothingInItCanBeGoneOnFrom) {
    const std::vector<Model> all = models();
    CheckpointFolder kept(folder());
    EXPECT_TRUE(kept.empty());
    EXPECT_FALSE(kept.latest().has_value());
    for (const Model& model : all) {
        kept.keep(model);
    }
    EXPECT_FALSE(kept.empty());
    std::filesystem::remove(folder() / "checkpoint-00000006.model");
    std::filesystem::remove(folder() / "checkpoint-00000007.model");
    EXPECT_FALSE(kept.empty());  // the best is there
    ASSERT_TRUE(kept.latest().has_value());
    EXPECT_EQ(kept.latest()->path.filename(), "best.model");
    std::filesystem::remove(folder() / "best.model");
    EXPECT_TRUE(kept.empty());
    std::filesystem::remove_all(folder());
    EXPECT_TRUE(kept.empty());
    EXPECT_THAT(message_of(ErrorKind::io, [&] { kept.keep(all[1]); }), HasSubstr("is no longer there"));
    std::ofstream(folder()) << "a file in its place";
    for (const auto& look : {+[](const CheckpointFolder& at) { (void)at.empty(); },
                             +[](const CheckpointFolder& at) { (void)at.latest(); }}) {
        EXPECT_THAT(message_of(ErrorKind::io, [&] { look(kept); }), HasSubstr("cannot list the checkpoints in it"));
    }
}

TEST_F(Folder, ALockThatSomebodyHasRemovedIsTakenAgainUnlessAnotherTrainingWasQuicker) {
    const std::vector<Model> all = models();
    CheckpointFolder kept(folder());
    std::filesystem::remove(folder() / "lock");
    kept.keep(all[0]);  // none was quicker, and there is no checkpoint yet
    std::filesystem::remove(folder() / "lock");
    kept.keep(all[1]);  // nor here
    EXPECT_THAT(names(), testing::Contains("lock"));
    std::filesystem::remove(folder() / "lock");
    const std::string taken = "was removed from it, and another training has the folder since";
    {
        CheckpointFolder another(folder());
        EXPECT_THAT(message_of(ErrorKind::io, [&] { kept.keep(all[2]); }), HasSubstr(taken));
        another.keep(all[3]);
    }
    std::filesystem::remove(folder() / "lock");  // nobody has it, but there is a checkpoint of the other one
    EXPECT_THAT(message_of(ErrorKind::io, [&] { kept.keep(all[2]); }), HasSubstr(taken));
}

}  // namespace
}  // namespace handgrad
