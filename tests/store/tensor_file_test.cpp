// safetensors: what is written reads back, Python's library agrees on the bytes, and every unsound file is refused.
#include "handgrad/store/tensor_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/store/json.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(numbers));
    std::string text(bytes.size(), '\0');
    std::ranges::transform(bytes, text.begin(), [](std::byte b) { return static_cast<char>(b); });
    return text;
}

TensorFile sample() {
    return {.tensors = {{"a", TensorType::f32, {2, 3}, bytes_of<float>({1, 2, 3, 4, 5, 0.1F})},
                        {"b", TensorType::f64, {}, bytes_of<double>({0.1})},
                        {"nothing", TensorType::f32, {0, 7}, {}}},
            .metadata = {{"format", "test"}, {"text", "x\"\n\xc3\xa9"}}};
}

void expect_equal(const TensorFile& got, const TensorFile& expected) {
    EXPECT_EQ(got.metadata, expected.metadata);
    ASSERT_EQ(got.tensors.size(), expected.tensors.size());
    for (std::size_t i = 0; i < got.tensors.size(); ++i) {
        EXPECT_EQ(got.tensors[i].name, expected.tensors[i].name);
        EXPECT_EQ(got.tensors[i].type, expected.tensors[i].type);
        EXPECT_EQ(got.tensors[i].shape, expected.tensors[i].shape);
        EXPECT_EQ(got.tensors[i].bytes, expected.tensors[i].bytes);
    }
}

std::string with_length(std::uint64_t length, const std::string& rest) {
    return bytes_of<std::uint64_t>({length}) + rest;
}
/// A file with that header and so many data bytes.
std::string with_header(const std::string& header, std::size_t data_bytes = 0) {
    return with_length(header.size(), header + std::string(data_bytes, '\0'));
}
std::string entry(const std::string& name, const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
    return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

std::string message_for(const std::string& bytes) {
    return message_of(ErrorKind::model, [&] { parse_tensor_file(bytes, "m.safetensors"); });
}

TEST(TensorFile, WhatIsWrittenReadsBackTheSame) { expect_equal(parse_tensor_file(serialize(sample()), "m"), sample()); }

TEST(TensorFile, TheBytesAreThoseOfTheFormatWithTheDataAtAMultipleOfEight) {
    const TensorFile file{.tensors = {{"w", TensorType::f32, {1, 2}, bytes_of<float>({1, 2})}},
                          .metadata = {{"k", "v"}}};
    const std::string header = R"({"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
    const std::string padding(8 - header.size() % 8, ' ');
    EXPECT_EQ(serialize(file), with_header(header + padding) + bytes_of<float>({1, 2}));
}

TEST(TensorFile, AFileOfPythonsLibraryIsRead) {
    // python3 -c "import numpy as np, safetensors.numpy as s
    // print(s.save({'w': np.array([[1, 2]], np.float64), 'b': np.float32([3])}, {'k': 'v'}).hex())"  (safetensors
    // 0.8.0)
    const std::string header = R"({"__metadata__":{"k":"v"},"w":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]},)"
                               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}})";
    const std::string file = with_length(
        144, header + std::string(144 - header.size(), ' ') + bytes_of<double>({1, 2}) + bytes_of<float>({3}));
    const TensorFile read = parse_tensor_file(file, "m");
    ASSERT_EQ(read.tensors.size(), 2U);
    EXPECT_EQ(read.metadata.at("k"), "v");
    EXPECT_EQ(read.find("w")->shape, (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(read.find("w")->value(1), 2.0);
    EXPECT_EQ(read.find("b")->value(0), 3.0);
    EXPECT_EQ(read.find("c"), nullptr);
}

TEST(TensorFile, ValuesAreExact) {
    const TensorFile file = sample();
    EXPECT_EQ(file.tensors[0].count(), 6U);
    EXPECT_EQ(file.tensors[0].value(5), static_cast<double>(0.1F));
    EXPECT_EQ(file.tensors[1].count(), 1U);
    EXPECT_EQ(file.tensors[1].value(0), 0.1);
    EXPECT_EQ(file.tensors[2].count(), 0U);
}

RC_GTEST_PROP(TensorFile, AnyTensorsAndTextsReadBackTheSame,
              (const std::vector<std::vector<float>>& values, const std::map<std::string, std::string>& texts)) {
    TensorFile file;
    for (const auto& numbers : values) {
        file.tensors.push_back(
            {"t" + std::to_string(file.tensors.size()), TensorType::f32, {numbers.size(), 1}, bytes_of(numbers)});
    }
    for (const auto& [key, text] : texts) {
        file.metadata[replace_invalid_utf8(key)] = replace_invalid_utf8(text);
    }
    const std::string bytes = serialize(file);
    expect_equal(parse_tensor_file(bytes, "m"), file);
    RC_ASSERT(serialize(parse_tensor_file(bytes, "m")) == bytes);
}

TEST(TensorFile, AHeaderThatCouldNotBeReadBackIsNotWritten) {
    TensorFile file{.tensors = {}, .metadata = {{"k", std::string(max_header_bytes - 27, 'x')}}};
    EXPECT_EQ(serialize(file).size(), 8 + max_header_bytes);  // 27 bytes are {"__metadata__":{"k":""}} and padding
    EXPECT_EQ(parse_tensor_file(serialize(file), "m").metadata, file.metadata);
    file.metadata["k"] += "xxxx";
    EXPECT_THROW(serialize(file), Error);
}

TEST(TensorFile, EveryTruncationIsRefused) {
    const std::string bytes = serialize(sample());
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        EXPECT_NE(message_for(bytes.substr(0, n)), "nothing") << n;
    }
}

