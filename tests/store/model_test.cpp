// The model file: everything comes back, damage of any bit is found, and no contradiction gets through.
#include "handgrad/store/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

/// 3 inputs (a number and two categories), 2 hidden units, 2 outputs.
Architecture small_architecture() {
    return {.sizes = {3, 2, 2}, .hidden = Activation::leaky_relu, .leaky_slope = 0.1, .conventions = {}};
}

template <class T>
Model regression_model() {
    Model model;
    model.net = BasicMlp<T>::random(small_architecture(), 1);
    model.loss = Loss::huber;
    model.loss.huber_delta = 1.0 / 3;
    model.weight_decay = 1e-4;
    model.preprocessing = {
        .task = Task::regression,
        .features = {{.name = "area", .impute = -0.0, .shift = 0.1, .scale = 1e-300},
                     {.name = "city", .categories = {"New York", "R\xc3\xb6m \"x\"\n"}}},
        .targets = {{.name = "price", .shift = 1e22, .scale = 3.0}, {.name = "tax"}},
        .classes = {},
        .weight = "w",
        .reading = {.delimiter = ';', .decimal = ',', .header = false, .missing = {"", "?"}, .text_columns = {"city"}}};
    model.provenance = {{"seed", "1"}, {"data.file", "t.csv"}};
    return model;
}

Model classification_model() {
    Model model;
    model.net =
        Mlp::random({.sizes = {1, 1}, .output = Activation::sigmoid, .conventions = *find_conventions("pytorch")}, 2);
    model.loss = Loss::binary_cross_entropy;
    model.preprocessing = {.task = Task::classification,
                           .features = {{.name = "x"}},
                           .targets = {{.name = "y"}},
                           .classes = {"0", "1"},
                           .numeric_classes = true,
                           .one_output = true,
                           .weight = "",
                           .reading = {}};
    return model;
}

void expect_same(const Model& got, const Model& expected) {
    EXPECT_EQ(got.architecture(), expected.architecture());
    EXPECT_EQ(got.architecture().conventions, expected.architecture().conventions);
    EXPECT_EQ(got.is_double(), expected.is_double());
    EXPECT_EQ(parameters_hash(got), parameters_hash(expected));
    EXPECT_EQ(got.loss, expected.loss);
    EXPECT_EQ(got.weight_decay, expected.weight_decay);
    EXPECT_EQ(got.preprocessing, expected.preprocessing);
    EXPECT_EQ(got.provenance, expected.provenance);
}

std::string message_for(const std::string& bytes, bool allow_nonfinite = false) {
    return message_of(ErrorKind::model, [&] { parse_model(bytes, "m", allow_nonfinite); });
}

