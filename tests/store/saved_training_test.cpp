// A training in a model's file: every number of its state comes back, damage is found, and no contradiction gets
// through.
#include "handgrad/store/saved_training.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/store/model.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
BasicMlp<T> network(std::uint64_t seed) {
    return BasicMlp<T>::random({.sizes = {2, 3, 1}}, seed);
}

template <class T>
Model model_with_training() {
    Model model{.net = network<T>(1),
                .loss = Loss::squared_error,
                .preprocessing = {.features = {{.name = "a"}, {.name = "b"}}, .targets = {{.name = "y"}}},
                .provenance = {}};
    TrainState<T> state{.net = network<T>(2), .moments = {network<T>(3), network<T>(4)}, .count = {7, 0.1, 1.0 / 3}};
    state.epoch = 2;
    state.best = network<T>(5);
    state.best_loss = 0.7;
    state.best_epoch = 1;
    state.history = {{1, 0.1, std::numeric_limits<double>::quiet_NaN(), 1e-300}, {2, infinity, 0.3, 0.25}};
    state.begun = BegunEpoch<T>{.batches = 3,
                                .loss_sum = -0.0,
                                .weight_sum = 1e300,
                                .net = network<T>(6),
                                .moments = {network<T>(7), network<T>(8)}};
    model.training = SavedTraining<T>{.state = std::move(state),
                                      .first = FirstTraining{.epochs = 9, .best_epoch = 4, .stopped = "early"},
                                      .seconds = 12.5,
                                      .told = {{"--hidden", {"3", "4"}}, {"DATA", {"t.csv"}}}};
    return model;
}

template <class T>
std::vector<T> bits(const BasicMlp<T>& net) {
    return {net.parameters().begin(), net.parameters().end()};
}

template <class T>
void expect_it_comes_back() {
    const Model model = model_with_training<T>();
    const auto& wanted = std::get<SavedTraining<T>>(model.training);
    const Model read = parse_model(serialize_model(model), "m.model");
    EXPECT_EQ(serialize_model(read), serialize_model(model));
    const auto& got = std::get<SavedTraining<T>>(read.training);
    EXPECT_EQ(bits(got.state.net), bits(wanted.state.net));
    EXPECT_EQ(bits(got.state.moments[1]), bits(wanted.state.moments[1]));
    EXPECT_EQ(bits(*got.state.best), bits(*wanted.state.best));
    EXPECT_EQ(bits(got.state.begun->moments[0]), bits(wanted.state.begun->moments[0]));
    EXPECT_EQ(got.state.begun->batches, 3u);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(got.state.begun->loss_sum), std::bit_cast<std::uint64_t>(-0.0));
    EXPECT_EQ(got.state.count, wanted.state.count);
    EXPECT_EQ(got.state.history[1], wanted.state.history[1]);
    EXPECT_TRUE(std::isnan(got.state.history[0].validation_loss));
    EXPECT_EQ(got.first, wanted.first);
    EXPECT_EQ(got.told, wanted.told);
    EXPECT_EQ(got.seconds, 12.5);
    EXPECT_EQ(parameters_hash(read), parameters_hash(model));
}

TEST(SavedTraining, EveryNumberComesBack) {
    expect_it_comes_back<float>();
    expect_it_comes_back<double>();
}

/// Of a solver that sees all rows at once.
Model model_of_all_rows() {
    Model model = model_with_training<float>();
    auto& state = std::get<SavedTraining<float>>(model.training).state;
    state.moments.clear();
    state.begun.reset();
    state.count = {};
    state.memory = {.solver = "lbfgs", .numbers = {1.0 / 3, infinity, -0.0, 1e-310}};
    state.over = Stopped::no_progress;
    return model;
}

TEST(SavedTraining, WhatASolverRemembersComesBack) {
    const Model model = model_of_all_rows();
    const Model read = parse_model(serialize_model(model), "m.model");
    EXPECT_EQ(serialize_model(read), serialize_model(model));
    const auto& state = std::get<SavedTraining<float>>(read.training).state;
    EXPECT_EQ(state.memory, std::get<SavedTraining<float>>(model.training).state.memory);
    EXPECT_EQ(state.over, Stopped::no_progress);
}