TEST(TensorFile, RandomDamageNeverDoesMoreThanRaiseAnError) {
    const std::string bytes = serialize(sample());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string damaged = bytes;
            damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
            message_for(damaged);  // a flipped bit of the data is still a sound file: the model's checksums find it
        }
    }
}

// --- What is not a model file -----------------------------------------------------------------------------------

TEST(TensorFile, AnEmptyFileIsNotAModel) {
    EXPECT_EQ(message_for(""), "m.safetensors: not a safetensors file, as models are: it is empty");
}

TEST(TensorFile, SevenBytesAreNotAModel) {
    EXPECT_EQ(message_for("1234567"),
              "m.safetensors: not a safetensors file, as models are: truncated at byte 7, within the 8 bytes of "
              "header length that safetensors starts with");
}

TEST(TensorFile, AHeaderLengthBeyondTheLimitIsRefused) {
    EXPECT_EQ(message_for(with_length(0xffffffffffffffff, "")),
              "m.safetensors: not a safetensors file, as models are: its first 8 bytes ask for a header of "
              "18446744073709551615 bytes; at "
              "most 16777216 are read");
    EXPECT_THAT(message_for(with_length(std::uint64_t{1} << 32, "a file of 20")), HasSubstr("4294967296 bytes"));
    EXPECT_THAT(message_for(with_length(max_header_bytes + 1, "")), HasSubstr("16777217 bytes"));
    EXPECT_THAT(message_for(with_length(max_header_bytes, "")), HasSubstr("truncated at byte 8"));
}

TEST(TensorFile, AHeaderThatGoesBeyondTheFileIsRefused) {
    EXPECT_EQ(message_for(with_length(13, "a file of 20")),
              "m.safetensors: not a safetensors file, as models are, or truncated at byte 20: its header should end at "
              "byte 21");
}