/// The file of a model, changed and with checksums that fit the change, as a stranger would send it.
template <class Change>
std::string forged(const Model& model, Change change) {
    TensorFile file = parse_tensor_file(serialize_model(model), "m");
    change(file);
    std::string data;
    for (const Tensor& tensor : file.tensors) {
        data += tensor.bytes;
    }
    if (file.metadata.contains("parameters_hash")) {
        file.metadata["parameters_hash"] = xxh3_128_hex(data);
    }
    file.metadata["checksum"] = std::string(32, '0');
    std::string bytes = serialize(file);
    const std::string header = bytes.substr(8, bytes.size() - 8 - data.size());
    return bytes.replace(8 + header.find(R"("checksum":")") + 12, 32, xxh3_128_hex(header));
}

/// The same with `from` replaced by `to` in one of the JSON texts.
std::string forged(const Model& model, const std::string& key, const std::string& from, const std::string& to) {
    return forged(model, [&](TensorFile& file) {
        std::string& text = file.metadata.at(key);
        const std::size_t found = text.find(from);
        ASSERT_NE(found, std::string::npos) << text;
        text.replace(found, from.size(), to);
    });
}

class ModelFile : public InItsFolder {};

// --- Round trips ----------------------------------------------------------------------------------------------------

TEST_F(ModelFile, EverythingComesBackFromTheFile) {
    for (const Model& model : {regression_model<float>(), regression_model<double>(), classification_model()}) {
        save_model(path("m"), model);
        expect_same(load_model(path("m")), model);
    }
}

TEST(Model, SerializingTwiceGivesTheSameBytes) {
    const Model model = regression_model<float>();
    const std::string bytes = serialize_model(model);
    EXPECT_EQ(serialize_model(parse_model(bytes, "m")), bytes);
}

TEST(Model, EachActivationLossAndConventionComesBack) {
    for (const Activation activation : all_activations) {
        for (const Loss loss : all_losses) {
            for (const Conventions& conventions : convention_presets) {
                Model model = regression_model<float>();
                const Head head{activation, loss};
                if (problem_of_pair(head) || senseless_problem(head, model.preprocessing)) {
                    continue;
                }
                if (!may_scale_target(head)) {
                    model.preprocessing.targets = {{.name = "price"}, {.name = "tax"}};
                }
                Architecture architecture = small_architecture();
                architecture.output = activation;
                architecture.conventions = conventions;
                model.net = Mlp::zeros(architecture);
                model.loss = loss;
                expect_same(parse_model(serialize_model(model), "m"), model);
            }
        }
    }
}

TEST(Model, ConventionsThatDepartFromTheirPresetComeBack) {
    Architecture architecture = small_architecture();
    architecture.each_hidden = {Activation::tanh};
    architecture.conventions.first_weights = FirstWeights::lecun;
    Model model = regression_model<float>();
    model.net = Mlp::zeros(architecture);
    expect_same(parse_model(serialize_model(model), "m"), model);
}

RC_GTEST_PROP(Model, AnyColumnsComeBackBitForBit, (const std::vector<std::string>& texts, double shift, float scale)) {
    Model model = regression_model<float>();
    std::set<std::string> categories;
    for (const std::string& text : texts) {
        categories.insert(replace_invalid_utf8(text));
    }
    RC_PRE(std::isfinite(shift) && std::isfinite(scale) && scale > 0.0F && !categories.empty());
    FeatureColumn& city = model.preprocessing.features[1];
    city.categories.assign(categories.begin(), categories.end());
    model.preprocessing.features[0].shift = shift;
    model.preprocessing.features[0].scale = static_cast<double>(scale);
    Architecture architecture = small_architecture();
    architecture.sizes[0] = 1 + categories.size();
    model.net = Mlp::random(architecture, 3);
    const Model got = parse_model(serialize_model(model), "m");
    RC_ASSERT(got.preprocessing == model.preprocessing);
    RC_ASSERT(parameters_hash(got) == parameters_hash(model));
}

TEST(Model, TheFileSaysWhatItIs) {
    const TensorFile file = parse_tensor_file(serialize_model(regression_model<float>()), "m");
    EXPECT_EQ(file.metadata.at("format"), "handgrad model");
    EXPECT_EQ(file.metadata.at("format_version"), "2");
    EXPECT_EQ(file.metadata.at("handgrad_version"), version);
    EXPECT_EQ(file.metadata.at("architecture"),
              R"({"sizes":[3,2,2],"hidden":"leaky_relu","output":"identity","each_hidden":[],"leaky_slope":0.1})");
    EXPECT_EQ(file.metadata.at("conventions"),
              R"({"name":"handgrad","squared_error":"sum","binary_cross_entropy":"mean","other_losses":"sum",)"
              R"("kink":"right_limit","penalty":"weights","adam_epsilon":"after_correction","momentum":"velocity",)"
              R"("first_weights":"pytorch_linear"})");
    EXPECT_EQ(file.metadata.at("loss"),
              R"({"kind":"huber","huber_delta":0.3333333333333333,"quantile":0.5,"weight_decay":1e-04})");
    EXPECT_EQ(file.metadata.at("provenance"), R"({"data.file":"t.csv","seed":"1"})");
    std::vector<std::string> names;
    for (const Tensor& tensor : file.tensors) {
        names.push_back(tensor.name);
    }
    EXPECT_THAT(names, testing::ElementsAre("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"));
    EXPECT_THAT(file.tensors[0].shape, testing::ElementsAre(2, 3));
    EXPECT_EQ(file.tensors[0].value(1),
              static_cast<double>(std::get<Mlp>(regression_model<float>().net).weight(0)(0, 1)));
}

TEST(Model, TheParametersHashIsThatOfTheFilesData) {
    // The 14 numbers 0 to 13 as F32: python3 -c "import numpy as np, xxhash
    // print(xxhash.xxh3_128_hexdigest(np.arange(14, dtype=np.float32).tobytes()))"
    Mlp net = Mlp::zeros(small_architecture());
    for (std::size_t i = 0; i < net.parameters().size(); ++i) {
        net.parameters()[i] = static_cast<float>(i);
    }
    EXPECT_EQ(parameters_hash(net), "2b5fcc4cb53b2e0fefc07fbd260d823e");
}

TEST(Model, ATextThatIsNotUtf8IsADataErrorInColumnsAndReplacedInProvenance) {
    Model model = regression_model<float>();
    model.provenance["data.file"] = "caf\xe9.csv";
    EXPECT_EQ(parse_model(serialize_model(model), "m").provenance.at("data.file"), "caf\xef\xbf\xbd.csv");
    model.preprocessing.targets[0].name = "caf\xe9";
    EXPECT_NE(message_of(ErrorKind::data, [&] { serialize_model(model); }), "nothing");
}

// --- Damage -----------------------------------------------------------------------------------------------------

TEST(Model, AFlippedBitAnywhereIsFound) {
    const std::string bytes = serialize_model(classification_model());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
            ASSERT_NE(message_for(damaged, true), "nothing") << "byte " << i << ", bit " << bit;
        }
    }
}