TEST(SavedTraining, AFlippedBitAnywhereIsFound) {
    const std::string bytes = serialize_model(model_with_training<float>());
    for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
        std::string damaged = bytes;
        damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << (byte % 8)));
        EXPECT_THROW(parse_model(damaged, "m.model"), Error) << "byte " << byte;
    }
}

/// What is said of a file that is whole, but whose training was changed by `change`.
template <class Change>
std::string refusal(Change change, Model model = model_with_training<float>()) {
    TensorFile file;
    file.tensors = parse_tensor_file(serialize_model(model), "m.model").tensors;
    file.metadata = parse_tensor_file(serialize_model(model), "m.model").metadata;
    change(file);
    return message_of(ErrorKind::model, [&] { read_saved_training(file, model, "m.model"); });
}
std::string text_refusal(const std::string& from, const std::string& to,
                         const Model& model = model_with_training<float>()) {
    return refusal(
        [&](TensorFile& file) {
            std::string& text = file.metadata.at("training");
            const std::size_t at = text.find(from);
            ASSERT_NE(at, std::string::npos) << text;
            text.replace(at, from.size(), to);
        },
        model);
}
Tensor& tensor(TensorFile& file, const std::string& name) {
    return *std::ranges::find(file.tensors, name, &Tensor::name);
}

TEST(SavedTraining, WhatContradictsItselfIsRefused) {
    EXPECT_THAT(text_refusal(R"("best_epoch":1)", R"("best_epoch":3)"),
                HasSubstr("best epoch, 3, comes after the last, 2"));
    EXPECT_THAT(text_refusal(R"("moments":2)", R"("moments":3)"), HasSubstr("remembers 3 numbers"));
    EXPECT_THAT(text_refusal(R"("moments":2)", R"("moments":1)"),
                HasSubstr("'training.moment2.linear1.weight' has no place"));
    EXPECT_THAT(text_refusal(R"("best":true)", R"("best":false)"), HasSubstr("has no place"));
    EXPECT_THAT(text_refusal(R"("batches":3)", R"("batches":0)"), HasSubstr("has no place"));
    EXPECT_THAT(text_refusal(R"("epoch":2)", R"("epoch":1)"),
                HasSubstr("'training.losses' is missing, or not of the shape"));
    EXPECT_THAT(text_refusal(R"("epoch":2)", R"("epoch":18446744073709551615)"), HasSubstr("training.losses"));
    EXPECT_THAT(text_refusal(R"("stopped":"early")", R"("stopped":"late")"), HasSubstr("first training cannot be"));
    EXPECT_THAT(text_refusal(R"("best_epoch":4)", R"("best_epoch":10)"), HasSubstr("first training cannot be"));
    EXPECT_THAT(text_refusal(R"("best_epoch":4)", R"("best_epoch":4,"more":1)"), HasSubstr("first training cannot be"));
    EXPECT_THAT(text_refusal(R"("steps":7)", R"("steps":-7)"), HasSubstr("another kind of value"));
    EXPECT_THAT(text_refusal(R"("steps":7)", R"("stops":7)"), HasSubstr("'steps' is missing"));
    EXPECT_THAT(text_refusal(R"("steps":7)", R"("steps":7,"more":1)"),
                HasSubstr("9 fields, not the 8 of a training, nor the 11"));
}

TEST(SavedTraining, WhatASolverCannotRememberIsRefused) {
    const Model model = model_of_all_rows();
    EXPECT_THAT(text_refusal(R"("remembered":4)", R"("remembered":5)", model),
                HasSubstr("'training.memory' is missing, or not of the shape"));
    EXPECT_THAT(text_refusal(R"("remembered":4)", R"("remembered":18446744073709551615)", model),
                HasSubstr("training.memory"));
    EXPECT_THAT(text_refusal(R"("solver":"lbfgs")", R"("solver":"")", model), HasSubstr("its solver cannot be"));
    EXPECT_THAT(text_refusal(R"("over":"no_progress")", R"("over":"tired")", model), HasSubstr("its solver cannot be"));
    EXPECT_THAT(text_refusal(R"("over":"no_progress")", R"("end":"no_progress")", model),
                HasSubstr("'over' is missing"));
    EXPECT_THAT(text_refusal(R"("steps":7)", R"("steps":7,"solver":"lbfgs","remembered":0,"over":"")"),
                HasSubstr("'training.memory' is missing"));
}