TEST(TensorFile, AHeaderThatIsNotUtf8OrNotJsonIsRefusedWithItsByte) {
    EXPECT_THAT(message_for(with_header("{\"\xff\":1}")), HasSubstr("m.safetensors: header: byte 10: not JSON"));
    EXPECT_THAT(message_for(with_header("{\"a\":}")), HasSubstr("m.safetensors: header: byte 13: not JSON"));
    EXPECT_THAT(message_for(with_header("")), HasSubstr("header: byte 8: not JSON: value - unexpected end of input"));
    EXPECT_EQ(message_for(with_header("[]")),
              "m.safetensors: not a safetensors file, as models are: its header, at byte 8, is not a JSON object");
}

TEST(TensorFile, DeepNestingIsRefusedWithoutDeepRecursion) {
    EXPECT_EQ(message_for(with_header(std::string(200000, '['))),
              "m.safetensors: header: nested deeper than 16 levels");
    std::string objects;
    for (int i = 0; i < 200000; ++i) {
        objects += "{\"a\":";
    }
    EXPECT_EQ(message_for(with_header(objects)), "m.safetensors: header: nested deeper than 16 levels");
}

TEST(TensorFile, ATensorNameThatStandsTwiceIsRefused) {
    EXPECT_EQ(message_for(with_header('{' + entry("a", "1", "0,4") + ',' + entry("a", "1", "4,8") + '}', 8)),
              "m.safetensors: header: the name 'a' stands twice in one object");
}

// --- Tensors that cannot be true --------------------------------------------------------------------------------

std::string message_for_entry(const std::string& text, std::size_t data_bytes = 8) {
    return message_for(with_header('{' + text + '}', data_bytes));
}

TEST(TensorFile, ASoundEntryIsRead) { EXPECT_EQ(message_for_entry(entry("a", "2", "0,8")), "nothing"); }

TEST(TensorFile, AShapeWhoseProductOverflowsIsRefused) {
    for (const std::string shape : {"4294967296,4294967296", "18446744073709551615", "4611686018427387904"}) {
        EXPECT_EQ(message_for_entry(entry("a", shape, "0,8")),
                  "m.safetensors: tensor 'a': its shape has more numbers than 2^64 bytes hold");
    }
    // A dimension of 0 leaves nothing to hold, however large the others are.
    EXPECT_EQ(message_for_entry(entry("a", "4294967296,4294967296,0", "0,0"), 0), "nothing");
}

TEST(TensorFile, ADimensionThatIsNoWholeNumberIsRefused) {
    for (const std::string shape : {"-1", "2.0", "\"2\"", "null", "1e30", "18446744073709551616"}) {
        EXPECT_THAT(message_for_entry(entry("a", shape, "0,8")), HasSubstr("tensor 'a': its 'shape' has ")) << shape;
    }
}

TEST(TensorFile, AShapeThatNeedsMoreOrFewerBytesThanItsOffsetsSpanIsRefused) {
    EXPECT_EQ(message_for_entry(entry("a", "3", "0,8")),
              "m.safetensors: tensor 'a': its shape needs 12 bytes, but its data_offsets span 8");
    EXPECT_THAT(message_for_entry(entry("a", "2", "0,8", "F64")), HasSubstr("needs 16 bytes"));
}

TEST(TensorFile, DataBeyondTheEndOfTheFileAreRefusedBeforeTheyAreAllocated) {
    EXPECT_EQ(message_for_entry(entry("a", "1000000000000", "0,4000000000000")),
              "m.safetensors: tensor 'a': truncated: its data should end at byte 4000000000000 behind the header, but "
              "only 8 bytes are there");
}

TEST(TensorFile, OffsetsThatAreNotBeginAndEndAreRefused) {
    EXPECT_THAT(message_for_entry(entry("a", "2", "0,8,8")), HasSubstr("hold 3 numbers instead of begin and end"));
    EXPECT_THAT(message_for_entry(entry("a", "2", "8,0")), HasSubstr("end at 0, before they begin at 8"));
    EXPECT_THAT(message_for_entry(entry("a", "2", "0,-8")), HasSubstr("its 'data_offsets' has -8.0"));
}