TEST(Model, EveryTruncationIsFound) {
    const std::string bytes = serialize_model(classification_model());
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        ASSERT_NE(message_for(bytes.substr(0, n), true), "nothing") << n;
    }
    EXPECT_NE(message_for(bytes + '\0', true), "nothing");
}

TEST(Model, DamageOfAParameterOrOfTheMetadataIsCalledSo) {
    std::string bytes = serialize_model(classification_model());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    EXPECT_THAT(message_for(bytes), HasSubstr("m: damaged: the checksum of its parameters is "));
    bytes = serialize_model(regression_model<float>());
    bytes.replace(bytes.find("New York"), 8, "New Pork");
    EXPECT_THAT(message_for(bytes), HasSubstr("m: damaged: the checksum of its columns and settings is "));
}

/// The file with another text as its header.
std::string with_header(const std::string& bytes, const std::string& header, std::size_t old_length) {
    std::string length(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
        length[i] = static_cast<char>(header.size() >> (8 * i));
    }
    return length + header + bytes.substr(8 + old_length);
}

/// As another program's JSON might spell it, or with a checksum that ends the header before its digits do.
TEST(Model, AHeaderThatAnotherProgramWroteAnewIsCalledSo) {
    const std::string bytes = serialize_model(classification_model());
    const std::string header = bytes.substr(8, bytes.size() - 8 - 2 * sizeof(float));
    const std::string key = R"("checksum":")";
    const std::size_t at = header.find(key);
    std::string spaced = header;
    spaced.insert(at + key.size() - 1, " ");
    EXPECT_EQ(message_for(with_header(bytes, spaced, header.size())),
              "m: its header was written anew by another program, so that its checksum says nothing");
    const std::size_t metadata_end = header.find('}', header.find(R"("provenance")") + 30);
    ASSERT_NE(metadata_end, std::string::npos);
    std::string last = header;
    last.erase(at, key.size() + 32 + 2);     // `"checksum":"…",`
    last.erase(last.find_last_not_of(' '));  // the header's own brace
    const std::size_t tensors = last.find(R"(,"linear1.weight")");
    last = "{" + last.substr(tensors + 1) + "," + last.substr(1, tensors - 2) + R"(,"checksum":"x"}})";
    EXPECT_EQ(message_for(with_header(bytes, last, header.size())),
              "m: its header was written anew by another program, so that its checksum says nothing");
}

// --- What cannot be true ----------------------------------------------------------------------------------------

TEST(Model, AForgedFileWithoutAChangeIsRead) {
    EXPECT_EQ(message_for(forged(regression_model<float>(), [](TensorFile&) {})), "nothing");
}

TEST(Model, OtherSafetensorsFilesAreNotModels) {
    EXPECT_EQ(message_for(serialize({.tensors = {}, .metadata = {{"format", "pt"}}})),
              "m: a safetensors file, but not a handgrad model; a training can start from bare weights");
}

TEST(Model, ALaterFormatIsNamedAndOtherVersionsAreRefused) {
    const auto with_version = [](const std::string& text) {
        return message_for(
            forged(classification_model(), [&](TensorFile& file) { file.metadata["format_version"] = text; }));
    };
    EXPECT_EQ(with_version("5"), "m: written by a later handgrad (format 5, this one reads 4); update handgrad");
    EXPECT_EQ(with_version("4.1"), "m: written by a later handgrad (format 4.1, this one reads 4); update handgrad");
    EXPECT_EQ(with_version("2.1"), "nothing");
    EXPECT_EQ(with_version("1"), "nothing");
    EXPECT_EQ(with_version("99999999999999999999"),
              "m: its format_version is '99999999999999999999', which no handgrad writes");
    for (const std::string text : {"", "0", "-1", "1.0", "one", "2.", ".2", "1.1.1", "2.-1"}) {
        EXPECT_THAT(with_version(text), HasSubstr("which no handgrad writes")) << text;
    }
}