TEST(SavedTraining, TensorsThatDoNotFitAreRefused) {
    EXPECT_THAT(refusal([](TensorFile& file) {
                    std::erase_if(file.tensors, [](const Tensor& t) { return t.name == "training.best.linear2.bias"; });
                }),
                HasSubstr("'training.best.linear2.bias' is missing"));
    EXPECT_THAT(refusal([](TensorFile& file) {
                    tensor(file, "training.net.linear1.weight").shape = {2, 3};
                }),
                HasSubstr("'training.net.linear1.weight' is 2x3"));
    EXPECT_THAT(refusal([](TensorFile& file) {
                    Tensor& bias = tensor(file, "training.net.linear2.bias");
                    bias.type = TensorType::f64;
                    bias.bytes.resize(8);
                }),
                HasSubstr("of another type than the model"));
    EXPECT_THAT(refusal([](TensorFile& file) {
                    std::erase_if(file.tensors, [](const Tensor& t) { return t.name == "training.numbers"; });
                }),
                HasSubstr("tensor 'training.numbers' is missing"));
    const auto number = [](std::size_t i, double value) {
        return refusal([&](TensorFile& file) {
            tensor(file, "training.numbers").bytes.replace(8 * i, 8, std::string(number_bytes<double>({&value, 1})));
        });
    };
    EXPECT_THAT(number(0, std::numeric_limits<double>::quiet_NaN()), HasSubstr("cannot be"));
    EXPECT_THAT(number(1, 1.5), HasSubstr("cannot be"));
    EXPECT_THAT(number(2, -1.5), HasSubstr("cannot be"));
    EXPECT_THAT(number(3, -1.0), HasSubstr("cannot be"));
    EXPECT_THAT(number(3, infinity), HasSubstr("cannot be"));
    EXPECT_THAT(refusal([](TensorFile& file) {
                    const double epoch = 2.0;
                    tensor(file, "training.losses").bytes.replace(0, 8, std::string(number_bytes<double>({&epoch, 1})));
                }),
                HasSubstr("line 1 of 'training.losses' is of another epoch"));
}

TEST(SavedTraining, OneThatIsTheFirstAndStandsBetweenTwoEpochsComesBack) {
    Model model = model_with_training<float>();
    auto& saved = std::get<SavedTraining<float>>(model.training);
    saved.first->stopped = "epochs";
    EXPECT_EQ(std::get<SavedTraining<float>>(parse_model(serialize_model(model), "m.model").training).first,
              saved.first);
    saved.first.reset();
    saved.state.begun.reset();
    saved.state.best.reset();
    const Model read = parse_model(serialize_model(model), "m.model");
    const auto& got = std::get<SavedTraining<float>>(read.training);
    EXPECT_FALSE(got.first || got.state.begun || got.state.best);
    EXPECT_EQ(serialize_model(read), serialize_model(model));
}

TEST(SavedTraining, OneWithoutItsHashIsRefused) {
    TensorFile file = parse_tensor_file(serialize_model(model_with_training<float>()), "m.model");
    file.metadata.erase("training_hash");
    file.metadata["checksum"] = std::string(32, '0');
    std::string bytes = serialize(file);
    std::size_t data = 0;
    for (const Tensor& one : file.tensors) {
        data += one.bytes.size();
    }
    const std::string checksum = xxh3_128_hex(std::string_view(bytes).substr(8, bytes.size() - 8 - data));
    bytes.replace(bytes.find(R"("checksum":")") + 12, checksum.size(), checksum);
    EXPECT_EQ(message_of(ErrorKind::model, [&] { parse_model(bytes, "m"); }),
              "m: its metadata have no 'training_hash'");
}

TEST(SavedTraining, AModelWithoutOneIsWrittenAsBefore) {
    Model model = model_with_training<float>();
    EXPECT_THAT(serialize_model(model), HasSubstr(R"("format_version":"3")"));
    model.training = {};
    const std::string bytes = serialize_model(model);
    EXPECT_THAT(bytes, HasSubstr(R"("format_version":"2")"));
    EXPECT_THAT(bytes, testing::Not(HasSubstr("training_hash")));
}

}  // namespace
}  // namespace handgrad