TEST(TensorFile, OverlapsHolesAndTrailingBytesAreRefusedEachWithItsText) {
    const std::string a = entry("a", "2", "0,8");
    EXPECT_EQ(message_for_entry(a + ',' + entry("b", "2", "4,12"), 12),
              "m.safetensors: tensor 'b' begins at byte 4 behind the header, but the one before it ends at 8: they "
              "overlap");
    EXPECT_EQ(message_for_entry(a + ',' + entry("b", "2", "12,20"), 20),
              "m.safetensors: tensor 'b' begins at byte 12 behind the header, but the one before it ends at 8: a hole "
              "that nothing explains");
    EXPECT_EQ(message_for_entry(a, 20),
              "m.safetensors: 12 bytes are left over behind the last tensor, at byte 8 behind the header");
    EXPECT_THAT(message_for_entry(entry("b", "2", "4,12"), 12), HasSubstr("begins at byte 4"));
}

TEST(TensorFile, TensorsMayStandInAnyOrderInTheHeader) {
    const TensorFile file =
        parse_tensor_file(with_header('{' + entry("b", "1", "4,8") + ',' + entry("a", "1", "0,4") + '}', 8), "m");
    EXPECT_EQ(file.tensors[0].name, "a");
    EXPECT_EQ(file.tensors[1].name, "b");
}

TEST(TensorFile, OtherTypesAreRefusedByName) {
    EXPECT_EQ(message_for_entry(entry("a", "4", "0,8", "F16")),
              "m.safetensors: tensor 'a': its dtype is 'F16'; only F32 and F64 are read, so convert it first");
    EXPECT_EQ(message_for_entry(R"("a":{"dtype":1,"shape":[],"data_offsets":[0,8]})"),
              "m.safetensors: tensor 'a': its dtype is not a text");
}