TEST(Model, MetadataMustBeCompleteAndKnown) {
    for (const std::string key : {"format_version", "handgrad_version", "architecture", "conventions", "loss",
                                  "preprocessing", "provenance", "parameters_hash"}) {
        EXPECT_THAT(message_for(forged(classification_model(), [&](TensorFile& file) { file.metadata.erase(key); })),
                    HasSubstr(key));
    }
    EXPECT_EQ(message_for(forged(classification_model(), [](TensorFile& file) { file.metadata["color"] = "red"; })),
              "m: its metadata have 'color', which this version does not know");
}

TEST(Model, ShapesMustFitTheArchitectureAndEachOther) {
    const auto reshaped = [](std::size_t tensor, std::vector<std::size_t> shape) {
        return message_for(forged(regression_model<float>(), [&](TensorFile& file) {
            file.tensors[tensor].shape = std::move(shape);
            file.tensors[tensor].bytes.resize(file.tensors[tensor].count() * sizeof(float));
        }));
    };
    EXPECT_EQ(reshaped(2, {2, 3}), "m: tensor 'linear2.weight' is 2x3, but the network asks for 2x2");
    EXPECT_EQ(reshaped(0, {3, 2}),
              "m: tensor 'linear1.weight' is 3x2, but the network asks for 2x3 (outputs x inputs): transpose it");
    EXPECT_EQ(reshaped(1, {2, 1}), "m: tensor 'linear1.bias' is 2x1, but the network asks for 2");
    EXPECT_EQ(reshaped(1, {}), "m: tensor 'linear1.bias' is a single number, but the network asks for 2");
}

TEST(Model, AHugeArchitectureIsRefusedBeforeItIsAllocated) {
    EXPECT_EQ(message_for(forged(classification_model(), "architecture", "[1,1]", "[16777216,65535,1]")),
              "m: preprocessing: its columns make 1 inputs, but the network has 16777216");
    EXPECT_EQ(message_for(forged(classification_model(), "architecture", "[1,1]", "[1,16777216,2000,1]")),
              "m: tensor 'linear1.weight' is 1x1, but the network asks for 16777216x1");
    EXPECT_THAT(message_for(forged(classification_model(), "architecture", "[1,1]", "[1,99999999999,1]")),
                HasSubstr("m: architecture: network: a layer of 99999999999 units is wider than"));
}

TEST(Model, MissingAndExtraTensorsAreNamed) {
    EXPECT_EQ(message_for(forged(regression_model<float>(), [](TensorFile& file) { file.tensors.pop_back(); })),
              "m: tensor 'linear2.bias' is missing; the network has 2 layers");
    EXPECT_EQ(message_for(forged(regression_model<float>(),
                                 [](TensorFile& file) {
                                     file.tensors.push_back({"x", TensorType::f32, {0}, {}});
                                 })),
              "m: tensor 'x' has no place in a network of 2 layers");
}

TEST(Model, AllTensorsMustHaveOneType) {
    EXPECT_EQ(message_for(forged(regression_model<float>(),
                                 [](TensorFile& file) {
                                     file.tensors[1].type = TensorType::f64;
                                     file.tensors[1].bytes.resize(2 * sizeof(double));
                                 })),
              "m: tensors 'linear1.weight' and 'linear1.bias' have different types; a model is all F32 or all F64");
}

TEST(Model, ColumnsMustMakeTheNetworksInputsAndOutputs) {
    EXPECT_EQ(message_for(forged(regression_model<float>(), "preprocessing", R"("New York",)", "")),
              "m: preprocessing: its columns make 2 inputs, but the network has 3");
    EXPECT_EQ(message_for(
                  forged(regression_model<float>(), "preprocessing", R"(,{"name":"tax","shift":0.0,"scale":1.0})", "")),
              "m: preprocessing: its columns make 1 outputs, but the network has 2");
}

TEST(Model, FieldsMustBeThereKnownAndOfTheRightKind) {
    const auto changed = [](const std::string& key, const std::string& from, const std::string& to) {
        return message_for(forged(regression_model<float>(), key, from, to));
    };
    EXPECT_EQ(changed("loss", R"("quantile":0.5,)", ""), "m: loss: the field 'quantile' is missing");
    EXPECT_EQ(changed("loss", R"("quantile":)", R"("colour":1,"quantile":)"),
              "m: loss: 'colour' is not a field that this version knows");
    EXPECT_EQ(changed("loss", "\"huber\"", "\"hubert\""),
              "m: loss.kind: 'hubert' is not a name that this version knows");
    EXPECT_EQ(changed("loss", "\"huber\"", "5"), "m: loss.kind: 5 stands where a name belongs");
    EXPECT_EQ(changed("conventions", "\"handgrad\"", "\"mine\""),
              "m: conventions.name: 'mine' is not a preset of conventions");
    EXPECT_EQ(changed("architecture", "[3,2,2]", "[3,-2,2]"),
              "m: architecture.sizes[1]: -2.0 stands where a whole number belongs");
    EXPECT_EQ(changed("architecture", "[3,2,2]", "[3]"),
              "m: architecture: network: needs at least an input and an output size");
    EXPECT_EQ(changed("preprocessing", R"("shift":0.1)", R"("shift":"0.1")"),
              "m: preprocessing.features[0].shift: \"0.1\" stands where a number belongs");
    EXPECT_EQ(changed("preprocessing", R"("header":false)", R"("header":0)"),
              "m: preprocessing.reading.header: 0 stands where true or false belongs");
    EXPECT_EQ(changed("preprocessing", R"("delimiter":";")", R"("delimiter":";;")"),
              "m: preprocessing.reading.delimiter: ';;' has more than one character");
    EXPECT_EQ(changed("preprocessing", R"("categories":[])", R"("categories":[[]])"),
              "m: preprocessing.features[0].categories[0]: [] stands where a text belongs");
    EXPECT_EQ(changed("provenance", R"("1")", "1"), "m: provenance.seed: 1 stands where a text belongs");
    EXPECT_THAT(changed("provenance", "{", "["), HasSubstr("m: provenance: byte 12: not JSON: array - "));
    EXPECT_EQ(changed("architecture", "[3,2,2]", std::string(17, '[')),
              "m: architecture: nested deeper than 16 levels");
}

TEST(Model, SettingsOutOfRangeAreRefused) {
    const auto changed = [](const std::string& key, const std::string& from, const std::string& to) {
        return message_for(forged(regression_model<float>(), key, from, to));
    };
    EXPECT_EQ(changed("loss", R"("quantile":0.5)", R"("quantile":1.0)"), "m: loss: quantile must lie between 0 and 1");
    EXPECT_EQ(changed("loss", R"("weight_decay":1e-04)", R"("weight_decay":-1e-4)"),
              "m: loss: weight_decay must not be negative");
    EXPECT_EQ(changed("loss", R"("huber_delta":0.3333333333333333)", R"("huber_delta":0)"),
              "m: loss: huber_delta must be positive");
    EXPECT_EQ(changed("preprocessing", R"("scale":1e-300)", R"("scale":0.0)"),
              "m: preprocessing: the scale of feature 'area' must be positive");
    EXPECT_EQ(changed("preprocessing", R"("name":"tax")", R"("name":"area")"),
              "m: preprocessing: the column 'area' stands twice");
    EXPECT_EQ(changed("preprocessing", R"("classes":[])", R"("classes":["a"])"),
              "m: preprocessing: a regression has no classes");
    const auto changed_classes = [](const std::string& from, const std::string& to) {
        return message_for(forged(classification_model(), "preprocessing", from, to));
    };
    EXPECT_EQ(changed_classes(R"(["0","1"])", R"(["0","0"])"), "m: preprocessing: a class stands twice");
    EXPECT_EQ(changed_classes(R"(["0","1"])", R"(["0","1","2"])"),
              "m: preprocessing: one output serves two classes only");
    EXPECT_EQ(changed_classes(R"(["0","1"])", "[]"), "m: preprocessing: there are no classes");
    EXPECT_EQ(message_for(forged(classification_model(), "architecture", R"("sigmoid")", R"("softmax")")),
              "m: loss: softmax and cross_entropy tell two classes apart by two outputs, not by one");
}