TEST(TensorFile, HalfFloatsAreReadWhereTheyAreAskedFor) {
    const auto values = [](const std::string& type, const std::string& data) {
        const std::string header = "{" + entry("a", "4", "0,8", type) + "}";
        std::string bytes(8, '\0');
        bytes[0] = static_cast<char>(header.size());
        const TensorFile file = parse_tensor_file(bytes + header + data, "g", TensorTypes::floats);
        std::vector<double> numbers;
        for (std::size_t i = 0; i < file.tensors[0].count(); ++i) {
            numbers.push_back(file.tensors[0].value(i));
        }
        return numbers;
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(values("F16", std::string("\x00\x3e\x00\xc0\x01\x00\x01\x3c", 8)),
                ElementsAre(1.5, -2.0, 0x1p-24, 1.0 + 0x1p-10));
    EXPECT_THAT(values("BF16", std::string("\xc0\x3f\x00\xc0\x01\x00\x81\x3f", 8)),
                ElementsAre(1.5, -2.0, 0x1p-133, 1.0 + 0x1p-7));
}

TEST(TensorFile, ATypeThatIsNoneIsRefusedWhereHalfFloatsAreReadToo) {
    const std::string bytes = with_header("{" + entry("a", "4", "0,4", "I8") + "}", 4);
    EXPECT_EQ(message_of(ErrorKind::model, [&] { parse_tensor_file(bytes, "g", TensorTypes::floats); }),
              "g: tensor 'a': its dtype is 'I8'; only F32, F64, F16 and BF16 are read, so convert it first");
}

/// The first bytes of a file alone are judged, before the rest is read.
TEST(TensorFile, WhatCannotBecomeOneIsRefusedByItsFirstBytes) {
    const auto judged = [](const std::string& first) {
        return message_of(ErrorKind::model, [&] { judge_tensor_file(first, "m"); });
    };
    EXPECT_EQ(judged(with_length(100, "{")), "nothing");
    EXPECT_EQ(judged(with_length(100, "")), "nothing");  // a pipe may not have given more yet
    EXPECT_THAT(judged(with_length(4, "[1,2")), HasSubstr("not JSON"));
    EXPECT_THAT(judged(with_length(2, "[]{}")), HasSubstr("is not a JSON object"));
    EXPECT_THAT(judged(with_length(0, "")), HasSubstr("unexpected end of input"));
    EXPECT_THAT(judged(with_length(0, "{}")), HasSubstr("unexpected end of input"));
    EXPECT_THAT(judged("a,b\n1,2\n"), HasSubstr("ask for a header of"));
}

TEST(TensorFile, EntriesWithMissingOrUnknownFieldsAreRefused) {
    EXPECT_THAT(message_for_entry(R"("a":{"shape":[2],"data_offsets":[0,8]})"), HasSubstr("has no 'dtype'"));
    EXPECT_THAT(message_for_entry(R"("a":{"dtype":"F32","data_offsets":[0,8]})"), HasSubstr("has no 'shape'"));
    EXPECT_THAT(message_for_entry(R"("a":{"dtype":"F32","shape":[2]})"), HasSubstr("has no 'data_offsets'"));
    EXPECT_THAT(message_for_entry(R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":0})"),
                HasSubstr("has a field 'x'"));
    EXPECT_THAT(message_for_entry(R"("a":[])"), HasSubstr("tensor 'a': its entry in the header is not an object"));
    EXPECT_THAT(message_for_entry(R"("a":{"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
                HasSubstr("its 'shape' is not a list"));
}

TEST(TensorFile, MetadataOtherThanTextsAreRefused) {
    EXPECT_EQ(message_for_entry(R"("__metadata__":[])", 0), "m.safetensors: __metadata__ is not an object");
    EXPECT_EQ(message_for_entry(R"("__metadata__":{"k":1})", 0),
              "m.safetensors: __metadata__: the value of 'k' is not a text");
}

TEST(TensorFile, LimitsHoldAtTheLimitAndNotBeyond) {
    const auto ones = [](std::size_t rank) {
        std::string shape = "1";
        for (std::size_t i = 1; i < rank; ++i) {
            shape += ",1";
        }
        return shape;
    };
    EXPECT_EQ(message_for_entry(entry("a", ones(max_rank), "0,4"), 4), "nothing");
    EXPECT_THAT(message_for_entry(entry("a", ones(max_rank + 1), "0,4"), 4), HasSubstr("it has 9 dimensions"));
    EXPECT_EQ(message_for_entry(entry(std::string(max_name_bytes, 'a'), "1", "0,4"), 4), "nothing");
    EXPECT_THAT(message_for_entry(entry(std::string(max_name_bytes + 1, 'a'), "1", "0,4"), 4),
                HasSubstr("the name of tensor 0 has 1025 bytes"));
    std::string many = R"("__metadata__":{})";
    for (std::size_t i = 0; i < max_tensors; ++i) {
        many += ',' + entry(std::to_string(i), "0", "0,0");
    }
    EXPECT_EQ(message_for_entry(many, 0), "nothing");
    EXPECT_THAT(message_for_entry(many + ',' + entry("x", "0", "0,0"), 0), HasSubstr("more than 65536 tensors"));
}

TEST(TensorFile, HashesAreTheCanonicalOnes) {
    // python3 -c "import xxhash; print(xxhash.xxh3_128_hexdigest(b''), xxhash.xxh3_128_hexdigest(b'handgrad'))"
    EXPECT_EQ(xxh3_128_hex(""), "99aa06d3014798d86001c324468d497f");
    EXPECT_EQ(xxh3_128_hex("handgrad"), "3247f9e2b83341910e2d9e29812dac09");
    Xxh3Stream stream;
    EXPECT_EQ(stream.hex(), xxh3_128_hex(""));
    stream.add("hand");
    stream.add("grad");
    EXPECT_EQ(stream.hex(), xxh3_128_hex("handgrad"));
}

}  // namespace
}  // namespace handgrad