TEST(Model, APenaltyOrAScaleThatCannotBeIsNotWritten) {
    Model model = regression_model<float>();
    model.weight_decay = std::numeric_limits<double>::infinity();
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { serialize_model(model); }),
              "model: loss: weight_decay must not be negative");
    model = regression_model<float>();
    Architecture bounded = small_architecture();
    bounded.output = Activation::sigmoid;
    model.net = Mlp::random(bounded, 1);
    model.loss = Loss::squared_error;
    for (TargetColumn& target : model.preprocessing.targets) {
        target.shift = 0.0;
    }
    EXPECT_THAT(message_of(ErrorKind::usage, [&] { serialize_model(model); }), HasSubstr("its targets are scaled"));
}

/// A million categories: their texts would be more JSON values than a reader takes.
TEST(Model, ColumnsOfMoreTextsThanAFileDescribesAreNotWritten) {
    Model model = regression_model<float>();
    Architecture architecture = small_architecture();
    architecture.sizes[0] = 0;
    model.preprocessing.features.assign(106, {});
    for (std::size_t f = 0; f < model.preprocessing.features.size(); ++f) {
        FeatureColumn& feature = model.preprocessing.features[f];
        feature.name = "f" + std::to_string(f);
        for (std::size_t c = 0; c < limits::categories; ++c) {
            feature.categories.push_back(std::to_string(limits::categories + c));  // all of one length: sorted
        }
        architecture.sizes[0] += feature.categories.size();
    }
    model.preprocessing.reading.text_columns.clear();
    model.net = Mlp::zeros(architecture);
    EXPECT_THAT(raised([&] { serialize_model(model); }),
                testing::AllOf(testing::StartsWith("data: 106 columns with 1060000 categories are more than a model "
                                                   "file describes"),
                               HasSubstr("{drop")));
}

/// What the model says of the rows that it learned from: of another network, no hashes, no order, no numbers.
TEST(Model, RowsThatItCannotHaveLearnedFromAreRefused) {
    Model model = regression_model<float>();
    const std::string hash(32, 'a');
    model.training_rows = {.table_hash = hash,
                           .split_hash = hash,
                           .validation_hash = "",
                           .test_hash = hash,
                           .constant_answer = {0.5, 1.5},
                           .lowest = {-1.0, 0.0, 0.0},
                           .highest = {1.0, 1.0, 0.0}};
    EXPECT_EQ(parse_model(serialize_model(model), "m").training_rows, model.training_rows);
    const auto changed = [&](const std::string& from, const std::string& to) {
        return message_for(forged(model, "training_rows", from, to));
    };
    const std::string others = "m: training_rows: it is of a network of other inputs and outputs";
    EXPECT_EQ(changed(R"("constant_answer":[0.5,1.5])", R"("constant_answer":[0.5])"), others);
    EXPECT_EQ(changed(R"("lowest":[-1.0,0.0,0.0])", R"("lowest":[])"), others);
    EXPECT_EQ(changed(R"("highest":[1.0,1.0,0.0])", R"("highest":[1.0,1.0,0.0,0.0])"), others);
    const std::string no_hash = "m: training_rows: a hash is not one of 32 hexadecimal digits";
    EXPECT_EQ(changed(R"("table_hash":"a)", R"("table_hash":"g)"), no_hash);
    EXPECT_EQ(changed(R"("split_hash":"a)", R"("split_hash":")"), no_hash);
    EXPECT_EQ(changed(R"("validation_hash":"")", R"("validation_hash":"a")"), no_hash);
    EXPECT_EQ(changed(R"("test_hash":"a)", R"("test_hash":"A)"), no_hash);
    EXPECT_EQ(changed(R"("lowest":[-1.0,)", R"("lowest":[1.5,)"),
              "m: training_rows: the lowest number of an input is above its highest");
    EXPECT_EQ(changed(R"("table_hash":")" + hash, R"("table_hash":")"), "nothing");  // none are told, of whatever rows
    model.training_rows.highest[0] = std::numeric_limits<double>::infinity();
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { serialize_model(model); }),
              "model: training_rows: a number is not finite");
}

TEST(Model, ATextWithoutANameIsRefused) {
    EXPECT_EQ(message_for(forged(regression_model<float>(), "provenance", R"("seed")", R"("")")),
              "m: provenance: a text has no name");
}

TEST(Model, OfANumberThatIsNoneInABiasThePlaceIsNamed) {
    const auto with_bias = [](float number) {
        Model model = regression_model<float>();
        std::get<Mlp>(model.net).parameters()[6] = number;  // behind the 2x3 weights
        return message_for(serialize_model(model));
    };
    EXPECT_EQ(with_bias(std::numeric_limits<float>::quiet_NaN()),
              "m: tensor 'linear1.bias', number 0: NaN is not a number to compute with; it can be read all the same");
    EXPECT_EQ(
        with_bias(-std::numeric_limits<float>::infinity()),
        "m: tensor 'linear1.bias', number 0: infinity is not a number to compute with; it can be read all the same");
}

TEST(Model, WhatCannotBeReadBackIsNotWritten) {
    Model model = regression_model<float>();
    model.preprocessing.features[0].scale = 5e-324;
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { serialize_model(model); }),
              "model: preprocessing: the scale of feature 'area' is 5e-324, by which nothing can be divided without "
              "overflow");
    model = regression_model<float>();
    model.history.columns = {"epoch"};
    model.history.epochs = {{1.0}};
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { serialize_model(model); }),
              "model: history: the column 'loss' is missing");
    model = regression_model<float>();
    Architecture counts = small_architecture();
    counts.output = Activation::exp;
    model.net = Mlp::random(counts, 1);
    model.loss = Loss::poisson;
    EXPECT_THAT(message_of(ErrorKind::usage, [&] { serialize_model(model); }), HasSubstr("its targets are scaled"));
    model = regression_model<float>();
    model.loss = Loss::poisson;
    EXPECT_EQ(message_of(ErrorKind::usage, [&] { serialize_model(model); }),
              "model: loss: the output activation identity takes values from -inf to inf, but the loss poisson is "
              "defined from 0 to inf only");
}

TEST(Model, LimitsHoldToTheLast) {
    const auto renamed = [](std::size_t bytes) {
        return message_for(
            forged(regression_model<float>(), "preprocessing", "\"area\"", '"' + std::string(bytes, 'x') + '"'));
    };
    EXPECT_EQ(renamed(limits::name_bytes), "nothing");
    EXPECT_THAT(renamed(limits::name_bytes + 1), HasSubstr("has 1025 bytes; at most 1024 are read"));
    const auto categories = [](std::size_t count) {
        Model model = regression_model<float>();
        FeatureColumn& city = model.preprocessing.features[1];
        city.categories.clear();
        for (std::size_t i = 0; i < count; ++i) {
            city.categories.push_back(std::to_string(100'000 + i));
        }
        Architecture architecture = small_architecture();
        architecture.sizes[0] = 1 + count;
        model.net = Mlp::zeros(architecture);
        return message_of(ErrorKind::usage, [&] { serialize_model(model); });
    };
    EXPECT_EQ(categories(limits::categories), "nothing");
    EXPECT_THAT(categories(limits::categories + 1), HasSubstr("has 10001 categories; at most 10000 are read"));
    const auto classes = [](std::size_t count) {
        Model model = classification_model();
        model.preprocessing.one_output = false;
        model.preprocessing.classes.clear();
        for (std::size_t i = 0; i < count; ++i) {
            model.preprocessing.classes.push_back(std::to_string(i));
        }
        model.net = Mlp::zeros({.sizes = {1, count}, .output = Activation::softmax});
        model.loss = Loss::cross_entropy;
        return message_of(ErrorKind::usage, [&] { serialize_model(model); });
    };
    EXPECT_EQ(classes(limits::classes), "nothing");
    EXPECT_THAT(classes(limits::classes + 1), HasSubstr("10001 classes; at most 10000 are read"));
}

// --- Numbers that are not finite --------------------------------------------------------------------------------

TEST(Model, WeightsThatAreNotFiniteAreRefusedUnlessAllowed) {
    Model model = regression_model<float>();
    std::get<Mlp>(model.net).weight(1)(1, 0) = std::numeric_limits<float>::quiet_NaN();
    const std::string bytes = serialize_model(model);
    EXPECT_EQ(message_for(bytes),
              "m: tensor 'linear2.weight', row 1, column 0: NaN is not a number to compute with; "
              "it can be read all the same");
    EXPECT_EQ(parameters_hash(parse_model(bytes, "m", true)), parameters_hash(model));
}

// --- load_parameters ------------------------------------------------------------------------------------------------

template <class T>
std::string load_message(const std::filesystem::path& path, BasicMlp<T>& net) {
    const std::string message = message_of(ErrorKind::model, [&] { load_parameters(path, net); });
    EXPECT_THAT(message, testing::StartsWith(path.string()));
    return message.substr(path.string().size());
}

/// The tensors of a model under their names, and no metadata, as other programs write them.
TensorFile bare(const Model& model) {
    return {.tensors = parse_tensor_file(serialize_model(model), "m").tensors, .metadata = {}};
}

TEST_F(ModelFile, ParametersAreTakenFromAModelOrFromBareTensorsInAnyPrecision) {
    const Model model = regression_model<double>();
    const auto& net = std::get<BasicMlp<double>>(model.net);
    save_model(path("model"), model);
    TensorFile tensors = bare(model);
    tensors.tensors.push_back({"something.else", TensorType::f32, {0}, {}});
    write_tensor_file(path("bare"), tensors);
    for (const char* file : {"model", "bare"}) {
        BasicMlp<double> same = BasicMlp<double>::zeros(small_architecture());
        load_parameters(path(file), same);
        EXPECT_EQ(parameters_hash(same), parameters_hash(net));
        Mlp rounded = Mlp::zeros(small_architecture());
        load_parameters(path(file), rounded);
        EXPECT_EQ(parameters_hash(rounded), parameters_hash(convert<float>(net)));
    }
}

/// Only what is named as a parameter of a further layer is missed in a network that has fewer.
TEST_F(ModelFile, BareTensorsOfOtherNamesAreNoParameters) {
    for (const std::string name : {"linear", "linear.weight", "linearx.weight", "linear3.gain", "embedding.weight"}) {
        TensorFile tensors = bare(regression_model<float>());
        tensors.tensors.push_back({name, TensorType::f32, {1}, std::string(4, '\0')});
        write_tensor_file(path("bare"), tensors);
        Mlp net = Mlp::zeros(small_architecture());
        EXPECT_NO_THROW(load_parameters(path("bare"), net, false)) << name;
    }
    TensorFile tensors = bare(regression_model<float>());
    tensors.tensors.push_back({"linear3.bias", TensorType::f32, {1}, std::string(4, '\0')});
    write_tensor_file(path("bare"), tensors);
    Mlp net = Mlp::zeros(small_architecture());
    EXPECT_EQ(load_message(path("bare"), net), ": tensor 'linear3.bias' has no place in a network of 2 layers");
}

TEST_F(ModelFile, ParametersThatDoNotFitAreNamedAndChangeNothing) {
    write_tensor_file(path("bare"), bare(regression_model<float>()));
    Mlp wider = Mlp::random({.sizes = {3, 4, 2}}, 5);
    const std::string before = parameters_hash(wider);
    EXPECT_EQ(load_message(path("bare"), wider), ": tensor 'linear1.weight' is 2x3, but the network asks for 4x3");
    Mlp deeper = Mlp::zeros({.sizes = {3, 2, 2, 1}});
    EXPECT_EQ(load_message(path("bare"), deeper), ": tensor 'linear3.weight' is missing; the network has 3 layers");
    Mlp shallower = Mlp::zeros({.sizes = {3, 2}});
    EXPECT_EQ(load_message(path("bare"), shallower), ": tensor 'linear2.weight' has no place in a network of 1 layers");
    EXPECT_EQ(parameters_hash(wider), before);
}

TEST_F(ModelFile, ParametersTooLargeForTheNetworksTypeAreNamedAndChangeNothing) {
    Model model = regression_model<double>();
    std::get<BasicMlp<double>>(model.net).bias(1)[1] = 1e300;
    write_tensor_file(path("bare"), bare(model));
    Mlp net = Mlp::zeros(small_architecture());
    EXPECT_EQ(load_message(path("bare"), net),
              ": tensor 'linear2.bias', number 1: 1e+300 is too large for f32; compute in f64");
    EXPECT_EQ(net.parameters()[0], 0.0F);
}

TEST_F(ModelFile, ParametersOfADamagedModelAreRefused) {
    std::string bytes = serialize_model(regression_model<float>());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file_atomically(path("m"), bytes);
    Mlp net = Mlp::zeros(small_architecture());
    EXPECT_THAT(load_message(path("m"), net), HasSubstr("damaged"));
}

TEST_F(ModelFile, AMissingFileIsAnInputOutputError) {
    EXPECT_NE(message_of(ErrorKind::io, [&] { load_model(path("nowhere")); }), "nothing");
}

}  // namespace
}  // namespace handgrad
